"""Splits as Arrow tables, one row per document: for pyarrow, polars, DuckDB, pandas and Hugging Face's `datasets`."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from cache.pooling import check_pooling, pool, pooled_dim
from cache.split import Split

__all__ = ["record_batches", "schema", "to_table"]

_BATCH_TOKENS = 65_536
_BATCH_DOCUMENTS = 4_096


def schema(split: Split, *, pooling: str | None = None) -> pa.Schema:
    """Return the columns of `record_batches`.

    * `id`, int64: position of the document in its split of the corpus, starting at 0;
    * `label`, string: name of its class, null without labels;
    * `tokens`, list of string: its tokens, as the encoder read them;
    * `vectors`, list of lists of `dim` float32: one vector per token; or, with `pooling`,
    * `vector`, list of `dim` float32 (twice as many with "mean+max"): one vector for the document.

    Parameters
    ----------
    split : Split
        The documents.
    pooling : str, optional
        As for `record_batches`.

    Returns
    -------
    pyarrow.Schema
    """
    if pooling is None:
        vectors = pa.field("vectors", pa.list_(pa.list_(pa.float32(), split.dim)), nullable=False)
    else:
        check_pooling(pooling)
        vectors = pa.field("vector", pa.list_(pa.float32(), pooled_dim(pooling, split.dim)), nullable=False)
    return pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False),
            pa.field("label", pa.string()),
            pa.field("tokens", pa.list_(pa.string()), nullable=False),
            vectors,
        ]
    )


def record_batches(
    split: Split, label_names: tuple[str, ...] | None = None, *, pooling: str | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a split, in order, as Arrow record batches of about 65,000 tokens.

    Parameters
    ----------
    split : Split
        The documents.
    label_names : tuple of str, optional
        Class names, as in `FeatureCache.label_names`. Without them, `label` is null.
    pooling : str, optional
        Yield one vector per document instead of one per token: "mean", "max", "mean+max", "first" or "last"; zeros for
        a document without tokens.

    Yields
    ------
    pyarrow.RecordBatch
        Rows with the columns of `schema(split, pooling=pooling)`. Invalid Unicode in words is replaced by U+FFFD.

    Raises
    ------
    ValueError
        If the pooling is unknown.

    Examples
    --------
    >>> from elmo_cache import FeatureCache
    >>> features = FeatureCache("imdb.elmo")
    >>> batch = next(record_batches(features["train"], features.label_names, pooling="mean"))
    >>> batch.num_rows, batch.schema.names
    (6, ['id', 'label', 'tokens', 'vector'])
    """
    columns = schema(split, pooling=pooling)
    for start, stop in _batches(split.lengths):
        yield _record_batch(split[start:stop], label_names, pooling, columns)


def to_table(split: Split, label_names: tuple[str, ...] | None = None, *, pooling: str | None = None) -> pa.Table:
    """Return the documents as one Arrow table in memory, with the parameters and columns of `record_batches`.

    Examples
    --------
    >>> from elmo_cache import FeatureCache
    >>> features = FeatureCache("imdb.elmo")
    >>> table = to_table(features["train"], features.label_names)
    >>> table["tokens"][2].as_py(), len(table["vectors"][2])
    (['Simply', 'great', '!'], 3)
    """
    batches = record_batches(split, label_names, pooling=pooling)
    return pa.Table.from_batches(batches, schema(split, pooling=pooling))


def _batches(lengths: np.ndarray) -> Iterator[tuple[int, int]]:
    start = n_tokens = 0
    for i, length in enumerate(lengths.tolist()):
        if i > start and (n_tokens + length > _BATCH_TOKENS or i - start == _BATCH_DOCUMENTS):
            yield start, i
            start, n_tokens = i, 0
        n_tokens += length
    if start < len(lengths):
        yield start, len(lengths)


def _record_batch(
    split: Split, label_names: tuple[str, ...] | None, pooling: str | None, columns: pa.Schema
) -> pa.RecordBatch:
    labels = split.labels
    if labels is None or label_names is None:
        names = pa.nulls(len(split), pa.string())
    else:
        names = pa.array([_valid(label_names[label]) for label in labels.tolist()], pa.string())
    tokens = pa.array([[_valid(word) for word in split.tokens(i)] for i in range(len(split))], pa.list_(pa.string()))
    if pooling is None:
        indptr = np.zeros(len(split) + 1, np.int32)
        np.cumsum(split.lengths, out=indptr[1:])
        rows = np.empty((int(indptr[-1]), split.dim), np.float32)
        for i, vectors in enumerate(split):
            rows[indptr[i] : indptr[i + 1]] = vectors
        vectors = pa.ListArray.from_arrays(pa.array(indptr), _fixed_size_lists(rows))
    else:
        width = pooled_dim(pooling, split.dim)
        pooled = np.empty((len(split), width), np.float32)
        for row, document in zip(pooled, split, strict=True):
            row[:] = pool(document, pooling)
        vectors = _fixed_size_lists(pooled)
    return pa.RecordBatch.from_arrays([pa.array(split.doc_ids), names, tokens, vectors], schema=columns)


def _fixed_size_lists(rows: np.ndarray) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])


def _valid(word: str) -> str:
    """Return a word without lone surrogates, which Arrow cannot store because they have no UTF-8 form."""
    return word.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
