"""One tree of errors; every leaf is also the built-in that people already catch.

A message says what is wrong, where (file, split, document), what was expected and found, and what to do.
"""

__all__ = [
    "CacheError",
    "CacheWarning",
    "CorruptFileError",
    "DownloadError",
    "ExportError",
    "FormatVersionError",
    "MismatchError",
    "NotACacheError",
    "OutputError",
    "SelectionError",
    "WorkersError",
    "one_line",
]


class CacheError(Exception):
    """Root of every error that this project raises on purpose."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a message is meant to be read.
        return str(self.args[0]) if self.args else ""


class CacheWarning(UserWarning):
    """Something to know that stops nothing; a command prints it as one line."""


class NotACacheError(CacheError, FileNotFoundError):
    """The path does not exist, or what is there is no cache."""


class FormatVersionError(CacheError, ValueError):
    """The cache was written in a format that this version of the package does not read."""


class CorruptFileError(CacheError, OSError):
    """A file of the cache is missing, damaged, or belongs to another cache."""


class MismatchError(CacheError, ValueError):
    """A build would mix two encodings or two corpora in one cache; the message shows what differs."""


class SelectionError(CacheError, KeyError):
    """A split or layer that the cache does not have, or an index that cannot select documents."""


class OutputError(CacheError, OSError):
    """A file cannot be written or removed: no permission, a full disk, or something of that name is there."""


class ExportError(CacheError, ValueError):
    """A format of another tool has no room for what is asked of it, or needs a package that is not there."""


class DownloadError(CacheError, OSError):
    """A file of the web did not come; whoever asked for it adds what it is and what else can be done."""


class WorkersError(CacheError, RuntimeError):
    """Other processes cannot be had, or died."""


def one_line(reason: object) -> str:
    """Return what another library says of an error as one line of at most 200 characters, to quote in a message.

    Examples
    --------
    >>> one_line(ValueError("no such\\n  thing")), one_line(KeyboardInterrupt())
    ('no such thing', 'KeyboardInterrupt')
    """
    return " ".join(str(reason).split())[:200] or type(reason).__name__
