"""A system whose n-th call of writing a file fails, or is the last one that the process makes."""

import errno
import fcntl
import io
import itertools
import os
import signal
from collections.abc import Callable
from typing import Any

import h5py

__all__ = ["MODES", "CallCounter"]

MODES = ("eio", "enospc", "eacces", "late", "die", "die after")
"""The call is refused with an error; is done and reported as failed; the process ends before it, or after it."""

_CODES = {"eio": errno.EIO, "enospc": errno.ENOSPC, "eacces": errno.EACCES, "late": errno.EIO}
_SYSTEM = [
    *[(os, name) for name in ("open", "close", "fsync", "replace", "link", "unlink", "mkdir", "posix_fallocate")],
    (fcntl, "flock"),
]
_HDF5 = [
    (h5py.h5f, "create"),
    (h5py.h5f, "open"),
    (h5py.Group, "create_dataset"),
    (h5py.Dataset, "__setitem__"),
    (h5py.File, "close"),
]


class CallCounter:
    """Counts the calls, and lets one of them go wrong. For a process of its own: nothing is put back.

    Parameters
    ----------
    n : int or None
        The call, from 0; None: none.
    mode : str
        One of `MODES`.
    """

    def __init__(self, n: int | None = None, mode: str = "die"):
        self.names: list[str] = []
        self._n, self._mode = n, mode
        self._count = itertools.count()

    def install(self) -> None:
        """Stand in for the system from now on."""
        for module, name in _SYSTEM:
            setattr(module, name, self._standing_in(name, getattr(module, name), inside_hdf5=False))
        for module, name in _HDF5:
            # A function, so that it becomes a method where the real one is one.
            setattr(module, name, self._standing_in(f"hdf5 {name}", getattr(module, name), inside_hdf5=True))
        real_open = io.open

        def open_file(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if set(mode).isdisjoint("wax+"):
                return real_open(file, mode, *arguments, **options)
            return writing(file, mode, *arguments, **options)

        writing = self._standing_in("open for writing", real_open, inside_hdf5=False)
        io.open = open_file

    def _standing_in(self, name: str, real: Callable[..., Any], *, inside_hdf5: bool) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if name == "hdf5 close" and (not arguments[0] or arguments[0].mode == "r"):
                return real(*arguments, **options)  # nothing is written
            self.names.append(name)
            if next(self._count) != self._n:
                return real(*arguments, **options)
            if self._mode == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            # A descriptor is gone also where closing it reports an error.
            if self._mode in ("late", "die after") or name in ("close", "hdf5 close"):
                try:
                    real(*arguments, **options)
                finally:
                    if self._mode == "die after":
                        os.kill(os.getpid(), signal.SIGKILL)
            code = _CODES[self._mode]
            if inside_hdf5:  # which keeps the number in its message only
                raise OSError(f"Can't synchronously write data\n(file write failed: errno = {code}, error message = …)")
            raise OSError(code, os.strerror(code))

        return call
