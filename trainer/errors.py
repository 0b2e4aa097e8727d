"""Errors of the experiment, subclasses of `cache.errors.CacheError`."""

from cache.errors import CacheError
from trainer import messages

__all__ = ["TrialsError", "VectorsError", "invalid"]


class VectorsError(CacheError, ValueError):
    """Static word vectors cannot be found, downloaded or read."""


class TrialsError(CacheError, ValueError):
    """Trials cannot be run, resumed or reported as requested."""


def invalid(name: str, found: object, expected: str) -> TrialsError:
    """Return the error of an argument `name` with an invalid value."""
    return TrialsError(messages.INVALID_VALUE, name=name, found=found, expected=expected)
