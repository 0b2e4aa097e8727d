"""Errors of extraction, subclasses of `cache.errors.CacheError`."""

from cache.errors import CacheError

__all__ = ["CorpusError", "DeviceMemoryError", "EncoderError", "PretrainingError"]


class CorpusError(CacheError, ValueError):
    """A corpus cannot be read."""


class EncoderError(CacheError, ValueError):
    """Weights or options are not those of an encoder, or its vectors cannot be stored."""


class DeviceMemoryError(EncoderError):
    """The memory of the device that an encoder runs on is full."""


class PretrainingError(CacheError, ValueError):
    """Training settings are invalid, or training cannot continue."""
