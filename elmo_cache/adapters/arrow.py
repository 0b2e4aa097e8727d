"""`cache.adapters.arrow`."""

from cache.adapters.arrow import record_batches, schema, to_table

__all__ = ["record_batches", "schema", "to_table"]
