"""`cache.adapters.tensorflow`."""

from cache.adapters.tensorflow import dataset

__all__ = ["dataset"]
