"""Where the rows of documents come from: the files of a cache, or memory."""

import os
import threading
import weakref
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cache import messages
from cache.documents import Documents
from cache.errors import CorruptFileError
from cache.manifest import Manifest, read_manifest, shard_name
from cache.shard import open_shard, shard_header
from cache.stored_rows import StoredRows

__all__ = ["FolderStorage", "MemorySource", "Source", "Storage", "StoredSource", "stored_rows"]

MAX_OPEN_SHARDS = 32


class Storage(ABC):
    """The files of a cache, as this process has them open; another process that it is sent to opens its own.

    The rows of a split lie in *runs*, each the rows of consecutive documents: a shard, or all there are.

    Attributes
    ----------
    path : Path
        The cache.
    manifest : Manifest
        As it was when the cache was opened.
    lock : threading.Lock
        Held from `rows` until what they gave is read: another thread might close their file.
    repair : str
        What to do about a file that is damaged.
    """

    path: Path
    manifest: Manifest
    lock: threading.Lock
    repair: str

    def _renew_lock(self) -> None:
        """Start with a lock that nobody holds, in this process and in those that are forked from it."""
        self.lock = threading.Lock()
        _living.add(self)

    @abstractmethod
    def n_finished_shards(self, split: str) -> int:
        """Return how many planned shards of a split can be read, from the first on."""

    @abstractmethod
    def documents(self, split: str) -> Documents:
        """Return the documents of a split."""

    @abstractmethod
    def stops(self, split: str) -> np.ndarray:
        """Return the document behind each run of a split, `(n_runs,)` int64."""

    @abstractmethod
    def rows(self, split: str, run: int) -> Mapping[str, StoredRows]:
        """Return the stored rows of a run by the dataset's name; opens its file if it is not open."""

    @abstractmethod
    def file_of(self, split: str, run: int) -> Path:
        """Return the file that a run lies in."""

    @abstractmethod
    def close(self) -> None:
        """Close every file; asking for rows opens them again."""


_living: "weakref.WeakSet[Storage]" = weakref.WeakSet()


def _renew_locks() -> None:
    # A thread that held one is not in the child, and would never give it back. HDF5's own lock is h5py's business.
    for storage in list(_living):
        storage._renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


def stored_rows(datasets: Mapping[str, h5py.Dataset]) -> dict[str, StoredRows]:
    """Return the rows of datasets by name."""
    return {name: StoredRows(dataset) for name, dataset in datasets.items()}


class FolderStorage(Storage):
    """A cache's folder: a run is a shard, and the least recently used of them is closed first."""

    repair = messages.REPAIR

    def __init__(self, path: Path):
        self.path = path
        self.manifest = read_manifest(path)
        present = set(os.listdir(path))
        self._n_finished = {
            name: next((i for i in range(plan.n_shards) if shard_name(name, i) not in present), plan.n_shards)
            for name, plan in self.manifest.splits.items()
        }
        self._begin()

    def _begin(self) -> None:
        self._open: OrderedDict[tuple[str, int], dict[str, StoredRows]] = OrderedDict()
        self._renew_lock()

    def n_finished_shards(self, split: str) -> int:
        """Return how many shards are there before the first that is missing."""
        return self._n_finished[split]

    def documents(self, split: str) -> Documents:
        """Return the documents of a split."""
        return Documents(self.path, split, self.manifest)

    def stops(self, split: str) -> np.ndarray:
        """Return the document behind each shard of a split."""
        return np.asarray(self.manifest.splits[split].document_stops, np.int64)

    def rows(self, split: str, run: int) -> Mapping[str, StoredRows]:
        """Return the rows of a shard."""
        key = (split, run)
        if key not in self._open:
            header = shard_header(self.manifest, split, run)
            self._open[key] = stored_rows(open_shard(self.path, header, self.manifest.layers.stored))
            if len(self._open) > MAX_OPEN_SHARDS:
                self._close(self._open.popitem(last=False)[1])
        self._open.move_to_end(key)
        return self._open[key]

    def file_of(self, split: str, run: int) -> Path:
        """Return the shard's file."""
        return self.path / shard_name(split, run)

    def close(self) -> None:
        """Close every shard."""
        with self.lock:
            while self._open:
                self._close(self._open.popitem()[1])

    @staticmethod
    def _close(rows: Mapping[str, StoredRows]) -> None:
        next(iter(rows.values())).dataset.file.close()

    def __getstate__(self) -> dict[str, object]:
        return {name: self.__dict__[name] for name in ("path", "manifest", "_n_finished")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()


class Source(ABC):
    """Where a split's rows come from."""

    documents: Documents
    dim: int

    @abstractmethod
    def read(self, position: int, first: int, last: int, out: np.ndarray) -> None:
        """Fill `out` with the rows `first` to `last` of the document at a stored position."""

    @abstractmethod
    def read_neighbours(self, start: int, stop: int, out: np.ndarray) -> None:
        """Fill `out` with all rows of the documents at the stored positions `start` up to `stop`."""


class StoredSource(Source):
    """One view of a split in the files of a cache."""

    def __init__(self, storage: Storage, documents: Documents, split: str, view: str):
        self.documents, self._storage, self._split, self._view = documents, storage, split, view
        self._layers = storage.manifest.layers
        self._stops = storage.stops(split)
        self.dim = self._layers.dim

    def read(self, position: int, first: int, last: int, out: np.ndarray) -> None:
        """Read from the file straight into `out` where the view is one dataset; see the base."""
        run, start = self._place(position)
        self._read_view(run, start + first, start + last, out)

    def read_neighbours(self, start: int, stop: int, out: np.ndarray) -> None:
        """Read all that lies in one file in one call; see the base."""
        indptr, done = self.documents.indptr, 0
        while start < stop:
            run, first = self._place(start)
            run_stop = min(stop, int(self._stops[run]))
            n_rows = int(indptr[run_stop] - indptr[start])
            self._read_view(run, first, first + n_rows, out[done : done + n_rows])
            start, done = run_stop, done + n_rows

    def read_stored(self, position: int, out: np.ndarray) -> None:
        """Fill `out`, `(n_tokens, n_columns)`, with a document's rows in all stored datasets, side by side."""
        if len(out) == 0:
            return
        run, start = self._place(position)
        target = out if len(self._layers.stored) == 1 else None
        parts = self._parts(run, start, start + len(out), self._layers.stored, target)
        for name, columns in self._layers.split_columns(out).items():
            if parts[name] is not target:
                columns[:] = parts[name]

    def runs_of(self, positions: np.ndarray) -> np.ndarray:
        """Return the run that the document at each stored position lies in."""
        return np.searchsorted(self._stops, positions, side="right")

    def _place(self, position: int) -> tuple[int, int]:
        """Return the run of a document, and its first row there."""
        run = int(self.runs_of(np.array(position)))
        indptr = self.documents.indptr
        return run, int(indptr[position] - indptr[self._stops[run - 1] if run else 0])

    def _read_view(self, run: int, start: int, stop: int, out: np.ndarray) -> None:
        if start == stop:
            return
        combined = self._layers.combine(self._view, self._parts(run, start, stop, self._layers.views[self._view], out))
        if combined is not out:
            out[:] = combined

    def _parts(
        self, run: int, start: int, stop: int, names: Iterable[str], out: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """Return rows of some datasets of a run; those of the first are read into `out`, if it is as wide."""
        parts: dict[str, np.ndarray] = {}
        try:
            with self._storage.lock:
                stored = self._storage.rows(self._split, run)
                for name in names:
                    width = self._layers.stored[name]
                    rows = out if out is not None and width == self.dim and not parts else None
                    if rows is None:
                        rows = np.empty((stop - start, width), np.float16)
                    stored[name].read(start, stop, rows)
                    parts[name] = rows
        except CorruptFileError:
            raise
        except (OSError, RuntimeError) as error:
            path = self._storage.file_of(self._split, run)
            raise CorruptFileError(messages.CANNOT_READ, path=path, error=error, repair=self._storage.repair) from error
        return parts


class MemorySource(Source):
    """Chosen documents of another source, their rows end to end in memory."""

    def __init__(self, source: Source, positions: np.ndarray, indptr: np.ndarray, rows: np.ndarray):
        self.documents, self.dim, self._rows, self._indptr = source.documents, source.dim, rows, indptr
        self._row_of = {position: row for row, position in enumerate(positions.tolist())}

    def read(self, position: int, first: int, last: int, out: np.ndarray) -> None:
        """Copy rows; see the base."""
        start = self._indptr[self._row_of[position]]
        out[:] = self._rows[start + first : start + last]

    def read_neighbours(self, start: int, stop: int, out: np.ndarray) -> None:
        """Copy rows; see the base."""
        done = 0
        for row in (self._row_of[position] for position in range(start, stop)):
            rows = self._rows[self._indptr[row] : self._indptr[row + 1]]
            out[done : done + len(rows)] = rows
            done += len(rows)
