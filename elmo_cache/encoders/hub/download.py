"""The archive of a TF-Hub module, fetched and unpacked: its folder has its name when it is whole.

An archive is a stranger's. Regular files and folders come out of it, inside the module's folder, and no more than
`MOST_BYTES` of them.
"""

import os
import shutil
import tarfile
import tempfile
import time
from contextlib import suppress
from pathlib import Path, PurePosixPath

from cache.errors import DownloadError, one_line
from cache.runtime.downloads import fetch_file
from cache.runtime.progress import progress_bar
from elmo_cache import messages
from elmo_cache.tar_streams import DAMAGE, members_of

__all__ = ["archive_url", "download", "missing_file"]

MOST_BYTES = 2**31  # five times google/elmo
_DAY_S = 86_400.0


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
        except DAMAGE as error:
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
    with archive.open("rb") as raw:
        for members, member in members_of(raw, most_bytes=MOST_BYTES):
            _extract(members, member, folder)


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
