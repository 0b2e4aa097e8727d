"""Copies of a cache in the formats of other tools: `export`."""

from cache.export.formats import FORMATS, export

__all__ = ["FORMATS", "export"]
