"""From a TF-Hub handle to the folder of a whole module, by way of `tensorflow_hub` and its cache."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from elmo_cache.errors import EncoderError

__all__ = ["ORIGINAL", "ORIGINAL_SIZE", "cache_folder", "find_module"]

ORIGINAL = "https://tfhub.dev/google/elmo/3"
ORIGINAL_SIZE = "about 350 MB"
_PARTS = ("saved_model.pb", "tfhub_module.pb", "variables")  # any of them makes a folder a module, whole or not


def find_module(name: str) -> Path | None:
    """Return the folder of the TF-Hub module of a name, downloaded if need be.

    `tensorflow_hub` takes any folder of the right name for the module, also one that a cleaner of temporary files
    has emptied, and waits without a word while a lock is there. Both are looked at first.

    Parameters
    ----------
    name : str
        An address of TF-Hub; `original`, short for google/elmo's; or the path of a module's folder.

    Returns
    -------
    Path or None
        A folder with all files that a module has; None if the name is neither address nor module.

    Raises
    ------
    EncoderError
        If the module is not whole, or cannot be had; with what to do.
    """
    try:
        if name == "original" or name.startswith(("https://", "http://")):
            return _resolve(ORIGINAL if name == "original" else name)
        folder = Path(name)
        if not folder.is_dir() or not any((folder / part).exists() for part in _PARTS):
            return None
        if lacking := _lacking(folder):
            raise EncoderError(f"{name} is no whole TF-Hub module, it lacks {lacking}: unpack its archive again")
    except OSError as error:
        raise EncoderError(f"{name} cannot be read: {error.strerror or error}") from error
    return folder


def cache_folder(handle: str) -> Path:
    """Return where `tensorflow_hub` keeps a module: `$TFHUB_CACHE_DIR`, or the system's temporary folder."""
    root = os.environ.get("TFHUB_CACHE_DIR") or os.path.join(tempfile.gettempdir(), "tfhub_modules")
    return Path(root) / hashlib.sha1(handle.encode()).hexdigest()


def _resolve(handle: str) -> Path:
    folder = cache_folder(handle)
    if not folder.exists():
        _download(handle, folder)
    elif lacking := _lacking(folder):
        raise EncoderError(
            f"the cached copy of {handle} is not whole, it lacks {lacking}: remove the folder {folder}, "
            "and the next run downloads it"
        )
    return folder


def _lacking(folder: Path) -> str | None:
    """Return the first file that a module has and a folder lacks."""
    shards = [path.name for path in (folder / "variables").glob("variables.data-*-of-[0-9][0-9][0-9][0-9][0-9]")]
    n_shards = int(shards[0].rpartition("-")[2]) if shards else 1
    needed = ["saved_model.pb", "variables/variables.index"]
    needed += [f"variables/variables.data-{i:05}-of-{n_shards:05}" for i in range(n_shards)]
    return next((name for name in needed if not (folder / name).is_file()), None)


def _download(handle: str, folder: Path) -> None:
    lock = folder.with_name(folder.name + ".lock")
    if lock.exists():
        raise EncoderError(
            f"another download of {handle} is under way: wait for it, or if there is none, remove the file {lock}"
        )
    size = f" ({ORIGINAL_SIZE})" if "google/elmo/" in handle else ""
    elsewhere = (
        f"or get {handle}?tf-hub-format=compressed{size} by other means, unpack it into {folder}, or anywhere and "
        "give the folder: --encoder DIRECTORY"
    )
    try:
        from elmo_cache.encoders.hub.download import download
    except ImportError as error:
        hint = "; it needs setuptools before 82: pip install 'setuptools<82'" if error.name == "pkg_resources" else ""
        raise EncoderError(f"tensorflow_hub cannot be imported ({error}){hint}; {elsewhere}") from error
    try:
        download(handle)
        if lacking := _lacking(folder):
            shutil.rmtree(folder)
            raise EncoderError(f"what came lacks {lacking}")
    except EncoderError as error:
        raise EncoderError(f"{handle} cannot be downloaded ({error}): try again, {elsewhere}") from error
