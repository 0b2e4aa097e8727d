"""How good predicted probabilities are: accuracy, F1 by class and on average, log-loss."""

from dataclasses import dataclass

import numpy as np

__all__ = ["ClassScore", "Scores", "log_loss", "probabilities_of", "score"]

_LEAST = 1e-7
"""A probability below it counts as this much: Keras's own bound."""


@dataclass(frozen=True)
class ClassScore:
    """Test documents of one class, as counts."""

    documents: int
    """That have it."""
    predicted: int
    """That were given it."""
    correct: int
    """Of both."""

    @property
    def precision(self) -> float:
        """Share of the documents given the class that have it; 0 if none was given it."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the documents that have the class that were given it; 0 if none has it."""
        return self.correct / self.documents if self.documents else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 if none has the class and none was given it."""
        both = self.documents + self.predicted
        return 2 * self.correct / both if both else 0.0


@dataclass(frozen=True)
class Scores:
    """What a model came to on labelled documents."""

    accuracy: float
    """Share of documents given their class, 0 to 1."""
    macro_f1: float
    """Mean F1 of the classes that a document has or was given, 0 to 1."""
    log_loss: float
    """Mean of -log of the probability that was given to the right class, in nats."""
    classes: tuple[ClassScore, ...]
    """By class index."""


def score(labels: np.ndarray, probabilities: np.ndarray) -> Scores:
    """Score predicted probabilities.

    Parameters
    ----------
    labels : ndarray of int, (n_docs,)
        The right classes; at least one document.
    probabilities : ndarray of float, (n_docs, n_classes)
        Of each class; the most probable one is what a document is given, of equal ones the first.

    Examples
    --------
    >>> found = score(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]))
    >>> found.classes[1]
    ClassScore(documents=2, predicted=1, correct=1)
    >>> round(found.accuracy, 3), round(found.macro_f1, 3), round(found.log_loss, 3)
    (0.667, 0.667, 0.415)
    """
    n_classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    right = predicted == labels
    counts = [np.bincount(found, minlength=n_classes) for found in (labels, predicted, labels[right])]
    classes = tuple(ClassScore(*map(int, of_class)) for of_class in zip(*counts, strict=True))
    seen = [found.f1 for found in classes if found.documents or found.predicted]
    return Scores(float(np.mean(right)), float(np.mean(seen)), log_loss(labels, probabilities), classes)


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean cross-entropy, in nats, of probabilities `(n_docs, n_classes)` given labels `(n_docs,)`."""
    given = np.asarray(probabilities, np.float64)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(given, _LEAST)).mean())


def probabilities_of(found: np.ndarray, classes: np.ndarray, n_classes: int) -> np.ndarray:
    """Return a column for each class, float64 `(n_docs, n_classes)`, where a classifier learned some of them only.

    Parameters
    ----------
    found : ndarray of float, (n_docs, n_learned)
        Its probabilities.
    classes : ndarray of int, (n_learned,)
        The classes of its columns.
    n_classes : int
        How many classes there are.
    """
    every = np.zeros((len(found), n_classes))
    every[:, np.asarray(classes, int)] = found
    return every
