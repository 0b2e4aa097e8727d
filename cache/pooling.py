"""From the vectors of a document's tokens to one vector."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

__all__ = ["POOLINGS", "check_pooling", "pool", "pooled_dim"]

POOLINGS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {
        "mean": lambda rows: rows.mean(axis=0),
        "max": lambda rows: rows.max(axis=0),
        "mean+max": lambda rows: np.concatenate([rows.mean(axis=0), rows.max(axis=0)]),
        "first": lambda rows: rows[0],
        "last": lambda rows: rows[-1],
    }
)
"""By name: from float32 `(n_tokens, dim)` with at least one row to float32 `(pooled_dim,)`."""


def check_pooling(pooling: str) -> None:
    """Raise `ValueError` if there is no such pooling."""
    if pooling not in POOLINGS:
        raise ValueError(f"pooling is {pooling!r}, expected one of {', '.join(map(repr, POOLINGS))}")


def pooled_dim(pooling: str, dim: int) -> int:
    """Return the length of a document's vector, where its tokens' have `dim` numbers."""
    return 2 * dim if pooling == "mean+max" else dim


def pool(rows: np.ndarray, pooling: str) -> np.ndarray:
    """Return one vector for a document, computed in float32.

    Parameters
    ----------
    rows : ndarray of float16 or float32, (n_tokens, dim)
        Its tokens' vectors.
    pooling : {"mean", "max", "mean+max", "first", "last"}
        How they become one. "mean+max" sets the two side by side.

    Returns
    -------
    ndarray of float32, (dim,) or (2 * dim,)
        Zeros for a document without tokens.

    Raises
    ------
    ValueError
        If there is no such pooling.

    Examples
    --------
    >>> pool(np.array([[1, 4], [3, 2]], np.float16), "mean+max")
    array([2., 3., 3., 4.], dtype=float32)
    """
    check_pooling(pooling)
    if not len(rows):
        return np.zeros(pooled_dim(pooling, rows.shape[1]), np.float32)
    return POOLINGS[pooling](rows.astype(np.float32, copy=False))
