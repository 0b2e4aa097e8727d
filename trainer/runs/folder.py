"""A results folder as files: one run at a time in it, its small files read within bounds, and names that are names."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cache.errors import OutputError
from cache.files import is_special
from trainer import messages
from trainer.errors import TrialsError

__all__ = ["is_model_name", "only_run", "read_small_file"]

MOST_BYTES = 64 * 2**20
"""Of `config.json` and of `trials.csv`, which holds 100 bytes for each training."""
MOST_CHARACTERS = 100
_LOCK = ".lock"


def is_model_name(name: object) -> bool:
    """Tell whether a name may be that of a model: it becomes part of a file name, and is printed.

    Examples
    --------
    >>> [is_model_name(name) for name in ("elmo-only", "../../secret", "a\\x1b[2J", "")]
    [True, False, False, False]
    """
    return (
        isinstance(name, str)
        and 1 <= len(name) <= MOST_CHARACTERS
        and name.isprintable()
        and name == name.strip(" ")
        and not name.startswith(".")
        and not {"/", "\\"} & set(name)
    )


def read_small_file(path: Path) -> bytes | None:
    """Return the content of a file, or None if there is none.

    Raises
    ------
    TrialsError
        If it cannot be read, is a pipe or a device, or is larger than `MOST_BYTES`.
    """
    try:
        if is_special(path):
            raise TrialsError(messages.SPECIAL_FILE, path=path)
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise TrialsError(messages.NOT_A_FOLDER, path=path.parent) from None
    except OSError as error:
        raise TrialsError(messages.CANNOT_READ, path=path, error=error) from error
    if len(content) > MOST_BYTES:
        raise TrialsError(messages.TOO_LARGE, path=path, n=MOST_BYTES, expected="a file of `elmo-train trials`")
    return content


@contextmanager
def only_run(out: Path, *folders: str) -> Iterator[None]:
    """Make a folder for results, `folders` in it, and keep every other run of trials out until the block ends.

    The lock ends with its process, however that ends. Where a file system has no locks, nobody is kept out.

    Raises
    ------
    TrialsError
        If another run is in the folder.
    OutputError
        If it cannot be written to.
    """
    path = out / _LOCK
    try:
        for folder in (out, *(out / name for name in folders)):
            folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(path)
    except OSError as error:
        raise OutputError(messages.NOT_WRITABLE, path=out, error=error, name="out") from error
    if lock is None:
        raise TrialsError(messages.ANOTHER_RUN, path=out)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)  # before the lock ends, so that no one else's is removed
        with suppress(OSError):
            os.close(lock)


def _locked(path: Path) -> int | None:
    """Return a descriptor that locks the file of this name, or None if another one does."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            return descriptor  # no locks here
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False)):
                return descriptor
        os.close(descriptor)  # the run before removed it in between
