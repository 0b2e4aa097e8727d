"""Compressed files, by the ending of their names."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from elmo_cache import messages
from elmo_cache.errors import CorpusError

__all__ = ["BROKEN", "COMPRESSIONS", "decompressed", "without_compression"]

COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst", ".zip")
BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError)
"""What reading raises where a compressed file is damaged; zstandard's own errors are among `OSError` here."""


def without_compression(path: Path) -> Path:
    """Return a path without the ending that names a compression; of a `.zip`, the name of the one file in it.

    Raises
    ------
    CorpusError
        If a `.zip` is damaged, or holds several files.

    Examples
    --------
    >>> without_compression(Path("a/reviews.CSV.gz")), without_compression(Path("a.csv"))
    (PosixPath('a/reviews.CSV'), PosixPath('a.csv'))
    """
    if path.suffix.lower() == ".zip" and path.is_file():
        with _opened(path) as archive:
            return Path(_only_member(path, archive).filename)
    return path.with_suffix("") if path.suffix.lower() in COMPRESSIONS else path


def decompressed(path: Path, raw: BinaryIO) -> BinaryIO:
    """Return the content of an open file as a stream, decompressed if its name says so.

    Raises
    ------
    CorpusError
        If Zstandard's package is missing.
    """
    openers: dict[str, Callable[[BinaryIO], Any]] = {
        ".gz": lambda file: gzip.GzipFile(fileobj=file),
        ".bz2": bz2.BZ2File,
        ".xz": lzma.LZMAFile,
        ".zst": lambda file: _zstandard(path, file),
        ".zip": lambda file: _zip_member(path, file),
    }
    stream: BinaryIO = openers.get(path.suffix.lower(), lambda file: file)(raw)
    return stream


def _opened(path: Path, raw: BinaryIO | None = None) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(raw or path)
    except Exception as error:  # a damaged file can make zipfile raise nearly anything
        raise CorpusError(messages.DAMAGED, where=path, error=error) from error


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/") and "/." not in f"/{member.filename}"
    ]
    if len(members) != 1:
        names = ", ".join(member.filename[:40] for member in members[:4]) or "none"
        raise CorpusError(messages.ZIP_OF_SEVERAL_FILES, path=path, n=len(members), names=names)
    return members[0]


def _zip_member(path: Path, raw: BinaryIO) -> Any:
    archive = _opened(path, raw)
    try:
        return archive.open(_only_member(path, archive))
    except RuntimeError as error:  # NotImplementedError is one
        raise CorpusError(messages.ZIP_LOCKED, path=path) from error


def _zstandard(path: Path, raw: BinaryIO) -> Any:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise CorpusError(messages.NEEDS_PYARROW, name=path) from error
    return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd"))
