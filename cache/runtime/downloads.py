"""A file of the web, fetched with pooch: under its final name it is whole, or it is not there."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from cache import messages
from cache.errors import DownloadError
from cache.files import atomic_path

__all__ = ["fetch_file", "user_folder"]

TIMEOUT_S = 60.0
_BLOCK_BYTES = 2**16


def user_folder() -> Path:
    """Return the user's cache folder of this project, `~/.cache/elmo-cache` on Linux."""
    return Path(_pooch().os_cache("elmo-cache"))


def fetch_file(
    url: str,
    path: Path,
    *,
    most_bytes: int,
    fault: Callable[[Path], str | None] | None = None,
    progress: Callable[[int], object] | None = None,
    when_announced: Callable[[int], object] | None = None,
) -> None:
    """Download a file, also where there is one of that name.

    It gets its name when it is whole; a download that broke off leaves nothing behind, and the next one begins anew.

    Parameters
    ----------
    url : str
        HTTP or HTTPS.
    path : Path
        In a folder where what killed downloads left may be removed; it is made if it is missing.
    most_bytes : int
        When more come, the download stops.
    fault : callable or None
        Told the path of what came, says what is wrong with it; None for nothing.
    progress : callable or None
        Called with every advance, in bytes.
    when_announced : callable or None
        Called with the size that the server announces, in bytes; 0 if it announces none.

    Raises
    ------
    DownloadError
        If it cannot be downloaded, or what came is too much, not all of it, or something else. The message is the
        reason alone.
    OutputError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(messages.DOWNLOAD_FOLDER, path=path.parent, error=error) from error
    with atomic_path(path) as temporary:
        with temporary.open("wb") as stream:
            _download(url, _Sink(stream, most_bytes, progress, when_announced))
        found = fault(temporary) if fault is not None else None
        if found is not None:
            raise DownloadError(messages.DOWNLOAD_WRONG, error=found)


class _Sink:
    """What pooch writes to: a file that counts, and takes no more than it may."""

    def __init__(
        self,
        stream: IO[bytes],
        most_bytes: int,
        progress: Callable[[int], object] | None,
        when_announced: Callable[[int], object] | None,
    ) -> None:
        self.flush = stream.flush  # pooch calls it
        self.n_bytes = 0
        self.n_announced: int | None = None
        self._stream = stream
        self._most_bytes = most_bytes
        self._progress = progress
        self._when_announced = when_announced

    def listen(self, response: Any, **_: Any) -> None:
        """Note the size that a response announces; compressed on the way, it is another one."""
        length = response.headers.get("Content-Length", "")
        is_comparable = length.isdecimal() and "Content-Encoding" not in response.headers
        self.n_announced = int(length) if is_comparable else None
        if self._when_announced is not None:
            self._when_announced(self.n_announced or 0)

    def write(self, block: bytes) -> None:
        self.n_bytes += len(block)
        if self.n_bytes > self._most_bytes:
            raise DownloadError(messages.DOWNLOAD_TOO_LARGE, expected=self._most_bytes)
        self._stream.write(block)
        if self._progress is not None:
            self._progress(len(block))


def _download(url: str, sink: _Sink) -> None:
    download = _pooch().HTTPDownloader(chunk_size=_BLOCK_BYTES, timeout=TIMEOUT_S, hooks={"response": sink.listen})
    try:
        download(url, sink, None)
    except DownloadError:
        raise
    except Exception as error:  # requests lets exceptions of other libraries pass
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk; atomic_path explains it
        # urllib3 says in `reason` what happened; requests wraps it in a text twice as long.
        cause = getattr(error.args[0] if error.args else None, "reason", None) or error
        raise DownloadError(messages.DOWNLOAD_FAILED, error=cause) from error
    if sink.n_announced is not None and sink.n_bytes != sink.n_announced:
        raise DownloadError(messages.DOWNLOAD_CUT_SHORT, found=sink.n_bytes, expected=sink.n_announced)


def _pooch() -> Any:
    return importlib.import_module("pooch")  # here, so that whatever needs no download does without it
