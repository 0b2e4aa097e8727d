"""`from trainer import run_trials`: what it gives, and what it refuses."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from errors_expected import raises
from numpy_encoder import HashEncoder
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from small_trials import corpus, vectors_of

from cache import FeatureCache
from cache.adapters.sklearn import Pooled
from elmo_cache import build
from trainer import Trials, messages, run_trials
from trainer.errors import TrialsError
from trainer.runs.results import read_results


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("python")
    build(corpus(), HashEncoder(dim=12), folder / "c", shard_tokens=400).close()
    return folder


def run(place: Path, models: object, n: int = 2, **more: object) -> Trials:
    with FeatureCache(place / "c") as features:
        return run_trials(features, models, n, vectors=vectors_of(features), sizes=(24, 16, 30), **more)  # type: ignore[arg-type]


def test_arrays_and_rows(place: Path) -> None:
    mine = make_pipeline(Pooled("max"), LogisticRegression())
    out = place / "r"
    done = run(place, {"tfidf-lr": "tfidf-lr", "mine": mine}, out=out, seed=3)
    assert done.results == read_results(out / "trials.csv")
    frame = pd.DataFrame(done.rows())
    assert frame.groupby("model").accuracy.count().to_dict() == {"mine": 2, "tfidf-lr": 2}
    for metric, column in (("accuracy", "accuracy"), ("macro-f1", "macro_f1"), ("log-loss", "log_loss")):
        arrays = done.arrays(metric)
        for model, values in arrays.items():
            np.testing.assert_array_equal(values, frame[frame.model == model][column])
    assert "mine - tfidf-lr" in done.table() and "Log-loss in nats" in done.table("log-loss")
    done.plot(place / "a.svg")
    assert (place / "a.svg").stat().st_size > 10_000
    more = run(place, ["tfidf-lr"], 3, out=out, seed=3)
    assert len(more.results) == 3 and [r for r in more.results if r.trial < 3] == [
        r for r in done.results if r.model == "tfidf-lr"
    ]
    assert len(read_results(out / "trials.csv")) == 5


def test_nothing_is_kept_without_a_folder(place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(run(place, "elmo-lr", 1).results) == 1
    assert not list(tmp_path.iterdir())


def test_what_is_refused(place: Path) -> None:
    expected = "one of accuracy, macro-f1, log-loss"
    with raises(messages.INVALID_VALUE, TrialsError, name="metric", found="f2", expected=expected):
        Trials([]).table("f2")
    with raises(messages.WORKERS_NEED_SOURCE, TrialsError):
        run(place, ["tfidf-lr"], workers=2)
    with raises(messages.INVALID_VALUE, TrialsError, name="patience", found=0):
        run(place, ["tfidf-lr"], patience=0)
