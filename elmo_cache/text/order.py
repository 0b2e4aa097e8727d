"""The order in which the documents of a split are stored."""

import numpy as np

__all__ = ["sorted_by_place", "stored_order"]


def sorted_by_place(orders: np.ndarray) -> np.ndarray:
    """Return which document stands at each place of the corpus, `(n_docs,)`, given `Document.order` of each one read.

    Raises
    ------
    ValueError
        If two have the same place.
    """
    by_place = np.argsort(orders, kind="stable")
    if np.any(np.diff(orders[by_place]) == 0):
        raise ValueError("two documents have the same place in the corpus")
    return by_place


def stored_order(split: str, n_documents: int, seed: int) -> np.ndarray:
    """Return the place in the corpus of each stored document, `(n_docs,)`: a permutation of the split's own."""
    # RandomState, unlike Generator, promises the same stream in every version of NumPy.
    seeds = np.random.SeedSequence([seed, *split.encode()])
    return np.random.RandomState(np.random.MT19937(seeds)).permutation(n_documents)
