"""The ELMos that AllenNLP published, by name: fetched once, into the user's cache folder."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py

from cache.errors import DownloadError
from cache.runtime.downloads import fetch_file, user_folder
from cache.runtime.progress import progress_bar
from elmo_cache import messages
from elmo_cache.encoders.bilm.files import MOST_OPTIONS_BYTES, read_files
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import Weights
from elmo_cache.errors import EncoderError

__all__ = ["NAMES", "PREFIX", "PublicElmo", "fetch", "load"]

PREFIX = "allennlp:"
BASE_URL = "https://allennlp.s3.amazonaws.com/models/elmo"


@dataclass(frozen=True)
class PublicElmo:
    """What is known of a published ELMo before it is downloaded; no hash of it is published.

    Attributes
    ----------
    handle : str
        Its folder under `BASE_URL`.
    architecture : str
        As `BiLMOptions.architecture`.
    dim : int
        Length of a token's vector.
    size_bytes : int
        Of its weights file, to three digits.
    trained_on : str
        The text.
    """

    handle: str
    architecture: str
    dim: int
    size_bytes: int
    trained_on: str

    @property
    def options_name(self) -> str:
        """Name of the options file, there and here."""
        return f"elmo_{self.handle}_options.json"

    @property
    def weights_name(self) -> str:
        """Name of the weights file, there and here."""
        return f"elmo_{self.handle}_weights.hdf5"


_NEWS = "1 Billion Word Benchmark"
NAMES = {
    "original": PublicElmo("2x4096_512_2048cnn_2xhighway", "2x4096_512", 1024, 374_000_000, _NEWS),
    "5.5B": PublicElmo("2x4096_512_2048cnn_2xhighway_5.5B", "2x4096_512", 1024, 374_000_000, "Wikipedia and news"),
    "medium": PublicElmo("2x2048_256_2048cnn_1xhighway", "2x2048_256", 512, 112_000_000, _NEWS),
    "small": PublicElmo("2x1024_128_2048cnn_1xhighway", "2x1024_128", 256, 54_400_000, _NEWS),
}


def load(name: str) -> tuple[Weights, BiLMOptions]:
    """Return the weights and options of a published ELMo, fetched if they are not there.

    Raises
    ------
    EncoderError
        As `fetch`; or if a file that is there cannot be read, with its path.
    OutputError
        As `fetch`.
    """
    folder = fetch(name)
    options_path, weights_path = folder / NAMES[name].options_name, folder / NAMES[name].weights_name
    try:
        return read_files(options_path, weights_path)
    except EncoderError as error:
        raise EncoderError(messages.DOWNLOADED_FILE_DAMAGED, error=error) from error
    except OSError as error:
        raise EncoderError(messages.CANNOT_READ, path=options_path, error=error) from error


def fetch(name: str) -> Path:
    """Return the folder of a published ELMo, having downloaded what is not there.

    A file has its name when it is whole: one that is there is not asked for again. A progress bar on stderr appears
    if it takes more than half a second.

    Parameters
    ----------
    name : str
        A key of `NAMES`.

    Returns
    -------
    Path
        Holds the options and the weights under their published names.

    Raises
    ------
    EncoderError
        If there is no such name, or a file cannot be downloaded; the message has the address and the other way.
    OutputError
        If a file cannot be written.
    """
    elmo = NAMES.get(name)
    if elmo is None:
        names = ", ".join(PREFIX + known for known in NAMES)
        raise EncoderError(messages.NO_ENCODER, name=PREFIX + name, expected=names)
    folder = user_folder() / "allennlp" / name
    url = f"{BASE_URL}/{elmo.handle}"
    # Twice the size that is known leaves room for a size that is not known to the byte.
    files: dict[str, tuple[int, Callable[[Path], str | None]]] = {
        elmo.options_name: (MOST_OPTIONS_BYTES, _options_fault),
        elmo.weights_name: (2 * elmo.size_bytes, _weights_fault),
    }
    with progress_bar(elmo.size_bytes, PREFIX + name, "B") as bar:
        for file_name, (most_bytes, fault) in files.items():
            path = folder / file_name
            try:
                if not os.path.isfile(path):  # unlike Path.is_file, False where a folder may not be entered
                    fetch_file(f"{url}/{file_name}", path, most_bytes=most_bytes, fault=fault, progress=bar.update)
            except DownloadError as error:
                raise EncoderError(
                    messages.NOT_DOWNLOADED,
                    name=f"{PREFIX}{name}, file {file_name}",
                    error=error,
                    url=f"{url}/{elmo.options_name}",
                    size=" and …_weights.hdf5",
                ) from error
    return folder


# A network that wants a login answers everything with its page.
def _options_fault(path: Path) -> str | None:
    try:
        BiLMOptions.parse(path.read_bytes(), "it")
    except EncoderError as error:
        return str(error).rstrip(".")
    return None


def _weights_fault(path: Path) -> str | None:
    return None if h5py.is_hdf5(path) else "it is not HDF5"
