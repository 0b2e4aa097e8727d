"""The English vectors of MUSE (Conneau et al. 2018), which the notebook used: 200,000 words, 300-d, fetched once."""

from collections.abc import Callable
from pathlib import Path

from cache.errors import DownloadError
from cache.runtime.downloads import fetch_file, user_folder
from trainer import messages
from trainer.errors import VectorsError

__all__ = ["fetch", "is_whole", "path_in"]

URL = "https://dl.fbaipublicfiles.com/arrival/vectors/wiki.multi.en.vec"
# What there is to tell the file by: no hash of it is published.
N_BYTES = 628_614_720
HEADER = b"200000 300\n"


def path_in(cache_folder: Path | None) -> Path:
    """Where the file is kept; None stands for the user's cache folder."""
    folder = user_folder() if cache_folder is None else cache_folder
    # In a folder of its own, for what a killed download left there is removed.
    return folder / "muse" / URL.rpartition("/")[2]


def is_whole(path: Path) -> bool:
    """Tell whether the file is there, of the published size and with its header."""
    try:
        with path.open("rb") as stream:
            return path.stat().st_size == N_BYTES and stream.read(len(HEADER)) == HEADER
    except OSError:
        return False


def fetch(cache_folder: Path | None = None, progress: Callable[[int], None] | None = None) -> Path:
    """Return the file's path, having downloaded it if it is not there.

    It gets its name when it is whole; a download that broke off leaves nothing behind.

    Parameters
    ----------
    cache_folder : Path or None
        None: the user's cache folder.
    progress : callable or None
        Called with every advance of the download, in bytes.

    Raises
    ------
    VectorsError
        If it cannot be downloaded or is another file; the message has the address and the other way.
    OutputError
        If it cannot be written.
    """
    path = path_in(cache_folder)
    if not is_whole(path):
        try:
            fetch_file(URL, path, most_bytes=N_BYTES, fault=_fault, progress=progress)
        except DownloadError as error:
            raise VectorsError(messages.MUSE_DOWNLOAD, error=error, url=URL) from error
    return path


def _fault(path: Path) -> str | None:
    if is_whole(path):
        return None
    size, header = path.stat().st_size, HEADER.decode().strip()
    return messages.MUSE_WRONG.format(found=size, expected=N_BYTES, header=header)
