"""Keras's two files of IMDB in small, and changed at will."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from errors_expected import raises

from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import Corpus, open_corpus

WORDS = {"the": 1, "film": 2, "good": 3, "bad": 4, "it's": 5}
X_TRAIN = [[1, 2, 5, 3], [4], []]
X_TEST = [[1, 4, 2], [3, 3]]


def objects(rows: list[Any]) -> np.ndarray:
    """An object array of lists, as in Keras's file."""
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


def npy_header(version: int) -> bytes:
    """The header of an `.npy` of three objects."""
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }".ljust(117) + "\n"
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode()


def write_npz(folder: Path, **changes: Any) -> Path:
    arrays: dict[str, Any] = {
        "x_train": objects(X_TRAIN),
        "y_train": np.array([1, 0, 0]),
        "x_test": objects(X_TEST),
        "y_test": np.array([0, 1]),
    }
    path = folder / "imdb.npz"
    np.savez(path, **{name: value for name, value in (arrays | changes).items() if value is not None})
    return path


def write_words(folder: Path, content: object = WORDS) -> Path:
    path = folder / "imdb_word_index.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def open_imdb(folder: Path, **changes: Any) -> Corpus:
    return open_corpus("imdb", imdb_npz=write_npz(folder, **changes), imdb_word_index=write_words(folder))


def refused(corpus: Corpus, message: str, **data: Any) -> None:
    """Check that reading a corpus ends with a message."""
    with raises(message, CorpusError, **data):
        list(corpus.documents())
