"""`export`: copy a cache to the file format of another tool."""

from cache.export.formats import FORMATS, export

__all__ = ["FORMATS", "export"]
