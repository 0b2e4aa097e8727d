"""What `elmo-cache encode` saves, in the formats that it saves."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache import CacheError, OutputError
from elmo_cache import messages

__all__ = ["FORMATS", "Encoded", "choose_format"]

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


@dataclass(frozen=True)
class Encoded:
    """Texts with their vectors.

    Attributes
    ----------
    texts : sequence of str
    words : sequence of sequences of str
        The tokens of each text.
    vectors : sequence of ndarray of float32
        Of each text `(n_tokens, dim)`; pooled `(dim,)`; of several layers with an axis of layers before.
    pooled : bool
        Whether a text has one vector.
    """

    texts: Sequence[str]
    words: Sequence[Sequence[str]]
    vectors: Sequence[np.ndarray]
    pooled: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all vectors together."""
        return self._joined().shape

    def save(self, path: Path, format: str) -> None:
        """Write a file of one of `FORMATS`.

        Raises
        ------
        OutputError
            If the package is missing that writes Parquet.
        """
        {"npz": self._npz, "npy": self._npy, "jsonl": self._jsonl, "parquet": self._parquet}[format](path)

    def _joined(self) -> np.ndarray:
        if self.pooled:
            return np.stack(self.vectors, axis=-2)
        return np.concatenate(self.vectors, axis=-2)

    def _npz(self, path: Path) -> None:
        with open(path, "wb") as file:
            np.savez(
                file,
                vectors=self._joined().astype(np.float32, copy=False),
                indptr=np.cumsum([0, *map(len, self.words)], dtype=np.int64),
                tokens=np.array([word for words in self.words for word in words], dtype=np.str_),
                texts=np.array(self.texts, dtype=np.str_),
            )

    def _npy(self, path: Path) -> None:
        with open(path, "wb") as file:
            np.save(file, self._joined().astype(np.float32, copy=False))

    def _jsonl(self, path: Path) -> None:
        with open(path, "w", encoding="utf-8") as file:
            for record in self._records():
                file.write(json.dumps(record) + "\n")

    def _parquet(self, path: Path) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError as error:
            raise OutputError(messages.NEEDS_PYARROW, name=CacheError("{option.format:parquet}")) from error
        kind = pa.list_(pa.float32(), self.shape[-1])
        for _ in range(self.vectors[0].ndim - 1):
            kind = pa.list_(kind)
        columns = {"text": pa.string(), "tokens": pa.list_(pa.string()), self._key: kind}
        pq.write_table(pa.Table.from_pylist(list(self._records()), pa.schema(list(columns.items()))), path)

    @property
    def _key(self) -> str:
        return "vector" if self.pooled else "vectors"

    def _records(self) -> list[dict[str, object]]:
        return [
            {"text": text, "tokens": list(words), self._key: vectors.tolist()}
            for text, words, vectors in zip(self.texts, self.words, self.vectors, strict=True)
        ]
