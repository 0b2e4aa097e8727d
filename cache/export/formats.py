"""`export`, one function for all formats, which writes a file either completely or not at all."""

from collections.abc import Callable
from pathlib import Path

from cache import messages
from cache.errors import ExportError
from cache.export.allennlp import write_allennlp
from cache.export.parquet import write_parquet
from cache.export.safetensors import write_safetensors
from cache.files import atomic_path
from cache.store import FeatureCache

__all__ = ["FORMATS", "export"]

FORMATS = ("parquet", "allennlp", "safetensors")


def export(
    features: FeatureCache,
    out: Path,
    format: str,
    *,
    split: str | None = None,
    layer: str | None = None,
    pooling: str | None = None,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Copy the readable documents of a cache into one file in the format of another tool, in bounded memory.

    Parameters
    ----------
    features : FeatureCache
        The cache.
    out : Path
        The file to write. An existing file is replaced.
    format : {"parquet", "allennlp", "safetensors"}
        * parquet: one row per document, with the columns of `cache.adapters.arrow.schema` and `split`;
        * allennlp: the HDF5 layout of AllenNLP's `elmo` command, one float32 dataset per document;
        * safetensors: all rows end to end in float16, with the offsets of the documents.
    split : str, optional
        The split to copy; required for allennlp and safetensors if the cache has several. Default: all splits.
    layer : str, optional
        A view of the cache. Default: the default view of the cache.
    pooling : str, optional
        Write one vector per document instead of one per token, as in `cache.pooling.pool`; only for parquet.
    progress : callable, optional
        Called with the number of tokens copied since the last call.

    Raises
    ------
    ExportError
        If the format cannot store the requested data, or a package is not installed.
    SelectionError
        If the cache has no such split or view.
    OutputError
        If the file cannot be written.
    """
    names = [split] if split is not None else list(features)
    if format != "parquet" and len(names) > 1:
        raise ExportError(messages.SEVERAL_SPLITS, path=features.path, found=", ".join(names), name=format)
    if format != "parquet" and pooling is not None:
        raise ExportError(messages.POOLED_EXPORT, name=format)
    splits = {name: features.split(name, layer) for name in names}
    advance = progress or (lambda n_tokens: None)
    with atomic_path(out) as temporary:
        if format == "parquet":
            write_parquet(temporary, splits, features.label_names, pooling, advance)
        elif format == "allennlp":
            write_allennlp(temporary, features, names[0], layer, advance)
        elif format == "safetensors":
            write_safetensors(temporary, splits[names[0]], features.label_names, advance)
        else:
            raise ExportError(
                messages.INVALID_VALUE, name="format", found=format, expected=f"one of {', '.join(FORMATS)}"
            )
