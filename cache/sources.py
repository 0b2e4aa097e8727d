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

from cache.documents import Documents
from cache.errors import CorruptFileError, one_line
from cache.hdf5 import REPAIR
from cache.manifest import Manifest, read_manifest, shard_name
from cache.shard import open_shard, shard_header

__all__ = ["FolderStorage", "MemorySource", "Source", "Storage", "StoredSource"]

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
        Held from `datasets` until what they gave is read: another thread might close them.
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
    def datasets(self, split: str, run: int) -> Mapping[str, h5py.Dataset]:
        """Return the stored datasets of a run by name; opens its file if it is not open."""

    @abstractmethod
    def file_of(self, split: str, run: int) -> Path:
        """Return the file that a run lies in."""

    @abstractmethod
    def close(self) -> None:
        """Close every file; asking for datasets opens them again."""


_living: "weakref.WeakSet[Storage]" = weakref.WeakSet()


def _renew_locks() -> None:
    # A thread that held one is not in the child, and would never give it back. HDF5's own lock is h5py's business.
    for storage in list(_living):
        storage._renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


class FolderStorage(Storage):
    """A cache's folder: a run is a shard, and the least recently used of them is closed first."""

    repair = REPAIR

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
        self._open: OrderedDict[tuple[str, int], dict[str, h5py.Dataset]] = OrderedDict()
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

    def datasets(self, split: str, run: int) -> Mapping[str, h5py.Dataset]:
        """Return the datasets of a shard."""
        key = (split, run)
        if key not in self._open:
            header = shard_header(self.manifest, split, run)
            self._open[key] = open_shard(self.path, header, self.manifest.layers.stored)
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
    def _close(datasets: Mapping[str, h5py.Dataset]) -> None:
        next(iter(datasets.values())).file.close()

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


class StoredSource(Source):
    """One view of a split in the files of a cache."""

    def __init__(self, storage: Storage, documents: Documents, split: str, view: str):
        self.documents, self._storage, self._split, self._view = documents, storage, split, view
        self._layers = storage.manifest.layers
        self._stops = storage.stops(split)
        self.dim = self._layers.dim

    def read(self, position: int, first: int, last: int, out: np.ndarray) -> None:
        """Read from the file straight into `out` where the view is one dataset; see the base."""
        if first == last:
            return
        parts = self._parts(position, first, last, self._layers.views[self._view], out)
        combined = self._layers.combine(self._view, parts)
        if combined is not out:
            out[:] = combined

    def read_stored(self, position: int, out: np.ndarray) -> None:
        """Fill `out`, `(n_tokens, n_columns)`, with a document's rows in all stored datasets, side by side."""
        if len(out) == 0:
            return
        target = out if len(self._layers.stored) == 1 else None
        parts = self._parts(position, 0, len(out), self._layers.stored, target)
        for name, columns in self._layers.split_columns(out).items():
            if parts[name] is not target:
                columns[:] = parts[name]

    def runs_of(self, positions: np.ndarray) -> np.ndarray:
        """Return the run that the document at each stored position lies in."""
        return np.searchsorted(self._stops, positions, side="right")

    def _parts(
        self, position: int, first: int, last: int, names: Iterable[str], out: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """Return rows of some datasets; those of the first are read into `out`, if it is as wide."""
        run = int(self.runs_of(np.array(position)))
        indptr = self.documents.indptr
        start = int(indptr[position] - indptr[self._stops[run - 1] if run else 0])
        parts: dict[str, np.ndarray] = {}
        try:
            with self._storage.lock:  # HDF5 reads one at a time anyway
                datasets = self._storage.datasets(self._split, run)
                for name in names:
                    width = self._layers.stored[name]
                    rows = out if out is not None and width == self.dim and not parts else None
                    if rows is None:
                        rows = np.empty((last - first, width), np.float16)
                    datasets[name].read_direct(rows, np.s_[start + first : start + last])
                    parts[name] = rows
        except CorruptFileError:
            raise
        except (OSError, RuntimeError) as error:
            path = self._storage.file_of(self._split, run)
            raise CorruptFileError(f"{path} cannot be read ({one_line(error)}); {self._storage.repair}") from error
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
