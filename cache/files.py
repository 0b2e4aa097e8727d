"""Files that appear whole or not at all, and the removal of what a killed writer left."""

import errno
import os
import re
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

from cache import messages
from cache.errors import CacheError, OutputError

__all__ = [
    "at_work",
    "atomic_path",
    "is_special",
    "is_temporary",
    "locked",
    "others_at_work",
    "remove_strays",
    "reserve",
    "temporary_files",
]

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp", re.DOTALL)
_OWNER = re.compile(r"\.([0-9a-f]{8})-([0-9]{1,10})\.[0-9a-f]{12}\.tmp$")
_AT_WORK = "build"
_DAY_S = 86_400.0
_ENOTSUPP = 524  # of the kernel's own; some network file systems let it out
_NOT_SUPPORTED = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, _ENOTSUPP)
_NO_LOCKS = (*_NOT_SUPPORTED, errno.ENOLCK, errno.EBADF)  # EBADF is NFS's answer for a folder


@contextmanager
def atomic_path(final: Path, *, exclusive: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `final`; on success its file becomes `final`, on failure it is removed.

    The file is closed by the caller, then synced, renamed, and its directory synced, so that a file under
    a final name is complete even after a power cut. The temporary file is locked (`flock`) as long as its
    writer lives, and its name says which host and process that is: so `remove_strays` tells a dead writer's file.
    Those of the same final name are removed first.

    Parameters
    ----------
    final : Path
        The name the file gets.
    exclusive : bool
        Raise `FileExistsError` instead of replacing a file of that name.

    Raises
    ------
    OutputError
        If the directory cannot be written to or is full, or `final` is a device, a pipe or no name for a file.
    """
    if not final.name:
        raise OutputError(messages.NO_FILE_NAME, path=final)
    if is_special(final):  # whoever may, such as root, would replace /dev/null by a file
        raise OutputError(messages.SPECIAL_FILE, path=final)
    with suppress(OSError):  # a folder that cannot be read: what follows says it
        remove_strays(final.parent, final.name)
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
        _let_go(lock)


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
    """Remove the temporary files, of one final name or of any, whose writers are dead; return how many there were.

    Dead is a process that is gone, or holds no lock where there are locks; one of another host, which cannot be asked,
    is taken for dead after a day.
    """
    n_removed = 0
    for path in temporary_files(directory):
        if (name is None or path.name.startswith(f".{name}.")) and _is_dead(path, remove=True):
            n_removed += 1
    return n_removed


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a directory's lock, once whoever has it is done; where there are no locks, go on without."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise _explained(error, directory) from error
    try:
        try:
            _flock(descriptor, wait=True)
        except OSError as error:
            raise _explained(error, directory) from error
        yield
    finally:
        _let_go(descriptor)


@contextmanager
def at_work(directory: Path) -> Iterator[Path]:
    """Leave a mark in a directory for as long as this process works there: a temporary file, whose path it yields."""
    try:
        mark, lock = _create_locked(directory / _AT_WORK)
    except OSError as error:
        raise _explained(error, directory / _AT_WORK) from error
    try:
        yield mark
    finally:
        _remove(mark)
        _let_go(lock)


def others_at_work(directory: Path, mark: Path | None = None) -> bool:
    """Tell whether a directory has the mark of a process that lives, but for one's own `mark`."""
    if not directory.is_dir():
        return False
    marks = [path for path in temporary_files(directory) if path.name.startswith(f".{_AT_WORK}.") and path != mark]
    return any(not _is_dead(path) for path in marks)


def _is_dead(path: Path, *, remove: bool = False) -> bool:
    """Tell whether a temporary file's writer is dead; its file is then removed while it is locked, if wanted."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:  # finished meanwhile
        return not remove
    except PermissionError:  # another user's
        return False
    try:
        lock = _flock(descriptor, wait=False)
        owner = _OWNER.search(path.name)
        if lock is False:
            return False
        if owner is None:  # of a version whose names say nothing
            dead = lock is True
        elif owner[1] == _host():
            dead = lock is True or not _lives(int(owner[2]))
        else:
            dead = False
        dead = dead or time.time() - os.fstat(descriptor).st_mtime > _DAY_S
        if dead and remove:
            path.unlink(missing_ok=True)
        return dead
    finally:
        _let_go(descriptor)


@cache
def _host() -> str:
    """Return what tells this host, and the processes that can be seen on it, from others."""
    facts = [socket.gethostname()]
    with suppress(OSError):
        facts.append(Path("/etc/machine-id").read_text())
    with suppress(OSError):
        facts.append(os.readlink("/proc/self/ns/pid"))  # a container's processes are numbered anew
    return sha256("\n".join(facts).encode()).hexdigest()[:8]


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _create_locked(final: Path) -> tuple[Path, int]:
    while True:
        temporary = final.with_name(f".{final.name}.{_host()}-{os.getpid()}.{secrets.token_hex(6)}.tmp")
        lock = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            # Another process's remove_strays may have come between the two calls; then begin again.
            if _flock(lock, wait=False) is not False and os.fstat(lock).st_nlink:
                return temporary, lock
        except OSError:
            _let_go(lock)
            _remove(temporary)
            raise
        _let_go(lock)


def _let_go(lock: int) -> None:
    with suppress(OSError):  # whatever was written is synced, or its error is on the way; the lock ends in any case
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


def _flock(descriptor: int, *, wait: bool) -> bool | None:
    """Lock a file; return whether that went, and None on a file system without locks."""
    import fcntl  # of POSIX alone: caches can be read on other systems

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
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
    data = {"path": final, "error": os.strerror(code)}
    if code in (errno.ENOSPC, errno.EDQUOT):
        sizes = [*getattr(error, "__notes__", ()), f"{shutil.disk_usage(final.parent).free:,} bytes are free"]
        return OutputError(messages.DISK_FULL, sizes=", ".join(sizes), **data)
    if code == errno.EFBIG:
        return OutputError(messages.FILE_TOO_LARGE, **data)
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(messages.NOT_WRITABLE, **data)
    if code == errno.ENOENT and not final.parent.exists():
        return OutputError(messages.NO_FOLDER, path=final, folder=final.parent)
    return OutputError(messages.CANNOT_WRITE, **data)
