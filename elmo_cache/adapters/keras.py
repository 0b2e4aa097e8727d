"""`cache.adapters.keras`."""

from cache.adapters.keras import PaddedBatches

__all__ = ["PaddedBatches"]
