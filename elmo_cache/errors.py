"""Errors of extraction, subclasses of `cache.errors.CacheError`."""

from cache.errors import CacheError

__all__ = ["CorpusError", "EncoderError", "PretrainingError"]


class CorpusError(CacheError, ValueError):
    """A corpus cannot be read."""


class EncoderError(CacheError, ValueError):
    """Weights or options are not those of an encoder, or its vectors cannot be stored."""


class PretrainingError(CacheError, ValueError):
    """Training settings are invalid, or training cannot continue."""
