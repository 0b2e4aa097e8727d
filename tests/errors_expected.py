"""What tests expect of errors: their type, their message and their data. Only `test_wording.py` holds the wording."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from string import Formatter
from typing import Any

import click
import pytest

from cache.errors import CacheError, CacheWarning
from cache.runtime.console import as_option, printable


@contextmanager
def raises(
    message: str | CacheError, kind: type[CacheError] = CacheError, /, **data: Any
) -> "Iterator[pytest.ExceptionInfo[CacheError]]":
    """Within, an error of this kind is raised, of one line; it has this message and, among its data, these.

    An error in place of a message stands for its type, message and data. Of the data, a path equals its text, a pattern
    (`re.compile`) is searched for in the text of what is there, and an error stands for one like it.
    """
    with pytest.raises(type(message) if isinstance(message, CacheError) else kind) as caught:
        yield caught
    assert "\n" not in str(caught.value)
    holds(caught.value, message, **data)
    del caught  # or the traceback and this frame keep each other alive, and with them the test's open files


def holds(error: object, message: str | CacheError, /, **data: Any) -> None:
    """Check the message of an error and the given ones of its data; see `raises`."""
    assert isinstance(error, CacheError | CacheWarning), error
    if isinstance(message, CacheError):
        assert isinstance(error, type(message)), error
        message, data = message.message, {**message.data, **data}
    assert error.message == message, error
    for name, expected in data.items():
        found = error.data[name]
        if isinstance(expected, CacheError):
            holds(found, expected)
        elif isinstance(expected, re.Pattern):
            assert expected.search(str(found)), (name, found)
        else:
            assert str(found) == str(expected) if isinstance(expected, Path) else found == expected, (name, found)


def said(message: str | CacheError, command: click.Command | None = None, /, **data: Any) -> str:
    """Return the line in which a command says a message; `command` only where options differ from parameters."""
    error = message if isinstance(message, CacheError) else CacheError(message, **data)
    return printable(" ".join(error.worded(partial(as_option, command or click.Command("any"))).split()))


def says(line: str, message: str, command: click.Command | None = None, /, **data: Any) -> bool:
    """Tell whether a line has a message with these data, and any others."""
    names = {name for _, name, _, _ in Formatter().parse(message) if name and name.isidentifier()}
    shown = said(message, command, **{**dict.fromkeys(names, _Any()), **data})
    return re.search(".*".join(map(re.escape, shown.split(str(_Any())))), line) is not None


class _Any:
    """Data of any value, in any format."""

    def __format__(self, _: str) -> str:
        return str(self)

    def __repr__(self) -> str:
        return "⟪any⟫"
