"""The archive of a TF-Hub module, fetched and unpacked: its folder has its name when it is whole.

An archive is a stranger's. Regular files and folders come out of it, inside the module's folder, and no more than
`MOST_BYTES` of them.
"""

import gzip
import os
import shutil
import tarfile
import tempfile
import time
import zlib
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO

from cache.errors import DownloadError, one_line
from cache.runtime.downloads import fetch_file
from cache.runtime.progress import progress_bar
from elmo_cache import messages

__all__ = ["archive_url", "download", "missing_file"]

MOST_BYTES = 2**31  # five times google/elmo
MOST_HEADER_BYTES = 2**16
_DAY_S = 86_400.0
_ABOUT_OTHERS = (  # their content is read whole, as it says something of the next member
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


def archive_url(handle: str) -> str:
    """Return the address of a module's archive."""
    return f"{handle}{'&' if '?' in handle else '?'}tf-hub-format=compressed"


def download(handle: str, folder: Path) -> None:
    """Download a module, with a progress bar, and unpack it as a folder that does not exist.

    Parameters
    ----------
    handle : str
        The module's address.
    folder : Path
        The name it gets; another download of the same module may be quicker.

    Raises
    ------
    DownloadError
        If it does not come, or is something else; no folder of that name is left then. The message is the reason
        alone.
    OutputError
        If the archive cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_old(folder)
        scratch = tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent)
    except OSError as error:
        raise DownloadError(messages.MODULE_NOT_KEPT, path=folder.parent, error=error) from error
    with scratch, progress_bar(0, "downloading", "B") as bar:

        def show_total(n_bytes: int) -> None:
            bar.total = n_bytes

        archive, module = Path(scratch.name) / "module.tar.gz", Path(scratch.name) / "module"
        fetch_file(archive_url(handle), archive, most_bytes=MOST_BYTES, progress=bar.update, when_announced=show_total)
        try:
            _unpack(archive, module)
        except (
            tarfile.TarError,
            gzip.BadGzipFile,
            EOFError,
            zlib.error,
            ValueError,
            OverflowError,
            RecursionError,
        ) as error:
            raise DownloadError(messages.NOT_A_MODULE, error=error) from error
        except OSError as error:
            raise DownloadError(messages.MODULE_NOT_UNPACKED, path=folder.parent, error=error) from error
        if missing := missing_file(module):
            raise DownloadError(messages.MODULE_LACKS, name=missing)
        try:
            module.rename(folder)
        except OSError as error:
            if not folder.is_dir():
                raise DownloadError(messages.MODULE_NOT_KEPT, path=folder, error=error) from error


def missing_file(folder: Path) -> str | None:
    """Return the first file that a module has and a folder lacks; None if it is whole."""
    shards = [path.name for path in (folder / "variables").glob("variables.data-*-of-[0-9][0-9][0-9][0-9][0-9]")]
    n_shards = int(shards[0].rpartition("-")[2]) if shards else 1
    needed = ["saved_model.pb", "variables/variables.index"]
    needed += [f"variables/variables.data-{i:05}-of-{n_shards:05}" for i in range(n_shards)]
    return next((name for name in needed if not (folder / name).is_file()), None)


def _remove_old(folder: Path) -> None:
    """Remove what downloads of the same module left that were killed."""
    for path in folder.parent.glob(f".{folder.name}.*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _DAY_S:
                shutil.rmtree(path)


def _unpack(archive: Path, folder: Path) -> None:
    folder.mkdir()
    with archive.open("rb") as raw, _Bounded(raw) as stream:
        # 'r|' asks for one block after the other, and neither unpacks by itself nor seeks.
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_BoundedTarInfo) as members:  # type: ignore[call-overload]
            for member in members:
                _extract(members, member, folder)
        while stream.read(2**20):  # up to the checksum at the end
            pass


def _extract(members: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    parts = PurePosixPath(member.name.lstrip("/")).parts
    # A sparse file's holes take no room in the archive.
    if ".." in parts or member.issparse() or not (member.isreg() or member.isdir()):
        raise tarfile.ReadError(f"{one_line(ascii(member.name))} is not a plain file or folder inside it")
    path = folder.joinpath(*parts)
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    content = members.extractfile(member)
    assert content is not None, "of a regular file"
    path.parent.mkdir(parents=True, exist_ok=True)
    with content, path.open("xb") as file:
        shutil.copyfileobj(content, file, 2**20)
        file.flush()
        os.fsync(file.fileno())


class _Bounded:
    """The tar in an archive; an end to what comes out of it, and where a server has unpacked it itself, as it is."""

    def __init__(self, raw: IO[bytes]) -> None:
        is_packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        # Not tarfile's own 'r|gz', which ignores the checksum and a cut-off end.
        self._stream: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if is_packed else raw
        self._n_bytes = 0

    def __enter__(self) -> "_Bounded":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._n_bytes += len(data)
        if self._n_bytes > MOST_BYTES:
            raise tarfile.ReadError(f"more than {MOST_BYTES:,} bytes came out of the archive")
        return data


class _BoundedTarInfo(tarfile.TarInfo):
    """Headers of which none asks for much memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_BoundedTarInfo":
        header = super().frombuf(buf, encoding, errors)
        if header.type in _ABOUT_OTHERS and header.size > MOST_HEADER_BYTES:
            raise tarfile.ReadError(f"{header.size:,} bytes about a member, expected at most {MOST_HEADER_BYTES:,}")
        return header
