"""A stranger's `.tar` or `.tar.gz`, read as one stream from beginning to end: no part of it asks for much memory."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, Self

__all__ = ["DAMAGE", "members_of"]

DAMAGE = (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError, OverflowError, RecursionError)
"""What reading raises where an archive is damaged; RecursionError: of headers about headers without end."""

_MOST_HEADER_BYTES = 2**16
_ABOUT_OTHERS = (  # their content is read whole, as it says something of the next member
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


def members_of(
    raw: IO[bytes], *, most_bytes: int | None = None, has_end: bool = False
) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield the members of an archive in their order, each with the archive, whose `extractfile` reads it now.

    Parameters
    ----------
    raw : file
        The archive, gzip or not.
    most_bytes : int, optional
        How many bytes may come out of it.
    has_end : bool
        Whether the mark of a tar's end must stand there, which some programs leave out; tarfile takes a bad header for
        the end as well.

    Raises
    ------
    OSError
        If it cannot be read; and the errors of `DAMAGE`, also at the end, where a checksum stands.
    """
    kind = _StrictTarInfo if has_end else _BoundedTarInfo
    with _Bounded(raw, most_bytes) as stream:
        # 'r|' asks for one block after the other, and neither unpacks by itself nor seeks.
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=kind) as archive:  # type: ignore[call-overload]
            while (member := archive.next()) is not None:
                archive.members.clear()  # tarfile remembers every header, about 1 kB each
                yield archive, member
        while stream.read(2**20):
            pass


class _Bounded:
    """The tar in a file, and an end to what comes out of it."""

    def __init__(self, raw: IO[bytes], most_bytes: int | None) -> None:
        is_packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        # Not tarfile's own 'r|gz', which ignores the checksum and a cut-off end.
        self._stream: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if is_packed else raw
        self._n_bytes, self._most_bytes = 0, most_bytes

    def __enter__(self) -> "_Bounded":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._n_bytes += len(data)
        if self._most_bytes is not None and self._n_bytes > self._most_bytes:
            raise tarfile.ReadError(f"more than {self._most_bytes:,} bytes came out of the archive")
        return data


class _BoundedTarInfo(tarfile.TarInfo):
    """Headers of which none asks for much memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _ABOUT_OTHERS and header.size > _MOST_HEADER_BYTES:
            raise tarfile.ReadError(f"{header.size:,} bytes about a member, expected at most {_MOST_HEADER_BYTES:,}")
        return header


class _StrictTarInfo(_BoundedTarInfo):
    """Headers of an archive that must end with its end mark."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error} at byte {archive.offset} of its content") from error
