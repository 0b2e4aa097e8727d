"""The feature store: per-token vectors of documents in chunked HDF5, read lazily. A crash costs at most one shard.

The store does not depend on how the vectors were computed. `docs/format.md` describes the files.

>>> from cache import FeatureCache
>>> with FeatureCache("imdb.elmo") as features:
...     features["train"][2].shape  # (n_tokens, dim)
(3, 256)
"""

from cache.errors import (
    CacheError,
    CorruptFileError,
    ExportError,
    FormatVersionError,
    MismatchError,
    NotACacheError,
    OutputError,
    SelectionError,
)
from cache.layers import Layers
from cache.packing import pack
from cache.split import Split
from cache.store import FeatureCache
from cache.verification import Problem, verify

__all__ = [
    "CacheError",
    "CorruptFileError",
    "ExportError",
    "FeatureCache",
    "FormatVersionError",
    "Layers",
    "MismatchError",
    "NotACacheError",
    "OutputError",
    "Problem",
    "SelectionError",
    "Split",
    "pack",
    "verify",
]
