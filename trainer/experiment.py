"""One trial: the same few documents for every model, each of which is made once for all trials."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from cache import FeatureCache, Split
from trainer import messages
from trainer.errors import TrialsError
from trainer.gamma import balancing_gamma
from trainer.learners.base import Fit, Learner
from trainer.models.named import Model, model_of
from trainer.protocols import Pool, Trial, check_notebook_lengths, draw_trial, group_duplicates
from trainer.runs.results import TrialResult
from trainer.runs.settings import Settings, is_keras
from trainer.scores import Scores, score
from trainer.vectors import StaticVectors

__all__ = ["Experiment", "Outcome"]

LOAD_BYTES = 2**30
"""Documents up to this size are held in memory while a model is trained on them; larger sets stream."""


@dataclass(frozen=True)
class Outcome:
    """What came of one training.

    Attributes
    ----------
    result : TrialResult
        Its line of `trials.csv`.
    scores : Scores
        On the test documents, class by class too.
    fit : Fit
        How the losses went.
    weights : dict of str to ndarray
        What was learned, float32, by name; empty for a model of scikit-learn.
    """

    result: TrialResult
    scores: Scores
    fit: Fit
    weights: dict[str, np.ndarray]


@dataclass
class Experiment:
    """A cache, static vectors and settings: everything that trials share.

    Parameters
    ----------
    features : FeatureCache
        An open cache with the splits `train` and `test` and at least two classes.
    vectors : StaticVectors
        Of the cache's vocabulary.
    settings : Settings
        The choices of the run.
    pool_sizes : Mapping[str, int], optional
        How many documents of `train` and `test` trials draw from. Default: all that are finished.
    label_names : sequence of str, optional
        The classes that the models tell apart. Default: the cache's.
    auto_gamma : float, optional
        The number that `gamma="auto"` stands for, from earlier trials. Default: found when first needed.
    models : Mapping[str, Model], optional
        Models of yours, by name; the built-in ones are always there.

    Raises
    ------
    TrialsError
        If there are fewer than two classes.
    """

    features: FeatureCache
    vectors: StaticVectors
    settings: Settings
    pool_sizes: Mapping[str, int] | None = None
    label_names: Sequence[str] | None = None
    auto_gamma: float | None = None
    models: Mapping[str, Model] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = self.label_names or self.features.label_names
        if names is None:
            raise TrialsError(messages.NO_LABELS, path=self.features.path)
        if len(names) < 2:
            raise TrialsError(messages.ONE_CLASS, path=self.features.path, found=", ".join(names))
        self.classes = tuple(names)
        self._learners: dict[str, Learner] = {}
        self.test_feeds: dict[str, tuple[bytes, Any]] = {}
        """By what a model reads: the test documents' positions, and their batches."""

    def check_pool(self) -> None:
        """Check that there is something to draw trials from, of the lengths that the protocol wants.

        Raises
        ------
        TrialsError
            If a split is missing, has fewer documents than earlier trials drew from, or other lengths.
        SelectionError
            If the cache has no such layer.
        """
        path = self.features.path
        if missing := [name for name in ("train", "test") if name not in self.features]:
            data = {"found": ", ".join(self.features), "expected": " and ".join(missing)}
            raise TrialsError(messages.SPLIT_MISSING, path=path, **data)
        for view in self.layer_views.values():
            self.features.split("train", view)  # a layer that the cache does not have
        for split, n_documents in (self.pool_sizes or {}).items():
            if n_documents > (found := len(self.features[split])):
                raise TrialsError(messages.POOL_SHRANK, path=path, name=split, found=found, expected=n_documents)
        if self.settings.protocol == "notebook":
            lengths = {split: self.pooled(split).lengths for split in ("train", "test")}
            check_notebook_lengths(lengths, self.settings.window)

    @cached_property
    def layer_views(self) -> dict[str, str | None]:
        """Feature inputs of the models, and the view of the cache that each reads; None is the cache's default.

        Raises
        ------
        TrialsError
            If a trainable mix is wanted and the cache holds no separate layers.
        """
        if self.settings.layer != "scalar-mix":
            return {"features": self.settings.layer}
        layers = sorted((view for view in self.features.manifest.layers.views if view.isdecimal()), key=int)
        if len(layers) < 2:
            raise TrialsError(messages.NO_LAYERS, path=self.features.path)
        return {f"layer_{view}": view for view in layers}

    def pooled(self, split: str) -> Split:
        """Return the documents of a split that trials draw from."""
        documents = self.features[split]
        return documents[: (self.pool_sizes or {}).get(split)]

    @property
    def gamma(self) -> float:
        """The factor on the ELMo vectors; where the settings say "auto", what `balancing_gamma` finds or raises."""
        if isinstance(self.settings.gamma, float | int):
            return float(self.settings.gamma)
        if self.auto_gamma is None:
            pool = (self.pool_sizes or {}).get("train")
            layers = [self.features.split("train", view)[:pool] for view in self.layer_views.values()]
            self.auto_gamma = balancing_gamma(layers, self.vectors, self.settings.window)
        return self.auto_gamma

    def trial(self, number: int) -> Trial:
        """Return the documents of a trial, 1-based; it depends on no other trial.

        Raises
        ------
        TrialsError
            As `draw_trial`.
        """
        settings = self.settings
        draw = "balanced" if settings.balanced else "random" if len(self.classes) == 2 else "stratified"
        return draw_trial(settings.protocol, self._pool, settings.sizes, settings.seed, number, draw)

    def learner(self, name: str) -> Learner:
        """Return what trains a model, made once.

        Parameters
        ----------
        name : str
            A model out of `MODELS` or `models`.

        Raises
        ------
        TrialsError
            If there is no such model, or it cannot be made or used; the message shows your own line.
        """
        if name not in self._learners:
            model = self.models.get(name) or model_of(name)
            made = model.make(*self.model_arguments)
            keras = sys.modules.get("keras")
            if keras is not None and isinstance(made, keras.Model):
                from trainer.learners.keras import KerasLearner

                self._learners[name] = KerasLearner(self, model, made)
            elif hasattr(made, "fit") and hasattr(made, "get_params"):
                from trainer.learners.sklearn import SklearnLearner

                self._learners[name] = SklearnLearner(self, model, made)
            else:
                name, expected = f"The value of {model.place}", "a Keras model or a scikit-learn estimator"
                raise TrialsError(messages.MODEL_TYPE, name=name, found=type(made).__name__, expected=expected)
        return self._learners[name]

    def has_weights(self, name: str) -> bool:
        """Tell whether a model learns weights step by step, as those of Keras do.

        Raises
        ------
        TrialsError
            As `learner`: a model of yours is made to find out. A built-in one is not: that would import its library.
        """
        return self.learner(name).has_weights if name in self.models else is_keras(name)

    def run(self, name: str, number: int, *, on_epoch: Callable[[int, float], None] | None = None) -> Outcome:
        """Train and test one model on one trial's documents.

        Parameters
        ----------
        name : str
            A model out of `MODELS` or `models`.
        number : int
            The trial, 1-based.
        on_epoch : callable, optional
            Called with the epoch, from 1, and its validation loss.

        Raises
        ------
        TrialsError
            As `trial` and `learner`.
        """
        trial = self.trial(number)
        start = time.perf_counter()
        learner = self.learner(name)
        found = learner.learn(trial, on_epoch=on_epoch)
        labels = self.features["test"].labels
        assert labels is not None
        scores = score(labels[trial.test], learner.probabilities("test", trial.test))
        train_hash, validation_hash, test_hash = trial.hashes
        result = TrialResult(
            trial=number,
            model=name,
            accuracy=scores.accuracy,
            best_epoch=found.best_epoch,
            epochs=found.n_epochs,
            validation_loss=found.validation_loss,
            seconds=time.perf_counter() - start,
            seed=self.settings.seed,
            train_hash=train_hash,
            validation_hash=validation_hash,
            test_hash=test_hash,
            macro_f1=scores.macro_f1,
            log_loss=scores.log_loss,
        )
        return Outcome(result, scores, found, learner.weights())

    @cached_property
    def model_arguments(self) -> tuple[np.ndarray, dict[str, int], int]:
        """What models are made from: static vectors with a row for padding, the inputs' dimensions, the classes."""
        static = np.concatenate([np.zeros((1, self.vectors.dim), np.float32), self.vectors.matrix])
        return static, dict.fromkeys(self.layer_views, self.features.manifest.layers.dim), len(self.classes)

    def layers(self, split: str, positions: np.ndarray) -> dict[str, Split]:
        """Return some documents in each of `layer_views`, in memory if they take up to `LOAD_BYTES` together."""
        parts = {name: self.features.split(split, view)[positions] for name, view in self.layer_views.items()}
        if sum(part.n_tokens * part.dim * 2 for part in parts.values()) <= LOAD_BYTES:
            parts = {name: part.load() for name, part in parts.items()}
        return parts

    def by_length(self, split: str, positions: np.ndarray) -> np.ndarray:
        """Return positions `(n_docs,)` ordered by their documents' lengths: documents of a batch are then much alike.

        For documents whose order does not matter: all but those of training.
        """
        return positions[np.argsort(self.features.split(split).lengths[positions], kind="stable")]

    @cached_property
    def _pool(self) -> Pool:
        train = self.pooled("train")
        test = self.pooled("test") if self.settings.sizes.test else train[:0]
        train_groups, test_groups = group_duplicates(_token_ids(train), _token_ids(test))
        assert train.labels is not None and test.labels is not None
        return Pool(train.labels, test.labels, train_groups, test_groups, self.features)


def _token_ids(split: Split) -> Any:
    return (split.token_ids(i) for i in range(len(split)))
