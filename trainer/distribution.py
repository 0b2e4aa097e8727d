"""Trials run by other processes: what a worker gets, does and reports."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from cache import FeatureCache
from cache.adapters.parallel import Workers, run_tasks
from cache.adapters.quiet import quiet_import
from cache.errors import CacheError
from trainer.experiment import Experiment
from trainer.report import TrialResult
from trainer.settings import Settings
from trainer.static_vectors import load_static_vectors

__all__ = ["TrialJob", "run_trials_elsewhere"]

_Found = tuple[TrialResult, dict[str, np.ndarray]]


@dataclass(frozen=True)
class _Shared:
    """What all trials of a run have in common."""

    cache: str
    settings: Settings
    pool: tuple[tuple[str, int], ...]

    def __hash__(self) -> int:
        return hash((self.cache, self.pool, repr(self.settings)))


@dataclass(frozen=True)
class TrialJob:
    """One training.

    Attributes
    ----------
    shared : _Shared
        Cache, settings, and the documents to draw from; on a cluster, paths that all workers share.
    kind, number : str, int
        Model and trial.
    """

    shared: _Shared
    kind: str
    number: int


def run_trials_elsewhere(
    experiment: Experiment, pending: Sequence[tuple[int, str]], workers: Workers, on_found: Callable[[_Found], None]
) -> None:
    """Run trials, given as (number, model), in other processes; `on_found` gets what `Experiment.run` returns.

    Raises
    ------
    TrialsError, VectorsError, CacheError
        Of the first trial that fails.
    WorkersError
        As `run_tasks`.
    """
    settings, path = experiment.settings, str(experiment.features.path.absolute())
    if os.path.exists(settings.vectors):
        settings = replace(settings, vectors=os.path.abspath(settings.vectors))
    pool = tuple((split, len(experiment.pooled(split))) for split in ("train", "test"))
    shared = _Shared(path, settings, pool)
    jobs = [TrialJob(shared, kind, number) for number, kind in pending]
    run_tasks(_run_trial, jobs, workers, on_found, check=_check)


def _run_trial(job: TrialJob) -> _Found:
    return _experiment(job.shared).run(job.kind, job.number)


def _check(job: TrialJob) -> str | None:
    """Say what keeps a worker from running trials."""
    try:
        _experiment(job.shared)
    except CacheError as error:
        return str(error)
    return None


@lru_cache(maxsize=1)
def _experiment(shared: _Shared) -> Experiment:
    with quiet_import():
        import keras  # noqa: F401
    features = FeatureCache(Path(shared.cache))
    vectors = load_static_vectors(shared.settings.vectors, features.vocabulary)
    return Experiment(features, vectors, shared.settings, dict(shared.pool))
