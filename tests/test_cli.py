"""The `elmo-cache` command as a user types it; what runs an encoder does so with a tiny ELMo."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from commands import command, command_line, error_of, run_cache
from errors_expected import said
from tiny_elmo import SMALL, write_elmo

from cache import CacheError, FeatureCache
from cache import messages as store
from elmo_cache import messages
from elmo_cache.commands.build import build_command


@pytest.fixture(scope="module")
def elmo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_elmo(tmp_path_factory.mktemp("elmo"), SMALL)


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "reviews.csv"
    rows = ["body,stars,split"]
    for i in range(40):
        verdict = "good" if i % 2 else "bad, really"
        rows.append(f'"review {i} was {verdict} 😀 {"x" * (i * 3)}",{i % 2 + 1},{"train" if i < 30 else "test"}')
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, elmo: Path, reviews: Path) -> Path:
    out = tmp_path_factory.mktemp("built") / "my.elmo"
    done = run_cache("build", out, "--corpus", reviews, "--encoder", elmo, *COLUMNS, "--shard-tokens", 60)
    assert done.exit_code == 0, done.stderr
    assert "40 documents (train 30, test 10), labels " in done.stdout
    assert "words, at most 500 a document, 0 documents cut" in done.stdout
    assert "elmo 2x12_4: 8-d" in done.stdout
    assert "holds train 30, test 10 documents" in done.stdout
    return out


COLUMNS = ("--text-column", "body", "--label-column", "stars")


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "my.elmo"))


def test_what_was_built_can_be_read(built: Path) -> None:
    with FeatureCache(built) as features:
        train = features["train"]
        assert len(train) == 30 and train.dim == 8 and features.label_names == ("1", "2")
        assert train.labels is not None
        for i in range(30):
            words = train.tokens(i)
            assert words[0] == "review" and "😀" in words
            assert train.labels[i] == int("good" in words) and train[i].shape == (len(words), 8)


def test_info(built: Path) -> None:
    result = run_cache("info", built)
    assert result.exit_code == 0
    assert "complete" in result.output and "30 of 30 documents" in result.output and "8-d, mix" in result.output


def test_info_as_json(built: Path) -> None:
    facts = json.loads(run_cache("info", built, "--json").output)
    assert facts["complete"] and facts["dim"] == 8 and facts["label_names"] == ["1", "2"]
    assert facts["splits"]["train"]["n_documents"] == 30
    assert facts["size_bytes"] == sum(path.stat().st_size for path in built.iterdir())
    assert facts["encoding"]["text"]["tokenizer"] == "words"


def test_verify(built: Path) -> None:
    result = run_cache("verify", built)
    assert result.exit_code == 0 and "all checksums match" in result.output


def test_verify_names_what_is_bad_and_discard_lets_build_repair_it(
    copy: Path, built: Path, elmo: Path, reviews: Path
) -> None:
    shard = copy / "train-00001.h5"
    data = bytearray(shard.read_bytes())
    with FeatureCache(copy) as features:
        features["train"][0]
    place = data.rfind(np.asarray(_last_rows(shard)).tobytes())
    data[place] ^= 1
    shard.write_bytes(bytes(data))
    (copy / "train-00000.h5").unlink()
    (copy / "notes.txt").write_text("mine")
    result = run_cache("verify", copy)
    assert result.exit_code == 1
    bad = said(store.WRONG_CHECKSUM, path=shard, found="*", expected="", repair="").partition("*")[0]
    assert f"bad: {bad}" in result.output
    assert re.search(r"^missing: train-00000\.h5", result.output, re.M)
    assert re.search(r"^foreign: notes\.txt", result.output, re.M)
    assert "3 problems" in result.output
    result = run_cache("verify", copy, "--discard")
    assert result.exit_code == 1 and "train-00001.h5" in result.output and "(removed)" in result.output
    assert not shard.exists() and (copy / "notes.txt").exists()
    (copy / "notes.txt").unlink()
    result = run_cache("verify", copy)
    assert "2 problems; run the same `elmo-cache build` to make them; everything else is valid." in result.output
    done = run_cache("build", copy, "--corpus", reviews, "--encoder", elmo, *COLUMNS, "--shard-tokens", 60)
    assert done.exit_code == 0, done.stderr
    assert {p.name: p.read_bytes() for p in copy.iterdir()} == {p.name: p.read_bytes() for p in built.iterdir()}


def _last_rows(shard: Path) -> np.ndarray:
    import h5py

    with h5py.File(shard) as file:
        return np.asarray(file["features"][-1:])


def test_encoders_lists_the_embedded_one_and_the_way_to_others() -> None:
    result = run_cache("encoders")
    assert "imdb-v3" in result.output and "256" in result.output and "2x1024_128" in result.output
    assert "--encoder PATH" in result.output


def test_encoders_lists_allennlps() -> None:
    lines = run_cache("encoders").output.splitlines()
    for name, dim, size in [("original", 1024, 374), ("5.5B", 1024, 374), ("medium", 512, 112), ("small", 256, 54.4)]:
        (line,) = [line for line in lines if line.startswith(f"allennlp:{name} ")]
        assert f" {dim} " in line and f" {size} MB" in line and "download" in line


def test_a_dry_run_writes_nothing(tmp_path: Path, reviews: Path, elmo: Path) -> None:
    result = run_cache("build", tmp_path / "new.elmo", "--corpus", reviews, "--encoder", elmo, *COLUMNS, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "to encode" in result.output and "free" in result.output and "Dry run" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n_documents", [1, 3])
def test_the_plan_counts_documents_without_words(tmp_path: Path, elmo: Path, n_documents: int) -> None:
    corpus = tmp_path / "reviews.txt"
    corpus.write_text("a fine film\n\n   \n")
    build = ("build", tmp_path / "new.elmo", "--corpus", corpus, "--encoder", elmo, "--limit", f"train={n_documents}")
    first, again = run_cache(*build), run_cache(*build)
    for result in (first, again):
        assert "0 documents cut, 2 documents without a token\n" in result.output, result.output


def test_a_dry_run_of_the_embedded_encoder_points_to_the_original(tmp_path: Path, reviews: Path) -> None:
    result = run_cache("build", tmp_path / "new.elmo", "--corpus", reviews, *COLUMNS, "--dry-run")
    assert "imdb-v3: 256-d" in result.output and "such as the original 1024-d ELMo" in result.output
    assert "keras, at most 500" in result.output, "its default"


COLUMNS_OF_REVIEWS = {"where": "{reviews}, line 1", "found": "'body', 'stars', 'split'"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--encoder", "imdb-v9"], CacheError(messages.NO_ENCODER_AT, name="imdb-v9", expected="imdb-v3")),
        (["--corpus", "nowhere.csv"], CacheError(messages.NO_FILE, path="nowhere.csv", name="corpus")),
        (
            ["--limit", "dev=3"],
            CacheError(messages.LIMIT_WITHOUT_SPLIT, split="dev", n=3, name="reviews.csv", expected="train, test"),
        ),
        (
            ["--text-column", "review"],
            CacheError(messages.NO_COLUMN, column="review", name="text_column", **COLUMNS_OF_REVIEWS),
        ),
        (
            ["--label-column", "sentiment"],
            CacheError(messages.NO_COLUMN, column="sentiment", name="label_column", **COLUMNS_OF_REVIEWS),
        ),
        (["--literal-padding", "--max-tokens", "0"], CacheError(messages.PADDING_WITHOUT_WINDOW)),
        (
            ["--labels", "1,3"],
            CacheError(
                messages.INVALID_ENTRY, where="{reviews}, line 3", name="the label", found="'2'", expected="one of 1, 3"
            ),
        ),
    ],
)
def test_arguments_that_are_invalid(tmp_path: Path, reviews: Path, arguments: list[str], says: CacheError) -> None:
    given = {"--corpus": str(reviews), "--text-column": "body", "--label-column": "stars"}
    given = {option: value for option, value in given.items() if option not in arguments}
    flat = [part for pair in given.items() for part in pair]
    result = run_cache("build", tmp_path / "c.elmo", *flat, *arguments)
    assert error_of(result) == f"Error: {said(says, build_command).format(reviews=reviews)}"
    assert not (tmp_path / "c.elmo").exists()


def test_an_option_that_does_not_apply(tmp_path: Path, reviews: Path) -> None:
    result = run_cache("build", tmp_path / "c.elmo", "--corpus", reviews, *COLUMNS, "--aclimdb", ".")
    assert said(messages.OPTION_NOT_APPLICABLE, name="aclimdb", corpus=reviews, expected="").split(" Options")[
        0
    ] in error_of(result)


@pytest.mark.parametrize("option", ["--num-words", "--shard-tokens", "--max-tokens", "--workers", "--shard"])
@pytest.mark.parametrize("number", ["-1", str(2**48), "9" * 5000])
def test_a_number_out_of_bounds(tmp_path: Path, option: str, number: str) -> None:
    result = run_cache("build", tmp_path / "c.elmo", option, f"1/{number}." if option == "--shard" else number)
    assert result.exit_code in (1, 2) and option in result.stderr and "Traceback" not in result.stderr
    assert isinstance(result.exception, SystemExit) and not (tmp_path / "c.elmo").exists()


@pytest.mark.parametrize(
    "limit", ["train", "train=", "train=many", "=3", "train=-1", "train=" + "9" * 5000, "train=\u0661"]
)
def test_a_limit_that_cannot_be_read(tmp_path: Path, limit: str) -> None:
    result = run_cache("build", tmp_path / "c.elmo", "--limit", limit)
    assert result.exit_code == 2 and "expected SPLIT=N" in result.output


@pytest.mark.parametrize("name", ["info", "verify", "pack", "export"])
def test_a_path_that_is_no_cache(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "my reviews.csv").write_text("text,label\n")
    out = tmp_path / "folder" / "out.h5"
    more = {"pack": [out], "export": [out, "--format", "allennlp"]}.get(name, [])
    for path, message in (
        (tmp_path / "missing.elmo", store.NO_CACHE),
        (tmp_path / "folder", store.NO_MANIFEST),
        (tmp_path / "my reviews.csv", store.NOT_A_CACHE),
    ):
        wrong = said(message, path=path, name=f"'{path}'")
        assert error_of(run_cache(name, path, *more)) == f"Error: {wrong}"
    assert not list((tmp_path / "folder").iterdir())


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = command("--debug", "info", tmp_path)
    assert done.returncode == 1 and "Traceback" in done.stderr and "NotACacheError" in done.stderr


def test_output_that_is_a_file_and_output_that_is_not_writable(tmp_path: Path, reviews: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused = run_cache("build", tmp_path / "file", "--corpus", reviews, *COLUMNS)
    assert error_of(refused) == f"Error: {said(messages.CACHE_IS_FILE, path=tmp_path / 'file')}"
    assert (tmp_path / "file").read_text() == "mine"
    refused = run_cache("build", "/proc/1/no/c.elmo", "--corpus", reviews, *COLUMNS)
    data = {"path": "/proc/1/no/c.elmo", "error": "no permission to write to /proc/1"}
    assert error_of(refused) == f"Error: {said(messages.CANNOT_WRITE, **data)}"


def test_another_encoder_is_refused_with_both_values(copy: Path, reviews: Path) -> None:
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    message = error_of(
        run_cache("build", copy, "--corpus", reviews, "--encoder", "imdb-v3", *COLUMNS, "--tokenizer", "words")
    )
    start, end = said(messages.OTHER_SETTINGS, path=copy, found="FOUND").split("FOUND")
    assert message.startswith(f"Error: {start}encoder is 'elmo ") and message.endswith(end)
    assert " there, you asked for 'imdb-v3'; " in message
    assert before == {path.name: path.read_bytes() for path in copy.iterdir()}


def test_ctrl_c_stops_with_one_line_and_the_same_command_goes_on(tmp_path: Path, elmo: Path) -> None:
    text = tmp_path / "long.txt"
    text.write_text("\n".join(f"document {i} " + "word " * 300 for i in range(60)))
    arguments = ("build", tmp_path / "c.elmo", "--corpus", text, "--encoder", elmo, "--shard-tokens", 600)
    process = subprocess.Popen(command_line(*arguments), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("c.elmo/train-*.h5")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130, error
    assert "Run the same command to resume" in error and "Traceback" not in error
    with FeatureCache(tmp_path / "c.elmo") as features:
        n_before = features.n_finished_shards("train")
        assert n_before > 0 and not features.complete
    assert not list(tmp_path.glob("c.elmo/.*"))
    done = run_cache(*arguments)
    assert done.exit_code == 0, done.stderr
    assert f"{60 - n_before} shards to make" in done.stdout
    assert run_cache("verify", tmp_path / "c.elmo").exit_code == 0


def test_a_literal_padding_build_has_documents_of_one_length(tmp_path: Path, reviews: Path, elmo: Path) -> None:
    out = tmp_path / "c.elmo"
    arguments = ("--literal-padding", "--num-words", 12, "--max-tokens", 9, "--tokenizer", "keras", "--layers", "all")
    done = run_cache("build", out, "--corpus", reviews, "--encoder", elmo, *COLUMNS, *arguments)
    assert done.exit_code == 0, done.stderr
    with FeatureCache(out) as features:
        train = features["train"]
        assert set(train.lengths.tolist()) == {9}
        assert {"<PAD>", "<START>"} <= set(train.tokens(0))
        assert features.split("train", layer=0)[0].shape == (9, 8)
        mean = np.mean([features.split("train", layer=k)[0].astype(np.float32) for k in range(3)], axis=0)
        np.testing.assert_allclose(train[0].astype(np.float32), mean, atol=2e-3)
