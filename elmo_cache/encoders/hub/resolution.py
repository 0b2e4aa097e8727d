"""From a TF-Hub handle to the folder of a whole module: one that is cached, or a download."""

import grp
import hashlib
import os
import pwd
import stat
import tempfile
from pathlib import Path

from cache.errors import CacheError, DownloadError
from cache.runtime.downloads import user_folder
from elmo_cache import messages
from elmo_cache.encoders.hub.download import archive_url, download, missing_file
from elmo_cache.errors import EncoderError

__all__ = ["ORIGINAL", "ORIGINAL_SIZE", "cache_folder", "find_module"]

ORIGINAL = "https://tfhub.dev/google/elmo/3"
ORIGINAL_SIZE = "about 350 MB"
_PARTS = ("saved_model.pb", "tfhub_module.pb", "variables")  # any of them makes a folder a module, whole or not


def find_module(name: str) -> Path | None:
    """Return the folder of the TF-Hub module of a name, downloaded if need be.

    A cached one may have been emptied by a cleaner of temporary files, or be another user's: both are refused.

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
        If the module is not whole, cannot be trusted, or cannot be had; with what to do.
    OutputError
        If a download cannot be written.
    """
    if name == "original" or name.startswith(("https://", "http://")):
        return _resolve(ORIGINAL if name == "original" else name)
    try:
        folder = Path(name)
        if not folder.is_dir() or not any((folder / part).exists() for part in _PARTS):
            return None
        if lacking := missing_file(folder):
            raise EncoderError(messages.MODULE_INCOMPLETE, path=name, name=lacking)
    except OSError as error:
        raise EncoderError(messages.CANNOT_READ, path=name, error=error) from error
    return folder


def cache_folder(handle: str) -> Path:
    """Return where a module is kept, or would be: in `$TFHUB_CACHE_DIR`, or else in the user's cache folder.

    What `tensorflow_hub` has put in the first, or in the system's temporary folder, is found: its folders have the
    same names.
    """
    name = hashlib.sha1(handle.encode()).hexdigest()
    if root := os.environ.get("TFHUB_CACHE_DIR"):
        return Path(root) / name
    own = user_folder() / "tfhub" / name
    other = Path(tempfile.gettempdir()) / "tfhub_modules" / name
    return other if other.exists() and not own.exists() else own


def _resolve(handle: str) -> Path:
    try:
        folder = cache_folder(handle)
        is_cached = folder.exists()
        if fault := _fault_of_trust(folder):
            raise EncoderError(messages.MODULES_NOT_TRUSTED, error=fault, name=handle)
        if not is_cached:
            _download(handle, folder)
        elif lacking := missing_file(folder):
            raise EncoderError(messages.CACHED_MODULE_INCOMPLETE, name=handle, found=lacking, path=folder)
    except CacheError:
        raise
    except OSError as error:
        raise EncoderError(messages.CANNOT_READ, path=f"The cached copy of {handle}", error=error) from error
    return folder


def _fault_of_trust(folder: Path) -> str | None:
    """Say who else than this user and root can change a cached module, or put another in its place; None for nobody."""
    for path in (folder.parent, folder, *folder.rglob("*")):
        if not path.exists():
            continue
        found = path.stat()
        if {path.lstat().st_uid, found.st_uid} - {0, os.getuid()}:
            return f"{path} belongs to another user"
        in_sticky_folder = path == folder.parent and found.st_mode & stat.S_ISVTX  # where others cannot rename it
        if _is_writable_by_others(found) and not in_sticky_folder:
            return f"others can write to {path}"
    return None


def _is_writable_by_others(found: os.stat_result) -> bool:
    if found.st_mode & stat.S_IWOTH:
        return True
    if not found.st_mode & stat.S_IWGRP:
        return False
    try:  # many systems give each user a group of the same name, and let it write
        return grp.getgrgid(found.st_gid).gr_name != pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return True


def _download(handle: str, folder: Path) -> None:
    try:
        download(handle, folder)
    except DownloadError as error:
        size = f" ({ORIGINAL_SIZE})" if "google/elmo/" in handle else ""
        url = archive_url(handle)
        raise EncoderError(
            messages.MODULE_NOT_DOWNLOADED, name=handle, error=error, url=url, size=size, path=folder
        ) from error
