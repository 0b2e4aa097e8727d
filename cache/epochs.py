"""The order of documents in an epoch: as given, shuffled with a seed, or in batches of similar length."""

import numpy as np

__all__ = ["epoch_order", "length_order"]

_POOL_BATCHES = 8
"""Number of batches within which documents are sorted by length: little padding, yet new batches in every epoch."""


def epoch_order(n_docs: int, shuffle_seed: tuple[int, ...] | None, epoch: int) -> np.ndarray:
    """Return the order of documents in an epoch, int64 `(n_docs,)`: shuffled by seed and epoch, or as given."""
    if shuffle_seed is None:
        return np.arange(n_docs)
    order: np.ndarray = _random(shuffle_seed, epoch).permutation(n_docs)
    return order


def length_order(lengths: np.ndarray, batch_size: int, shuffle_seed: tuple[int, ...] | None, epoch: int) -> np.ndarray:
    """Return an order in which each group of `batch_size` consecutive documents has similar lengths.

    Parameters
    ----------
    lengths : ndarray of int, (n_docs,)
        Number of tokens of each document.
    batch_size : int
        Number of documents per batch.
    shuffle_seed : tuple of int or None
        With a seed, the documents of each batch and the order of the batches are randomised in every epoch. With None,
        all documents are sorted by length, the shortest first.
    epoch : int
        Number of the epoch, starting at 0.

    Returns
    -------
    ndarray of int64, (n_docs,)
        Index of each document, once. If the last batch is smaller, its documents are drawn regardless of length.

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
