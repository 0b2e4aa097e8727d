"""Trials from Python: `from trainer import run_trials`."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from cache import FeatureCache
from cache.runtime.processes import Workers
from cache.runtime.progress import progress_bar
from trainer import messages, report
from trainer.errors import TrialsError, invalid
from trainer.experiment import Experiment
from trainer.models.named import models_of
from trainer.protocols import Sizes
from trainer.runs import trials
from trainer.runs.config import RunConfig
from trainer.runs.details import Details, EpochResult
from trainer.runs.results import TrialResult, read_results
from trainer.runs.settings import Settings
from trainer.vectors import StaticVectors, load_static_vectors

__all__ = ["Trials", "run_trials"]


@dataclass(frozen=True)
class Trials:
    """The results of trials.

    Attributes
    ----------
    results : list of TrialResult
        A line of `trials.csv` each, by trial and model.
    epochs : list of EpochResult
        A line of `epochs.csv` each: the losses of the models that train by epochs.
    """

    results: list[TrialResult]
    epochs: list[EpochResult] = field(default_factory=list)

    def rows(self) -> list[dict[str, Any]]:
        """Return a dict for each training, by column: `pandas.DataFrame(trials.rows())`."""
        return [asdict(result) for result in self.results]

    def arrays(self, metric: str = "accuracy") -> dict[str, np.ndarray]:
        """Return a metric by model, float64 `(n_trials,)`; NaN where a model has no such trial.

        Parameters
        ----------
        metric : str
            "accuracy", "macro-f1" or "log-loss".
        """
        field = _metric(metric).field
        n_trials = max(result.trial for result in self.results)
        found = {result.model: np.full(n_trials, np.nan) for result in self.results}
        for result in self.results:
            value = getattr(result, field)
            found[result.model][result.trial - 1] = np.nan if value is None else value
        return found

    def table(self, metric: str = "accuracy") -> str:
        """Return what `elmo-train trials` prints: each trial, means, paired differences, and what they show."""
        return report.table(self.results, _metric(metric))

    def plot(self, path: str | Path, metric: str = "accuracy", title: str | None = None) -> None:
        """Draw box plots and pair plots into a `.png`, `.svg` or `.pdf`."""
        report.plot({Path(path).stem: self.results}, Path(path), chance=None, metric=_metric(metric), title=title)

    def plot_losses(self, path: str | Path) -> None:
        """Draw the training and validation loss of each model by epoch into a `.png`, `.svg` or `.pdf`."""
        report.plot_losses(self.results, self.epochs, Path(path))


def run_trials(
    cache: str | Path | FeatureCache,
    models: Sequence[Any] | Mapping[str, Any] = ("basic", "elmo"),
    n: int = 10,
    *,
    vectors: str | StaticVectors = Settings.vectors,
    sizes: tuple[int, int, int] = (Sizes.train, Sizes.validation, Sizes.test),
    pool: Mapping[str, int] | None = None,
    out: str | Path | None = None,
    workers: int = 1,
    progress: bool = False,
    **settings: Any,
) -> Trials:
    """Train and test each model on the same documents in every trial, as `elmo-train trials` does.

    Parameters
    ----------
    cache : path or FeatureCache
        With labels, and the splits `train` and `test`.
    models : sequence, or mapping from name
        Names of built-in models, `"FILE.py:NAME"`, functions from `(static, feature_dims, n_classes)` to an uncompiled
        Keras model or a scikit-learn estimator, or, in a mapping, estimators.
    n : int
        How many trials.
    vectors : str or StaticVectors
        `glove-50d`, `muse`, a file, or vectors as `load_static_vectors` returns them. With `workers`, not these.
    sizes : tuple of int
        Training, validation and test documents.
    pool : Mapping[str, int], optional
        Draw from only this many documents of `train` and `test`. Default: as many as an earlier run into `out`,
        otherwise all.
    out : path, optional
        Folder that keeps the results: run again, it trains only what is missing. Default: none is kept.
    workers : int
        Processes.
    progress : bool
        Show a progress bar on stderr.
    **settings
        Further fields of `trainer.runs.settings.Settings`, such as `seed`, `learning_rates`, `patience`, `balanced`.

    Returns
    -------
    Trials
        Of these models, trials 1 to `n`.

    Raises
    ------
    TrialsError
        If a model, a setting or the cache is not as trials need it, or the folder has trials of other settings.

    Examples
    --------
    >>> cache = FeatureCache("imdb.elmo")
    >>> n_words = len(cache.vocabulary)
    >>> static = StaticVectors("ones", np.ones((n_words, 2), np.float32), np.ones(n_words, bool), 0)
    >>> done = run_trials(cache, ["tfidf-lr", "elmo-lr"], 2, vectors=static, sizes=(4, 2, 2))
    >>> sorted(done.arrays()), done.arrays()["elmo-lr"].shape, len(done.rows())
    (['elmo-lr', 'tfidf-lr'], (2,), 4)
    """
    chosen = models_of([models] if isinstance(models, str) else models)
    own = {name: model for name, model in chosen.items() if not model.is_built_in}
    with ExitStack() as stack:
        features = cache if isinstance(cache, FeatureCache) else stack.enter_context(FeatureCache(cache))
        folder = Path(stack.enter_context(TemporaryDirectory())) / "trials" if out is None else Path(out)
        earlier = RunConfig.read(folder)
        if isinstance(vectors, str):
            static, source = load_static_vectors(vectors, features.vocabulary), vectors
        else:
            static, source = vectors, vectors.name
        if workers > 1 and not isinstance(vectors, str):
            raise TrialsError(messages.WORKERS_NEED_SOURCE)
        experiment = Experiment(
            features,
            static,
            Settings(vectors=source, sizes=Sizes(*sizes), **settings),
            pool or (earlier.pool if earlier else None),
            auto_gamma=earlier.auto_gamma if earlier else None,
            models=own,
        )

        def asked_for(results: list[TrialResult]) -> list[TrialResult]:
            return [result for result in results if result.trial <= n and result.model in chosen]

        n_done = len(asked_for(read_results(folder / "trials.csv")))
        bar = stack.enter_context(progress_bar(n * len(chosen), "training", "run", show=progress, initial=n_done))
        results = asked_for(
            trials.run_trials(
                experiment, list(chosen), n, folder, workers=Workers(workers), on_result=lambda _: bar.update()
            )
        )
        return Trials(results, Details.read(folder, {(result.trial, result.model) for result in results}).epochs)


def _metric(name: str) -> report.Metric:
    if name not in report.METRICS:
        raise invalid("metric", name, f"one of {', '.join(report.METRICS)}")
    return report.METRICS[name]
