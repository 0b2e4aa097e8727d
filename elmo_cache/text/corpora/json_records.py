"""Objects of JSON, one a line or all in one array."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.lines import LineReader
from elmo_cache.text.corpora.records import (
    LABEL_COLUMN,
    SPLIT_COLUMN,
    Columns,
    Record,
    missing_column,
    missing_value,
)

__all__ = ["read_json_array", "read_json_lines"]


def read_json_lines(reader: LineReader, columns: Columns) -> Iterator[tuple[Columns, Record]]:
    """An object a line, each with the columns in use, which the first object decides."""
    return _json_records(_json_lines(reader), reader, columns)


def read_json_array(reader: LineReader, columns: Columns) -> Iterator[tuple[Columns, Record]]:
    """The objects of one array, as `read_json_lines`; the whole file in memory, and numbers for lines."""
    source = "".join(line for _, line in reader.lines())
    try:
        items = json.loads(source, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise CorpusError(messages.NOT_JSON, where=reader.path, error=error, expected="an array of objects") from error
    if not isinstance(items, list):
        expected = "an array of objects, as pandas writes with orient='records'"
        raise CorpusError(messages.UNEXPECTED, where=reader.path, found=_json_type(items), expected=expected)
    return _json_records(enumerate(items, 1), reader, columns)


def _json_lines(reader: LineReader) -> Iterator[tuple[int, Any]]:
    for line, source in reader.lines():
        if source.strip(" \t\r\n"):
            try:
                yield line, json.loads(source, object_pairs_hook=_object)
            except (ValueError, RecursionError) as error:
                expected = "an object per line"
                raise CorpusError(messages.NOT_JSON, where=reader.at(line), error=error, expected=expected) from error


class _Repeating(dict[str, Any]):
    """An object some of whose keys stand there twice: JSON allows it, and nobody knows which is meant."""

    repeated: set[str]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeating = _Repeating(found)
    counts = Counter(key for key, _ in pairs)
    repeating.repeated = {key for key, count in counts.items() if count > 1}
    return repeating


def _json_records(
    items: Iterable[tuple[int, Any]], reader: LineReader, columns: Columns
) -> Iterator[tuple[Columns, Record]]:
    chosen: Columns | None = None
    for line, item in items:
        if not isinstance(item, dict):
            found = _json_type(item)
            raise CorpusError(messages.UNEXPECTED, where=reader.at(line), found=found, expected="an object per line")
        if chosen is None:
            chosen = columns.choose(item, reader.at(line))
        if isinstance(item, _Repeating) and (twice := [key for _, key in chosen.roles if key in item.repeated]):
            raise CorpusError(messages.COLUMN_TWICE, where=reader.at(line), column=twice[0])
        for column, wanted, default in (
            (chosen.label, columns.label, LABEL_COLUMN),
            (chosen.split, columns.split, SPLIT_COLUMN),
        ):
            if column is None and wanted is None and default in item and default != chosen.text:
                raise CorpusError(messages.COLUMN_OF_SOME_RECORDS, where=reader.at(line), column=default)
        for column in (chosen.label, chosen.split, chosen.id):
            value = None if column is None else item.get(column)
            if column is not None and (value is None or (isinstance(value, str) and not value.strip())):
                raise missing_value(reader, line, column)
        for role, column in chosen.roles:
            if role in ("text", "tags") and column not in item:
                raise missing_column(reader.at(line), role, column, item)
        label = None if chosen.label is None else _json_name(reader, line, item, chosen.label)
        id = None if chosen.id is None else _json_name(reader, line, item, chosen.id).strip()
        split = None if chosen.split is None else _json_string(reader, line, item, chosen.split)
        tags = {name: _json_tags(reader, line, item, name) for name in chosen.tags}
        yield chosen, Record(line, _json_text(reader, line, item, chosen.text), label, split, id, tags)


def _json_text(reader: LineReader, line: int, item: dict[str, Any], column: str) -> str | tuple[str, ...]:
    value = item[column]
    if not isinstance(value, list):
        return _json_string(reader, line, item, column, "a string or an array of strings")
    return tuple(_json_string(reader, line, {column: token}, column) for token in value)


def _json_tags(reader: LineReader, line: int, item: dict[str, Any], column: str) -> tuple[str | None, ...]:
    values = item[column]
    if not isinstance(values, list):
        raise _wrong_type(reader, line, column, values, "an array, a tag for each token")
    return tuple(None if tag is None else _json_name(reader, line, {column: tag}, column).strip() for tag in values)


def _json_name(reader: LineReader, line: int, item: dict[str, Any], column: str) -> str:
    value = item[column]
    if isinstance(value, float) and value.is_integer():  # what pandas makes of whole numbers in a column with gaps
        value = int(value)
    if isinstance(value, bool | int):
        return json.dumps(value)  # true and false as JSON spells them
    return _json_string(reader, line, item, column, "a string, a whole number or a boolean")


def _json_string(reader: LineReader, line: int, item: dict[str, Any], column: str, expected: str = "a string") -> str:
    value = item[column]
    if not isinstance(value, str):
        raise _wrong_type(reader, line, column, value, expected)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        half = f"\\u{ord(value[error.start]):04x}"
        where = reader.at(line)
        raise CorpusError(messages.HALF_SURROGATE, where=where, name=repr(column), found=half) from error
    return value


def _wrong_type(reader: LineReader, line: int, column: str, value: object, expected: str) -> CorpusError:
    where, found = reader.at(line), _json_type(value)
    return CorpusError(messages.INVALID_ENTRY, where=where, name=repr(column), found=found, expected=expected)


def _json_type(value: object) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return f"a JSON {names.get(type(value), 'number')}"
