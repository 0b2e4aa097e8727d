"""The errors of all packages. Each is also a subclass of the matching built-in error.

An error holds a message and the data that the message speaks of. All messages of a package stand in its `messages.py`,
where they can be read and reworded together.
"""

from collections.abc import Callable
from typing import Any

__all__ = [
    "CacheError",
    "CacheWarning",
    "CorruptFileError",
    "DownloadError",
    "ExportError",
    "FormatVersionError",
    "InvalidValueError",
    "MismatchError",
    "NotACacheError",
    "OutOfRangeError",
    "OutputError",
    "SelectionError",
    "WorkersError",
    "one_line",
]


class _Worded(Exception):  # noqa: N818 - of warnings as well
    """A message with its data, worded when it is shown.

    Parameters
    ----------
    message : str
        A message of `messages.py`: what is wrong, where, what was expected and found, and what to do. The data fill its
        fields as `str.format` does. A function's parameter is a field of `option`: `{option.max_tokens}` is shown as
        `max_tokens` in Python and as `--max-tokens` on the command line, `{option.max_tokens:500}` as `max_tokens=500`
        and as `--max-tokens 500`; `{option[name]}` is the parameter that the data call `name`.
    **data
        What the message speaks of, such as `path`, `expected` and `found`. An error of this project among them is
        worded like the error itself, without its last period; any other is kept as its reason in one line.

    Attributes
    ----------
    message : str
    data : dict
    """

    def __init__(self, message: str = "", *more: object, **data: Any):
        super().__init__(message, *more)
        self.message = message
        self.data = {name: _kept(value) for name, value in data.items()}

    def __str__(self) -> str:
        return self.worded(_as_keyword)

    def worded(self, option: Callable[[str, str], str]) -> str:
        """Return the message with its data.

        Parameters
        ----------
        option : callable
            Given the name of a parameter and a value or nothing, returns how the reader types them.
        """
        if not self.data and "{option" not in self.message:
            return self.message
        data = {
            name: value.worded(option).removesuffix(".") if isinstance(value, _Worded) else value
            for name, value in self.data.items()
        }
        return self.message.format(option=_Options(option, self.data), **data)


class CacheError(_Worded):
    """Base class of all errors that this project raises.

    Attributes
    ----------
    message : str
        What is wrong, where, what was expected and found, and what to do, with fields for the data.
    data : dict
        What the message speaks of, such as `path`, `expected` and `found`.
    """


class CacheWarning(_Worded, UserWarning):
    """A warning; commands print it as one line."""


def _kept(value: Any) -> Any:
    """Return what stands for a value in an error, which is sent to other processes."""
    if not isinstance(value, BaseException) or isinstance(value, _Worded):
        return value
    return one_line(getattr(value, "strerror", None) or value)


def _as_keyword(name: str, value: str) -> str:
    if not value:
        return name
    return f"{name}={value if value.isupper() or value.isdigit() else repr(value)}"  # FILE and 500 have no quotes


class _Options:
    def __init__(self, worded: Callable[[str, str], str], data: dict[str, Any]):
        self._worded, self._data = worded, data

    def __getattr__(self, name: str) -> "_Option":
        return _Option(name, self._worded)

    def __getitem__(self, name: str) -> "_Option":
        return _Option(self._data[name], self._worded)


class _Option:
    def __init__(self, name: str, worded: Callable[[str, str], str]):
        self._name, self._worded = name, worded

    def __format__(self, value: str) -> str:
        return self._worded(self._name, value)


class NotACacheError(CacheError, FileNotFoundError):
    """The path does not exist, or is not a cache."""


class FormatVersionError(CacheError, ValueError):
    """The cache has a format that this version of the package cannot read."""


class CorruptFileError(CacheError, OSError):
    """A file of the cache is missing, damaged, or belongs to another cache."""


class InvalidValueError(CacheError, ValueError):
    """An argument or a value in a file is invalid. Where it is a file's, the caller adds which file it was."""


class MismatchError(CacheError, ValueError):
    """A build would mix two encodings or two corpora in one cache. The message shows the differences."""


class SelectionError(CacheError, KeyError):
    """The cache has no such split or layer, or an index cannot select documents."""


class OutOfRangeError(CacheError, IndexError):
    """A split has no document with this index."""


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
