"""Models of scikit-learn: given a `Split` of documents and their labels."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from cache import Split
from trainer import messages
from trainer.errors import TrialsError
from trainer.learners.base import Fit, seeded
from trainer.models.named import Model, errors_of
from trainer.protocols import Trial
from trainer.scores import log_loss, probabilities_of

if TYPE_CHECKING:
    from trainer.experiment import Experiment

__all__ = ["SklearnLearner"]

_READ_NO_VECTORS = ("tfidf-lr", "static-lr")


class SklearnLearner:
    """An estimator, cloned for each trial.

    An estimator whose `fit` has an argument `validation` gets the validation documents and their labels there, as a
    pair; others learn without them. What it draws without a seed depends on the run's seed and the trial alone.

    Parameters
    ----------
    experiment : Experiment
        Where documents come from.
    model : Model
        What it is and where from.
    estimator : estimator
        As the model's function makes it.

    Raises
    ------
    TrialsError
        If it gives no probabilities, or would need several layers at once.
    """

    has_weights = False

    def __init__(self, experiment: "Experiment", model: Model, estimator: Any):
        self._experiment = experiment
        self._model = model
        self._estimator = self._fitted = estimator
        if not hasattr(estimator, "predict_proba") and not hasattr(type(estimator), "predict_proba"):
            raise TrialsError(messages.NO_PROBABILITIES, name=model.place, found=type(estimator).__name__)
        views = list(experiment.layer_views.values())
        if len(views) > 1 and model.name not in _READ_NO_VECTORS:
            raise TrialsError(messages.ONE_LAYER_MODEL, name=model.name, found=len(views))
        self._view = views[0] if len(views) == 1 else None

    def learn(self, trial: Trial, *, on_epoch: Callable[[int, float], None] | None = None) -> Fit:
        """Train on a trial's documents; see `Learner`."""
        documents, others = (
            self._documents("train", trial.train),
            self._documents(trial.validation_split, trial.validation),
        )
        self._fitted = clone(self._estimator)
        takes_validation = "validation" in inspect.signature(self._fitted.fit).parameters
        more = {"validation": (others, others.labels)} if takes_validation else {}
        with errors_of(self._model), seeded(self._experiment.settings.seed, trial.number):
            self._fitted.fit(documents, documents.labels, **more)
        assert others.labels is not None
        loss = log_loss(others.labels, self._probabilities(others))
        if on_epoch:
            on_epoch(1, loss)
        return Fit(1, 1, loss, (), ())

    def probabilities(self, split: str, positions: np.ndarray) -> np.ndarray:
        """Return the probability of each class for documents of a split; see `Learner`."""
        return self._probabilities(self._documents(split, positions))

    def weights(self) -> dict[str, np.ndarray]:
        """Return nothing: an estimator is kept by pickling alone, which nobody should load from a stranger."""
        return {}

    def _documents(self, split: str, positions: np.ndarray) -> Split:
        return self._experiment.features.split(split, self._view)[positions]

    def _probabilities(self, documents: Split) -> np.ndarray:
        n_classes = len(self._experiment.classes)
        with errors_of(self._model):
            found = np.asarray(self._fitted.predict_proba(documents), np.float64)
        classes = np.asarray(self._fitted.classes_)
        if found.shape != (len(documents), len(classes)) or not np.allclose(found.sum(axis=1), 1, atol=1e-3):
            expected = (len(documents), len(classes))
            raise TrialsError(
                messages.PROBABILITIES_SHAPE, name=self._model.place, found=found.shape, expected=expected
            )
        return probabilities_of(found, classes, n_classes)
