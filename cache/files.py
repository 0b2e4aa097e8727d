"""Files that appear whole or not at all, and the removal of what a killed writer left."""

import errno
import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cache.errors import CacheError, OutputError

__all__ = ["atomic_path", "is_special", "is_temporary", "remove_strays", "reserve", "temporary_files"]

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp", re.DOTALL)
_ENOTSUPP = 524  # of the kernel's own; some network file systems let it out
_NOT_SUPPORTED = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, _ENOTSUPP)


@contextmanager
def atomic_path(final: Path, *, exclusive: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `final`; on success its file becomes `final`, on failure it is removed.

    The file is closed by the caller, then synced, renamed, and its directory synced, so that a file under
    a final name is complete even after a power cut. The temporary file is locked (`flock`) as long as its
    writer lives: that is how `remove_strays` tells a dead writer's file from a living one's.

    Parameters
    ----------
    final : Path
        The name the file gets.
    exclusive : bool
        Raise `FileExistsError` instead of replacing a file of that name.

    Raises
    ------
    OutputError
        If the directory cannot be written to or is full.
    """
    try:
        temporary, lock = _create_locked(final)
    except OSError as error:
        raise _explained(error, final) from error
    try:
        yield temporary
        os.fsync(lock)
        if exclusive:
            _rename_to_new(temporary, final)
        else:
            os.replace(temporary, final)
        _sync_directory(final.parent)
    except (FileExistsError, CacheError):
        _remove(temporary)
        raise
    except (OSError, RuntimeError) as error:  # HDF5 reports some failed writes as RuntimeError
        _remove(temporary)
        explained = _explained(error, final)
        if explained is error:
            raise
        raise explained from error
    except BaseException:
        _remove(temporary)
        raise
    finally:
        with suppress(OSError):  # what was written is synced, or its error is on the way
            os.close(lock)


def reserve(path: Path, n_bytes: int) -> None:
    """Make a file that long, of blocks that are its own; raise the `OSError` of a disk that is full.

    Where a file system cannot do that, nothing happens.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, n_bytes)
        except OSError as error:
            error.add_note(f"{n_bytes:,} bytes are needed")
            if error.errno not in (*_NOT_SUPPORTED, errno.EINVAL):
                raise


def temporary_files(directory: Path) -> list[Path]:
    """Return the temporary files in a directory, of living and of dead writers."""
    return sorted(path for path in directory.iterdir() if is_temporary(path.name) and path.is_file())


def is_temporary(name: str) -> bool:
    """Tell whether a file name is one that `atomic_path` makes up."""
    return _TEMPORARY.fullmatch(name) is not None


def is_special(path: Path) -> bool:
    """Tell whether a path is a pipe, a socket or a device: opening one may wait for ever, reading it never end."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def remove_strays(directory: Path, name: str | None = None) -> int:
    """Remove the temporary files, of one final name or of any, whose writers are dead; return how many there were."""
    n_removed = 0
    for path in temporary_files(directory):
        if name is not None and not path.name.startswith(f".{name}."):
            continue
        try:
            lock = os.open(path, os.O_RDWR)
        except (FileNotFoundError, PermissionError):  # finished meanwhile, or another user's
            continue
        try:
            if _try_lock(lock):
                path.unlink(missing_ok=True)
                n_removed += 1
        finally:
            os.close(lock)
    return n_removed


def _create_locked(final: Path) -> tuple[Path, int]:
    while True:
        temporary = final.with_name(f".{final.name}.{secrets.token_hex(6)}.tmp")
        lock = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            # Another process's remove_strays may have come between the two calls; then begin again.
            if _try_lock(lock) and os.fstat(lock).st_nlink:
                return temporary, lock
        except OSError:
            os.close(lock)
            _remove(temporary)
            raise
        os.close(lock)


def _remove(temporary: Path) -> None:
    # A folder that refuses this too keeps a dead writer's file, which the next build removes.
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


def _rename_to_new(temporary: Path, final: Path) -> None:
    try:
        os.link(temporary, final)
    except OSError as error:
        if error.errno not in (*_NOT_SUPPORTED, errno.EPERM):
            raise
        # No hard links here (exFAT, many FUSE and network mounts): nearly as exclusive, and never half a file.
        if final.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
        os.replace(temporary, final)
    else:
        os.unlink(temporary)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # A file system without locks: every temporary file then looks dead, as after a reboot.
        if error.errno not in (*_NOT_SUPPORTED, errno.ENOLCK):
            raise
    return True


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (*_NOT_SUPPORTED, errno.EINVAL, errno.EBADF):  # a file system that cannot sync folders
            raise
    finally:
        os.close(descriptor)


def _explained(error: Exception, final: Path) -> Exception:
    code = error.errno if isinstance(error, OSError) else None
    if code is None and (inside := re.search(r"errno = (\d+)", str(error))):
        code = int(inside[1])  # HDF5 keeps the system's error number in its message only
    if code is None:
        return error
    resume = "free some space and run the same command again: what is finished stays"
    if code in (errno.ENOSPC, errno.EDQUOT):
        sizes = [*getattr(error, "__notes__", ()), f"{shutil.disk_usage(final.parent).free:,} bytes are free"]
        resume += f" ({', '.join(sizes)})"
    what_to_do = {
        errno.ENOSPC: resume,
        errno.EDQUOT: resume,
        errno.EFBIG: "the file system or a limit forbids files of this size; choose smaller shards",
        errno.EACCES: "choose a folder that you may write to",
        errno.EPERM: "choose a folder that you may write to",
        errno.EROFS: "the file system is read-only; choose another folder",
    }.get(code, "nothing was left under that name")
    return OutputError(f"cannot write {final}: {os.strerror(code)}; {what_to_do}")
