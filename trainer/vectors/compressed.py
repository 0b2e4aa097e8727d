"""Files read as streams of bytes, unpacked on the way and counted by what is read of the disk."""

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from os import fstat
from pathlib import Path
from typing import IO, Any, cast

from cache.npz import BOUNDED_METHODS
from trainer import messages
from trainer.errors import VectorsError

__all__ = ["DAMAGE", "open_unpacked"]

# What reading raises at a damaged place; an OSError with an errno is the disk's own.
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)

_BLOCK_BYTES = 2**20
_BZ2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_ENCRYPTED = 0x61  # with a password, or as a patch, or strongly


@contextmanager
def open_unpacked(path: Path, progress: Callable[[int], None] | None = None) -> Iterator["io.BufferedReader[Any]"]:
    """Open a file for reading, unpacked if it is a `.gz`, `.bz2`, `.xz`, or a `.zip` of one file.

    Parameters
    ----------
    path : Path
    progress : callable or None
        Called with every advance, in bytes of the file on disk.

    Raises
    ------
    VectorsError
        If it cannot be opened. Damaged places show later: reading raises one of `DAMAGE` there.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(_CountedFile(path, progress))
            stream: io.BufferedReader[Any] = stack.enter_context(io.BufferedReader(file, _BLOCK_BYTES))
            if packed := _decompressed(stream, path):
                stack.enter_context(packed)
                stream = stack.enter_context(io.BufferedReader(_Partial(packed), _BLOCK_BYTES))
        except FileNotFoundError as error:
            raise VectorsError(messages.NO_VECTORS_FILE, path=path) from error
        except IsADirectoryError as error:
            raise VectorsError(messages.VECTORS_FOLDER, path=path) from error
        except OSError as error:
            raise VectorsError(messages.CANNOT_READ, path=path, error=error) from error
        yield stream


_Packed = gzip.GzipFile | lzma.LZMAFile | bz2.BZ2File | zipfile.ZipExtFile


class _Partial(io.RawIOBase):
    """Passes on what there is before it asks for more: lines before a damaged place are read, and counted."""

    def __init__(self, packed: _Packed) -> None:
        self._packed = packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        # Of a .zip the bytes that are asked for last are lost with a wrong checksum: ask for few.
        block = self._packed.read1(min(len(buffer), 2**16))
        buffer[: len(block)] = block
        return len(block)


class _CountedFile(io.FileIO):
    """A file that reports what is read of it: its size in all, no more."""

    def __init__(self, path: Path, progress: Callable[[int], None] | None) -> None:
        super().__init__(path)
        self._n_left = fstat(self.fileno()).st_size  # 0 of a pipe
        self._progress = progress

    def readinto(self, buffer: Any, /) -> int:
        n_read = super().readinto(buffer) or 0
        n_new = min(n_read, self._n_left)  # the end of a .zip is read twice
        self._n_left -= n_new
        if n_new and self._progress is not None:
            self._progress(n_new)
        return n_read


def _decompressed(file: "io.BufferedReader[Any]", path: Path) -> _Packed | None:
    """What the file's first bytes say it is packed in, if anything."""
    head = file.peek(16)
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMAFile(file)
    if _BZ2.match(head):
        return bz2.BZ2File(file)
    return _only_member(file, path) if head.startswith(_ZIP) else None


def _only_member(file: IO[bytes], path: Path) -> zipfile.ZipExtFile:
    try:
        archive = zipfile.ZipFile(file)
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) == 1 and members[0].compress_type in BOUNDED_METHODS and not members[0].flag_bits & _ENCRYPTED:
            return cast(zipfile.ZipExtFile, archive.open(members[0]))
    except Exception as error:  # a hostile file can make zipfile raise nearly anything
        raise VectorsError(messages.ZIP_DAMAGED, path=path, error=error) from error
    if len(members) == 1:
        raise VectorsError(messages.ZIP_METHOD, path=path)
    names = ", ".join(repr(member.filename[:80]) for member in members[:8]) or "none"
    raise VectorsError(messages.ZIP_MEMBERS, path=path, n=len(members), found=names)
