"""The English vectors of MUSE (Conneau et al. 2018), which the notebook used: 200,000 words, 300-d, fetched once."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from cache.files import atomic_path, remove_strays
from trainer.errors import VectorsError

__all__ = ["fetch", "is_whole", "path_in"]

URL = "https://dl.fbaipublicfiles.com/arrival/vectors/wiki.multi.en.vec"
# What there is to tell the file by: no hash of it is published.
N_BYTES = 628_614_720
HEADER = b"200000 300\n"

_BLOCK_BYTES = 2**20


def path_in(cache_folder: Path | None) -> Path:
    """Where the file is kept; None stands for the user's cache folder."""
    folder = Path(_pooch().os_cache("elmo-cache")) if cache_folder is None else cache_folder
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
    if is_whole(path):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_strays(path.parent)
    except OSError as error:
        raise _failure(f"cannot be kept in {path.parent} ({error.strerror})") from error
    with atomic_path(path) as temporary:
        with temporary.open("wb") as stream:
            _download(_Sink(stream, progress))
        if not is_whole(temporary):
            raise _failure(
                f"{temporary.stat().st_size} bytes came, expected {N_BYTES} with the header "
                f"'{HEADER.decode().strip()}'; try again"
            )
    return path


class _Sink:
    """What pooch writes to: a file that counts, and takes no more than the file has."""

    def __init__(self, stream: IO[bytes], progress: Callable[[int], None] | None) -> None:
        self.flush = stream.flush  # pooch calls it
        self._stream = stream
        self._progress = progress
        self._n_left = N_BYTES

    def write(self, block: bytes) -> None:
        self._n_left -= len(block)
        if self._n_left < 0:
            raise _failure(f"more than {N_BYTES} bytes came, it is another file")
        self._stream.write(block)
        if self._progress is not None:
            self._progress(len(block))


def _download(sink: _Sink) -> None:
    download = _pooch().HTTPDownloader(chunk_size=_BLOCK_BYTES)
    try:
        download(URL, sink, None)
    except VectorsError:
        raise
    except Exception as error:  # requests lets exceptions of other libraries pass
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk; atomic_path explains it
        reason = " ".join(str(error).split())
        raise _failure(f"cannot be downloaded ({reason})") from error


def _failure(what: str) -> VectorsError:
    return VectorsError(f"muse: {what}; or get {URL} by other means and give the file: --vectors PATH")


def _pooch() -> Any:
    return importlib.import_module("pooch")  # here, so that other sources do without it
