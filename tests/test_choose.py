"""`benchmarks/choose.py`: the fits of trials, without test documents, resumed, also without TensorFlow."""

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner
from commands import error_of
from small_trials import trials_command

from cache import FeatureCache
from trainer.experiment import Experiment
from trainer.fitting import accuracy
from trainer.learners.keras import KerasLearner
from trainer.protocols import Sizes
from trainer.runs.settings import Settings
from trainer.vectors.static import load_static_vectors

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"

# A finder that refuses TensorFlow stands before all others, in this process and in its workers.
WITHOUT_TENSORFLOW = """
import sys
class NoTensorFlow:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "tf_keras", "tensorflow_hub"):
            raise ModuleNotFoundError(f"no {name} here")
sys.meta_path.insert(0, NoTensorFlow())
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("choose")
    trials_command(folder)
    return folder


def arguments(place: Path, out: Path, *options: object) -> list[str]:
    given: list[object] = ["--cache", place / "c", "--vectors", place / "v.vec", "--train-size", 24, "--val-size", 16]
    given += ["--pool", 60, "--rates", "1e-3,1e-2", "--gammas", "auto,1", "--n", 2, "--out", out, *options]
    return [str(argument) for argument in given]


@pytest.fixture(scope="module")
def main() -> Iterator[click.Command]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("choose").main


def choose(main: click.Command, place: Path, out: Path, *options: object) -> str:
    """Run the script in this process, and return what it printed."""
    done = CliRunner().invoke(main, arguments(place, out, *options), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def fits_in(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "fits.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def chosen(main: click.Command, place: Path) -> Path:
    shown = choose(main, place, place / "choice")
    assert shown == (place / "choice" / "table.md").read_text()
    return place / "choice"


@pytest.mark.slow
def test_each_fit_is_that_of_a_trial(place: Path, chosen: Path) -> None:
    """At another rate and gamma than the model was compiled with, on a model that has been through other fits."""
    fits = fits_in(chosen)
    assert len(fits) == 2 * (2 + 4 + 4)
    with FeatureCache(place / "c") as features:
        vectors = load_static_vectors(place / "v.vec", features.vocabulary)
        for fit in (fits[3], fits[-1]):
            settings = Settings(
                sizes=Sizes(24, 16, 0), learning_rates={fit["model"]: fit["rate"]}, gamma=fit["gamma"] or 1.0
            )
            alone = Experiment(features, vectors, settings, {"train": 60})
            trial = alone.trial(fit["trial"])
            learner = alone.learner(fit["model"])
            assert isinstance(learner, KerasLearner)
            feeds = learner.feeds(trial)
            found = learner.fit(fit["trial"], *feeds)
            assert (found.validation_loss, found.n_epochs) == (fit["validation_loss"], fit["epochs"])
            assert accuracy(learner.model, feeds[1]) == fit["validation_accuracy"]
            assert len(trial.test) == 0 and trial.validation_split == "train" and max(trial.train) < 60
        auto = Experiment(features, vectors, replace(settings, gamma="auto"), {"train": 60}).gamma
    assert {fit["gamma"] for fit in fits} == {None, 1.0, auto}


@pytest.mark.slow
def test_the_table_has_means_and_standard_errors(chosen: Path) -> None:
    rows = json.loads((chosen / "table.json").read_text())["rows"]
    assert [(r["model"], r["gamma"], r["learning_rate"]) for r in rows] == [
        *(("basic", None, rate) for rate in (1e-3, 1e-2)),
        *((model, gamma, rate) for model in ("elmo", "elmo-only") for gamma in ("auto", "1") for rate in (1e-3, 1e-2)),
    ]
    for row in rows:
        fits = [
            fit
            for fit in fits_in(chosen)
            if (fit["model"], fit["gamma_name"], fit["rate"]) == (row["model"], row["gamma"], row["learning_rate"])
        ]
        losses = [fit["validation_loss"] for fit in fits]
        assert len(fits) == 2 and row["validation_loss"] == pytest.approx(np.mean(losses))
        assert row["standard_error"] == pytest.approx(abs(losses[0] - losses[1]) / 2)
        assert row["epochs"] == np.mean([fit["epochs"] for fit in fits])
        same = [other["validation_loss"] for other in rows if other["model"] == row["model"]]
        assert row["lowest"] == (row["validation_loss"] == min(same))
        assert row["above_lowest"] == pytest.approx(row["validation_loss"] - min(same))
    lines = (chosen / "table.md").read_text().splitlines()
    assert len([line for line in lines if line.startswith("| c | v.vec |")]) == len(rows)
    assert sum("**" in line for line in lines) == 3


def test_it_resumes_after_a_line_cut_short_and_grows(
    main: click.Command, place: Path, chosen: Path, tmp_path: Path
) -> None:
    lines = (chosen / "fits.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "fits.jsonl").write_text("".join(lines[:13]) + lines[13][:40])
    choose(main, place, tmp_path)
    assert (tmp_path / "fits.jsonl").read_text().startswith("".join(lines[:13]))

    def outcome(fit: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in fit.items() if name != "seconds"}

    assert sorted(map(str, map(outcome, fits_in(tmp_path)))) == sorted(map(str, map(outcome, fits_in(chosen))))
    choose(main, place, tmp_path, "--models", "basic", "--rates", "1e-2,3e-3", "--n", 3)
    assert len(fits_in(tmp_path)) == 20 + 4
    (tmp_path / "fits.jsonl").write_text("no fit\n")
    message = error_of(CliRunner().invoke(main, arguments(place, tmp_path)))
    assert "fits.jsonl, line 1: not a fit" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--models", "basic,bert"], "--models names 'bert'"),
        (["--rates", "1e-3,fast"], "--rates 1e-3,fast"),
        (["--gammas", "1,big"], "--gamma is 'big'"),
        (["--pool", 30], "train: 40 documents needed, 30 found"),
        (["--patience", 0], "--patience is 0"),
    ],
)
def test_what_cannot_be(main: click.Command, place: Path, tmp_path: Path, options: list[object], message: str) -> None:
    assert message in error_of(CliRunner().invoke(main, arguments(place, tmp_path / "out", *options)))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed (extra `jax`)")
def test_with_jax_in_two_processes_without_tensorflow(place: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_TENSORFLOW)
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": path}
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    losses = []
    for workers in (1, 2):
        options = ("--workers", workers, "--models", "elmo", "--rates", "1e-3", "--gammas", "auto", "--patience", 1)
        line = [sys.executable, str(BENCHMARKS / "choose.py"), *arguments(place, tmp_path / str(workers), *options)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=600, env=environment)
        assert done.returncode == 0, done.stderr
        fits = fits_in(tmp_path / str(workers))
        losses.append({(fit["gamma_name"], fit["trial"]): fit["validation_loss"] for fit in fits})
    assert len(losses[0]) == 2 and losses[1] == pytest.approx(losses[0], rel=1e-3)
