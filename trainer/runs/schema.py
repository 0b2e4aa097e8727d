"""Rules for the values of a JSON file, and one function that holds a file's content against them."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from reprlib import Repr
from typing import Any

from cache.errors import InvalidValueError
from cache.hashing import in_short
from trainer import messages
from trainer.protocols import MOST_DOCUMENTS, is_whole

__all__ = ["HASH", "PATH", "TEXT", "TEXT_OR_NONE", "Each", "Rule", "check", "is_text", "shown", "whole"]

MOST_CHARACTERS = 4096
_SHOWN_CHARACTERS = 100
_repr = Repr()
_repr.maxdict, _repr.maxlist = 6, 6


@dataclass(frozen=True)
class Rule:
    """What a value has to be, in words and as a test."""

    expected: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Each:
    """An object whose keys obey a rule, and whose values have one schema."""

    name: Rule
    schema: Any


def check(value: Any, schema: Any, place: str = "") -> None:
    """Check that a value of a JSON file has a schema.

    Parameters
    ----------
    value : JSON
    schema : Rule, Each, or dict
        A dict holds the schemas of an object's entries by key; those of keys that end in `?` may be missing. An entry
        that the schema does not know is refused.
    place : str
        Where in the file the value stands.

    Raises
    ------
    ValueError
        With the place, what stands there, and what was expected.

    Examples
    --------
    >>> check({"sizes": {"train": 0}}, {"sizes": {"train": whole(1, 9)}, "layer?": TEXT})
    Traceback (most recent call last):
    cache.errors.InvalidValueError: sizes.train is 0, expected a whole number from 1 to 9
    """
    if isinstance(schema, Rule):
        if not schema.holds(value):
            raise InvalidValueError(messages.WRONG_VALUE, name=place, found=shown(value), expected=schema.expected)
        return
    if not isinstance(value, dict):
        raise InvalidValueError(
            messages.WRONG_VALUE, name=place or "its content", found=shown(value), expected="an object"
        )
    prefix = f"{place}." if place else ""
    if isinstance(schema, Each):
        for name in value:
            check(name, schema.name, f"a name in {place}")
        inner = dict.fromkeys(value, schema.schema)
    else:
        inner = {name.removesuffix("?"): rule for name, rule in schema.items()}
        if missing := [name for name in schema if not name.endswith("?") and name not in value]:
            raise InvalidValueError(messages.MISSING, name=f"{prefix}{missing[0]}")
        if unknown := [name for name in value if name not in inner]:
            raise InvalidValueError(messages.UNKNOWN_ENTRY, name=place or "it", found=shown(unknown[0]))
    for name, found in value.items():
        check(found, inner[name], f"{prefix}{name}")


def shown(value: Any) -> str:
    """Return a value as a message shows it: in short, however long it is or deep."""
    text = in_short(value) if isinstance(value, str) and len(value) <= MOST_CHARACTERS else _repr.repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def whole(lowest: int, highest: int = MOST_DOCUMENTS) -> Rule:
    """Return the rule of a whole number between two ends, both included."""
    return Rule(f"a whole number from {lowest} to {highest}", lambda value: is_whole(value, lowest, highest))


def is_text(value: object) -> bool:
    """Tell whether a value is a text of at most `MOST_CHARACTERS`."""
    return isinstance(value, str) and len(value) <= MOST_CHARACTERS


def _is_path(value: object) -> bool:
    if not is_text(value) or "\0" in value:  # type: ignore[operator]
        return False
    try:
        os.fsencode(value)  # type: ignore[arg-type]
    except UnicodeEncodeError:  # half a surrogate pair
        return False
    return True


TEXT = Rule(f"a text of at most {MOST_CHARACTERS:,} characters", is_text)
TEXT_OR_NONE = Rule("a text or null", lambda value: value is None or is_text(value))
PATH = Rule("a path", _is_path)
HASH = Rule("64 hexadecimal digits", lambda v: isinstance(v, str) and re.fullmatch("[0-9a-f]{64}", v) is not None)
