"""Trials run by other processes: what a worker gets, does and reports."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from cache import FeatureCache
from cache.errors import CacheError
from cache.runtime.processes import Workers, run_tasks
from trainer.experiment import Experiment, Outcome
from trainer.models.named import Model
from trainer.runs.settings import Settings
from trainer.vectors import load_static_vectors

__all__ = ["run_trials_elsewhere"]


@dataclass(frozen=True)
class _Shared:
    """What all trials of a run have in common; on a cluster, its paths are those that all workers share.

    `pool` has the number of documents of each split to draw from, `models` those that are not built-in.
    """

    cache: str
    settings: Settings
    pool: tuple[tuple[str, int], ...]
    models: tuple[Model, ...]

    def __hash__(self) -> int:
        return hash((self.cache, self.pool, repr(self.settings)))


@dataclass(frozen=True)
class _TrialJob:
    shared: _Shared
    kind: str
    number: int


def run_trials_elsewhere(
    experiment: Experiment, pending: Sequence[tuple[int, str]], workers: Workers, on_found: Callable[[Outcome], None]
) -> None:
    """Run trials in other processes.

    Parameters
    ----------
    experiment : Experiment
        What they share; a worker makes its own of the same cache, vectors and settings.
    pending : sequence of (int, str)
        Number and model of each.
    workers : Workers
        The processes.
    on_found : callable
        Called with what `Experiment.run` returns, in the order in which trials end.

    Raises
    ------
    TrialsError, VectorsError, CacheError
        Of the first trial that fails.
    WorkersError
        As `run_tasks`.
    """
    settings = replace(experiment.settings, gamma=experiment.gamma)  # found once, and not by each worker
    path = str(experiment.features.path.absolute())
    if os.path.exists(settings.vectors):
        settings = replace(settings, vectors=os.path.abspath(settings.vectors))
    pool = tuple((split, len(experiment.pooled(split))) for split in ("train", "test"))
    shared = _Shared(path, settings, pool, tuple(experiment.models.values()))
    jobs = [_TrialJob(shared, kind, number) for number, kind in pending]
    run_tasks(_run_trial, jobs, workers, on_found, check=_check)


def _run_trial(job: _TrialJob) -> Outcome:
    return _experiment(job.shared).run(job.kind, job.number)


def _check(job: _TrialJob) -> str | None:
    """Say what keeps a worker from running trials."""
    try:
        _experiment(job.shared).learner(job.kind)
    except ImportError as error:  # Keras, which may be missing
        return str(error)
    except CacheError as error:
        return str(error)
    return None


@lru_cache(maxsize=1)
def _experiment(shared: _Shared) -> Experiment:
    features = FeatureCache(Path(shared.cache))
    vectors = load_static_vectors(shared.settings.vectors, features.vocabulary)
    models = {model.name: model for model in shared.models}
    return Experiment(features, vectors, shared.settings, dict(shared.pool), models=models)
