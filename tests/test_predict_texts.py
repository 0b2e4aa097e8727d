"""`elmo-train predict` on texts: encoded and classified in one step, and classes by other names."""

import contextlib
import csv
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from commands import error_of, run_cache, run_train
from errors_expected import raises
from errors_expected import said as worded
from small_trials import SIZE_OPTIONS
from tiny_elmo import SMALL, write_elmo

from cache import messages as store
from trainer import messages
from trainer.commands import new_texts
from trainer.commands.options import parse_renames
from trainer.errors import TrialsError

WORDS = [f"w{k}" for k in range(30)]
TEXTS = ["a good film", "", "Ein schöner, w3 w4", *(f"{('bad', 'good')[i % 2]} w{i} w{i + 1}" for i in range(9))]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two ELMos, vectors, a labelled cache, one with other class names, and results."""
    folder = tmp_path_factory.mktemp("texts")
    write_elmo(folder / "elmo", SMALL)
    write_elmo(folder / "other", SMALL, seed=1)
    rng = np.random.default_rng(0)
    rows = []
    for i in range(90):
        words = ["bad", "good"][i % 2 : i % 2 + 1] + [WORDS[k] for k in rng.integers(0, 30, rng.integers(3, 12))]
        rows.append(f"{' '.join(words)},{('neg', 'pos')[i % 2]},{'train' if i < 60 else 'test'}")
    head = "text,label,split"
    (folder / "reviews.csv").write_text("\n".join([head, *rows]) + "\n")
    named = [row.replace(",pos,", ",good,").replace(",neg,", ",poor,") for row in rows]
    (folder / "named.csv").write_text("\n".join([head, *named]) + "\n")
    vectors = [f"{word} " + " ".join(f"{x:.4f}" for x in rng.standard_normal(5)) for word in ["good", "bad", *WORDS]]
    (folder / "words.vec").write_text("\n".join([f"{len(vectors)} 5", *vectors]) + "\n")
    (folder / "new.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    with contextlib.chdir(folder):
        for out, corpus in (("c.elmo", "reviews.csv"), ("named.elmo", "named.csv"), ("new.elmo", "new.txt")):
            passed(run_cache("build", out, "--corpus", corpus, "--encoder", "elmo", "--max-tokens", 20))
        trials = ("trials", "--n", 1, "--vectors", "words.vec", "--models", "basic,elmo", *SIZE_OPTIONS)
        passed(run_train(*trials, "--cache", "c.elmo", "--out", "results"))
    return folder


@pytest.fixture(autouse=True)
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def passed(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def build_here(arguments: list[str], failed: str) -> list[str]:
    """What `new_texts._build` does, without the wait for another process."""
    passed(run_cache("build", *arguments))
    return []


@pytest.mark.slow
def test_texts_are_as_good_as_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    typed = run_train("predict", "results", *TEXTS, "--encoder", "elmo", "--out", tmp_path / "typed.csv")
    shown = passed(typed)
    passed(run_train("predict", "results", "--cache", "new.elmo", "--out", tmp_path / "cache.csv"))

    rows = rows_of(tmp_path / "typed.csv")
    assert [row.pop("text") for row in rows] == TEXTS
    assert rows == rows_of(tmp_path / "cache.csv") and rows[1]["label"] == "" and rows[0]["label"] in ("neg", "pos")
    assert "Ein schöner, w3 w4" in shown and "(no token)" in shown, "the text, and not its tokens"
    assert all(text in shown for text in TEXTS), "all that were typed"
    assert "Encoding 12 texts with elmo" in typed.stderr
    assert "Note: this model was trained on only 24 documents" in shown
    assert list((tmp_path / "temporary").iterdir()) == [], "the cache is temporary"


def test_lines_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_texts, "_build", build_here)
    (tmp_path / "crlf.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(TEXTS).encode())
    out = ("--out", tmp_path / "file.csv")
    shown = passed(run_train("predict", "--file", tmp_path / "crlf.txt", "--encoder", "elmo", *out))
    assert [row["text"] for row in rows_of(tmp_path / "file.csv")] == TEXTS and "… and 2 more. 12 documents" in shown


def test_texts_of_a_word_each_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_texts, "_build", build_here)
    for words, is_noted in ((["a", "good", "film"], True), (["a good film", "bad"], False), (["good"], False)):
        done = run_train("predict", "results", *words, "--encoder", "elmo")
        assert done.exit_code == 0 and ("each text is a single word" in done.stderr) == is_noted, words


def test_an_encoder_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    said = error_of(run_train("predict", "results", "a film"))
    before, after = worded(messages.NOT_ENCODED_BY_DEFAULT, error="⟪error⟫").split("⟪error⟫")
    assert said.startswith(f"Error: {before}There is no encoder 'embedded:elmo") and said.endswith(after)
    monkeypatch.setattr(new_texts, "_build", build_here)
    said = error_of(run_train("predict", "results", "a film", "--encoder", "other"))
    before, after = worded(messages.OTHER_ENCODER, name="other", found="⟪found⟫").split("⟪found⟫")
    assert said.startswith(f"Error: {before}encoder.weights is ") and said.endswith(after)


def test_what_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "labelled.txt").write_text("__label__pos a film\n")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "latin.txt").write_bytes(b"a film\ncaf\xe9\n")
    nowhere, labelled, empty, latin = (tmp_path / f"{name}.txt" for name in ("nowhere", "labelled", "empty", "latin"))
    for arguments, message in (
        (["a fine film"], worded(messages.RUN_FIRST, path="a fine film", text="'a fine film'")),
        (["results"], worded(messages.NOTHING_TO_CLASSIFY)),
        (
            ["results", "a film", "--cache", "new.elmo"],
            worded(messages.DOCUMENTS_TWICE, found="TEXT and as CACHE"),
        ),
        (["results", "new.txt"], worded(messages.TEXT_IS_FILE_NAME, path="new.txt")),
        (["results", "mistyped.txt"], worded(messages.TEXT_IS_FILE_NAME, path="mistyped.txt")),
        (["results", "a film", "--split", "train"], worded(messages.SPLIT_OF_TEXTS)),
        (["results", "--cache", "new.elmo", "--encoder", "elmo"], worded(messages.ENCODER_OF_CACHE)),
        (["results", "--file", "reviews.csv"], worded(messages.NOT_LINES, path="reviews.csv", name="reviews.csv")),
        (
            ["results", "--file", nowhere],
            worded(messages.CANNOT_READ, path=nowhere, error="No such file or directory"),
        ),
        (["results", "--file", labelled], worded(messages.LABELLED_TEXTS, path=labelled, found="__label__")),
        (["results", "--file", empty], worded(messages.NO_TEXTS, path=empty)),
        (["results", "--file", latin], worded(messages.NOT_UTF8, where=f"{latin}, line 2", found="0xe9", n=3)),
        (["results", "a film", os.fsdecode(b"caf\xe9 noir")], worded(messages.TEXT_NOT_UTF8, n=2, place=4)),
        (["c.elmo", "a film"], worded(messages.RUN_IS_CACHE, path="c.elmo", command="elmo-train predict")),
        (
            ["reviews.csv", "a film"],
            worded(messages.RUN_IS_FILE, path="reviews.csv", command="elmo-train predict", expected="results"),
        ),
    ):
        assert error_of(run_train("predict", *arguments)) == f"Error: {message}", arguments


def test_a_file_that_is_not_a_cache() -> None:
    wrong = f"Error: {worded(store.NOT_A_CACHE, path='reviews.csv', name='reviews.csv')}"
    for arguments in (
        ("predict", "results"),
        ("evaluate", "--trial", 1, "--model", "elmo"),
        ("trials", "--out", "r"),
        ("tag", "--out", "r"),
    ):
        assert error_of(run_train(*arguments, "--cache", "reviews.csv")) == wrong, arguments
    assert not os.path.exists("r")


def test_vectors_that_are_gone(tmp_path: Path) -> None:
    shutil.copytree("results", tmp_path / "r")
    config = json.loads((tmp_path / "r/config.json").read_text())
    config["vectors"]["source"] = "gone.vec"
    (tmp_path / "r/config.json").write_text(json.dumps(config))
    said = error_of(run_train("predict", tmp_path / "r", "--cache", "new.elmo"))
    assert said == f"Error: {worded(messages.VECTORS_GONE, path='gone.vec')}"


@pytest.mark.parametrize(
    ("section", "entry", "reason"),
    [
        ("text", {"tokenizer": "tokens"}, messages.TRAINED_ON_TOKENS),
        ("text", {"num_words": 1000}, messages.TRAINED_ON_FREQUENT),
        ("encoder", None, messages.ENCODING_UNKNOWN),
    ],
)
def test_an_encoding_that_options_cannot_repeat(
    tmp_path: Path, section: str, entry: dict[str, object] | None, reason: str
) -> None:
    shutil.copytree("results", tmp_path / "r")
    config = json.loads((tmp_path / "r/config.json").read_text())
    options = config["cache"]["encoding_options"]
    options[section] = entry if entry is None else options[section] | entry
    (tmp_path / "r/config.json").write_text(json.dumps(config))
    said = error_of(run_train("predict", tmp_path / "r", "a film", "--encoder", "elmo"))
    assert said == f"Error: {worded(messages.CANNOT_REPEAT, error=TrialsError(reason))}"


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [("encoder", "precision", "--help"), ("text", "tokenizer", "/etc/passwd"), ("text", "max_tokens", [1])],
)
def test_a_strangers_options(tmp_path: Path, section: str, name: str, value: object) -> None:
    """Are values of options, and no options."""
    shutil.copytree("results", tmp_path / "r")
    config = json.loads((tmp_path / "r/config.json").read_text())
    config["cache"]["encoding_options"][section][name] = value
    config["cache"]["encoder"] = "https://example.org/elmo"
    (tmp_path / "r/config.json").write_text(json.dumps(config))
    said = error_of(run_train("predict", tmp_path / "r", "a film"))
    before, after = worded(messages.NOT_ENCODED_BY_DEFAULT, error="⟪error⟫").split("⟪error⟫")
    assert said.startswith(f"Error: {before}Invalid value for '--{name.replace('_', '-')}'") and said.endswith(after)


def test_a_strangers_encoder_is_not_fetched(tmp_path: Path) -> None:
    shutil.copytree("results", tmp_path / "r")
    config = json.loads((tmp_path / "r/config.json").read_text())
    config["cache"]["encoder"] = "https://example.org/elmo"
    (tmp_path / "r/config.json").write_text(json.dumps(config))
    said = error_of(run_train("predict", tmp_path / "r", "a film"))
    assert "There is no encoder 'embedded:https://example.org/elmo'" in said


def test_a_build_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_texts.sys, "executable", "/bin/false")
    said = error_of(run_train("predict", "results", "a film", "--encoder", "elmo"))
    assert said == f"Error: {worded(messages.NOT_ENCODED, error=TrialsError(messages.BUILD_ENDED, n=1))}"
    monkeypatch.setattr(new_texts.sys, "executable", "/nowhere/python")
    said = error_of(run_train("predict", "results", "a film", "--encoder", "elmo"))
    assert said == f"Error: {worded(messages.NOT_STARTED, error='No such file or directory')}"


def test_classes_by_other_names(tmp_path: Path) -> None:
    """In another order, too: good comes before poor, and neg before pos."""
    options = ("evaluate", "--trial", 1, "--model", "elmo")
    right = passed(run_train(*options, "--cache", "c.elmo"))
    scored = passed(run_train(*options, "--cache", "named.elmo", "--rename-labels", "good=pos,poor=neg"))
    assert scored.replace("named.elmo", "c.elmo") == right
    swapped = passed(run_train(*options, "--cache", "named.elmo", "--rename-labels", "good=neg,poor=pos"))
    accuracy, other = (float(line.split(": ")[1].split("%")[0]) for line in (right, swapped))
    assert accuracy + other == pytest.approx(100, abs=0.11)

    said = error_of(run_train(*options, "--cache", "named.elmo"))
    assert worded(messages.OTHER_CLASSES, path="named.elmo", found="good, poor", expected="neg, pos") in said
    said = error_of(run_train(*options, "--cache", "named.elmo", "--rename-labels", "fine=pos"))
    assert said == f"Error: {worded(messages.NO_LABEL, path='named.elmo', name='fine', found='good, poor')}"

    out = ("--out", tmp_path / "p.csv")
    shown = passed(run_train("predict", "--cache", "new.elmo", "--rename-labels", "neg=negative,pos=positive", *out))
    assert "12 documents: negative " in shown
    assert list(rows_of(tmp_path / "p.csv")[0])[2:] == ["probability_negative", "probability_positive"]
    said = error_of(run_train("predict", "--cache", "new.elmo", "--rename-labels", "neg=pos"))
    assert said == f"Error: {worded(messages.LABELS_COLLIDE, found='pos, pos')}"
    said = error_of(run_train("predict", "--cache", "new.elmo", "--rename-labels", "bad=neg"))
    assert said == f"Error: {worded(messages.NO_LABEL, path='results', name='bad', found='neg, pos')}"


@pytest.mark.parametrize("text", ["", "pos", "=pos", "positive=", "a=b,"])
def test_renames_that_are_none(text: str) -> None:
    expected = re.compile("^OLD=NEW,…")
    with raises(messages.INVALID_VALUE, TrialsError, name="rename_labels", found=text, expected=expected):
        parse_renames(text)


def test_a_class_with_two_names() -> None:
    assert parse_renames("a=b,a=b") == {"a": "b"} and parse_renames(None) == {}
    with raises(messages.RENAMED_TWICE, TrialsError, name="a", found="b", expected="c"):
        parse_renames("a=b,a=c")
