"""One trial: the same few documents for every model, one compiled model for all trials of its kind."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cache import FeatureCache, Split
from trainer.errors import TrialsError
from trainer.gamma import balancing_gamma
from trainer.protocols import Pool, Trial, check_notebook_lengths, draw_trial, group_duplicates
from trainer.runs.results import TrialResult
from trainer.runs.settings import Settings
from trainer.vectors import StaticVectors

if TYPE_CHECKING:
    import keras

    from trainer.feed import RaggedBatches
    from trainer.fitting import Fit

__all__ = ["Experiment"]

EVALUATION_BATCH = 64
"""Documents a batch where nothing is learned from it."""

LOAD_BYTES = 2**30
"""Documents up to this size are held in memory while a model is trained on them; larger sets stream."""


@dataclass
class Experiment:
    """A cache, static vectors and settings: everything that trials share.

    Parameters
    ----------
    features : FeatureCache
        An open cache with the splits `train` and `test` and two classes.
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

    Raises
    ------
    TrialsError
        If there are no classes, or not two.
    """

    features: FeatureCache
    vectors: StaticVectors
    settings: Settings
    pool_sizes: Mapping[str, int] | None = None
    label_names: Sequence[str] | None = None
    auto_gamma: float | None = None

    def __post_init__(self) -> None:
        names = self.label_names or self.features.label_names
        if names is None or len(names) != 2:
            found = "no labels" if names is None else f"{len(names)} classes ({', '.join(names)})"
            raise TrialsError(f"{self.features.path} has {found}; these classifiers tell two classes apart")
        self._models: dict[str, keras.Model] = {}
        # By set of inputs: the documents' positions, and their batches.
        self._test_feeds: dict[str, tuple[bytes, RaggedBatches]] = {}

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
        if not {"train", "test"} <= set(self.features):
            raise TrialsError(
                f"{path} has only {', '.join(self.features)}; trials also need "
                f"{' and '.join(sorted({'train', 'test'} - set(self.features)))}. Build it into another folder with "
                "--test-share 0.2"
            )
        for view in self.layer_views.values():
            self.features.split("train", view)  # a layer that the cache does not have
        for split, n_documents in (self.pool_sizes or {}).items():
            if n_documents > len(self.features[split]):
                raise TrialsError(
                    f"{path} has {len(self.features[split])} documents of {split}, the earlier trials drew from "
                    f"{n_documents}: finish its build"
                )
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
            raise TrialsError(
                f"{self.features.path} holds no separate layers for --layer scalar-mix: "
                "build a cache with `elmo-cache build --layers all`"
            )
        return {f"layer_{view}": view for view in layers}

    def pooled(self, split: str) -> Split:
        """Return the documents of a split that trials draw from."""
        documents = self.features[split]
        return documents[: self.pool_sizes[split]] if self.pool_sizes else documents

    @property
    def gamma(self) -> float:
        """The factor on the ELMo vectors; where the settings say "auto", what `balancing_gamma` finds or raises."""
        if isinstance(self.settings.gamma, float | int):
            return float(self.settings.gamma)
        if self.auto_gamma is None:
            pool = self.pool_sizes["train"] if self.pool_sizes else None
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
        return draw_trial(self.settings.protocol, self._pool, self.settings.sizes, self.settings.seed, number)

    def run(
        self, kind: str, number: int, *, on_epoch: Callable[[int, float], None] | None = None
    ) -> tuple[TrialResult, dict[str, np.ndarray]]:
        """Train and test one model on one trial's documents.

        Parameters
        ----------
        kind : str
            A model out of `MODELS`.
        number : int
            The trial, 1-based.
        on_epoch : callable, optional
            Called with the epoch, from 1, and its validation loss.

        Returns
        -------
        TrialResult, dict of str to ndarray
            The result, and the trained weights, float32, by `layer/variable`.

        Raises
        ------
        TrialsError
            As `trial`.
        """
        from trainer.fitting import accuracy, trainable_weights

        trial = self.trial(number)
        start = time.perf_counter()
        found = self.fit(kind, number, *self.feeds(kind, trial), on_epoch=on_epoch)
        model = self.model(kind)
        train_hash, validation_hash, test_hash = trial.hashes
        result = TrialResult(
            trial=number,
            model=kind,
            accuracy=accuracy(model, self._test_feed(kind, trial.test)),
            best_epoch=found.best_epoch,
            epochs=found.n_epochs,
            validation_loss=found.validation_loss,
            seconds=time.perf_counter() - start,
            seed=self.settings.seed,
            train_hash=train_hash,
            validation_hash=validation_hash,
            test_hash=test_hash,
        )
        return result, trainable_weights(model)

    def feeds(self, kind: str, trial: Trial) -> tuple["RaggedBatches", "RaggedBatches"]:
        """Return the batches of a trial's training and validation documents, for any number of fits."""
        split = trial.validation_split
        return (
            self.feed(kind, "train", trial.train, shuffle_seed=(self.settings.seed, trial.number)),
            self.feed(kind, split, self.by_length(split, trial.validation)),
        )

    def fit(
        self,
        kind: str,
        number: int,
        training: "RaggedBatches",
        validation: "RaggedBatches",
        *,
        on_epoch: Callable[[int, float], None] | None = None,
    ) -> "Fit":
        """Train `model(kind)` from the weights that a trial starts with; leave the best weights in it.

        Parameters
        ----------
        kind, number, on_epoch
            As in `run`.
        training, validation : RaggedBatches
            The trial's `feeds`.
        """
        from trainer.fitting import fit
        from trainer.models import reinitialise, set_gamma

        settings, model = self.settings, self.model(kind)
        # Both may have changed since the model was built.
        set_gamma(model, self.gamma)
        model.optimizer.learning_rate = settings.learning_rate(kind)
        reinitialise(model, settings.seed, number)
        return fit(
            model,
            training,
            validation,
            max_epochs=settings.max_epochs,
            patience=settings.patience,
            min_epochs=settings.min_epochs,
            on_epoch=on_epoch,
        )

    def model(self, kind: str) -> "keras.Model":
        """Return the compiled model of a kind, built once: its weights are those it was last given."""
        from trainer.models import build_model, compile_model, set_gamma

        if kind not in self._models:
            dims = dict.fromkeys(self.layer_views, self.features.manifest.layers.dim)
            static = np.concatenate([np.zeros((1, self.vectors.dim), np.float32), self.vectors.matrix])
            model = build_model(kind, static, dims)
            compile_model(model, self.settings.learning_rate(kind))
            set_gamma(model, self.gamma)
            self._models[kind] = model
        return self._models[kind]

    def feed(
        self, kind: str, split: str, positions: np.ndarray, shuffle_seed: tuple[int, ...] | None = None
    ) -> "RaggedBatches":
        """Return the batches of some documents, with the inputs that a model needs.

        Parameters
        ----------
        kind : str
            A model out of `MODELS`; `basic` reads no vectors.
        split : str
        positions : ndarray of int, (n_docs,)
            In the split's stored order; the batches have them in the order given.
        shuffle_seed : tuple of int, optional
            Seed of an order that changes with each epoch, instead.

        Returns
        -------
        RaggedBatches
            Of `batch_size` documents if they are shuffled, which is for training, and else of `EVALUATION_BATCH`; of
            each document the `window` last tokens at most. Their vectors are in memory if they take up to
            `LOAD_BYTES`, and are read batch by batch otherwise.
        """
        import keras

        from trainer.feed import RaggedBatches

        documents = self.features.split(split)[positions]
        splits: dict[str, Split] = {}
        if kind != "basic":
            splits = {name: self.features.split(split, view)[positions] for name, view in self.layer_views.items()}
            if sum(part.n_tokens * part.dim * 2 for part in splits.values()) <= LOAD_BYTES:
                splits = {name: part.load() for name, part in splits.items()}
        return RaggedBatches(
            splits,
            documents,
            batch_size=EVALUATION_BATCH if shuffle_seed is None else self.settings.batch_size,
            window=self.settings.window,
            shuffle_seed=shuffle_seed,
            few_shapes=keras.backend.backend() == "jax",
        )

    def by_length(self, split: str, positions: np.ndarray) -> np.ndarray:
        """Return positions `(n_docs,)` ordered by their documents' lengths: documents of a batch are then much alike.

        For documents whose order does not matter: all but those of training.
        """
        return positions[np.argsort(self.features.split(split).lengths[positions], kind="stable")]

    def _test_feed(self, kind: str, positions: np.ndarray) -> "RaggedBatches":
        # The test documents are the same in every trial: their batches are kept.
        inputs, documents = ("static" if kind == "basic" else "elmo"), positions.tobytes()
        if inputs not in self._test_feeds or self._test_feeds[inputs][0] != documents:
            self._test_feeds[inputs] = (documents, self.feed(kind, "test", self.by_length("test", positions)))
        return self._test_feeds[inputs][1]

    @cached_property
    def _pool(self) -> Pool:
        train = self.pooled("train")
        test = self.pooled("test") if self.settings.sizes.test else train[:0]
        train_groups, test_groups = group_duplicates(_token_ids(train), _token_ids(test))
        assert train.labels is not None and test.labels is not None
        return Pool(train.labels, test.labels, train_groups, test_groups)


def _token_ids(split: Split) -> Any:
    return (split.token_ids(i) for i in range(len(split)))
