"""What `choose.py` has other processes do: one model on one trial's documents, at every point of a grid."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from cache import FeatureCache
from cache.hashing import fingerprint
from trainer.experiment import Experiment
from trainer.protocols import Sizes
from trainer.runs.settings import Settings
from trainer.vectors.static import load_static_vectors

__all__ = ["Job", "Place", "Point", "run_job", "use_one_thread"]


@dataclass(frozen=True)
class Place:
    """A cache with static vectors, and how trials are drawn and trained.

    Attributes
    ----------
    cache, vectors : str
        As for `elmo-train trials`; likewise the rest.
    pool : int or None
        Documents of the train split to draw from, the first ones; None for all.
    layer : str or None
    train_size, validation_size, seed, patience, min_epochs : int
    """

    cache: str
    vectors: str
    pool: int | None
    layer: str | None
    train_size: int
    validation_size: int
    seed: int
    patience: int
    min_epochs: int

    def experiment(self) -> Experiment:
        """Open it. No test document is ever looked at: there are none in its trials."""
        features = FeatureCache(self.cache)
        vectors = load_static_vectors(self.vectors, features.vocabulary)
        settings = Settings(
            self.vectors,
            sizes=Sizes(self.train_size, self.validation_size, 0),
            seed=self.seed,
            gamma="auto",
            layer=self.layer,
            patience=self.patience,
            min_epochs=self.min_epochs,
        )
        return Experiment(features, vectors, settings, None if self.pool is None else {"train": self.pool})

    def fingerprint(self, experiment: Experiment) -> str:
        """Sixteen hex digits for all that a fit depends on but its point, trial and model; not for paths."""
        manifest = experiment.features.manifest
        value = {
            "settings": {**experiment.settings.to_json(), "gamma": None, "learning_rates": None},
            "pool": len(experiment.pooled("train")),
            "encoding": manifest.encoding_fingerprint,
            "corpus": manifest.corpus_fingerprint,
            "vectors": experiment.vectors.fingerprint,
        }
        return fingerprint(value)[:16]


@dataclass(frozen=True)
class Point:
    """A point of the grid: a learning rate, and a gamma with what it was asked for as; None where it plays no part."""

    rate: float
    gamma_name: str | None
    gamma: float | None


@dataclass(frozen=True)
class Job:
    """One model and one trial, at several points."""

    place: Place
    model: str
    trial: int
    points: tuple[Point, ...]


def use_one_thread() -> None:
    """Keep this process to one thread; to be called before Keras is imported."""
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "NPROC"):
        os.environ[name] = "1"


def run_job(job: Job) -> tuple[Job, list[Mapping[str, Any]]]:
    """Fit at every point; the documents are read once, and the model is compiled once for all jobs of a place."""
    if "ELMO_CACHE_WORKER" in os.environ:
        use_one_thread()
    from trainer.fitting import accuracy
    from trainer.learners.keras import KerasLearner

    experiment = _experiment(job.place)
    learner = experiment.learner(job.model)
    assert isinstance(learner, KerasLearner)
    training, validation = learner.feeds(experiment.trial(job.trial))
    found: list[Mapping[str, Any]] = []
    for point in job.points:
        start = time.perf_counter()
        rates, gamma = {job.model: point.rate}, 1.0 if point.gamma is None else point.gamma
        experiment.settings = replace(experiment.settings, learning_rates=rates, gamma=gamma)
        fit = learner.fit(job.trial, training, validation)
        found.append(
            {
                "validation_loss": fit.validation_loss,
                "validation_accuracy": accuracy(learner.model, validation),
                "best_epoch": fit.best_epoch,
                "epochs": fit.n_epochs,
                "seconds": round(time.perf_counter() - start, 3),
            }
        )
    return job, found


@lru_cache(maxsize=1)
def _experiment(place: Place) -> Experiment:
    return place.experiment()
