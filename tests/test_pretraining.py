"""`python -m elmo_cache.pretraining`: what it learns, going on from a checkpoint, and what it refuses."""

import lzma
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from errors_expected import raises, said
from tiny_pretraining import read_log, settings, unigram_perplexity, write_text

from cache import CacheError
from elmo_cache import build, load_encoder, messages
from elmo_cache.errors import PretrainingError
from elmo_cache.pretraining import training
from elmo_cache.pretraining.__main__ import main
from elmo_cache.pretraining.text import Text, read_text
from elmo_cache.pretraining.training import LOG_HEADER, pretrain

TINY = ["--size", "2x16_8", "--streams", "4", "--unroll", "5", "--negatives", "8", "--tokenizer", "whitespace"]


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("options.json", "weights.hdf5")}


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Text:
    path = write_text(tmp_path_factory.mktemp("text") / "text.txt", n_documents=200)
    return read_text([path], "whitespace", show=False)


@pytest.fixture(scope="module")
def trained(text: Text, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "elmo"
    pretrain(text, settings(epochs=4.5), out, checkpoint_minutes=60, show=False)
    return out


@pytest.mark.slow
def test_both_directions_learn(text: Text, trained: Path) -> None:
    (row,) = read_log(trained)

    assert tuple(row) == LOG_HEADER
    unigram = unigram_perplexity(text, 40)
    assert unigram > 15
    # A coin's toss decides the next word, so 2 is the least; the end of a document comes unannounced.
    assert 2 < row["perplexity_forward"] < unigram / 2
    assert 2 < row["perplexity_backward"] < unigram / 2
    assert row["words"] == row["step"] * 4 * 5
    assert row["epoch"] == pytest.approx(4.5, abs=0.02)


@pytest.mark.slow
def test_going_on_is_the_same_as_no_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = read_text([write_text(tmp_path / "text.txt", n_documents=30)], "whitespace", show=False)
    trained, interrupted, chosen = tmp_path / "trained", tmp_path / "interrupted", settings(epochs=2.5)
    pretrain(text, chosen, trained, checkpoint_minutes=60, show=False)
    save, n_saved = training.save_checkpoint, 25
    n_left = [n_saved]

    def save_and_stop(*arguments: Any) -> None:
        save(*arguments)
        n_left[0] -= 1
        if not n_left[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "save_checkpoint", save_and_stop)
    monkeypatch.setattr("elmo_cache.pretraining.model.Perplexity.measure", lambda *_: (1.0, 1.0))  # to be quick
    with pytest.raises(KeyboardInterrupt):
        pretrain(text, chosen, interrupted, checkpoint_minutes=0, show=False)
    monkeypatch.undo()
    assert read_log(interrupted)[-1]["step"] == n_saved
    assert 1 < read_log(interrupted)[-1]["epoch"] < 2
    assert contents(interrupted) != contents(trained)

    pretrain(text, chosen, interrupted, checkpoint_minutes=60, show=False)

    assert contents(interrupted) == contents(trained)
    last, alone = read_log(interrupted)[-1], read_log(trained)[-1]
    assert {**last, "seconds": 0} == {**alone, "seconds": 0}
    # A second time there is nothing to do.
    pretrain(text, chosen, interrupted, checkpoint_minutes=60, show=False)
    assert contents(interrupted) == contents(trained)


@pytest.mark.slow
def test_the_result_encodes(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("w0 xw1 unseen\n", encoding="utf-8")

    with build(str(tmp_path / "lines.txt"), load_encoder(trained), tmp_path / "cache") as cache:
        vectors = cache.split("train")[0]

    assert vectors.shape == (3, 16)
    assert np.isfinite(vectors).all()
    assert np.std(vectors.astype(np.float32)) > 0.01


def test_loss_that_is_no_number_keeps_the_checkpoint(text: Text, tmp_path: Path) -> None:
    chosen = settings(learning_rate=1e30, epochs=50.0)

    advice = PretrainingError(messages.GENTLER_TRAINING, learning_rate=chosen.learning_rate)
    with raises(messages.DIVERGED_AT_ONCE, PretrainingError, advice=advice) as caught:
        pretrain(text, chosen, tmp_path, checkpoint_minutes=60, show=False)

    assert caught.value.data["step"] in (1, 2)
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
def test_weights_that_are_no_numbers_replace_none(text: Text, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = iter([(9.0, 8.0), (float("nan"), 8.0)])
    monkeypatch.setattr("elmo_cache.pretraining.model.Perplexity.measure", lambda *_: next(results))

    found = re.compile("^The held-out perplexity is nan forward")
    with raises(messages.DIVERGED, PretrainingError, found=found, path=tmp_path, kept=1):
        pretrain(text, settings(), tmp_path, checkpoint_minutes=0, show=False)

    assert [row["step"] for row in read_log(tmp_path)] == [1]
    assert load_encoder(tmp_path).dim == 16


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_command(tmp_path: Path) -> None:
    path = write_text(tmp_path / "text.txt")

    result = run(path, "--out", tmp_path / "elmo", *TINY, "--minutes", "0.01", "--float16")

    assert result.exit_code == 0, result.output
    assert "59 documents, 1 document held out" in result.output
    assert "held-out perplexity" in result.output
    assert (tmp_path / "elmo" / "weights.hdf5").stat().st_size < 1.5e6
    assert load_encoder(tmp_path / "elmo").options.architecture == "2x16_8"

    # The same settings but one: nothing is touched.
    before = {item.name: item.read_bytes() for item in (tmp_path / "elmo").iterdir()}
    result = run(path, "--out", tmp_path / "elmo", *TINY, "--minutes", "0.01", "--seed", "1")
    assert result.exit_code == 1
    path_of_it = tmp_path / "elmo" / "checkpoint.npz"
    expected = said(messages.OTHER_TRAINING, path=path_of_it, name="seed", found=0, expected=1)
    assert result.stderr == f"Error: {expected}\n"
    (tmp_path / "elmo" / "checkpoint.npz").write_bytes(before["checkpoint.npz"][:1000])
    result = run(path, "--out", tmp_path / "elmo", *TINY, "--minutes", "0.01")
    assert result.exit_code == 1
    start = said(messages.CHECKPOINT_UNREADABLE, path=path_of_it, error="ERROR").split("ERROR")[0]
    assert result.stderr.startswith(f"Error: {start}")
    assert {**before, "checkpoint.npz": b""} == {
        item.name: b"" if item.name == "checkpoint.npz" else item.read_bytes() for item in (tmp_path / "elmo").iterdir()
    }


SHOWN = 7_000_007  # stands for whatever is shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["text.txt"], CacheError(messages.EPOCHS_OR_MINUTES)),
        (["text.txt", "--epochs", "1", "--minutes", "1"], CacheError(messages.EPOCHS_OR_MINUTES)),
        (
            ["text.txt", "--epochs", "1", "--size", "2x4096"],
            CacheError(
                messages.INVALID_VALUE,
                name="size",
                found="'2x4096'",
                expected="LAYERSxCELLS_PROJECTION, such as 2x1024_128",
            ),
        ),
        (
            ["text.txt", "--epochs", "1", "--size", "2x0_8"],
            CacheError(messages.INVALID_ENTRY, where="--size 2x0_8", name="lstm.dim", found="0", expected="1 to 65536"),
        ),
        (
            ["text.txt", "--epochs", "1", "--streams", "4000"],
            CacheError(messages.TOO_LITTLE_TEXT, found=SHOWN, expected=SHOWN, streams=4000, unroll=SHOWN),
        ),
        (
            ["text.txt", "--epochs", "1", "--negatives", "30"],
            CacheError(
                messages.INVALID_VALUE,
                name="negatives",
                found="30",
                expected="at most half of the vocabulary of 51 words",
            ),
        ),
        (["one.txt", "--epochs", "1"], CacheError(messages.TOO_FEW_DOCUMENTS, path="one.txt", n=1)),
        (["same.txt", "--epochs", "1"], CacheError(messages.SAME_TEXT, n=9)),
        (
            ["missing.txt", "--epochs", "1"],
            CacheError(messages.CANNOT_READ, path="missing.txt", error="No such file or directory"),
        ),
        (["cut.txt.xz", "--epochs", "1"], CacheError(messages.CANNOT_READ, path="cut.txt.xz", error=SHOWN)),
        (["plain.txt.gz", "--epochs", "1"], CacheError(messages.CANNOT_READ, path="plain.txt.gz", error=SHOWN)),
        (
            ["latin.txt", "--epochs", "1"],
            CacheError(
                messages.NOT_IN_ENCODING,
                where="latin.txt, line 2",
                expected="UTF-8",
                error="byte 0xe9 at offset 3 of the line",
            ),
        ),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: CacheError
) -> None:
    monkeypatch.chdir(tmp_path)
    content = write_text(tmp_path / "text.txt").read_bytes()
    (tmp_path / "one.txt").write_text("just one document\n\n \n")
    (tmp_path / "same.txt").write_text("the same again\n" * 9)
    (tmp_path / "cut.txt.xz").write_bytes(lzma.compress(content)[:-50])
    (tmp_path / "plain.txt.gz").write_bytes(content)
    (tmp_path / "latin.txt").write_bytes(b"one\ncaf\xe9\n")

    result = run(*arguments[:1], "--out", "elmo", *TINY, *arguments[1:])

    assert result.exit_code == 1, result.output
    assert len(result.stderr.splitlines()) == 1
    expected = re.escape(f"Error: {said(says, main)}\n").replace(f"{SHOWN:,}", ".+").replace(str(SHOWN), ".+")
    assert re.fullmatch(expected, result.stderr), result.stderr
    assert not (tmp_path / "elmo").exists()
