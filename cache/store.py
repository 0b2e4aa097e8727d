"""Reading a cache: `FeatureCache` opens it, `Split` is a lazy, sliceable view of its documents."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, overload

import h5py
import numpy as np

from cache.documents import Documents
from cache.errors import CorruptFileError, SelectionError
from cache.manifest import Manifest, read_manifest, shard_name
from cache.shard import open_shard, shard_header

__all__ = ["FeatureCache", "Split"]

MAX_OPEN_SHARDS = 32


class FeatureCache:
    """A finished or growing cache, opened for reading.

    Opening reads the manifest and lists the folder; no HDF5 file is touched before something in it is asked
    for, and at most 32 shards are open at once. The object can be pickled: each process opens its own files.
    What a build adds later is seen by opening the cache again.

    Parameters
    ----------
    path : str or Path
        The cache's folder.

    Raises
    ------
    NotACacheError
        If there is no cache at `path`.
    FormatVersionError
        If the cache was written in a newer format.
    CorruptFileError
        If the manifest is damaged; reading raises it for the other files.

    Examples
    --------
    >>> with FeatureCache("imdb.elmo") as features:      # doctest: +SKIP
    ...     train = features["train"]
    ...     train[3].shape, train.tokens(3)[:2], train.labels[3]
    ((238, 256), ['this', 'film'], 1)
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        self.manifest: Manifest = read_manifest(self.path)
        present = set(os.listdir(self.path))
        self._n_finished = {
            name: _prefix(shard_name(name, index) in present for index in range(plan.n_shards))
            for name, plan in self.manifest.splits.items()
        }
        self._documents = {name: Documents(self.path, name, self.manifest) for name in self.manifest.splits}
        self._shards = _OpenShards(self.path, self.manifest)

    @property
    def encoding(self) -> Mapping[str, Any]:
        """How the vectors were made: a JSON object that the store does not interpret."""
        return self.manifest.encoding

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """Class names by class index, or None for a corpus without labels."""
        return self.manifest.label_names

    @property
    def vocabulary(self) -> list[str]:
        """The words of the whole corpus by token id, most frequent first."""
        return next(iter(self._documents.values())).vocabulary

    def token_counts(self, name: str) -> np.ndarray:
        """Return how often each word of the vocabulary occurs in a split's finished documents, `(n_words,)` int64."""
        return self._documents[name].token_counts(len(self[name]))

    @property
    def complete(self) -> bool:
        """Whether every planned shard of every split is there."""
        return all(self._n_finished[name] == plan.n_shards for name, plan in self.manifest.splits.items())

    def n_finished_shards(self, name: str) -> int:
        """Return how many shards of a split can be read: the longest prefix of the plan that is there."""
        return self._n_finished[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.manifest.splits)

    def __len__(self) -> int:
        return len(self.manifest.splits)

    def __contains__(self, name: object) -> bool:
        return name in self.manifest.splits

    def __getitem__(self, name: str) -> "Split":
        return self.split(name)

    def split(self, name: str, layer: str | int | None = None) -> "Split":
        """Return a split, in one of the views that the cache offers.

        Parameters
        ----------
        name : str
            The split.
        layer : str or int, optional
            A view: "mix", "top", 0, 1 or 2 where all layers were stored. Default: the cache's own.

        Raises
        ------
        SelectionError
            If the cache has no such split or view; the message lists those it has.
        """
        if name not in self.manifest.splits:
            raise SelectionError(f"{self.path} has no split {name!r}; it has {', '.join(self.manifest.splits)}")
        view = self.manifest.layers.default if layer is None else str(layer)
        if view not in self.manifest.layers.views:
            raise SelectionError(
                f"{self.path} has no layer {view!r}; it has {', '.join(self.manifest.layers.views)}: "
                "a cache built with `--layers all` has all of them"
            )
        plan, n_shards = self.manifest.splits[name], self._n_finished[name]
        n_documents = plan.document_stops[n_shards - 1] if n_shards else 0
        source = _ShardSource(self._shards, self._documents[name], name, view)
        return Split(source, np.arange(n_documents), complete=n_shards == plan.n_shards)

    def close(self) -> None:
        """Close every open file; reading opens them again."""
        self._shards.close()
        for documents in self._documents.values():
            documents.close()

    def __enter__(self) -> "FeatureCache":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        splits = ", ".join(f"{name}: {self.split(name)!r}" for name in self)
        return f"FeatureCache({str(self.path)!r}, {splits})"


class Split:
    """Documents of one split, or a selection of them: lengths, labels and words at hand, vectors on demand.

    `split[i]` is a document's vectors, `ndarray (n_tokens, dim)` of float16. A slice, a list or array of
    positions, or a boolean mask gives another `Split`, which shares files and memory with this one.

    It is lazy because a selection of a few hundred documents out of a cache of many gigabytes is the common
    case, and because scikit-learn, Keras and PyTorch all select by position.
    """

    def __init__(self, source: "_Source", positions: np.ndarray, *, complete: bool):
        self._source = source
        self._positions = positions
        self.complete = complete
        """Whether the split holds everything that the build planned."""

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def dim(self) -> int:
        """Length of a token's vector."""
        return self._source.dim

    @property
    def positions(self) -> np.ndarray:
        """Where the documents stand in the stored order of the whole split, `(n_docs,)` int64."""
        return self._positions

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each document, `(n_docs,)` int64."""
        lengths: np.ndarray = np.diff(self._source.documents.indptr)[self._positions]
        return lengths

    @property
    def n_tokens(self) -> int:
        """Tokens of all documents together."""
        return int(self.lengths.sum())

    @property
    def labels(self) -> np.ndarray | None:
        """Class index of each document, `(n_docs,)` int32, or None for a corpus without labels."""
        labels = self._source.documents.labels
        return None if labels is None else labels[self._positions]

    @property
    def doc_ids(self) -> np.ndarray:
        """Position of each document in the corpus, `(n_docs,)` int64, 0-based."""
        doc_ids: np.ndarray = self._source.documents.doc_ids[self._positions]
        return doc_ids

    @property
    def truncated(self) -> np.ndarray:
        """Whether the build's window cut the document, `(n_docs,)` bool."""
        truncated: np.ndarray = self._source.documents.truncated[self._positions]
        return truncated

    def tokens(self, index: int) -> list[str]:
        """Return the words of a document, as the encoder read them."""
        position = self._position(index)
        return self._source.documents.words(position, position + 1)[0]

    def token_ids(self, index: int) -> np.ndarray:
        """Return a document's token ids `(n_tokens,)` int32, indices into `FeatureCache.vocabulary`."""
        position = self._position(index)
        return self._source.documents.token_ids(position, position + 1)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: "slice | Sequence[int] | np.ndarray") -> "Split": ...
    def __getitem__(self, index: Any) -> Any:
        # No bool: it is what `labels == 1` gives where labels are None.
        if isinstance(index, int | np.integer) and not isinstance(index, bool):
            return self._read(self._position(int(index)))
        if isinstance(index, slice):
            return self._select(self._positions[index])
        chosen = _one_dimensional(index)
        if chosen is None or (len(chosen) and chosen.dtype.kind not in "bui"):
            shown = " ".join(repr(index).split())
            raise SelectionError(
                f"cannot select documents by {shown if len(shown) <= 60 else shown[:60] + '…'}: "
                "give an int, a slice, a list of ints or a boolean mask"
            )
        if chosen.dtype.kind == "b":
            if len(chosen) != len(self):
                raise SelectionError(f"the mask has {len(chosen)} entries, the split has {len(self)} documents")
            return self._select(self._positions[chosen])
        positions = [self._position(int(i)) for i in chosen]
        return self._select(np.asarray(positions, np.int64))

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self._read(int(position)) for position in self._positions)

    def padded(self, length: int, side: str = "left") -> np.ndarray:
        """Return all documents in one array, padded with zeros or cut to `length` tokens.

        Parameters
        ----------
        length : int
            Tokens of every document in the result.
        side : {"left", "right"}
            Where zeros go. With "left" a longer document keeps its last tokens, with "right" its first.

        Returns
        -------
        ndarray of float16, (n_docs, length, dim)
        """
        if side not in ("left", "right"):
            raise ValueError(f"side is {side!r}, expected 'left' or 'right'")
        block = np.zeros((len(self), length, self.dim), np.float16)
        lengths = self.lengths.tolist()
        for row, (position, n_tokens) in enumerate(zip(self._positions.tolist(), lengths, strict=True)):
            kept = min(n_tokens, length)
            if not kept:
                continue
            if side == "left":
                self._source.read(position, n_tokens - kept, n_tokens, block[row, length - kept :])
            else:
                self._source.read(position, 0, kept, block[row, :kept])
        return block

    def batches(self, size: int) -> Iterator[tuple[int, list[np.ndarray]]]:
        """Yield the index of a batch's first document and the vectors of up to `size` documents."""
        if size < 1:
            raise ValueError(f"batch size is {size}, expected at least 1")
        for start in range(0, len(self), size):
            yield start, [self._read(int(position)) for position in self._positions[start : start + size]]

    def load(self) -> "Split":
        """Return the same documents held in memory: `n_tokens * dim * 2` bytes."""
        lengths = self.lengths
        indptr = np.zeros(len(self) + 1, np.int64)
        np.cumsum(lengths, out=indptr[1:])
        rows = np.empty((int(indptr[-1]), self.dim), np.float16)
        for i, position in enumerate(self._positions.tolist()):
            self._source.read(position, 0, int(lengths[i]), rows[indptr[i] : indptr[i + 1]])
        source = _MemorySource(self._source, self._positions, indptr, rows)
        return Split(source, self._positions, complete=self.complete)

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError(
            "documents have different lengths and make no single array: use split.padded(length), "
            "split.batches(size), or split[i] for one document"
        )

    def __repr__(self) -> str:
        growing = "" if self.complete else ", growing"
        return f"Split({len(self):,} documents, dim {self.dim}{growing})"

    def _select(self, positions: np.ndarray) -> "Split":
        return Split(self._source, positions, complete=self.complete)

    def _position(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            # IndexError is also what ends iteration over a sequence.
            raise IndexError(f"document {index} of a split of {len(self)}")
        return int(self._positions[index])

    def _read(self, position: int) -> np.ndarray:
        indptr = self._source.documents.indptr
        n_tokens = int(indptr[position + 1] - indptr[position])
        rows = np.empty((n_tokens, self.dim), np.float16)
        self._source.read(position, 0, n_tokens, rows)
        return rows


class _Source:
    """Where a split's rows come from."""

    documents: Documents
    dim: int

    def read(self, position: int, first: int, last: int, out: np.ndarray) -> None:
        """Fill `out` with the rows `first` to `last` of the document at a stored position."""
        raise NotImplementedError


class _ShardSource(_Source):
    def __init__(self, shards: "_OpenShards", documents: Documents, split: str, view: str):
        self._shards, self.documents, self._split, self._view = shards, documents, split, view
        self._layers = shards.manifest.layers
        self._stops = np.asarray(shards.manifest.splits[split].document_stops)
        self.dim = self._layers.dim

    def read(self, position: int, first: int, last: int, out: np.ndarray) -> None:
        if first == last:
            return
        index = int(np.searchsorted(self._stops, position, side="right"))
        indptr = self.documents.indptr
        start = int(indptr[position] - indptr[self._stops[index - 1] if index else 0])
        parts: dict[str, np.ndarray] = {}
        try:
            with self._shards.lock:  # another thread might close the shard; HDF5 reads one at a time anyway
                datasets = self._shards.get(self._split, index)
                for name in self._layers.views[self._view]:
                    width = self._layers.stored[name]
                    fits = width == self.dim and not parts
                    rows = out if fits else np.empty((last - first, width), np.float16)
                    datasets[name].read_direct(rows, np.s_[start + first : start + last])
                    parts[name] = rows
        except CorruptFileError:
            raise
        except (OSError, RuntimeError) as error:
            path = self._shards.directory / shard_name(self._split, index)
            raise CorruptFileError(
                f"{path} cannot be read ({' '.join(str(error).split())}); "
                "`elmo-cache verify --discard` and the same `elmo-cache build` repair it"
            ) from error
        combined = self._layers.combine(self._view, parts)
        if combined is not out:
            out[:] = combined


class _MemorySource(_Source):
    def __init__(self, source: _Source, positions: np.ndarray, indptr: np.ndarray, rows: np.ndarray):
        self.documents, self.dim, self._rows, self._indptr = source.documents, source.dim, rows, indptr
        self._row_of = {position: row for row, position in enumerate(positions.tolist())}

    def read(self, position: int, first: int, last: int, out: np.ndarray) -> None:
        start = self._indptr[self._row_of[position]]
        out[:] = self._rows[start + first : start + last]


class _OpenShards:
    """The shards that are open in this process, the least recently used closed first."""

    def __init__(self, directory: Path, manifest: Manifest):
        self.directory, self.manifest = directory, manifest
        self._open: OrderedDict[tuple[str, int], dict[str, h5py.Dataset]] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, split: str, index: int) -> dict[str, h5py.Dataset]:
        """Return a shard's datasets; the caller holds the lock until it has read from them."""
        key = (split, index)
        if key not in self._open:
            header = shard_header(self.manifest, split, index)
            self._open[key] = open_shard(self.directory, header, self.manifest.layers.stored)
            if len(self._open) > MAX_OPEN_SHARDS:
                self._close(self._open.popitem(last=False)[1])
        self._open.move_to_end(key)
        return self._open[key]

    def close(self) -> None:
        with self.lock:
            while self._open:
                self._close(self._open.popitem()[1])

    @staticmethod
    def _close(datasets: dict[str, h5py.Dataset]) -> None:
        next(iter(datasets.values())).file.close()

    def __getstate__(self) -> dict[str, object]:
        return {"directory": self.directory, "manifest": self.manifest}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["directory"], state["manifest"])  # type: ignore[misc]


def _one_dimensional(index: Any) -> np.ndarray | None:
    if isinstance(index, tuple):  # split[3, 0] reads as document 3, token 0
        return None
    try:
        array = np.asarray(index)
    except ValueError:  # a ragged list
        return None
    return array if array.ndim == 1 else None


def _prefix(present: Iterator[bool]) -> int:
    n = 0
    for here in present:
        if not here:
            break
        n += 1
    return n
