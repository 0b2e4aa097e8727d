"""Errors of extraction; they join the tree of `cache.errors`."""

from cache.errors import CacheError

__all__ = ["CorpusError", "DeviceMemoryError", "EncoderError", "PretrainingError"]


class CorpusError(CacheError, ValueError):
    """Text that cannot be read as documents."""


class EncoderError(CacheError, ValueError):
    """Weights or options that do not make an encoder, or vectors that cannot be stored."""


class DeviceMemoryError(EncoderError):
    """The memory of the device that an encoder runs on is full."""


class PretrainingError(CacheError, ValueError):
    """Settings that make no training, or training that cannot go on."""
