"""What `elmo-cache encode` saves, in the formats that it saves."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cache import CacheError, OutputError
from elmo_cache import messages

__all__ = ["FORMATS", "choose_format", "save"]

FORMATS = ("npz", "npy", "jsonl", "parquet")


def choose_format(out: Path, wanted: str | None) -> str:
    """Return the format of a file: the one that is wanted, or else what its name ends in.

    Raises
    ------
    OutputError
        If the name ends in none of `FORMATS`, or in another than the one that is wanted.
    """
    ending = out.suffix.removeprefix(".").lower()
    if wanted is None and ending not in FORMATS:
        expected = ", ".join(f".{name}" for name in FORMATS)
        raise OutputError(messages.NAME_WITHOUT_FORMAT, path=out, expected=expected)
    if wanted is not None and ending in FORMATS and ending != wanted:
        raise OutputError(messages.NAME_OF_OTHER_FORMAT, path=out, expected=wanted)
    return wanted or ending


def save(
    path: Path,
    format: str,
    texts: Sequence[str],
    words: Sequence[Sequence[str]],
    vectors: Sequence[np.ndarray],
    pooled: bool,
) -> tuple[int, ...]:
    """Write texts and their vectors into a file.

    Parameters
    ----------
    path : Path
        The file.
    format : str
        One of `FORMATS`.
    texts : sequence of str
        The texts.
    words : sequence of sequences of str
        The tokens of each text.
    vectors : sequence of ndarray of float32
        Of each text `(n_tokens, dim)`; pooled `(dim,)`; of several layers with an axis of layers before.
    pooled : bool
        Whether a text has one vector.

    Returns
    -------
    tuple of int
        The shape of all vectors together.

    Raises
    ------
    OutputError
        If the package is missing that writes Parquet.
    """
    joined = np.stack(vectors, axis=-2) if pooled else np.concatenate(vectors, axis=-2)
    if format in ("npz", "npy"):
        rows = joined.astype(np.float32, copy=False)
        with open(path, "wb") as file:
            if format == "npy":
                np.save(file, rows)
            else:
                np.savez(
                    file,
                    vectors=rows,
                    indptr=np.cumsum([0, *map(len, words)], dtype=np.int64),
                    tokens=np.array([word for text_words in words for word in text_words], dtype=np.str_),
                    texts=np.array(texts, dtype=np.str_),
                )
        return joined.shape
    key = "vector" if pooled else "vectors"
    records = [
        {"text": text, "tokens": list(text_words), key: rows.tolist()}
        for text, text_words, rows in zip(texts, words, vectors, strict=True)
    ]
    if format == "jsonl":
        with open(path, "w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(record) + "\n" for record in records)
    else:
        _write_parquet(path, records, key, joined.shape[-1], vectors[0].ndim)
    return joined.shape


def _write_parquet(path: Path, records: list[dict[str, object]], key: str, dim: int, n_axes: int) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise OutputError(messages.NEEDS_PYARROW, name=CacheError("{option.format:parquet}")) from error
    kind = pa.list_(pa.float32(), dim)
    for _ in range(n_axes - 1):
        kind = pa.list_(kind)
    schema = pa.schema([("text", pa.string()), ("tokens", pa.list_(pa.string())), (key, kind)])
    pq.write_table(pa.Table.from_pylist(records, schema), path)
