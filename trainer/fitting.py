"""Training one model on one trial's documents: epochs, early stopping, best weights."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from cache.adapters.keras import PaddedBatches
from cache.errors import InvalidValueError
from cache.runtime.quiet import quiet_import
from trainer import messages
from trainer.feed import RaggedBatches
from trainer.learners.base import Fit
from trainer.steps import Batch, steps_of

with quiet_import():
    import keras

__all__ = ["Batches", "Fit", "accuracy", "assign_weights", "fit", "predict", "trainable_weights"]

_STATE = ("moving_mean", "moving_variance")
"""Variables that training changes beside the weights: those of `BatchNormalization`."""


Batches = RaggedBatches | PaddedBatches
"""Documents in batches, as the built-in convolutions and as other models are given them."""


def fit(
    model: keras.Model,
    training: Batches,
    validation: Batches,
    *,
    max_epochs: int = 100,
    patience: int = 2,
    min_epochs: int = 1,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Fit:
    """Train until the validation loss has not fallen for `patience` epochs; leave the best weights in the model.

    Not `Model.fit`: batches differ in length here, and `fit` takes its shapes from the first two.

    Parameters
    ----------
    model : keras.Model
        Compiled by `compile_model`, with the weights to start from.
    training, validation : Batches
        The documents, with labels.
    max_epochs, patience : int
        How many epochs at most, and how many without a lower validation loss end it.
    min_epochs : int
        Epochs before which it does not end, however the validation loss moves.
    on_epoch : callable, optional
        Called with the epoch, from 1, and its validation loss.

    Returns
    -------
    Fit
        The losses, and which epoch's weights the model now has.
    """
    steps = steps_of(model)
    training_losses: list[float] = []
    validation_losses: list[float] = []
    best: dict[str, np.ndarray] = {}
    best_epoch, lowest = 0, math.inf
    for epoch in range(1, max_epochs + 1):
        training.begin_epoch(epoch)
        training_losses.append(_mean_loss(steps.train, training))
        loss = _mean_loss(steps.losses, validation)
        validation_losses.append(loss)
        if on_epoch:
            on_epoch(epoch, loss)
        if not best or loss < lowest:
            # Nothing would be below a NaN.
            best_epoch, lowest = epoch, math.inf if math.isnan(loss) else loss
            best = trainable_weights(model, numbered=True)
        elif epoch >= min_epochs and epoch - best_epoch >= patience:
            break
    assign_weights(model, best, numbered=True)
    return Fit(
        best_epoch,
        len(validation_losses),
        validation_losses[best_epoch - 1],
        tuple(training_losses),
        tuple(validation_losses),
    )


def predict(model: keras.Model, batches: Batches, *, progress: Callable[[int], None] | None = None) -> np.ndarray:
    """Return the probability of each class for each document.

    Parameters
    ----------
    model : keras.Model
        As `trainer.models.convolutional.build_model` returns it.
    batches : Batches
        The documents, with or without labels.
    progress : callable, optional
        Called with the number of documents of each batch.

    Returns
    -------
    ndarray of float64, (n_docs, n_classes)
        In the batches' order.
    """
    steps = steps_of(model)
    width = model.output_shape[-1]
    found = [np.zeros((0, width))]
    for i in range(len(batches)):
        found.append(steps.predict(batches[i][0]).astype(np.float64))
        if progress:
            progress(len(found[-1]))
    every = np.concatenate(found)
    return np.concatenate([1 - every, every], axis=1) if width == 1 else every


def _mean_loss(step: Callable[[Iterable[Batch]], list[float]], batches: Batches) -> float:
    """Return the mean loss of documents, from those of their batches."""
    counts = []

    def each() -> Iterator[Batch]:
        for i in range(len(batches)):
            inputs, labels = batches[i]
            counts.append(len(labels))
            yield inputs, labels

    losses = step(each())
    return float(np.dot(losses, counts) / sum(counts))


def accuracy(model: keras.Model, batches: Batches) -> float:
    """Return the share of labelled documents whose class is the most probable one, 0 to 1; of equal ones the first."""
    assert batches.labels is not None
    return float(np.mean(predict(model, batches).argmax(axis=1) == batches.labels))


def trainable_weights(model: keras.Model, *, numbered: bool = False) -> dict[str, np.ndarray]:
    """Return copies of the trainable weights, float32, by `layer/variable`: the head alone, without static vectors.

    With them comes what `BatchNormalization` keeps. `numbered` names are `0/kernel`, `1/bias`, …, which do not depend
    on what else was built before, as Keras's names for layers without a name do.
    """
    return {name: np.array(variable.numpy()) for name, variable in _kept(model, numbered).items()}


def assign_weights(model: keras.Model, weights: Mapping[str, np.ndarray], *, numbered: bool = False) -> None:
    """Put back what `trainable_weights` of the same kind of model returned.

    Raises
    ------
    ValueError
        If one is missing or has another shape; nothing is assigned then.
    """
    kept = _kept(model, numbered)
    for name, variable in kept.items():
        value = weights.get(name)
        if value is None or value.shape != tuple(variable.shape):
            found = "missing" if value is None else f"of shape {value.shape}"
            raise InvalidValueError(messages.WRONG_VALUE, name=name, found=found, expected=tuple(variable.shape))
    for name, variable in kept.items():
        variable.assign(weights[name])


def _kept(model: keras.Model, numbered: bool) -> dict[str, keras.Variable]:
    state = [variable for variable in model.non_trainable_variables if variable.name in _STATE]
    variables = [*model.trainable_variables, *state]
    return {f"{i}/{v.name}" if numbered else v.path: v for i, v in enumerate(variables)}
