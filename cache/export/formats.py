"""One function for all formats: what can be asked of each, and a file that appears whole or not at all."""

from collections.abc import Callable
from pathlib import Path

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
    """Copy the documents that can be read into one file of another tool's format, in bounded memory.

    Parameters
    ----------
    features : FeatureCache
        The cache.
    out : Path
        The file, replaced if it is there.
    format : {"parquet", "allennlp", "safetensors"}
        * parquet: a row a document, with the columns of `cache.adapters.arrow.schema` and `split`;
        * allennlp: HDF5 as AllenNLP's `elmo` command wrote it, a float32 dataset a document;
        * safetensors: all rows end to end in float16, with the offsets of the documents.
    split : str, optional
        The one split; needed for allennlp and safetensors where there are several.
    layer : str, optional
        A view of the cache; default: its own.
    pooling : str, optional
        One vector a document instead of one a token, as `cache.pooling.pool`; for parquet alone.
    progress : callable, optional
        Called with the number of tokens copied since the last call.

    Raises
    ------
    ExportError
        If the format has no room for what is asked.
    SelectionError
        If the cache has no such split or view.
    OutputError
        If the file cannot be written.
    """
    names = [split] if split is not None else list(features)
    if format != "parquet" and len(names) > 1:
        raise ExportError(
            f"{features.path} has several splits ({', '.join(names)}) and a file of this format holds one: name it"
        )
    if format != "parquet" and pooling is not None:
        raise ExportError(f"{format} holds vectors of tokens: pooled vectors can be had as parquet")
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
            raise ExportError(f"format is {format!r}, expected one of {', '.join(FORMATS)}")
