"""Parquet: one row per document, in row groups of about 65,000 tokens."""

from collections.abc import Callable, Mapping
from pathlib import Path

from cache import messages
from cache.errors import ExportError
from cache.split import Split

__all__ = ["write_parquet"]


def write_parquet(
    path: Path,
    splits: Mapping[str, Split],
    label_names: tuple[str, ...] | None,
    pooling: str | None,
    advance: Callable[[int], object],
) -> None:
    """Write the documents of the given splits; see `export`."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ExportError(messages.NOT_INSTALLED, name="Parquet", package="pyarrow", install="pyarrow") from error
    from cache.adapters.arrow import record_batches, schema

    columns = schema(next(iter(splits.values())), pooling=pooling)
    columns = columns.insert(1, pa.field("split", pa.string(), nullable=False))
    # A dictionary helps words and names, and only delays vectors.
    with pq.ParquetWriter(path, columns, use_dictionary=["split", "label", "tokens.list.element"]) as writer:
        for name, split in splits.items():
            done = 0
            for batch in record_batches(split, label_names, pooling=pooling):
                of_split = pa.array([name] * batch.num_rows, pa.string())
                writer.write_batch(batch.add_column(1, columns.field("split"), of_split))
                n_tokens = int(split.lengths[done : done + batch.num_rows].sum())
                done += batch.num_rows
                advance(n_tokens)
