"""`elmo-train tag` on small caches with tags: scores, layers, resumption, and what is refused."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from commands import error_of, run_train
from errors_expected import raises, said, says
from numpy_encoder import ALL_LAYERS, HashEncoder
from small_cache import write_cache

from cache import messages as store
from cache.errors import InvalidValueError
from elmo_cache import build
from trainer import messages
from trainer.errors import TrialsError
from trainer.runs.results import TrialResult
from trainer.runs.rows import write_rows
from trainer.tagging.experiment import TagModel, models_of
from trainer.tagging.probes import probe
from trainer.tagging.results import read_tag_results
from trainer.tagging.scores import mark_entities, score

TAG_OF = {"dog": "NOUN", "cat": "NOUN", "runs": "VERB", "sees": "VERB", "the": "DET", "a": "DET", "red": "ADJ"}
ENTITY_OF = {"Ann": "B-PER", "Lee": "I-PER", "Rome": "B-LOC"}
SIZES = ("--train-size", 30, "--val-size", 10, "--test-size", 20)


def sentences(n: int, words: Sequence[str], seed: int) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[words[k] for k in rng.integers(0, len(words), rng.integers(0, 9))] for _ in range(n)]


def build_tagged(folder: Path, tag_of: Mapping[str, str], *, layers: bool = False) -> Path:
    """Build a cache of sentences whose tags are a function of the word, and word vectors beside it; return its path."""
    splits = {"train": sentences(80, list(tag_of), 1), "test": sentences(30, list(tag_of), 2)}
    tags = {name: [[tag_of[word] for word in words] for words in documents] for name, documents in splits.items()}
    build(splits, HashEncoder(layers=ALL_LAYERS if layers else None), folder / "c", tags=tags).close()
    rng = np.random.default_rng(0)
    rows = [f"{word} " + " ".join(f"{x:.3f}" for x in rng.standard_normal(8)) for word in tag_of]
    (folder / "words.vec").write_text("\n".join([f"{len(rows)} 8", *rows]) + "\n")
    return folder / "c"


def tag(folder: Path, *arguments: object) -> tuple[str, ...]:
    return (
        "tag",
        "--cache",
        str(folder / "c"),
        "--vectors",
        str(folder / "words.vec"),
        *map(str, (*SIZES, *arguments)),
    )


def test_tags_that_follow_from_the_word_are_learned(tmp_path: Path) -> None:
    build_tagged(tmp_path, TAG_OF)
    out = tmp_path / "out"

    done = run_train(*tag(tmp_path, "--n", 3, "--out", out))

    assert done.exit_code == 0, done.output
    results = read_tag_results(out / "tags.csv")
    assert [(r.trial, r.model) for r in results] == [(k, model) for k in (1, 2, 3) for model in ("static", "elmo")]
    assert all(r.accuracy == r.macro_f1 == 1 and r.entity_f1 is None for r in results if r.model == "static")
    assert len({r.train_hash for r in results}) == 3 and len({r.test_hash for r in results}) == 1
    assert "static       3     100.0 ± 0.0  100.0 ± 0.0" in done.output
    assert "elmo - static" in done.output and "too few trials" not in done.output
    assert (out / "accuracies.png").stat().st_size > 10_000
    summary = json.loads((out / "summary.json").read_text())
    assert set(summary) == {"accuracy", "macro_f1"}
    assert summary["accuracy"]["models"]["static"]["mean"] == 1
    with open(out / "tags.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and rows[0]["entity_f1"] == "" and rows[0]["accuracy"] == "1.0"
    means = [np.mean([float(row["accuracy"]) for row in rows if row["model"] == model]) for model in ("static", "elmo")]
    assert summary["accuracy"]["pairs"][0]["mean"] == pytest.approx(means[1] - means[0])


def test_a_run_resumes_and_grows(tmp_path: Path) -> None:
    build_tagged(tmp_path, TAG_OF)
    assert run_train(*tag(tmp_path, "--n", 1, "--out", tmp_path / "out")).exit_code == 0
    first = (tmp_path / "out" / "tags.csv").read_text()

    done = run_train(*tag(tmp_path, "--n", 2, "--out", tmp_path / "out"))

    assert done.exit_code == 0, done.output
    grown = (tmp_path / "out" / "tags.csv").read_text()
    assert grown.startswith(first)
    assert run_train(*tag(tmp_path, "--n", 2, "--out", tmp_path / "other")).exit_code == 0
    again, at_once = (read_tag_results(tmp_path / name / "tags.csv") for name in ("out", "other"))
    assert [vars(r) | {"seconds": 0} for r in again] == [vars(r) | {"seconds": 0} for r in at_once]
    line = error_of(run_train(*tag(tmp_path, "--seed", 1, "--out", tmp_path / "out")))
    found = messages.DIFFERENCE.format(name="settings.seed", found=0, expected=1)
    assert said(messages.OTHER_SETTINGS, path=tmp_path / "out", found=found) in line
    assert (tmp_path / "out" / "tags.csv").read_text() == grown


def test_each_layer_is_a_model(tmp_path: Path) -> None:
    build_tagged(tmp_path, TAG_OF, layers=True)
    out = tmp_path / "out"

    done = run_train(*tag(tmp_path, "--n", 1, "--layer", "0,mix", "--models", "elmo", "--out", out))

    assert done.exit_code == 0, done.output
    assert "There are no trials of static" in done.output
    models = json.loads((out / "config.json").read_text())["models"]
    assert models == {"elmo-0": {"layer": "0"}, "elmo-mix": {"layer": "mix"}}
    assert run_train(*tag(tmp_path, "--n", 1, "--models", "static,elmo", "--layer", "1", "--out", out)).exit_code == 0
    assert [r.model for r in read_tag_results(out / "tags.csv")] == ["static", "elmo-1", "elmo-0", "elmo-mix"]
    line = error_of(run_train(*tag(tmp_path, "--layer", "3", "--out", tmp_path / "none")))
    assert says(line, store.NO_LAYER, path=tmp_path / "c", name="3") and not (tmp_path / "none").exists()


@pytest.mark.slow
def test_the_lstm_by_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.tagging.probes.MOST_EPOCHS", 2)
    build_tagged(tmp_path, TAG_OF, layers=True)
    out = tmp_path / "out"
    run = tag(tmp_path, "--n", 1, "--layer", "0,1", "--models", "elmo-lstm", "--out", out)

    assert run_train(*run).exit_code == 0

    models = json.loads((out / "config.json").read_text())["models"]
    assert models == {"elmo-lstm-0": {"layer": "0"}, "elmo-lstm-1": {"layer": "1"}}
    first, second = read_tag_results(out / "tags.csv")
    assert [first.model, second.model] == list(models) and first.accuracy != second.accuracy


def test_plot_draws_runs_on_tags(tmp_path: Path) -> None:
    build_tagged(tmp_path, TAG_OF)
    for name, models in (("a", "static,elmo"), ("b", "elmo")):
        assert run_train(*tag(tmp_path, "--n", 1, "--models", models, "--out", tmp_path / name)).exit_code == 0
    drawn = (tmp_path / "a" / "accuracies.png").read_bytes()
    (tmp_path / "a" / "accuracies.png").unlink()

    assert run_train("plot", tmp_path / "a").exit_code == 0
    assert (tmp_path / "a" / "accuracies.png").read_bytes() == drawn
    assert run_train("plot", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "both.svg").exit_code == 0
    both = (tmp_path / "both.svg").read_text()
    assert all(f"<!-- {text} -->" in both for text in ("a", "b", "static", "elmo", "same trial"))

    (tmp_path / "trials").mkdir()
    write_rows(tmp_path / "trials" / "trials.csv", TrialResult, [])
    for folders, message in (
        (("a", "trials"), said(messages.MIXED_RUNS)),
        (("c",), "c is a cache, not the folder of a run. Run trials on it first: `elmo-train trials"),
    ):
        done = run_train("plot", *(tmp_path / name for name in folders), "--out", tmp_path / "none.png")
        assert message in error_of(done) and not (tmp_path / "none.png").exists()


@pytest.mark.slow
def test_entities_and_an_lstm(tmp_path: Path) -> None:
    build_tagged(tmp_path, {**ENTITY_OF, "saw": "O", "and": "O"})
    out = tmp_path / "out"

    done = run_train(*tag(tmp_path, "--n", 1, "--models", "static,elmo-lstm", "--out", out))

    assert done.exit_code == 0, done.output
    static, lstm = read_tag_results(out / "tags.csv")
    assert static.entity_f1 == static.accuracy == 1
    assert lstm.accuracy > 0.9 and lstm.chosen >= 2
    assert "entity F1" in done.output


def test_entity_f1_by_hand() -> None:
    names = ["O", "B-PER", "I-PER", "B-LOC"]
    # Sentence 1: PER at 0 to 1, LOC at 3. Sentence 2: PER at 0. The fifth token has no tag.
    right = np.array([1, 2, 0, 3, -1, 1, 0])
    # Found: PER at 0 to 1 (right), PER at 3 (wrong type), nothing for -1, PER at 5 to 6 (wrong end): 1 of 3, 1 of 3.
    found = np.array([1, 2, 0, 1, 3, 1, 2])
    scores = score(right, found, np.array([0, 5, 7]), names)
    assert scores["entity_f1"] == pytest.approx(1 / 3)
    assert scores["accuracy"] == pytest.approx(4 / 6)
    # O: 1 of 1 found, 1 of 2 there. B-PER: 2 of 3, 2 of 2. I-PER: 1 of 2, 1 of 1. B-LOC: none.
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 4 / 5 + 2 / 3 + 0) / 4)
    assert score(right, found, np.array([0, 5, 7]), ["a", "b", "c", "d"])["entity_f1"] is None
    assert score(right, right, np.array([0, 5, 7]), names)["entity_f1"] == 1
    with raises(messages.NO_TAGGED_TOKENS, InvalidValueError):
        score(np.array([-1]), np.array([0]), np.array([0, 1]), names)


def test_an_entity_does_not_cross_sentences() -> None:
    names = ["O", "B-PER", "I-PER"]
    right, found = np.array([0, 1, 0, 0]), np.array([0, 1, 2, 0])
    assert score(right, found, np.array([0, 2, 4]), names)["entity_f1"] == pytest.approx(2 / 3)
    assert score(right, found, np.array([0, 4]), names)["entity_f1"] == 0


@pytest.mark.parametrize(
    ("names", "found"),
    [(["O", "S-A", "E-A"], True), (["NOUN", "O"], False), (["B-"], False), (["O"], False), (["B-A-B"], True)],
)
def test_what_marks_entities(names: list[str], found: bool) -> None:
    assert mark_entities(names) == found


def test_a_probe_leaves_out_tokens_without_a_tag() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, 3)).astype(np.float32)
    tags = (rows[:, 0] > 0).astype(np.int32)
    hidden = np.where(np.arange(200) % 4, tags, -1)
    rows[::4] *= 100
    found = probe((rows, hidden), (rows, hidden), rows)
    kept = probe((rows[hidden >= 0], tags[hidden >= 0]), (rows[hidden >= 0], tags[hidden >= 0]), rows)
    assert (found.predicted == kept.predicted).all() and found.chosen == kept.chosen
    assert (found.predicted == tags)[hidden >= 0].mean() > 0.97
    with raises(messages.FEW_TAGS, InvalidValueError, found=1):
        probe((rows, np.zeros(200, int)), (rows, tags), rows)


def test_models() -> None:
    assert models_of(["elmo-lstm", "elmo"], []) == {"elmo-lstm": TagModel("elmo-lstm"), "elmo": TagModel("elmo")}
    # A layer may be called "lstm": the kind decides, not the name.
    assert models_of(["elmo"], ["lstm"]) == {"elmo-lstm": TagModel("elmo", "lstm")}
    for kinds, found in (["elmo", "crf"], "crf"), ([], ""):
        with raises(messages.INVALID_VALUE, TrialsError, name="models", found=found):
            models_of(kinds, [])


def test_what_is_refused(tmp_path: Path) -> None:
    def refused(name: str, *arguments: object) -> str:
        message = error_of(run_train("tag", "--cache", tmp_path / name, "--out", tmp_path / "out", *arguments))
        assert not (tmp_path / "out").exists()
        return message

    write_cache(tmp_path / "bare")
    assert said(store.NO_TAGS, path=tmp_path / "bare") in refused("bare")
    write_cache(tmp_path / "two", tag_names={"upos": ("", "one", "two"), "ner": ("O", "B", "I")})
    sets = {"path": tmp_path / "two", "found": "upos, ner"}
    assert said(store.SEVERAL_TAG_SETS, **sets) in refused("two")
    assert said(store.NO_TAG_SET, name="xpos", **sets) in refused("two", "--tags", "xpos")
    line = refused("two", "--tags", "ner", "--models", "elmo")
    assert says(line, messages.TOO_FEW_DOCUMENTS, expected=400, found=9)
    write_cache(tmp_path / "one", {"train": [["a"]]}, tag_names={"upos": ("", "one")})
    assert said(messages.SPLIT_MISSING, path=tmp_path / "one", found="train", expected="test") in refused("one")


def test_folders_of_other_runs(tmp_path: Path) -> None:
    build_tagged(tmp_path, TAG_OF)
    out = tmp_path / "out"
    assert run_train(*tag(tmp_path, "--n", 1, "--out", out)).exit_code == 0
    line = error_of(run_train("trials", "--cache", tmp_path / "c", "--out", out))
    assert says(line, messages.CONFIG_INVALID, path=out / "config.json", name="trials")
    (out / "config.json").write_text("{}")
    invalid = {"path": out / "config.json", "name": "tag"}
    assert says(error_of(run_train(*tag(tmp_path, "--out", out))), messages.CONFIG_INVALID, **invalid)
    (out / "config.json").unlink()
    missing = said(messages.CONFIG_MISSING, path=out, found="tags.csv")
    assert missing in error_of(run_train(*tag(tmp_path, "--out", out)))
    csv_path = out / "tags.csv"
    csv_path.write_text(csv_path.read_text().replace("1.0", "1.5", 1))
    impossible = InvalidValueError(messages.IMPOSSIBLE, name="accuracy", found="1.5")
    invalid_row = said(messages.ROW_INVALID, where=f"{csv_path}, line 2", error=impossible)
    assert invalid_row in error_of(run_train(*tag(tmp_path, "--out", out)))
