"""Rows of a stored dataset, read straight from its file: HDF5 says where they lie, the system reads them."""

import os

import h5py
import numpy as np

from cache import messages

__all__ = ["StoredRows"]


class StoredRows:
    """Rows of a chunked dataset without a filter, in a file that is open for reading.

    HDF5 reads chunk by chunk, a file's rows lie one behind the other: those of chunks that are neighbours in the file
    are read in one request. The file's metadata, whose checksums HDF5 has checked, say where chunks are.

    Parameters
    ----------
    dataset : h5py.Dataset
        Of two dimensions, in chunks that are as wide as it is.
    """

    def __init__(self, dataset: h5py.Dataset):
        self.dataset = dataset
        places = _places(dataset)
        self._places = places
        if places is None:
            return
        self._descriptor = dataset.file.id.get_vfd_handle()
        self._row_bytes = dataset.shape[1] * dataset.dtype.itemsize
        # The chunk behind the last one that lies in the file as its predecessors do, for each chunk.
        starts_anew = np.flatnonzero(np.diff(places) != dataset.chunks[0] * self._row_bytes) + 1
        runs = np.searchsorted(starts_anew, np.arange(len(places)), side="right")
        self._run_stops = np.append(starts_anew, len(places))[runs]

    def read(self, start: int, stop: int, out: np.ndarray) -> None:
        """Fill `out`, `(stop - start, dim)` of the dataset's type and contiguous, with rows `start` up to `stop`.

        Raises
        ------
        OSError, RuntimeError
            If they cannot be read.
        """
        if self._places is None:
            self.dataset.read_direct(out, np.s_[start:stop])
            return
        n_rows = self.dataset.chunks[0]
        target = out.data.cast("B")
        done = 0
        while start < stop:
            chunk, row = divmod(start, n_rows)
            run_stop = min(stop, int(self._run_stops[chunk]) * n_rows)
            n_bytes = (run_stop - start) * self._row_bytes
            _read_exactly(
                self._descriptor,
                target[done : done + n_bytes],
                int(self._places[chunk]) + row * self._row_bytes,
            )
            start, done = run_stop, done + n_bytes


def _places(dataset: h5py.Dataset) -> np.ndarray | None:
    """Return where each chunk begins in the file, `(n_chunks,)` int64; None where that cannot be had or used."""
    readable = hasattr(os, "preadv") and hasattr(dataset.id, "chunk_iter") and dataset.dtype.isnative
    if not readable or dataset.chunks is None:  # without a row there are no chunks
        return None
    n_rows = dataset.chunks[0]
    n_chunks = -(-dataset.shape[0] // n_rows)
    places = np.full(n_chunks, -1, np.int64)
    n_bytes = n_rows * dataset.shape[1] * dataset.dtype.itemsize

    def note(chunk: "h5py.h5d.StoreInfo") -> None:
        if chunk.size == n_bytes and chunk.chunk_offset[1] == 0:
            places[chunk.chunk_offset[0] // n_rows] = chunk.byte_offset

    dataset.id.chunk_iter(note)
    return None if (places < 0).any() else places


def _read_exactly(descriptor: int, target: memoryview, offset: int) -> None:
    while len(target):
        n_bytes = os.preadv(descriptor, [target], offset)
        if not n_bytes:
            raise OSError(messages.ENDS_EARLY.format(n=offset))
        target, offset = target[n_bytes:], offset + n_bytes
