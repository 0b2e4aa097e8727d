"""Compressed files, by the ending of their names."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from elmo_cache.errors import CorpusError

__all__ = ["BROKEN", "COMPRESSIONS", "decompressed", "without_compression"]

COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
BROKEN = (EOFError, zlib.error, lzma.LZMAError, OSError)
"""What reading raises where a compressed file is damaged; zstandard's own errors are among `OSError` here."""


def without_compression(path: Path) -> Path:
    """Return a path without the ending that names a compression.

    Examples
    --------
    >>> without_compression(Path("a/reviews.CSV.gz")), without_compression(Path("a.csv"))
    (PosixPath('a/reviews.CSV'), PosixPath('a.csv'))
    """
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
    }
    stream: BinaryIO = openers.get(path.suffix.lower(), lambda file: file)(raw)
    return stream


def _zstandard(path: Path, raw: BinaryIO) -> Any:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise CorpusError(f"{path}: .zst needs pyarrow: pip install pyarrow") from error
    import io

    return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd"))
