"""`cache.adapters.sklearn`."""

from cache.adapters.sklearn import Pooled, PooledStatic

__all__ = ["Pooled", "PooledStatic"]
