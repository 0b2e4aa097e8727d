"""The errors of all packages. Each is also a subclass of the matching built-in error.

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
    """Base class of all errors that this project raises."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a message is meant to be read.
        return str(self.args[0]) if self.args else ""


class CacheWarning(UserWarning):
    """A warning; commands print it as one line."""


class NotACacheError(CacheError, FileNotFoundError):
    """The path does not exist, or is not a cache."""


class FormatVersionError(CacheError, ValueError):
    """The cache has a format that this version of the package cannot read."""


class CorruptFileError(CacheError, OSError):
    """A file of the cache is missing, damaged, or belongs to another cache."""


class MismatchError(CacheError, ValueError):
    """A build would mix two encodings or two corpora in one cache. The message shows the differences."""


class SelectionError(CacheError, KeyError):
    """The cache has no such split or layer, or an index cannot select documents."""


class OutputError(CacheError, OSError):
    """A file cannot be written or removed: no permission, a full disk, or the name is taken."""


class ExportError(CacheError, ValueError):
    """An export format cannot store the requested data, or needs a package that is not installed."""


class DownloadError(CacheError, OSError):
    """A download failed. The caller adds which file it was and what else to try."""


class WorkersError(CacheError, RuntimeError):
    """Workers could not start, or died."""


def one_line(reason: object) -> str:
    """Return the message of another library's error as one line of at most 200 characters.

    Examples
    --------
    >>> one_line(ValueError("no such\\n  thing")), one_line(KeyboardInterrupt())
    ('no such thing', 'KeyboardInterrupt')
    """
    return " ".join(str(reason).split())[:200] or type(reason).__name__
