"""`elmo-train predict` as a user types it: new reviews, a cache of them, classes and probabilities."""

import contextlib
import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from commands import error_of, run_cache, run_train
from errors_expected import said, says
from old_results import make_version_1
from padded_model import padded_arrays, padded_model
from small_trials import SIZE_OPTIONS
from tiny_elmo import SMALL, write_elmo

from cache import FeatureCache
from cache import messages as store
from trainer import messages
from trainer.models.named import model_of
from trainer.runs.config import RunConfig
from trainer.runs.evaluation import SavedTrial, restore
from trainer.runs.prediction import Predictions, describe_predictions
from trainer.runs.results import read_results
from trainer.vectors import load_static_vectors

WORDS = [f"w{k}" for k in range(30)]
NEW = [
    "a good film \x1b[31m",
    "",
    "a bad film " + "w1 " * 30,
    *[f"{('bad', 'good')[i % 2]} w{i} w{i + 1}" for i in range(12)],
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an ELMo, vectors, a labelled cache and its packed file, results, and a cache of new reviews."""
    folder = tmp_path_factory.mktemp("predict")
    write_elmo(folder / "elmo", SMALL)
    rng = np.random.default_rng(0)
    rows = ["text,label,split"]
    for i in range(90):
        words = ["bad", "good"][i % 2 : i % 2 + 1] + [WORDS[k] for k in rng.integers(0, 30, rng.integers(3, 12))]
        rows.append(f"{' '.join(words)},{('neg', 'pos')[i % 2]},{'train' if i < 60 else 'test'}")
    (folder / "reviews.csv").write_text("\n".join(rows) + "\n")
    vectors = [f"{word} " + " ".join(f"{x:.4f}" for x in rng.standard_normal(5)) for word in ["good", "bad", *WORDS]]
    (folder / "words.vec").write_text("\n".join([f"{len(vectors)} 5", *vectors]) + "\n")
    (folder / "new.txt").write_text("\n".join(NEW) + "\n")
    with contextlib.chdir(folder):
        for out, corpus in (("c.elmo", "reviews.csv"), ("new.elmo", "new.txt")):
            passed(run_cache("build", out, "--corpus", corpus, "--encoder", "elmo", "--max-tokens", 20))
        passed(run_cache("pack", "c.elmo", "c.h5"))
        passed(run_cache("pack", "new.elmo", "new.h5"))
        trials = ("trials", "--n", 2, "--vectors", "words.vec", "--models", "basic,elmo", *SIZE_OPTIONS)
        passed(run_train(*trials, "--cache", "c.elmo", "--out", "results"))
        passed(run_train(*trials, "--cache", "c.h5", "--out", "of_packed"))
    return folder


@pytest.fixture(autouse=True)
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def passed(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def models_own(kind: str, number: int) -> np.ndarray:
    """The probability of the second class for each new review, one at a time, in the order of the file."""
    config = RunConfig.read(Path("results"))
    assert config is not None
    with FeatureCache("new.elmo") as features:
        train = features["train"]
        static = load_static_vectors("words.vec", features.vocabulary)
        model = restore(SavedTrial(Path("results"), config, model_of(kind), number), features, static).model
        weights = {variable.path: variable for variable in model.trainable_variables}
        padded = padded_model(500, {} if kind == "basic" else {"features": train.dim}, static.dim)
        for variable in padded.trainable_variables:
            variable.assign(weights[variable.path])
        matrix = np.concatenate([np.zeros((1, static.dim), np.float32), static.matrix])
        arrays = padded_arrays({"features": train}, train, matrix, 500)
        found = np.zeros(len(train))
        for i, doc_id in enumerate(train.doc_ids.tolist()):
            found[doc_id] = padded({tensor.name: arrays[tensor.name][[i]] for tensor in padded.inputs})[0, 0]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["basic", "elmo"])
def test_classes_and_probabilities_are_the_models_own(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "p.csv"
    shown = passed(
        run_train("predict", "--results", "results", "--cache", "new.elmo", "--trial", 2, "--model", kind, "--out", out)
    )
    assert (
        f"{kind}, trial 2 (validation loss" in shown
        and "lowest" not in shown
        and f"All predictions are in {out}" in shown
    )
    rows, right = rows_of(out), models_own(kind, 2)
    assert list(rows[0]) == ["doc_id", "label", "probability_neg", "probability_pos"]
    assert [int(row["doc_id"]) for row in rows] == list(range(15))
    assert right.std() > 1e-4, "a model that tells documents apart"
    assert rows.pop(1) == {"doc_id": "1", "label": "", "probability_neg": "", "probability_pos": ""}, "it has no token"
    right = np.delete(right, 1)
    np.testing.assert_allclose([float(row["probability_pos"]) for row in rows], right, atol=2e-6)
    np.testing.assert_allclose([float(row["probability_neg"]) for row in rows], 1 - right, atol=2e-6)
    assert [row["label"] for row in rows] == [("neg", "pos")[int(p > 0.5)] for p in right]


def test_without_options_the_trial_is_the_best_one(tmp_path: Path) -> None:
    best = min(
        (r for r in read_results(Path("results/trials.csv")) if r.model == "elmo"), key=lambda r: r.validation_loss
    )
    shown = passed(run_train("predict", "--cache", "new.elmo")).splitlines()
    assert shown[0] == (
        f"elmo, trial {best.trial} (validation loss {best.validation_loss:.3f}, the lowest of its trials) on new.elmo"
    )
    assert shown[1].split() == ["doc_id", "label", "probability", "text"] and len(shown) == 14
    assert [int(line.split()[0]) for line in shown[2:12]] == list(range(10))
    assert shown[2].endswith("a good film \ufffd [ 31m") and shown[3].split() == ["1", "-", "-", "(no", "token)"]
    assert shown[4].endswith(f"  {'w1 ' * 20}"[:-1]), "the window keeps the last 20 tokens"
    probabilities = models_own("elmo", best.trial)
    for line, p in zip([shown[2], *shown[4:12]], np.delete(probabilities, 1), strict=False):
        assert line.split()[1] == ("neg", "pos")[int(p > 0.5)]
        assert float(line.split()[2]) == pytest.approx(max(p, 1 - p), abs=6e-4)
    n_pos = int((np.delete(probabilities, 1) > 0.5).sum())
    assert shown[12] == (f"… and 5 more. 15 documents: neg {14 - n_pos}, pos {n_pos}; no class for 1 without a token.")
    assert shown[13] == (
        f"Note: this model was trained on only 24 documents, and was right for {best.accuracy:.1%} of its test "
        "documents: single predictions can easily be wrong."
    )


def test_a_packed_cache_is_as_good(tmp_path: Path) -> None:
    """To train on, and to predict."""
    of_folder, of_file = (read_results(Path(f"{name}/trials.csv")) for name in ("results", "of_packed"))
    assert [(r.accuracy, r.validation_loss) for r in of_folder] == [(r.accuracy, r.validation_loss) for r in of_file]
    for number, (results, cache) in enumerate([("results", "new.elmo"), ("of_packed", "new.h5")]):
        passed(run_train("predict", "--results", results, "--cache", cache, "--out", tmp_path / f"{number}.csv"))
    assert (tmp_path / "0.csv").read_bytes() == (tmp_path / "1.csv").read_bytes()
    scored = [
        passed(run_train("evaluate", "--results", "results", "--trial", 1, "--model", "elmo", "--cache", cache))
        for cache in ("c.elmo", "c.h5")
    ]
    assert scored[0].split(" in ")[0] == scored[1].split(" in ")[0]


def test_a_labelled_cache_is_predicted_too(tmp_path: Path) -> None:
    options = ("--results", "results", "--cache", "c.elmo")
    which = said(messages.CHOOSE_SPLIT, path="c.elmo", found="train, test")
    assert which in error_of(run_train("predict", *options))
    passed(run_train("predict", *options, "--split", "test", "--trial", 1, "--out", tmp_path / "p.csv"))
    with FeatureCache("c.elmo") as features:
        test = features["test"]
        assert test.labels is not None
        labels = dict(zip(test.doc_ids.tolist(), test.labels.tolist(), strict=True))
    right = sum(row["label"] == ("neg", "pos")[labels[int(row["doc_id"])]] for row in rows_of(tmp_path / "p.csv"))
    scored = passed(run_train("evaluate", *options, "--trial", 1, "--model", "elmo"))
    assert f"{right / 30:.1%} of 30 documents" in scored


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "other.elmo"
    options = ("--corpus", "new.txt", "--encoder", "elmo", "--max-tokens", 21, "--tokenizer", "whitespace")
    passed(run_cache("build", out, *options))
    line = error_of(run_train("predict", "--results", "results", "--cache", out))
    differing = "; ".join(
        messages.WRONG_VALUE.format(name=name, found=found, expected=expected)
        for name, found, expected in (("text.tokenizer", "'whitespace'", "'words'"), ("text.max_tokens", 21, 20))
    )
    assert says(line, messages.OTHER_ENCODING, path=out, expected="c.elmo", found=differing)


def without(section: str, key: str, folder: Path) -> Path:
    """A copy of the results without an entry of the configuration, as earlier versions wrote them."""
    shutil.copytree("results", folder)
    config = make_version_1(folder)
    del config[section][key]
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_another_encoding_than_old_results_is_refused_by_its_fingerprint(tmp_path: Path) -> None:
    out = tmp_path / "other.elmo"
    passed(run_cache("build", out, "--corpus", "new.txt", "--encoder", "elmo", "--max-tokens", 21))
    results = without("cache", "encoding_options", tmp_path / "old")
    line = error_of(run_train("predict", "--results", results, "--cache", out))
    with FeatureCache(out) as other, FeatureCache("c.elmo") as trained:
        found, expected = (f"{features.manifest.encoding_fingerprint[:16]}…" for features in (other, trained))
    assert says(line, messages.OTHER_ENCODING, path=out, expected="c.elmo")
    assert says(line, messages.WRONG_VALUE, found=found, expected=expected)


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_other_vectors_are_refused(tmp_path: Path, command: str) -> None:
    """Though they have the same size and the same name."""
    options = {"predict": ["--cache", "new.elmo"], "evaluate": ["--cache", "c.elmo", "--trial", 1, "--model", "basic"]}
    lines = Path("words.vec").read_text().splitlines()
    same, other = tmp_path / "renamed.txt", tmp_path / "words.vec"
    same.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    passed(run_train(command, *options[command], "--vectors", same))

    other.write_text("\n".join([lines[0], *(f"{line[:-1]}{(int(line[-1]) + 1) % 10}" for line in lines[1:])]) + "\n")
    line = error_of(run_train(command, *options[command], "--vectors", other))
    assert says(line, messages.OTHER_VECTORS, name="words.vec", expected="words.vec", path="words.vec")
    assert "has another vector" in line


def test_vectors_of_old_results_are_told_by_their_name(tmp_path: Path) -> None:
    results = without("vectors", "words", tmp_path / "old")
    passed(run_train("predict", "--results", results, "--cache", "new.elmo"))
    shutil.copy("words.vec", tmp_path / "renamed.vec")
    options = ("--results", results, "--cache", "new.elmo", "--vectors", tmp_path / "renamed.vec")
    line = error_of(run_train("predict", *options))
    assert says(line, messages.OTHER_VECTORS, name="renamed.vec", found="the name is another one")


def test_old_results_go_on(tmp_path: Path) -> None:
    results = without("vectors", "words", tmp_path / "old")
    trials = ("trials", "--n", 2, "--vectors", "words.vec", "--models", "basic,elmo", *SIZE_OPTIONS)
    passed(run_train(*trials, "--cache", "c.elmo", "--out", results))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--results", "elmo"], said(messages.NO_RESULTS, path="elmo", expected="config.json")),
        (["--cache", "nowhere.elmo"], said(store.NO_CACHE, path="nowhere.elmo")),
        (["--split", "dev"], said(store.NO_SPLIT, path="new.elmo", name="dev", found="train")),
        (["--trial", "9"], said(messages.NO_TRIAL, path="results", name="elmo", trial=9, found="1, 2")),
        (
            ["--model", "elmo-only"],
            said(messages.NO_TRIALS_OF, path="results", name="elmo-only", found="basic, elmo"),
        ),
        (["--vectors", "nowhere.vec"], said(messages.NO_VECTORS_FILE, path="nowhere.vec")),
        (["--out", "nowhere/p.csv"], said(store.NO_FOLDER, path="nowhere/p.csv", folder="nowhere")),
    ],
)
def test_what_cannot_be(options: list[str], message: str) -> None:
    given = {"--results": "results", "--cache": "new.elmo"} | dict(zip(options[::2], options[1::2], strict=True))
    assert message in error_of(run_train("predict", *[part for pair in given.items() for part in pair]))


def test_a_split_without_documents() -> None:
    passed(run_cache("build", "none.elmo", "--corpus", "new.txt", "--encoder", "elmo", "--limit", "train=0"))
    options = ("--results", "results", "--cache", "none.elmo")
    line = error_of(run_train("predict", *options))
    assert line == f"Error: {said(messages.NO_DOCUMENTS, path='none.elmo', name='train')}"
    again = error_of(run_train("evaluate", *options, "--split", "train", "--trial", 1, "--model", "elmo"))
    assert again == line


def test_few_documents_and_long_class_names() -> None:
    with FeatureCache("new.elmo") as features:
        probabilities = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)
        lines = describe_predictions(Predictions(features["train"][:2], ("dreadful", "fine"), probabilities))
    assert [line.split()[1] for line in lines[1:3]] == ["fine", "dreadful"]
    assert lines[3] == "2 documents: dreadful 1, fine 1."
