"""Errors of the experiment; they join the tree of `cache.errors`."""

from cache.errors import CacheError

__all__ = ["TrialsError", "VectorsError"]


class VectorsError(CacheError, ValueError):
    """Static word vectors that cannot be found, fetched or read."""


class TrialsError(CacheError, ValueError):
    """Trials that cannot be run, resumed or reported as asked."""
