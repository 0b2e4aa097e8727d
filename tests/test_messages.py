"""Every message is used, and every error gives exactly the data that its message speaks of."""

import ast
import importlib
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ["cache", "elmo_cache", "trainer"]


def messages_of(package: str) -> dict[str, str]:
    try:
        module = importlib.import_module(f"{package}.messages")
    except ModuleNotFoundError:
        return {}
    return {name: text for name, text in vars(module).items() if name.isupper()}


def fields_of(text: str) -> set[str]:
    names = set[str]()
    for _, name, format_spec, _ in string.Formatter().parse(text):
        if name is not None:
            named = re.fullmatch(r"option\[(\w+)\]", name)  # a parameter that the data name
            names |= {named[1] if named else name.partition(".")[0].partition("[")[0], *fields_of(format_spec or "")}
    return names - {"option"}


def calls(package: str) -> Iterator[tuple[str, ast.Call, str]]:
    """Yield each call that is given a message, as `CorruptFileError(messages.NOT_HDF5, path=path)`."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for given in node.args if isinstance(node, ast.Call) else ():
                if (
                    isinstance(given, ast.Attribute)
                    and isinstance(given.value, ast.Name)
                    and given.value.id == "messages"
                ):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node, given.attr


@pytest.mark.parametrize("package", PACKAGES)
def test_errors_give_what_their_message_speaks_of(package: str) -> None:
    known = messages_of(package)
    for place, call, name in calls(package):
        given = {keyword.arg for keyword in call.keywords}
        kind = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if kind.endswith("Error") or kind.endswith("Warning"):
            assert None in given or given == fields_of(known[name]), f"{place}: {name}"
        else:  # a function that makes such errors, and knows some of their data
            assert given - {None} <= fields_of(known[name]), f"{place}: {name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_message_is_used(package: str) -> None:
    code = "\n".join(path.read_text() for path in (ROOT / package).rglob("*.py") if path.name != "messages.py")
    assert [name for name in messages_of(package) if f"messages.{name}" not in code] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_messages_are_the_same(package: str) -> None:
    texts = list(messages_of(package).values())
    assert sorted(set(texts)) == sorted(texts)
