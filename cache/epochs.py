"""The order in which an epoch goes through documents: as given, drawn from a seed, or in batches of like lengths."""

import numpy as np

__all__ = ["epoch_order", "length_order"]

_POOL_BATCHES = 8
"""Documents are sorted by length within so many batches: little is padded, and batches still mix in every epoch."""


def epoch_order(n_docs: int, shuffle_seed: tuple[int, ...] | None, epoch: int) -> np.ndarray:
    """Return the order of documents in an epoch, int64 `(n_docs,)`: drawn from seed and epoch, or as given."""
    if shuffle_seed is None:
        return np.arange(n_docs)
    order: np.ndarray = _random(shuffle_seed, epoch).permutation(n_docs)
    return order


def length_order(lengths: np.ndarray, batch_size: int, shuffle_seed: tuple[int, ...] | None, epoch: int) -> np.ndarray:
    """Return an order in which each `batch_size` documents, cut off from the front, have like lengths.

    Parameters
    ----------
    lengths : ndarray of int, (n_docs,)
        Tokens of each document.
    batch_size : int
        Documents per batch.
    shuffle_seed : tuple of int or None
        With a seed, both the documents that share a batch and the order of the batches are drawn for each epoch. With
        None, all documents are sorted by length, the shortest first.
    epoch : int
        From 0.

    Returns
    -------
    ndarray of int64, (n_docs,)
        Each document once. If the last batch is smaller, its documents are drawn whatever their length.

    Examples
    --------
    >>> lengths = np.array([9, 1, 8, 2, 9, 1])
    >>> length_order(lengths, 2, None, 0)
    array([1, 5, 3, 2, 0, 4])
    >>> lengths[length_order(lengths, 2, (0,), 0)].reshape(3, 2)
    array([[9, 9],
           [2, 8],
           [1, 1]])
    """
    if shuffle_seed is None:
        order: np.ndarray = np.argsort(lengths, kind="stable")
        return order
    random = _random(shuffle_seed, epoch)
    order = random.permutation(len(lengths))
    n_batches = len(lengths) // batch_size
    whole, rest = order[: n_batches * batch_size], order[n_batches * batch_size :]
    for start in range(0, len(whole), _POOL_BATCHES * batch_size):
        pool = whole[start : start + _POOL_BATCHES * batch_size]
        pool[:] = pool[np.argsort(lengths[pool], kind="stable")]
    batches = whole.reshape(n_batches, batch_size)[random.permutation(n_batches)]
    return np.concatenate([batches.reshape(-1), rest])


def _random(shuffle_seed: tuple[int, ...], epoch: int) -> np.random.RandomState:
    # RandomState, unlike Generator, promises the same stream in every version of NumPy.
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence([*shuffle_seed, epoch])))
