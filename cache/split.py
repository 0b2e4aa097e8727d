"""`Split`: a lazy view of the documents of one split, which can be sliced."""

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from cache import messages
from cache.errors import InvalidValueError, OutOfRangeError, SelectionError
from cache.search import Neighbour, nearest_tokens, occurrences_of
from cache.sources import MemorySource, Source

__all__ = ["Split"]

_LONGEST = 2**31 - 1
_HUGE = "beyond 64 bits"  # Python shows no number of 5,000 digits


class Split:
    """The documents of one split, or a selection of them. Vectors are read when you ask for them.

    `split[i]` returns the vectors of a document, a float16 array of shape `(n_tokens, dim)`. Convert them before you
    compute with them, as in `split[i].astype("float32")`: the largest float16 is 65,504, so sums and norms over the
    rows of a long document can be infinite, and few layers accept float16. A slice, a list or array of indices, or a
    boolean mask returns another `Split`, which shares files and memory with this one. `len(split)` is the number of
    documents, and iteration yields the vectors of each document.

    Reading is lazy because users often select a few hundred documents from a cache of many gigabytes, and because
    scikit-learn, Keras and PyTorch all select by index. You get a `Split` from `FeatureCache`. It can be pickled; each
    process opens its own files.

    Raises
    ------
    SelectionError
        If the index in `split[index]` cannot select documents, or a mask does not have one entry per document.
    IndexError
        If the index in `split[index]`, `tokens` or `token_ids` is out of range.
    CorruptFileError
        If a file of the cache is missing or damaged; raised by everything that reads.

    Examples
    --------
    >>> from elmo_cache import FeatureCache
    >>> train = FeatureCache("imdb.elmo")["train"]
    >>> train
    Split(6 documents, dim 256)
    >>> train[2].shape
    (3, 256)
    >>> train[:3].lengths, train[train.labels == 1].doc_ids
    (array([12, 11,  3]), array([0, 4, 2]))
    """

    def __init__(self, source: Source, positions: np.ndarray, *, complete: bool):
        self._source = source
        self._positions = positions
        self._complete = complete

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def complete(self) -> bool:
        """Whether all planned documents of the split could be read when the cache was opened."""
        return self._complete

    @property
    def shape(self) -> tuple[int]:
        """`(n_docs,)`. It makes scikit-learn index a split like an array instead of building a list of documents."""
        return (len(self),)

    @property
    def dim(self) -> int:
        """Length of a token's vector; the same in every view of a cache."""
        return self._source.dim

    @property
    def vocabulary(self) -> list[str]:
        """The words of the whole corpus in the order of their token ids, the most frequent first."""
        return list(self._source.documents.vocabulary)

    @property
    def positions(self) -> np.ndarray:
        """Index of each document in the stored order of the whole split, `(n_docs,)` int64."""
        return self._positions.copy()

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each document, `(n_docs,)` int64; can be 0."""
        lengths: np.ndarray = np.diff(self._source.documents.indptr)[self._positions]
        return lengths

    @property
    def n_tokens(self) -> int:
        """Total number of tokens in all documents."""
        return int(self.lengths.sum())

    @property
    def labels(self) -> np.ndarray | None:
        """Class index of each document, `(n_docs,)` int32; None for a corpus without labels.

        `FeatureCache.label_names` has the names of the classes. Documents are stored in random order; `doc_ids` gives
        the row of each in the corpus.
        """
        labels = self._source.documents.labels
        return None if labels is None else labels[self._positions]

    @property
    def n_classes(self) -> int | None:
        """Number of classes in the corpus; None for a corpus without labels."""
        return self._source.documents.n_classes

    @property
    def doc_ids(self) -> np.ndarray:
        """Position of each document in its split of the corpus, `(n_docs,)` int64, starting at 0."""
        doc_ids: np.ndarray = self._source.documents.doc_ids[self._positions]
        return doc_ids

    @property
    def truncated(self) -> np.ndarray:
        """Whether each document was cut to the maximum number of tokens, `(n_docs,)` bool."""
        truncated: np.ndarray = self._source.documents.truncated[self._positions]
        return truncated

    def by_corpus_order(self) -> "Split":
        """Return the same documents in corpus order.

        Examples
        --------
        >>> from elmo_cache import FeatureCache
        >>> train = FeatureCache("imdb.elmo")["train"]
        >>> train.doc_ids, train.by_corpus_order().doc_ids
        (array([0, 5, 4, 1, 3, 2]), array([0, 1, 2, 3, 4, 5]))
        """
        return self._select(self._positions[np.argsort(self.doc_ids, kind="stable")])

    def at(self, doc_id: int) -> int:
        """Return the index of the document with a given position in the corpus, as in `split[split.at(17)]`.

        Parameters
        ----------
        doc_id : int
            Position of the document in its split of the corpus, starting at 0.

        Returns
        -------
        int
            Index of the document in this split or selection.

        Raises
        ------
        IndexError
            If the document is not in this split or selection.
        """
        found = np.flatnonzero(self.doc_ids == doc_id)
        if not len(found):
            raise OutOfRangeError(messages.NOT_SELECTED, name=doc_id, n=len(self))
        return int(found[0])

    def occurrences(self, word: str) -> np.ndarray:
        """Return all occurrences of a word, `(n_occurrences, 2)` int64: document index and token index.

        Parameters
        ----------
        word : str
            The word, as the tokeniser produced it.

        Returns
        -------
        ndarray of int64, (n_occurrences, 2)
            For each row `[i, k]`, `split.tokens(i)[k]` is the word and `split[i][k]` is its vector.

        Examples
        --------
        >>> from elmo_cache import FeatureCache
        >>> train = FeatureCache("imdb.elmo")["train"]
        >>> for i, k in train.occurrences("great"):
        ...     print(train.tokens(i)[k], train[i][k].shape)
        great (256,)
        """
        return occurrences_of(self, word)

    def nearest(self, vector: np.ndarray, k: int = 10) -> list[Neighbour]:
        """Return the tokens with the highest cosine similarity to a vector, most similar first.

        This reads all vectors, about 16,000 at a time.

        Parameters
        ----------
        vector : ndarray of float, (dim,)
            The query.
        k : int
            Number of tokens to return.

        Returns
        -------
        list of Neighbour
            Tuples of `document`, `position`, `word` and `similarity` (the cosine); fewer than `k` if the split has
            fewer tokens. If the query is the vector of a token in this split, that token is included.

        Raises
        ------
        ValueError
            If `k` is below 1, or the vector has the wrong shape, is zero or is not finite.

        Examples
        --------
        >>> from elmo_cache import FeatureCache
        >>> train = FeatureCache("imdb.elmo")["train"]
        >>> [round(found.similarity, 2) for found in train.nearest(train[2][1], k=1)]
        [1.0]
        """
        return nearest_tokens(self, vector, k)

    @property
    def ids(self) -> list[str] | None:
        """The id of each document in the corpus; None for a corpus without ids."""
        ids = self._source.documents.ids
        return None if ids is None else [ids[position] for position in self._positions.tolist()]

    def tags(self, index: int, name: str | None = None) -> np.ndarray:
        """Return the tag of each token of a document, `(n_tokens,)` int32.

        Parameters
        ----------
        index : int
            Index of the document; negative values count from the end.
        name : str, optional
            Name of the tag set; required if the corpus has several.

        Returns
        -------
        ndarray of int32, (n_tokens,)
            Indices into `FeatureCache.tag_names(name)`, one per row of `split[index]`; -1 for a token without a tag.

        Raises
        ------
        IndexError
            If the index is out of range.
        SelectionError
            If the cache has no such tag set, or has several and `name` is not given.
        """
        position = self._position(index)
        documents = self._source.documents
        return documents.tags(documents.tags_name(name), position, position + 1)

    def flat_tags(self, name: str | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the vectors and tags of all tokens in memory, as rows for scikit-learn.

        Parameters
        ----------
        name : str, optional
            Name of the tag set; required if the corpus has several.

        Returns
        -------
        rows : ndarray of float32, (n_tokens, dim)
            The vectors of the tokens, document by document.
        tags : ndarray of int32, (n_tokens,)
            The tag of each token; -1 for a token without a tag.
        indptr : ndarray of int64, (n_docs + 1,)
            Document i has the rows from `indptr[i]` up to but not including `indptr[i + 1]`.

        Raises
        ------
        SelectionError
            If the cache has no such tag set, or has several and `name` is not given.
        """
        indptr = np.zeros(len(self) + 1, np.int64)
        np.cumsum(self.lengths, out=indptr[1:])
        rows = np.empty((int(indptr[-1]), self.dim), np.float32)
        tags = np.empty(int(indptr[-1]), np.int32)
        for i, vectors in enumerate(self):
            rows[indptr[i] : indptr[i + 1]] = vectors
            tags[indptr[i] : indptr[i + 1]] = self.tags(i, name)
        return rows, tags, indptr

    def tokens(self, index: int) -> list[str]:
        """Return the tokens of a document, as the encoder read them.

        Parameters
        ----------
        index : int
            Index of the document; negative values count from the end.

        Returns
        -------
        list of str
            One token per row of `split[index]`.

        Raises
        ------
        IndexError
            If the index is out of range.

        Examples
        --------
        >>> from elmo_cache import FeatureCache
        >>> train = FeatureCache("imdb.elmo")["train"]
        >>> train.tokens(2), train.token_ids(2)
        (['Simply', 'great', '!'], array([18, 10, 17], dtype=int32))
        """
        position = self._position(index)
        return self._source.documents.words(position, position + 1)[0]

    def token_ids(self, index: int) -> np.ndarray:
        """Return the tokens of a document as indices into `vocabulary`, `(n_tokens,)` int32; see `tokens`."""
        position = self._position(index)
        return self._source.documents.token_ids(position, position + 1)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: "slice | Sequence[int] | np.ndarray") -> "Split": ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple) and len(index) == 2 and index[1] is Ellipsis:  # what scikit-learn asks of arrays
            index = index[0]
        # No bool: it is what `labels == 1` gives where labels are None.
        if isinstance(index, int | np.integer) and not isinstance(index, bool):
            return self._read(self._position(int(index)))
        if isinstance(index, slice):
            return self._select(self._positions[index])
        chosen = _one_dimensional(index)
        if chosen is not None and chosen.dtype == object and all(isinstance(i, int) for i in chosen):
            raise OutOfRangeError(messages.NO_INDEX, name=_HUGE, n=len(self))
        if chosen is None or (len(chosen) and chosen.dtype.kind not in "bui"):
            shown = " ".join(repr(index).split())
            raise SelectionError(messages.NOT_AN_INDEX, found=shown if len(shown) <= 60 else shown[:60] + "…")
        if chosen.dtype.kind == "b":
            if len(chosen) != len(self):
                raise SelectionError(messages.MASK_LENGTH, found=len(chosen), expected=len(self))
            return self._select(self._positions[chosen])
        positions = [self._position(int(i)) for i in chosen]
        return self._select(np.asarray(positions, np.int64))

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self._read(int(position)) for position in self._positions)

    def padded(self, length: int, side: str = "left", dtype: npt.DTypeLike = np.float16) -> np.ndarray:
        """Return all documents in one array, each padded with zeros or truncated to `length` tokens.

        Parameters
        ----------
        length : int
            Number of tokens per document in the result.
        side : {"left", "right"}
            Where to pad. "left" keeps the last tokens of a longer document, "right" the first.
        dtype : dtype
            Data type of the result: float16, as stored, or float32, for computation.

        Returns
        -------
        ndarray of dtype, (n_docs, length, dim)
            The padded documents.

        Raises
        ------
        ValueError
            If `side` is invalid, `length` is out of range, or `dtype` is not a floating point type.

        Examples
        --------
        >>> from elmo_cache import FeatureCache
        >>> train = FeatureCache("imdb.elmo")["train"]
        >>> train.lengths.tolist(), train.padded(5, side="right").shape
        ([12, 11, 3, 5, 14, 12], (6, 5, 256))
        """
        if side not in ("left", "right"):
            raise InvalidValueError(messages.INVALID_VALUE, name="side", found=side, expected="'left' or 'right'")
        if not 0 <= length <= _LONGEST:
            raise InvalidValueError(messages.OUT_OF_RANGE, name="length", expected=f"0 to {_LONGEST:,}")
        block = np.zeros((len(self), length, self.dim), _floating(dtype))
        lengths = self.lengths.tolist()
        for row, (position, n_tokens) in enumerate(zip(self._positions.tolist(), lengths, strict=True)):
            kept = min(n_tokens, length)
            if not kept:
                continue
            first = n_tokens - kept if side == "left" else 0
            place = block[row, length - kept :] if side == "left" else block[row, :kept]
            if block.dtype == np.float16:
                self._source.read(position, first, first + kept, place)
            else:
                place[:] = self._read(position)[first : first + kept]
        return block

    def copy_last(self, out: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> None:
        """Copy the last rows of every document into an array. Other rows of the array do not change.

        Parameters
        ----------
        out : ndarray of float16, (n_rows, dim)
            The target. Document i is copied to `out[starts[i] : starts[i] + counts[i]]`.
        starts, counts : ndarray of int, (n_docs,)
            For each document, its first row in `out` and the number of rows to copy, which is at most its length.

        Raises
        ------
        ValueError
            If `out` has the wrong type or shape, or `starts` and `counts` do not fit `out` and the documents.

        Examples
        --------
        >>> from elmo_cache import FeatureCache
        >>> train = FeatureCache("imdb.elmo")["train"]
        >>> rows = np.zeros((6, 256), np.float16)
        >>> train[2:4].copy_last(rows, np.array([0, 4]), np.array([3, 2]))
        >>> bool((rows[:3] == train[2]).all()), bool((rows[4:] == train[3][-2:]).all())
        (True, True)
        """
        if out.dtype != np.float16 or out.ndim != 2 or out.shape[1] != self.dim or not out.flags.c_contiguous:
            raise ValueError(f"expected an array of float16, (n_rows, {self.dim}), found {out.dtype}, {out.shape}")
        if np.shape(starts) != self.lengths.shape or np.shape(counts) != self.lengths.shape:
            raise ValueError(f"expected {len(self)} starts and counts, found {np.shape(starts)} and {np.shape(counts)}")
        if np.any((counts < 0) | (counts > self.lengths) | (starts < 0) | (starts + counts > len(out))):
            raise ValueError("a document's rows are outside of the array, or more than the document has")
        chosen = zip(self._positions.tolist(), self.lengths.tolist(), starts.tolist(), counts.tolist(), strict=True)
        for position, n_tokens, start, count in chosen:
            if count:
                self._source.read(position, n_tokens - count, n_tokens, out[start : start + count])

    def batches(self, size: int, dtype: npt.DTypeLike = np.float16) -> Iterator[tuple[int, list[np.ndarray]]]:
        """Yield the vectors of all documents in batches.

        Parameters
        ----------
        size : int
            Number of documents per batch; the last batch may have fewer.
        dtype : dtype
            Data type of the vectors: float16, as stored, or float32, for computation.

        Yields
        ------
        int
            Index of the first document of the batch.
        list of ndarray of dtype, (n_tokens, dim)
            The vectors of each document in the batch.

        Raises
        ------
        ValueError
            If `size` is below 1, or `dtype` is not a floating point type.

        Examples
        --------
        >>> from elmo_cache import FeatureCache
        >>> train = FeatureCache("imdb.elmo")["train"]
        >>> [(start, len(documents)) for start, documents in train.batches(4)]
        [(0, 4), (4, 2)]
        """
        if size < 1:
            raise InvalidValueError(messages.INVALID_VALUE, name="size", found=size, expected="at least 1")
        floating = _floating(dtype)
        for start in range(0, len(self), size):
            chosen = self._positions[start : start + size]
            lengths = self.lengths[start : start + size]
            rows = self._read_all(chosen, lengths).astype(floating, copy=False)
            yield start, np.split(rows, np.cumsum(lengths)[:-1])

    def load(self) -> "Split":
        """Read all vectors into memory, which takes `n_tokens * dim * 2` bytes, and return the same documents.

        Returns
        -------
        Split
            The loaded documents. Selections of it share its memory.
        """
        lengths = self.lengths
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        rows = self._read_all(self._positions, lengths)
        source = MemorySource(self._source, self._positions, indptr, rows)
        return Split(source, self._positions, complete=self.complete)

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError(messages.NO_SINGLE_ARRAY)

    def __repr__(self) -> str:
        growing = "" if self.complete else ", growing"
        return f"Split({len(self):,} documents, dim {self.dim}{growing})"

    def _select(self, positions: np.ndarray) -> "Split":
        return Split(self._source, positions, complete=self.complete)

    def _position(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            # IndexError is also what ends iteration over a sequence.
            raise OutOfRangeError(messages.NO_INDEX, name=index if abs(index) < 2**63 else _HUGE, n=len(self))
        return int(self._positions[index])

    def _read(self, position: int) -> np.ndarray:
        indptr = self._source.documents.indptr
        n_tokens = int(indptr[position + 1] - indptr[position])
        rows = np.empty((n_tokens, self.dim), np.float16)
        self._source.read(position, 0, n_tokens, rows)
        return rows

    def _read_all(self, positions: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Return the rows of documents end to end. Neighbours in stored order are read in one request."""
        stops = np.cumsum(lengths)
        rows = np.empty((int(stops[-1]) if len(stops) else 0, self.dim), np.float16)
        begins = np.flatnonzero(np.diff(positions, prepend=-2) != 1)
        ends = np.append(begins[1:], len(positions))
        # In stored order, whatever order they are wanted in: a disk likes that.
        for k in np.argsort(positions[begins], kind="stable").tolist():
            first, last = int(begins[k]), int(ends[k]) - 1
            out = rows[stops[first] - lengths[first] : stops[last]]
            self._source.read_neighbours(int(positions[first]), int(positions[last]) + 1, out)
        return rows


def _floating(dtype: npt.DTypeLike) -> np.dtype:
    found = np.dtype(dtype)
    if found.kind != "f":
        expected = "a floating point type such as float32"
        raise InvalidValueError(messages.INVALID_VALUE, name="dtype", found=found.name, expected=expected)
    return found


def _one_dimensional(index: Any) -> np.ndarray | None:
    if isinstance(index, tuple):  # split[3, 0] reads as document 3, token 0
        return None
    try:
        array = np.asarray(index)
    except ValueError:  # a ragged list
        return None
    return array if array.ndim == 1 else None
