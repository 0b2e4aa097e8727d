"""What trials ask of a model, whichever library it is made with."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from trainer.protocols import Trial

__all__ = ["Fit", "Learner", "seeded"]


@dataclass(frozen=True)
class Fit:
    """What training found.

    Attributes
    ----------
    best_epoch, n_epochs : int
        Epoch with the lowest validation loss, and how many were run; both from 1. A NaN is not low: an epoch with one
        is the best only if all have one. A model that knows no epochs has one.
    validation_loss : float
        Cross-entropy at the best epoch, in nats, the mean over documents.
    training_losses, validation_losses : tuple of float
        The same by epoch; that of training is taken while the weights change. Empty for a model without epochs.
    """

    best_epoch: int
    n_epochs: int
    validation_loss: float
    training_losses: tuple[float, ...]
    validation_losses: tuple[float, ...]


class Learner(Protocol):
    """A model that is trained on one trial after the other, from the beginning each time."""

    has_weights: bool
    """Whether `weights` returns any, which a folder of results can keep."""

    def learn(self, trial: Trial, *, on_epoch: Callable[[int, float], None] | None = None) -> Fit:
        """Train on the trial's training documents, watched by its validation documents.

        `on_epoch` is called with each epoch, from 1, and its validation loss.
        """

    def probabilities(self, split: str, positions: np.ndarray) -> np.ndarray:
        """Return the probability of each class, float64 `(n_docs, n_classes)`, for documents of a split."""

    def weights(self) -> dict[str, np.ndarray]:
        """Return copies of what was learned, float32, by name."""


@contextmanager
def seeded(seed: int, trial: int) -> Iterator[int]:
    """Within, what NumPy and Python draw without a seed of their own depends on these numbers alone.

    It yields a seed for the random numbers of other libraries.
    """
    before = random.getstate(), np.random.get_state()
    number = int(np.random.SeedSequence([seed, trial]).generate_state(1)[0])
    random.seed(number)
    np.random.seed(number)
    try:
        yield number
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
