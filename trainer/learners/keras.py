"""Models of Keras: one compiled model for all trials, given batches of documents by the names of its inputs."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cache.adapters.keras import PaddedBatches
from cache.runtime.quiet import quiet_import
from trainer import messages
from trainer.errors import TrialsError
from trainer.feed import RaggedBatches
from trainer.fitting import Batches, assign_weights, fit, predict, trainable_weights
from trainer.learners.base import Fit
from trainer.models.convolutional import set_gamma
from trainer.models.named import Model, errors_of
from trainer.models.starting import compile_model, reinitialise, start_as_built
from trainer.protocols import Trial
from trainer.runs.settings import CONVOLUTIONS

with quiet_import():
    import keras

if TYPE_CHECKING:
    from trainer.experiment import Experiment

__all__ = ["KerasLearner"]

EVALUATION_BATCH = 64
"""Documents a batch where nothing is learned from it."""
_RAGGED = {"places", "blocks", "words", "word_of_row"}
_PADDED = {"token_ids", "mask"}


class KerasLearner:
    """A compiled model, and what feeds it.

    A model with an input `places` gets `trainer.feed.RaggedBatches`, any other `cache.adapters.keras.PaddedBatches`:
    `features` (or `layer_0`, … for several layers), `token_ids` and `mask`, whichever of them it has an input for. With
    a `mask`, documents are padded to the longest of their batch; without, all to the window, since what a model makes
    of padding must not depend on the other documents. An input of a fixed length sets the window.

    Parameters
    ----------
    experiment : Experiment
        Where documents and settings come from.
    model : Model
        What it is and where from.
    built : keras.Model
        As the model's function makes it, not compiled.

    Attributes
    ----------
    model : keras.Model
        Compiled. Its weights are those it was last given.

    Raises
    ------
    TrialsError
        If it has other inputs or another output.
    """

    has_weights = True

    def __init__(self, experiment: "Experiment", model: Model, built: keras.Model):
        self._experiment = experiment
        self._named = model
        self._is_convolution = model.is_built_in and model.name in CONVOLUTIONS
        self.model = self._checked(built)
        compile_model(self.model, experiment.settings.learning_rate(model.name))
        if self._is_convolution:
            set_gamma(self.model, experiment.gamma)

    def learn(self, trial: Trial, *, on_epoch: Callable[[int, float], None] | None = None) -> Fit:
        """Train on a trial's documents; see `Learner`."""
        return self.fit(trial.number, *self.feeds(trial), on_epoch=on_epoch)

    def feeds(self, trial: Trial) -> tuple[Batches, Batches]:
        """Return the batches of a trial's training and validation documents, for any number of fits."""
        split, seed = trial.validation_split, self._experiment.settings.seed
        return (
            self.feed("train", trial.train, shuffle_seed=(seed, trial.number)),
            self.feed(split, self._experiment.by_length(split, trial.validation)),
        )

    def fit(
        self,
        number: int,
        training: Batches,
        validation: Batches,
        *,
        on_epoch: Callable[[int, float], None] | None = None,
    ) -> Fit:
        """Train from the weights that a trial starts with; leave the best weights in the model.

        Parameters
        ----------
        number : int
            The trial, 1-based.
        training, validation : Batches
            The trial's `feeds`.
        on_epoch : callable, optional
            Called with the epoch, from 1, and its validation loss.
        """
        settings = self._experiment.settings
        with self._errors():
            self.start(number)
            return fit(
                self.model,
                training,
                validation,
                max_epochs=settings.max_epochs,
                patience=settings.patience,
                min_epochs=settings.min_epochs,
                on_epoch=on_epoch,
            )

    def start(self, number: int) -> None:
        """Give the model the weights that a trial starts with, and the settings as they are now."""
        settings = self._experiment.settings
        self.model.optimizer.learning_rate = settings.learning_rate(self._named.name)
        if self._is_convolution:
            set_gamma(self.model, self._experiment.gamma)
            reinitialise(self.model, settings.seed, number)
        else:
            start_as_built(self.model, self._build, settings.seed, number)

    def probabilities(
        self, split: str, positions: np.ndarray, *, progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """Return the probability of each class for documents of a split; see `Learner`.

        Raises
        ------
        TrialsError
            If the model gives anything but probabilities.
        """
        order = self._experiment.by_length(split, positions)
        feed = self._test_feed(order) if split == "test" else self.feed(split, order)
        with self._errors():
            found = predict(self.model, feed, progress=progress)
        # A NaN is what a training came to that diverged, and no mistake in the model.
        if np.any(found < 0) or np.any(np.abs(found.sum(axis=1) - 1) > 1e-3):
            raise TrialsError(messages.NOT_PROBABILITIES, name=self._named.place)
        places = np.empty(len(order), int)
        places[np.argsort(positions, kind="stable")] = np.argsort(order, kind="stable")
        return found[places]

    def weights(self) -> dict[str, np.ndarray]:
        """Return copies of what was learned; see `Learner`."""
        return trainable_weights(self.model, numbered=not self._is_convolution)

    def assign(self, weights: dict[str, np.ndarray]) -> None:
        """Put back what `weights` returned.

        Raises
        ------
        ValueError
            If one is missing or has another shape.
        """
        assign_weights(self.model, weights, numbered=not self._is_convolution)

    def feed(self, split: str, positions: np.ndarray, shuffle_seed: tuple[int, ...] | None = None) -> Batches:
        """Return the batches of some documents, with the inputs that the model needs.

        Parameters
        ----------
        split : str
        positions : ndarray of int, (n_docs,)
            In the split's stored order; the batches have them in the order given.
        shuffle_seed : tuple of int, optional
            Seed of an order that changes with each epoch, instead.

        Returns
        -------
        RaggedBatches or PaddedBatches
            Of `batch_size` documents if they are shuffled, which is for training, and else of `EVALUATION_BATCH`; of
            each document the `window` last tokens at most. Their vectors are in memory if they take up to
            `LOAD_BYTES`, and are read batch by batch otherwise.
        """
        experiment, inputs = self._experiment, self._inputs
        documents = experiment.features.split(split)[positions]
        splits = experiment.layers(split, positions) if self._reads_vectors else {}
        batch_size = EVALUATION_BATCH if shuffle_seed is None else experiment.settings.batch_size
        if "places" in inputs:
            return RaggedBatches(
                splits,
                documents,
                batch_size=batch_size,
                window=experiment.settings.window,
                shuffle_seed=shuffle_seed,
                few_shapes=keras.backend.backend() == "jax",
            )
        return PaddedBatches(
            splits,
            documents,
            batch_size=batch_size,
            window=self._window,
            shuffle=shuffle_seed is not None,
            seed=shuffle_seed or 0,
            trim="mask" in inputs,
            masks="mask" in inputs,
            token_ids="token_ids" in inputs,
        )

    @cached_property
    def _inputs(self) -> dict[str, Any]:
        return {tensor.name: tensor for tensor in self.model.inputs}

    @property
    def _reads_vectors(self) -> bool:
        return any(name in self._inputs for name in self._experiment.layer_views)

    @property
    def _window(self) -> int:
        fixed = {t.shape[1] for t in self.model.inputs if len(t.shape) > 1 and t.shape[1] is not None}
        return int(fixed.pop()) if fixed else self._experiment.settings.window

    def _test_feed(self, positions: np.ndarray) -> Batches:
        # The test documents are the same in every trial: their batches are kept, and shared by models that read alike.
        kind = "places" if "places" in self._inputs else f"{self._window} {sorted(_PADDED & self._inputs.keys())}"
        key, documents = f"{kind} {self._reads_vectors}", positions.tobytes()
        kept = self._experiment.test_feeds
        if key not in kept or kept[key][0] != documents:
            kept[key] = (documents, self.feed("test", positions))
        return kept[key][1]  # type: ignore[no-any-return]

    def _errors(self) -> AbstractContextManager[None]:
        return nullcontext() if self._named.is_built_in else errors_of(self._named)

    def _build(self) -> keras.Model:
        found = self._named.make(*self._experiment.model_arguments)
        return found if self._is_convolution else self._checked(found)

    def _checked(self, built: keras.Model) -> keras.Model:
        """Return a model with a dict of inputs, whichever way its own take them."""
        if self._is_convolution:
            return built
        place, n_classes = self._named.place, len(self._experiment.classes)
        if not getattr(built, "inputs", None):
            raise TrialsError(messages.NO_INPUTS, name=place)
        known = [*self._experiment.layer_views, *sorted(_PADDED)]
        names = [tensor.name for tensor in built.inputs]
        if "places" in names:
            known = [*self._experiment.layer_views, *sorted(_RAGGED)]
        if unknown := [name for name in names if name not in known]:
            expected = ", ".join(known)
            raise TrialsError(messages.UNKNOWN_INPUT, name=place, found=unknown[0], expected=expected, example=known[0])
        fixed = {t.shape[1] for t in built.inputs if len(t.shape) > 1 and t.shape[1] is not None}
        if "places" not in names and len(fixed) > 1:
            raise TrialsError(messages.INPUT_LENGTHS, name=place, found=" and ".join(map(str, sorted(fixed))))
        dims = self._experiment.model_arguments[1]
        for tensor in built.inputs:
            if tensor.name in dims and tensor.shape[-1] != dims[tensor.name]:
                raise TrialsError(
                    messages.INPUT_SHAPE,
                    name=place,
                    input=tensor.name,
                    found=tuple(tensor.shape),
                    expected=(None, None, dims[tensor.name]),
                )
        shapes = [tuple(tensor.shape) for tensor in built.outputs]
        wanted = [(None, n_classes), *([(None, 1)] if n_classes == 2 else [])]
        if len(shapes) != 1 or shapes[0] not in wanted:
            raise TrialsError(
                messages.OUTPUT_SHAPE,
                name=place,
                found=", ".join(map(str, shapes)),
                expected=" or ".join(map(str, wanted)),
                n=n_classes,
            )
        return keras.Model({tensor.name: tensor for tensor in built.inputs}, built.outputs[0], name=built.name)
