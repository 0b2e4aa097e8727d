"""What tests expect of errors: their type, their message and their data. Only `test_wording.py` holds the wording."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest

from cache.errors import CacheError, CacheWarning
from cache.runtime.console import as_option, printable


@contextmanager
def raises(
    message: str, kind: type[CacheError] = CacheError, /, **data: Any
) -> "Iterator[pytest.ExceptionInfo[CacheError]]":
    """Within, an error of this kind is raised; it has this message and, among its data, these; see `holds`."""
    with pytest.raises(kind) as caught:
        yield caught
    holds(caught.value, message, **data)


def holds(error: CacheError | CacheWarning, message: str, /, **data: Any) -> None:
    """Check the message of an error and the given ones of its data.

    A path equals its text. A pattern (`re.compile`) is searched for in the text of what is there, and a `CacheError`
    stands for an error of that message with, among its data, those of the `CacheError`. In all, an error is one line.
    """
    assert error.message == message, error
    for name, expected in data.items():
        found = error.data[name]
        if isinstance(expected, CacheError):
            holds(found, expected.message, **expected.data)
        elif isinstance(expected, re.Pattern):
            assert expected.search(str(found)), (name, found)
        else:
            assert str(found) == str(expected) if isinstance(expected, Path) else found == expected, (name, found)
    assert "\n" not in str(error)


def said(message: str, command: click.Command | None = None, /, **data: Any) -> str:
    """Return the line in which a command says a message; `command` only where options differ from parameters."""
    text = CacheError(message, **data).worded(partial(as_option, command or click.Command("any")))
    return printable(" ".join(text.split()))
