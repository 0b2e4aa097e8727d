"""Pooling: from the vectors of a document's tokens to one vector."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from cache import messages
from cache.errors import InvalidValueError

__all__ = ["POOLINGS", "WEIGHTED", "check_pooling", "pool", "pooled_dim"]


def _mean(rows: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    mean: np.ndarray = rows.mean(axis=0) if weights is None else np.average(rows, axis=0, weights=weights)
    return mean


POOLINGS: Mapping[str, Callable[[np.ndarray, np.ndarray | None], np.ndarray]] = MappingProxyType(
    {
        "mean": _mean,
        "max": lambda rows, _: rows.max(axis=0),
        "mean+max": lambda rows, weights: np.concatenate([_mean(rows, weights), rows.max(axis=0)]),
        "first": lambda rows, _: rows[0],
        "last": lambda rows, _: rows[-1],
    }
)
"""By name: functions from float32 `(n_tokens, dim)`, with at least one row, and weights or None to float32
`(pooled_dim,)`."""
WEIGHTED = ("mean", "mean+max")
"""The poolings that use weights."""


def check_pooling(pooling: str) -> None:
    """Raise `ValueError` if the pooling is unknown."""
    if pooling not in POOLINGS:
        expected = f"one of {', '.join(map(repr, POOLINGS))}"
        raise InvalidValueError(messages.INVALID_VALUE, name="pooling", found=pooling, expected=expected)


def pooled_dim(pooling: str, dim: int) -> int:
    """Return the length of a document's vector if the vectors of its tokens have length `dim`."""
    return 2 * dim if pooling == "mean+max" else dim


def pool(rows: np.ndarray, pooling: str, weights: np.ndarray | None = None) -> np.ndarray:
    """Return one vector for a document, computed in float32.

    Parameters
    ----------
    rows : ndarray of float16 or float32, (n_tokens, dim)
        The vectors of its tokens.
    pooling : {"mean", "max", "mean+max", "first", "last"}
        How to combine the vectors. "mean+max" concatenates the two.
    weights : ndarray of float, (n_tokens,), optional
        Weight of each token in a mean, greater than 0. Default: equal weights.

    Returns
    -------
    ndarray of float32, (dim,) or (2 * dim,)
        The vector; zeros for a document without tokens.

    Raises
    ------
    ValueError
        If the pooling is unknown.

    Examples
    --------
    >>> pool(np.array([[1, 4], [3, 2]], np.float16), "mean+max")
    array([2., 3., 3., 4.], dtype=float32)
    """
    check_pooling(pooling)
    if not len(rows):
        return np.zeros(pooled_dim(pooling, rows.shape[1]), np.float32)
    return POOLINGS[pooling](
        rows.astype(np.float32, copy=False), None if weights is None else weights.astype(np.float32, copy=False)
    )
