"""Five classes from a `.csv`, from the build to predictions, as a user types it; and learning curves."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from commands import error_of, run_train
from errors_expected import said, says
from numpy_encoder import HashEncoder
from sklearn import metrics

from cache import FeatureCache
from elmo_cache import build
from trainer import messages
from trainer.runs.results import read_results

NAMES = ("one", "two", "three", "four", "five")
SHARES = np.array([0.4, 0.25, 0.15, 0.1, 0.1])
MODELS = "basic,elmo,tfidf-lr,elmo-lr"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`five.csv`, a cache of it, and static vectors."""
    folder = tmp_path_factory.mktemp("five")
    rng = np.random.default_rng(0)
    rows = ["text,label,split"]
    for i in range(500):
        k = int(rng.choice(5, p=SHARES))
        words = [f"w{j}" for j in rng.integers(0, 30, size=rng.integers(2, 15))]
        words[: int(rng.random() < 0.9)] = [f"sign{k}"]
        rows.append(f'"{" ".join(words)}",{NAMES[k]},{"train" if i < 350 else "test"}')
    (folder / "five.csv").write_text("\n".join(rows) + "\n")
    with build(str(folder / "five.csv"), HashEncoder(dim=12), folder / "five.elmo") as features:
        lines = [f"{word} " + " ".join(f"{x:.4f}" for x in rng.standard_normal(4)) for word in features.vocabulary]
    (folder / "v.vec").write_text(f"{len(lines)} 4\n" + "\n".join(lines) + "\n")
    return folder


def options(place: Path) -> tuple[object, ...]:
    sizes = ("--val-size", 40, "--test-size", 100, "--learning-rate", "0.02")
    return ("--cache", place / "five.elmo", "--vectors", place / "v.vec", *sizes)


@pytest.fixture(scope="module")
def results(place: Path) -> Path:
    done = run_train(
        *("trials", *options(place), "--models", MODELS, "--train-size", 80, "--n", 2, "--out", place / "results")
    )
    assert done.exit_code == 0, done.output
    assert "seed 0, each class as in its split" in done.stdout and "Mean F1 by class in %" in done.stdout
    assert "macro-F1  " in done.stdout and "log-loss  " in done.stdout
    return place / "results"


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_every_model_learns_five_classes(results: Path) -> None:
    found = read_results(results / "trials.csv")
    assert [r.model for r in found] == MODELS.split(",") * 2
    assert all(r.accuracy > 0.5 for r in found if r.model == "tfidf-lr"), "the signs are words"
    assert all(r.macro_f1 is not None and 0 < r.macro_f1 < 1 and 0 < r.log_loss < 3 for r in found)  # type: ignore[operator]
    summary = json.loads((results / "summary.json").read_text())
    assert summary["macro_f1"]["models"]["basic"]["n"] == 2 and len(summary["log_loss"]["pairs"]) == 6
    assert summary["trainable_parameters"]["basic"] == 3 * 4 * 64 + 64 + 64 * 250 + 250 + 250 * 5 + 5


def test_figures_by_class(results: Path) -> None:
    rows = rows_of(results / "classes.csv")
    assert len(rows) == 2 * 4 * 5
    for r in read_results(results / "trials.csv"):
        own = [row for row in rows if (row["trial"], row["model"]) == (str(r.trial), r.model)]
        assert [row["label"] for row in own] == sorted(NAMES)
        assert sum(int(row["documents"]) for row in own) == sum(int(row["predicted"]) for row in own) == 100
        assert sum(int(row["correct"]) for row in own) / 100 == pytest.approx(r.accuracy)
        wanted = np.round(100 * SHARES[[NAMES.index(row["label"]) for row in own]])
        assert np.abs(np.array([int(row["documents"]) for row in own]) - wanted).max() < 10
        assert np.mean([float(row["f1"]) for row in own]) == pytest.approx(r.macro_f1)


def test_losses_by_epoch(results: Path, tmp_path: Path) -> None:
    rows = rows_of(results / "epochs.csv")
    assert {row["model"] for row in rows} == {"basic", "elmo"}
    for r in read_results(results / "trials.csv"):
        own = [row for row in rows if (row["trial"], row["model"]) == (str(r.trial), r.model)]
        assert len(own) == (0 if r.model.endswith("-lr") else r.epochs)
        if own:
            assert float(own[r.best_epoch - 1]["validation_loss"]) == r.validation_loss
            assert min(float(row["validation_loss"]) for row in own) == r.validation_loss
    for name, start in (("losses.png", b"\x89PNG"), ("losses.svg", b"<?xml"), ("losses.pdf", b"%PDF")):
        done = run_train("plot", results, "--losses", "--out", tmp_path / name)
        assert done.exit_code == 0 and (tmp_path / name).read_bytes().startswith(start)
    wrong_name = said(messages.PICTURE_NAME, path="x.jpg", name="x", found=".jpg", expected=".png, .svg, .pdf")
    assert wrong_name in error_of(run_train("plot", results, "--out", "x.jpg"))
    line = error_of(run_train("plot", results, place_of(results), "--losses"))
    assert said(messages.LOSSES_OF_SEVERAL) in line


def place_of(results: Path) -> Path:
    """Another folder with the same trials."""
    other = results.parent / "other"
    other.mkdir(exist_ok=True)
    (other / "trials.csv").write_bytes((results / "trials.csv").read_bytes())
    return other


@pytest.mark.parametrize("model", ["basic", "elmo"])
def test_saved_weights_are_scored_and_used(place: Path, results: Path, tmp_path: Path, model: str) -> None:
    """`predict` has a column for each class, and `evaluate` says of the same what scikit-learn says."""
    given = ("--results", results, "--cache", place / "five.elmo", "--model", model, "--split", "test", "--trial", 1)
    done = run_train("predict", *given, "--out", tmp_path / "p.csv")
    assert done.exit_code == 0, done.output
    rows = rows_of(tmp_path / "p.csv")
    columns = [f"probability_{name}" for name in sorted(NAMES)]
    assert list(rows[0]) == ["doc_id", "label", *columns]
    probabilities = np.array([[float(row[column]) for column in columns] for row in rows])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert [row["label"] for row in rows] == [sorted(NAMES)[i] for i in probabilities.argmax(axis=1)]
    with FeatureCache(place / "five.elmo") as features:
        labels = features["test"].by_corpus_order().labels
    right = metrics.f1_score(labels, probabilities.argmax(axis=1), average="macro")
    loss = metrics.log_loss(labels, probabilities)
    shown = run_train("evaluate", *given).output
    assert f"macro-F1 {right:.1%}, log-loss {loss:.3f}" in shown


def test_the_metric_of_the_comparison(place: Path, results: Path) -> None:
    again = ("trials", *options(place), "--models", MODELS, "--train-size", 80, "--n", 2, "--out", results)
    before = (results / "trials.csv").read_bytes()
    shown = run_train(*again, "--metric", "log-loss").output
    assert "Log-loss in nats" in shown and "Paired differences in nats" in shown and "nats of log-loss" in shown
    assert "Macro-F1 in %" in run_train(*again, "--metric", "macro-f1").output
    assert (results / "trials.csv").read_bytes() == before


def test_balanced_draws(place: Path, tmp_path: Path) -> None:
    given = ("trials", "--cache", place / "five.elmo", "--vectors", place / "v.vec", "--balanced", "--n", 1)
    sizes = ("--train-size", 40, "--val-size", 20, "--test-size", 25, "--models", "tfidf-lr")
    done = run_train(*given, *sizes, "--out", tmp_path / "r")
    assert done.exit_code == 0 and "as many of each class" in done.output, done.output
    assert [row["documents"] for row in rows_of(tmp_path / "r" / "classes.csv")] == ["5"] * 5
    line = error_of(run_train(*(x for x in given if x != "--balanced"), *sizes, "--out", tmp_path / "r"))
    assert says(line, messages.DIFFERENCE, name="settings.balanced", found=True, expected=False)
    line = error_of(run_train(*given, *sizes, "--train-size", 300, "--out", tmp_path / "r2"))
    assert says(line, messages.UNBALANCED, name="training", n=300, expected=60)
    assert not (tmp_path / "r2").exists()


@pytest.mark.slow
def test_a_curve_is_trials_at_several_sizes(place: Path, tmp_path: Path) -> None:
    """The same as `elmo-train trials` at each size; it resumes, and grows by sizes, models and trials."""
    out = tmp_path / "curve"
    given = ("curve", *options(place), "--out", out)
    done = run_train(*given, "--sizes", "40,20", "--models", "tfidf-lr,basic", "--n", 2)
    assert done.exit_code == 0, done.output
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert "Accuracy in %, mean ± sd" in done.stdout and "tfidf-lr - basic, paired differences" in done.stdout
    first = rows_of(out / "curve.csv")
    assert [(row["train_size"], row["trial"], row["model"]) for row in first] == [
        (size, trial, model) for size in ("20", "40") for trial in "12" for model in ("basic", "tfidf-lr")
    ]
    alone = run_train(
        *("trials", *options(place), "--models", "basic", "--train-size", 40, "--n", 1, "--out", tmp_path / "alone")
    )
    assert alone.exit_code == 0
    (wanted,) = rows_of(tmp_path / "alone" / "trials.csv")
    (same,) = [row for row in first if (row["train_size"], row["trial"], row["model"]) == ("40", "1", "basic")]
    assert {k: v for k, v in same.items() if k not in ("seconds", "train_size")} == {
        k: v for k, v in wanted.items() if k != "seconds"
    }
    done = run_train(*given, "--sizes", "20,40,60", "--models", "tfidf-lr,elmo-lr", "--n", 3)
    assert done.exit_code == 0, done.output
    second = rows_of(out / "curve.csv")
    assert [row for row in second if row in first] == first
    assert {row["model"] for row in second if row["train_size"] == "60"} == {"tfidf-lr", "elmo-lr"}
    assert len(second) == len(first) + 2 * (1 + 3) + 2 * 3


@pytest.mark.parametrize(
    ("more", "message", "data"),
    [
        (("--sizes", "40"), messages.INVALID_VALUE, {"name": "sizes", "found": "40"}),
        (("--sizes", "40,many"), messages.INVALID_VALUE, {"name": "sizes", "found": "many"}),
        (("--sizes", "0,40"), messages.INVALID_VALUE, {"name": "sizes", "found": "0"}),
        (("--sizes", "40," + "9" * 50), messages.INVALID_VALUE, {"name": "sizes", "found": "9" * 20}),
        (("--sizes", "40,2000"), messages.TOO_FEW_DOCUMENTS, {"name": "train", "expected": 2040, "found": 350}),
        (("--sizes", "40,50", "--tensorboard", "tb"), messages.NO_TENSORBOARD, {}),
    ],
)
def test_curves_that_cannot_be_drawn(
    place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
    message: str,
    data: dict[str, object],
) -> None:
    monkeypatch.setattr("trainer.runs.tensorboard.find_spec", lambda _: None)
    done = run_train("curve", *options(place), "--models", "tfidf-lr", "--out", tmp_path / "c", *more)
    assert says(error_of(done), message, **data) and not (tmp_path / "c").exists()


def test_losses_for_tensorboard(place: Path, results: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    given = ("trials", *options(place), "--models", "basic,tfidf-lr", "--train-size", 80, "--n", 1)
    done = run_train(*given, "--out", tmp_path / "r", "--tensorboard", tmp_path / "tb")
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "tb").iterdir()] == ["basic-001"]
    rows = rows_of(tmp_path / "r" / "epochs.csv")
    for part, column in (("train", "training_loss"), ("validation", "validation_loss")):
        events = EventAccumulator(str(tmp_path / "tb" / "basic-001" / part), size_guidance={"tensors": 0})
        events.Reload()
        found = [make_ndarray(event.tensor_proto).item() for event in events.Tensors("epoch_loss")]
        np.testing.assert_allclose(found, [float(row[column]) for row in rows], rtol=1e-6)
