"""`elmo-train predict` on texts: encoded and classified in one step, and classes by other names."""

import contextlib
import csv
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from commands import error_of, run_cache, run_train
from errors_expected import said as worded
from small_trials import SIZE_OPTIONS
from tiny_elmo import SMALL, write_elmo

from trainer import messages
from trainer.errors import TrialsError
from trainer.options import parse_renames
from trainer.runs import new_texts

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


def build_here(arguments: list[str], hint: str) -> list[str]:
    """What `new_texts._build` does, without the wait for another process."""
    passed(run_cache("build", *arguments))
    return []


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


def test_an_encoder_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    said = error_of(run_train("predict", "results", "a film"))
    assert "the texts could not be encoded: There is no encoder 'embedded:elmo" in said
    assert said.endswith("If the encoder of these trials is not embedded, give it with --encoder")
    monkeypatch.setattr(new_texts, "_build", build_here)
    said = error_of(run_train("predict", "results", "a film", "--encoder", "other"))
    assert said.startswith("Error: other is not the encoder of these trials: encoder.weights is ")
    assert said.endswith("Give the right one with --encoder")


def test_what_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "labelled.txt").write_text("__label__pos a film\n")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "latin.txt").write_bytes(b"a film\ncaf\xe9\n")
    for arguments, says in (
        (
            ["a fine film"],
            "No run at a fine film. The folder of a run comes first: `elmo-train predict results 'a fi",
        ),
        (["results"], "Nothing to classify: give texts after RUN, or --file FILE, or --cache CACHE"),
        (["results", "a film", "--cache", "new.elmo"], "Documents were given as TEXT and as --cache: give texts"),
        (["results", "new.txt"], "new.txt looks like the name of a file. To classify its lines: --file new.txt"),
        (["results", "mistyped.txt"], "mistyped.txt looks like the name of a file"),
        (["results", "a film", "--split", "train"], "--split is for --cache. Leave it out"),
        (["results", "--cache", "new.elmo", "--encoder", "elmo"], "--encoder is for texts"),
        (["results", "--file", "reviews.csv"], "`elmo-cache build new.elmo --corpus reviews.csv`, then --cache new"),
        (["results", "--file", tmp_path / "nowhere.txt"], "nowhere.txt cannot be read: No such file or directory"),
        (["results", "--file", tmp_path / "labelled.txt"], "has labels (__label__…)"),
        (["results", "--file", tmp_path / "empty.txt"], "is empty, expected one text per line"),
        (["results", "--file", tmp_path / "latin.txt"], "line 2: not UTF-8 (byte 4 of the line)"),
        (["results", "a film", os.fsdecode(b"caf\xe9 noir")], "TEXT 2 is not UTF-8 (at character 4)"),
        (["c.elmo", "a film"], "c.elmo is a cache, not the folder of a run. Run trials on it first: "),
        (["reviews.csv", "a film"], "reviews.csv is a file; give the folder of a run, such as `elmo-train predict "),
    ):
        assert says in error_of(run_train("predict", *arguments)), arguments


def test_vectors_that_are_gone(tmp_path: Path) -> None:
    shutil.copytree("results", tmp_path / "r")
    config = json.loads((tmp_path / "r/config.json").read_text())
    config["vectors"]["source"] = "gone.vec"
    (tmp_path / "r/config.json").write_text(json.dumps(config))
    said = error_of(run_train("predict", tmp_path / "r", "--cache", "new.elmo"))
    assert said == "Error: These trials used gone.vec, which is gone. Give its new place with --vectors"


@pytest.mark.parametrize(
    ("section", "entry", "says"),
    [
        ("text", {"tokenizer": "tokens"}, "these trials were trained on lists of tokens"),
        ("text", {"num_words": 1000}, "kept the most frequent words of its corpus alone (--num-words)"),
        ("encoder", None, "these trials do not say how their cache was encoded"),
    ],
)
def test_an_encoding_that_options_cannot_repeat(
    tmp_path: Path, section: str, entry: dict[str, object] | None, says: str
) -> None:
    shutil.copytree("results", tmp_path / "r")
    config = json.loads((tmp_path / "r/config.json").read_text())
    options = config["cache"]["encoding_options"]
    options[section] = entry if entry is None else options[section] | entry
    (tmp_path / "r/config.json").write_text(json.dumps(config))
    said = error_of(run_train("predict", tmp_path / "r", "a film", "--encoder", "elmo"))
    assert says in said and said.endswith("Build a cache of your texts with the same options, and give it with --cache")


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
    assert f"the texts could not be encoded: Invalid value for '--{name.replace('_', '-')}'" in said


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
    assert said == "Error: the texts could not be encoded: `elmo-cache build` ended with exit code 1"
    monkeypatch.setattr(new_texts.sys, "executable", "/nowhere/python")
    said = error_of(run_train("predict", "results", "a film", "--encoder", "elmo"))
    assert said.startswith("Error: `elmo-cache build` could not be started: ")


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
    assert "names the class 'fine'; named.elmo has these classes: good, poor. Write OLD=NEW" in said

    out = ("--out", tmp_path / "p.csv")
    shown = passed(run_train("predict", "--cache", "new.elmo", "--rename-labels", "neg=negative,pos=positive", *out))
    assert "12 documents: negative " in shown
    assert list(rows_of(tmp_path / "p.csv")[0])[2:] == ["probability_negative", "probability_positive"]
    said = error_of(run_train("predict", "--cache", "new.elmo", "--rename-labels", "neg=pos"))
    assert said == "Error: --rename-labels gives two classes one name: pos, pos"
    assert "the weights tell these classes apart: neg, pos" in error_of(
        run_train("predict", "--cache", "new.elmo", "--rename-labels", "bad=neg")
    )


@pytest.mark.parametrize("text", ["", "pos", "=pos", "positive=", "a=b,"])
def test_renames_that_are_none(text: str) -> None:
    with pytest.raises(TrialsError, match="expected OLD=NEW"):
        parse_renames(text)


def test_a_class_with_two_names() -> None:
    assert parse_renames("a=b,a=b") == {"a": "b"} and parse_renames(None) == {}
    with pytest.raises(TrialsError, match="gives a two names, b and c: leave one of them out"):
        parse_renames("a=b,a=c")
