"""Draws that mind classes: by the share that each has, or as many of each."""

import numpy as np

from trainer import messages
from trainer.errors import TrialsError

__all__ = ["arranged", "by_class", "check_balance"]


def arranged(order: np.ndarray, labels: np.ndarray, draw: str) -> np.ndarray:
    """Return documents in the order in which a draw takes them; one that is `random` takes them as they come.

    Parameters
    ----------
    order, labels : ndarray of int
        As `by_class` takes them.
    draw : {"random", "stratified", "balanced"}
    """
    if draw == "random":
        return order
    counts = np.bincount(labels)
    return by_class(order, labels, counts if draw == "stratified" else np.ones(len(counts)))


def by_class(order: np.ndarray, labels: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Put documents in an order in which every beginning has the classes in given shares.

    Of each class they stay in the order given. A beginning is a Sainte-Laguë apportionment: no class is more than one
    document off its share for two classes, and seldom for more, as long as no class has run out.

    Parameters
    ----------
    order : ndarray of int, (n_docs,)
        Positions in the pool.
    labels : ndarray of int
        The class of each position of the pool.
    shares : ndarray of float, (n_classes,)
        Of each class, in any unit.

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 0, 1, 1])
    >>> labels[by_class(np.arange(6), labels, np.array([2, 1]))]
    array([0, 1, 0, 0, 1, 0])
    """
    classes = labels[order]
    rank = np.empty(len(order))
    for label in np.unique(classes):
        (own,) = np.nonzero(classes == label)
        rank[own] = (np.arange(len(own)) + 0.5) / shares[label]
    return order[np.argsort(rank, kind="stable")]


def check_balance(part: str, labels: np.ndarray, n_classes: int) -> None:
    """Check that no class ran out, which would leave the others with more documents.

    Parameters
    ----------
    part : str
        Of a trial, for messages.
    labels : ndarray of int, (n_docs,)
        Of its documents.
    n_classes : int
        How many classes there are.

    Raises
    ------
    TrialsError
        If one did.
    """
    counts = np.bincount(labels, minlength=n_classes)
    wanted = len(labels) // n_classes
    if counts.min() < wanted:
        raise TrialsError(messages.UNBALANCED, name=part, n=len(labels), expected=wanted, found=int(counts.min()))
