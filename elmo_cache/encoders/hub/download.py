"""`tensorflow_hub`'s own download with a time limit, a progress bar, and a check that all of it came.

Imports `tensorflow_hub` and so TensorFlow: only `resolution` imports it, when there is something to download.
"""

import gzip
import http.client
import tarfile
import urllib.error
import urllib.request
import zlib
from typing import Any

from cache.errors import one_line
from cache.runtime.progress import progress_bar
from cache.runtime.quiet import quiet_import
from elmo_cache.errors import EncoderError

with quiet_import():
    import tensorflow as tf
with quiet_import():
    from tensorflow_hub.compressed_module_resolver import HttpCompressedFileResolver

__all__ = ["download"]

TIMEOUT_S = 60.0
MOST_UNPACKED_BYTES = 2**31  # five times google/elmo


def download(handle: str) -> None:
    """Download a module into the cache of `tensorflow_hub`.

    Raises
    ------
    EncoderError
        If it did not come; nothing is left in the cache then. The message is the reason alone.
    """
    with progress_bar(0, "downloading", "B") as bar:
        try:
            _Resolver(bar)(handle)
        except EncoderError:
            raise
        except urllib.error.HTTPError as error:
            raise EncoderError(f"the server answered {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            raise EncoderError(one_line(error.reason)) from error
        except (OSError, ValueError, EOFError, zlib.error, tarfile.TarError, http.client.HTTPException) as error:
            raise EncoderError(one_line(error)) from error
        except tf.errors.OpError as error:  # of the disk
            raise EncoderError(one_line(error.message)) from error


class _Resolver(HttpCompressedFileResolver):
    """What `tensorflow_hub.resolve` runs for an address: it unpacks under a temporary name and renames at the end."""

    def __init__(self, bar: Any):
        super().__init__()
        self.bar = bar

    def _call_urlopen(self, request: urllib.request.Request) -> "_Unpacked":
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._context)
        self.bar.total = int(response.headers.get("Content-Length") or 0)
        return _Unpacked(_Body(response, self.bar))


class _Unpacked:
    """The tar in what the server sends, unpacked here and not by `tarfile`, so that there is a bound on it."""

    def __init__(self, body: "_Body"):
        self.body, self.n_bytes = body, 0
        self.stream = gzip.GzipFile(fileobj=body, mode="rb")  # type: ignore[call-overload]

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self.stream.read(size)
        except gzip.BadGzipFile as error:
            self.body.read(1)  # raises if that is all, and more was announced
            raise tarfile.ReadError(one_line(error)) from error
        self.n_bytes += len(data)
        if self.n_bytes > MOST_UNPACKED_BYTES:
            raise EncoderError(f"more than {MOST_UNPACKED_BYTES:,} bytes came out of the archive")
        return data


class _Body:
    """What the server sends. An end before the announced length is refused: `tarfile` would pass over some."""

    def __init__(self, response: Any, bar: Any):
        self.response, self.bar, self.n_bytes = response, bar, 0

    def read(self, size: int) -> bytes:
        data: bytes = self.response.read(size)
        self.n_bytes += len(data)
        self.bar.update(len(data))
        if size and not data and self.n_bytes < self.bar.total:
            raise EncoderError(f"{self.n_bytes:,} bytes came, {self.bar.total:,} were announced")
        return data
