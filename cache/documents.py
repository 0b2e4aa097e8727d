"""The documents of a split: words, labels and lengths of all of them, tokenised once."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import h5py
import numpy as np

from cache import messages
from cache.errors import CorruptFileError, SelectionError
from cache.files import atomic_path
from cache.hashing import array_sha256
from cache.hdf5 import create_file, dataset_of, open_file, seal
from cache.manifest import Manifest, documents_name

__all__ = ["Documents", "dataset_names", "documents_header", "encode_vocabulary", "write_documents"]

_DATASETS = ("doc_ids", "indptr", "labels", "token_ids", "truncated", "vocabulary", "vocabulary_indptr")
_IDS = ("ids", "ids_indptr")
_BLOCK_DOCUMENTS = 4096


def dataset_names(manifest: Manifest) -> tuple[str, ...]:
    """Return the names that datasets of documents have in a cache."""
    return (*_DATASETS, *(_IDS if manifest.has_ids else ()), *map(_tags_dataset, manifest.tag_names))


def _tags_dataset(name: str) -> str:
    return f"tags.{name}"


def documents_header(manifest: Manifest, split: str) -> dict[str, str]:
    """Return the root attributes that the documents file of a split must have."""
    return {
        "kind": "documents",
        "split": split,
        "encoding": manifest.encoding_fingerprint,
        "corpus": manifest.corpus_fingerprint,
    }


def encode_vocabulary(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return words as UTF-8 bytes `(n_bytes,)` uint8 and their offsets `(n_words + 1,)` int64.

    Lone surrogates, which have no UTF-8 form, are kept by the `surrogatepass` rule.

    Examples
    --------
    >>> encode_vocabulary(["a", "é"])
    (array([ 97, 195, 169], dtype=uint8), array([0, 1, 3]))
    """
    encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(word) for word in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def write_documents(
    directory: Path,
    split: str,
    manifest: Manifest,
    *,
    token_ids: Iterable[np.ndarray],
    lengths: np.ndarray,
    labels: np.ndarray | None,
    doc_ids: np.ndarray,
    truncated: np.ndarray,
    vocabulary: tuple[np.ndarray, np.ndarray],
    ids: tuple[np.ndarray, np.ndarray] | None = None,
    tags: Mapping[str, Iterable[np.ndarray]] = MappingProxyType({}),
) -> None:
    """Write the documents file of a split under its final name.

    Parameters
    ----------
    directory : Path
        The cache.
    split : str
        The split.
    manifest : Manifest
        The cache's manifest, for its fingerprints.
    token_ids : iterable of ndarray of int32
        The token ids of all documents in stored order, in blocks of any length.
    lengths : ndarray of int, (n_docs,)
        Tokens of each document.
    labels : ndarray of int, (n_docs,), or None
        Class indices.
    doc_ids : ndarray of int, (n_docs,)
        Each document's 0-based position in the corpus.
    truncated : ndarray of bool, (n_docs,)
        Whether the window cut the document.
    vocabulary : pair of ndarray
        As `encode_vocabulary` returns it.
    ids : pair of ndarray, optional
        The documents' own names, in the same form.
    tags : Mapping of iterables of ndarray of int32
        For each set of tags of the manifest the tag of every token, in blocks like `token_ids`; -1 for none.

    Raises
    ------
    ValueError
        If there are more or fewer token ids or tags than `lengths` says.
    OutputError
        If the file cannot be written.
    """
    indptr = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=indptr[1:])
    arrays: dict[str, np.ndarray] = {
        "doc_ids": doc_ids.astype(np.int64),
        "indptr": indptr,
        "truncated": truncated.astype(np.uint8),
        "vocabulary": vocabulary[0],
        "vocabulary_indptr": vocabulary[1],
    }
    if labels is not None:
        arrays["labels"] = labels.astype(np.int32)
    if ids is not None:
        arrays |= dict(zip(_IDS, ids, strict=True))
    streams = {"token_ids": token_ids, **{_tags_dataset(name): blocks for name, blocks in tags.items()}}
    with atomic_path(directory / documents_name(split)) as temporary:
        n_bytes = 4 * int(indptr[-1]) * len(streams) + sum(array.nbytes for array in arrays.values())
        with create_file(temporary, n_bytes) as file:
            digests = {name: array_sha256(array) for name, array in arrays.items()}
            for name, array in arrays.items():
                file.create_dataset(name, data=array)
            for name, blocks in streams.items():
                digests[name] = _write_stream(file.create_dataset(name, (int(indptr[-1]),), "<i4"), blocks)
            seal(file, documents_header(manifest, split), digests, manifest.format_version)


def _write_stream(dataset: h5py.Dataset, blocks: Iterable[np.ndarray]) -> str:
    """Write blocks end to end, and return the SHA-256 of what was written."""
    digest, start = hashlib.sha256(), 0
    for block in blocks:
        dataset[start : start + len(block)] = block
        digest.update(np.ascontiguousarray(block, "<i4").data)
        start += len(block)
    if start != len(dataset):
        raise ValueError(f"{start} numbers of {dataset.name} for documents of {len(dataset)} tokens")
    return digest.hexdigest()


class Documents:
    """The documents file of a split, opened when something is asked of it.

    Every property is read on first use and kept: 8 bytes a document for each of `indptr` and `doc_ids`, less
    for the rest. Token ids are read from disk a slice at a time.

    Raises
    ------
    CorruptFileError
        From any property or method, if the file is missing, of another cache, or contradicts itself.
    """

    _repair = messages.REPAIR

    def __init__(self, directory: Path, split: str, manifest: Manifest):
        self._directory = directory
        self._split = split
        self._manifest = manifest

    def __getstate__(self) -> dict[str, object]:
        # An open HDF5 file does not travel to another process; what was read is cheap to read again.
        return {name: self.__dict__[name] for name in ("_directory", "_split", "_manifest")}

    @property
    def path(self) -> Path:
        """The file."""
        return self._directory / documents_name(self._split)

    @cached_property
    def _file(self) -> h5py.Group:
        return open_file(self.path, documents_header(self._manifest, self._split))

    @cached_property
    def indptr(self) -> np.ndarray:
        """Token offsets `(n_docs + 1,)` int64: document i has the tokens `indptr[i]` up to `indptr[i + 1]`."""
        plan = self._manifest.splits[self._split]
        indptr = self._read("indptr", "<i8", plan.n_corpus_documents + 1)
        planned = [0, *plan.document_stops]
        if (
            indptr[0] != 0
            or indptr[-1] != plan.n_corpus_tokens
            or np.any(np.diff(indptr) < 0)
            or indptr[planned].tolist() != [0, *plan.token_stops]
        ):
            raise self._damaged(messages.OFFSETS_INVALID, name="indptr", expected="the manifest's plan")
        # There is a token id for each: room for the rows of a document is not made because a number says so.
        self._dataset("token_ids", "<i4", plan.n_corpus_tokens)
        return indptr

    @cached_property
    def doc_ids(self) -> np.ndarray:
        """Position of each document in the corpus, `(n_docs,)` int64, 0-based."""
        doc_ids = self._read("doc_ids", "<i8", self._n_docs)
        if not np.array_equal(np.sort(doc_ids), np.arange(self._n_docs)):
            raise self._damaged(messages.VALUES_INVALID, name="doc_ids", expected=f"0 to {self._n_docs - 1}, each once")
        return doc_ids

    @cached_property
    def labels(self) -> np.ndarray | None:
        """Class index of each document, `(n_docs,)` int32, or None for a corpus without labels."""
        names = self._manifest.label_names
        if names is None:
            return None
        labels = self._read("labels", "<i4", self._n_docs)
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(names):
            raise self._damaged(messages.VALUES_INVALID, name="labels", expected=f"0 to {len(names) - 1}")
        return labels

    @property
    def n_classes(self) -> int | None:
        """How many classes the corpus has, or None for one without labels."""
        names = self._manifest.label_names
        return None if names is None else len(names)

    @cached_property
    def truncated(self) -> np.ndarray:
        """Whether the window cut a document, `(n_docs,)` bool."""
        truncated = self._read("truncated", "|u1", self._n_docs)
        if np.any(truncated > 1):
            raise self._damaged(messages.VALUES_INVALID, name="truncated", expected="0 to 1")
        return truncated.astype(bool)

    @cached_property
    def vocabulary(self) -> list[str]:
        """The words by token id, most frequent first; the same list in every split of a cache."""
        return self._strings("vocabulary", None)

    @cached_property
    def ids(self) -> list[str] | None:
        """What the corpus calls each document; None if it has no names for them."""
        return self._strings("ids", self._n_docs) if self._manifest.has_ids else None

    def token_ids(self, start: int, stop: int) -> np.ndarray:
        """Return the token ids `(n_tokens,)` int32 of the documents `start` to `stop`, end to end."""
        return self._of_tokens("token_ids", 0, len(self.vocabulary) - 1, start, stop)

    def tags_name(self, name: str | None) -> str:
        """Return the name of a set of tags; of None that of the only one.

        Raises `SelectionError` if there is none of that name, or, without a name, not exactly one.
        """
        names = self._manifest.tag_names
        if name is None and len(names) == 1:
            return next(iter(names))
        if not names:
            raise SelectionError(messages.NO_TAGS, path=self._directory)
        if name is None:
            raise SelectionError(messages.SEVERAL_TAG_SETS, path=self._directory, found=", ".join(names))
        if name not in names:
            raise SelectionError(messages.NO_TAG_SET, path=self._directory, name=name, found=", ".join(names))
        return name

    def tags(self, name: str, start: int, stop: int) -> np.ndarray:
        """Return the tags `(n_tokens,)` int32 of the documents `start` to `stop`, end to end; -1 for none."""
        return self._of_tokens(_tags_dataset(name), -1, len(self._manifest.tag_names[name]) - 1, start, stop)

    def token_counts(self, n_docs: int) -> np.ndarray:
        """Return how often each word occurs in the first documents, `(n_words,)` int64."""
        counts = np.zeros(len(self.vocabulary), np.int64)
        for start in range(0, n_docs, _BLOCK_DOCUMENTS):
            ids = self.token_ids(start, min(start + _BLOCK_DOCUMENTS, n_docs))
            counts += np.bincount(ids, minlength=len(counts))
        return counts

    def words(self, start: int, stop: int, only: np.ndarray | None = None) -> list[list[str]]:
        """Return the words of the documents `start` to `stop`, a list for each, or of those that a mask marks."""
        vocabulary, ids = self.vocabulary, self.token_ids(start, stop)
        offsets = self.indptr[start : stop + 1] - self.indptr[start]
        chosen = np.arange(stop - start) if only is None else np.flatnonzero(only)
        spans = zip(offsets[chosen].tolist(), offsets[chosen + 1].tolist(), strict=True)
        return [[vocabulary[i] for i in ids[first:last].tolist()] for first, last in spans]

    def check(self) -> None:
        """Ask for everything once, so that whatever a reader would refuse is refused here, and close the file."""
        with closing(self):
            for name in ("labels", "doc_ids", "truncated", "vocabulary", "ids"):
                getattr(self, name)
            for start in range(0, self._n_docs, _BLOCK_DOCUMENTS):
                stop = min(start + _BLOCK_DOCUMENTS, self._n_docs)
                self.token_ids(start, stop)
                for name in self._manifest.tag_names:
                    self.tags(name, start, stop)

    def close(self) -> None:
        """Close the file; asking for something opens it again."""
        self.__dict__.pop("_opened", None)
        group = self.__dict__.pop("_file", None)
        if group is not None:
            group.file.close()

    @property
    def _n_docs(self) -> int:
        return len(self.indptr) - 1

    def _strings(self, name: str, n_strings: int | None) -> list[str]:
        n_bytes = self._dataset(name, "|u1", None).shape[0]
        offsets = self._read(f"{name}_indptr", "<i8", None if n_strings is None else n_strings + 1)
        if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != n_bytes or np.any(np.diff(offsets) < 0):
            raise self._damaged(messages.OFFSETS_INVALID, name=f"{name}_indptr", expected=repr(name))
        data = self._read(name, "|u1", n_bytes).tobytes()
        try:
            return [
                data[start:stop].decode("utf-8", "surrogatepass")
                for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
            ]
        except UnicodeDecodeError as error:
            raise self._damaged(messages.NOT_UTF8, name=name) from error

    def _read(self, name: str, dtype: str, length: int | None) -> np.ndarray:
        dataset = self._dataset(name, dtype, length)
        return self._guarded(lambda: dataset[:])

    @cached_property
    def _opened(self) -> dict[str, h5py.Dataset]:
        """Token ids and sets of tags that were asked for, by the dataset's name."""
        return {}

    def _of_tokens(self, name: str, lowest: int, highest: int, start: int, stop: int) -> np.ndarray:
        """Return the numbers of the tokens of some documents, if they lie within both ends."""
        first, last = int(self.indptr[start]), int(self.indptr[stop])
        dataset = self._opened.get(name)
        if dataset is None:
            dataset = self._opened[name] = self._dataset(name, "<i4", int(self.indptr[-1]))
        values = self._guarded(lambda: dataset[first:last])
        if len(values) and not lowest <= values.min() <= values.max() <= highest:
            expected = f"{lowest} to {highest}"
            raise self._damaged(messages.TOKENS_INVALID, name=name, expected=expected, start=start, stop=stop - 1)
        return values

    def _dataset(self, name: str, dtype: str, length: int | None) -> h5py.Dataset:
        return dataset_of(self._file, name, dtype, (length,), repair=self._repair)

    def _guarded(self, read: Callable[[], np.ndarray]) -> np.ndarray:
        try:
            return read()
        except (OSError, RuntimeError, ValueError) as error:
            raise self._damaged(messages.CANNOT_READ, error=error) from error

    def _damaged(self, message: str, **data: object) -> CorruptFileError:
        return CorruptFileError(message, path=self.path, repair=self._repair, **data)
