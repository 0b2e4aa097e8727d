"""Token ids on disk for as long as a corpus is read: more of them than memory need hold."""

import shutil
import tempfile
from array import array
from contextlib import suppress
from pathlib import Path

import numpy as np

from cache.errors import OutputError
from elmo_cache import messages

__all__ = ["Spool"]

_BLOCK_DOCUMENTS = 4096


class Spool:
    """A nameless temporary file of token ids, written from beginning to end, then read at any place.

    Parameters
    ----------
    directory : Path or None
        Where it lies; None: the system's place for temporary files.

    Raises
    ------
    OutputError
        If the file cannot be made; later, if it cannot be written or read.
    """

    def __init__(self, directory: Path | None):
        self._directory = directory
        self._n_ids = 0
        try:
            self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115, closed by close()
        except OSError as error:
            raise self._refused(error) from error

    def append(self, ids: "array[int]") -> int:
        """Keep the ids of a document, C ints; return the place of the first."""
        start = self._n_ids
        try:
            self._file.write(ids.tobytes())
        except OSError as error:
            raise self._refused(error) from error
        self._n_ids += len(ids)
        return start

    def read(self) -> np.ndarray:
        """Return all ids, `(n_ids,)` int32, read from disk where they are looked at."""
        if not self._n_ids:
            return np.zeros(0, np.int32)
        try:
            self._file.flush()
            return np.memmap(self._file, np.int32, "r", shape=(self._n_ids,))
        except OSError as error:
            raise self._refused(error) from error

    def counts(self, offsets: "array[int]", lengths: "array[int]", n_ids: int) -> np.ndarray:
        """Return how often each id below `n_ids` occurs, int64, in stretches of such lengths from the offsets on."""
        counts, spooled = np.zeros(n_ids, np.int64), self.read()
        for start in range(0, len(offsets), _BLOCK_DOCUMENTS):
            stop = start + _BLOCK_DOCUMENTS
            parts = [spooled[o : o + n] for o, n in zip(offsets[start:stop], lengths[start:stop], strict=True)]
            counts += np.bincount(np.concatenate(parts), minlength=n_ids)
        return counts

    def close(self) -> None:
        """Drop the file."""
        with suppress(OSError):  # a full disk refuses again what it refused
            self._file.close()

    def _refused(self, error: OSError) -> OutputError:
        place = self._directory or Path(tempfile.gettempdir())
        free = shutil.disk_usage(place).free
        return OutputError(messages.NO_ROOM_FOR_WORDS, n=4 * self._n_ids, path=place, error=error, free=free)
