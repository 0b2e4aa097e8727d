"""Errors of the experiment, subclasses of `cache.errors.CacheError`."""

from cache.errors import CacheError

__all__ = ["TrialsError", "VectorsError"]


class VectorsError(CacheError, ValueError):
    """Static word vectors cannot be found, downloaded or read."""


class TrialsError(CacheError, ValueError):
    """Trials cannot be run, resumed or reported as requested."""
