"""Lines, table rows and JSON objects as records: a text, and where there is one a label and a split."""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

from cache.errors import one_line
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.compression import BROKEN, decompressed

__all__ = [
    "LABEL_COLUMN",
    "SPLIT_COLUMN",
    "TEXT_COLUMN",
    "TOKENS_COLUMN",
    "Columns",
    "LineReader",
    "Record",
    "find_quoting",
    "read_json_array",
    "read_json_lines",
    "read_table",
    "read_text_lines",
]

TEXT_COLUMN = "text"
TOKENS_COLUMN = "tokens"
FASTTEXT_LABEL = "__label__"
LABEL_COLUMN = "label"
SPLIT_COLUMN = "split"

# Bounds memory: a file without line ends, or a quotation mark that is never closed, stops here.
MAX_LINE_BYTES = 64 * 2**20

_BOM = b"\xef\xbb\xbf"
_NO_TAGS: Mapping[str, tuple[str | None, ...]] = MappingProxyType({})


class Record(NamedTuple):
    """One document as the file has it; `label`, `split` and `id` are None, and `tags` empty, where not in use."""

    line: int
    text: str | tuple[str, ...]
    label: str | None
    split: str | None
    id: str | None = None
    tags: Mapping[str, tuple[str | None, ...]] = _NO_TAGS


class LineReader:
    """A file of text line by line, decompressed if its name says so; `position` counts the bytes read of it.

    Parameters
    ----------
    path : Path
        The file.
    stream : BinaryIO, optional
        What to read instead, once; `path` is then what errors call it.
    encoding : str
        Of the text.

    Raises
    ------
    CorpusError
        If there is no such encoding, or none in which a line feed is the byte 10.
    """

    def __init__(self, path: Path, stream: BinaryIO | None = None, encoding: str | None = None) -> None:
        self.path = path
        self._stream = stream
        self._encoding = encoding or "utf-8"
        try:
            plain = "\n".encode(self._encoding) == b"\n"
        except (LookupError, ValueError):  # ValueError: also a name with a NUL
            plain = False
        if not plain:
            raise CorpusError(
                f"encoding is {self._encoding[:40]!r}, expected one such as utf-8, latin-1 or cp1252, in which a line "
                "feed is one byte"
            )
        self.position = 0

    @property
    def size(self) -> int:
        """Bytes of the file; raises `CorpusError` if it cannot be looked at."""
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise CorpusError(f"{self.path}: cannot be read ({error.strerror})") from error

    def lines(self, *, universal: bool = False) -> Iterator[tuple[int, str]]:
        r"""1-based number and text of each line, its end included.

        A line feed ends a line; with `universal` a carriage return alone does too.

        Raises
        ------
        CorpusError
            If the file cannot be read, or a line is not UTF-8 or longer than `MAX_LINE_BYTES`.
        """
        self.position = 0
        number = 1
        try:
            with nullcontext(self._stream) if self._stream else self.path.open("rb") as file:
                stream = file if self._stream else decompressed(self.path, file)
                while raw := stream.readline(MAX_LINE_BYTES + 1):
                    if len(raw) > MAX_LINE_BYTES:
                        raise self.error(number, f"longer than {MAX_LINE_BYTES} bytes, expected shorter; split it")
                    content = raw if number > 1 else raw.removeprefix(_BOM)
                    self.position = file.tell() if stream is not file else self.position + len(raw)
                    # bytes.splitlines knows no other line ends; str.splitlines does.
                    for line in content.splitlines(keepends=True) if universal else [content]:
                        yield number, self._decode(number, line)
                        number += 1
        except BROKEN as error:
            reason = getattr(error, "strerror", None) or one_line(error)
            raise CorpusError(f"{self.path}: cannot be read ({reason})") from error

    def error(self, line: int, message: str) -> CorpusError:
        """An error that says where it is."""
        return CorpusError(f"{self.path}, line {line}: {message}")

    def _decode(self, number: int, line: bytes) -> str:
        try:
            return line.decode(self._encoding)
        except UnicodeError as error:  # some encodings, such as idna, raise no UnicodeDecodeError
            name = "UTF-8" if self._encoding == "utf-8" else self._encoding
            place = one_line(error)
            if isinstance(error, UnicodeDecodeError):
                place = f"byte 0x{line[error.start]:02x} at offset {error.start} of the line"
            raise self.error(number, f"not {name} ({place}); save the file as UTF-8, or give its encoding") from error


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what; one of None is not in use. Those of `tags` hold lists, a tag for each token."""

    text: str = TEXT_COLUMN
    label: str | None = None
    split: str | None = None
    id: str | None = None
    tags: tuple[str, ...] = ()

    def choose(self, found: Collection[str], reader: LineReader, line: int) -> "Columns":
        """The columns to use of those found: what was asked for, or else those with the default names."""
        if self.text == TEXT_COLUMN and TEXT_COLUMN not in found and TOKENS_COLUMN in found:
            return replace(self, text=TOKENS_COLUMN).choose(found, reader, line)
        for column, parameter in (
            (self.text, "text_column"),
            (self.label, "label_column"),
            (self.split, "split_column"),
            (self.id, "id_column"),
            *((column, "tag_columns") for column in self.tags),
        ):
            if column is not None and column not in found:
                raise _missing_column(reader, line, column, found, parameter)
        label, split = (
            default if wanted is None and default in found and default != self.text else wanted
            for wanted, default in ((self.label, LABEL_COLUMN), (self.split, SPLIT_COLUMN))
        )
        for column in (self.text, label, split, self.id):
            if column is not None and sum(column == other for other in found) > 1:
                raise reader.error(line, f"two columns {column!r}, expected one; rename the other")
        return replace(self, label=label, split=split)


def read_text_lines(reader: LineReader) -> Iterator[Record]:
    """A document a line; only a line feed ends it, and a carriage return before that is dropped.

    If the first line begins with `__label__`, all do, as in fastText's files: the label stands in front of the text.
    """
    labelled: bool | None = None
    for number, line in reader.lines():
        text = line.removesuffix("\n").removesuffix("\r")
        if labelled is None:
            labelled = text.startswith(FASTTEXT_LABEL)
        if text.startswith(FASTTEXT_LABEL) != labelled:
            raise reader.error(number, f"a line {'without' if labelled else 'with'} {FASTTEXT_LABEL}, unlike the first")
        if not labelled:
            yield Record(number, text, None, None)
            continue
        label, _, rest = text.removeprefix(FASTTEXT_LABEL).partition(" ")
        if not label or rest.startswith(FASTTEXT_LABEL):
            raise reader.error(
                number, f"{'several labels' if label else 'no label'}, expected one in front of the text"
            )
        yield Record(number, rest, label, None)


def find_quoting(reader: LineReader, delimiter: str) -> str:
    """How the cells of a table are quoted: `csv`, or `none` where quotation marks are part of the text.

    They are part of it where every line has as many cells as the header without regard to them, and reading them as
    quotes fails, or puts lines with all their cells into one. Where both readings are as good and differ, only the
    user knows.

    Raises
    ------
    CorpusError
        In that case; and if the file cannot be read.
    """
    n_cells = n_lines = doubtful = 0
    header_is_quoted = False
    for number, line in reader.lines(universal=True):
        if not (content := line.rstrip("\r\n")):
            continue
        n_lines += 1
        found = content.count(delimiter) + 1
        is_quoted = content.startswith('"') or f'{delimiter}"' in content
        if not n_cells:
            n_cells, header_is_quoted = found, is_quoted
        if found != n_cells:
            return "csv"
        doubtful = doubtful or (number if is_quoted else 0)
    if not doubtful:
        return "csv"  # both readings are the same
    n_rows = 0
    try:
        for row in _rows(reader, delimiter, "csv"):
            if row and len(row) != n_cells:
                return "none"
            n_rows += bool(row)
    except csv.Error:
        return "none"
    if header_is_quoted and n_rows == n_lines:
        return "csv"
    if n_rows < n_lines and n_cells > 1:
        return "none"
    raise reader.error(
        doubtful,
        "a cell begins with a quotation mark, which may quote the cell or be part of its text: give quoting csv or "
        "quoting none",
    )


def _rows(reader: LineReader, delimiter: str, quoting: str) -> Any:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
    lines = (line for _, line in reader.lines(universal=True))
    # strict: otherwise a quotation mark that is never closed makes one cell of the rest of the file.
    if quoting == "none":
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def read_table(
    reader: LineReader, columns: Columns, delimiter: str, quoting: str = "csv"
) -> Iterator[tuple[Columns, Record]]:
    """The rows under a header line, each with the columns in use; `quoting` as `find_quoting` gives it."""
    rows = _rows(reader, delimiter, quoting)
    header: list[str] = []
    chosen = columns
    while True:
        line = rows.line_num + 1  # where the row starts; csv counts to where it ends
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            message = f"not a row of cells ({error}); check its quotation marks"
            raise reader.error(line, message) from error
        if not row:
            continue
        if not header:
            header = [cell.strip() for cell in row]
            _check_delimiter(header, delimiter, reader, line)
            chosen = columns.choose(header, reader, line)
            continue
        if len(row) != len(header):
            raise reader.error(
                line,
                f"{len(row)} cells, expected {len(header)} as in the header; "
                "a cell with the separator in it needs quotation marks"
                + (", and quoting none takes them as text" if quoting == "none" else ""),
            )
        cells = dict(zip(header, row, strict=True))
        label, split, id = (
            None if column is None else cells[column].strip() for column in (chosen.label, chosen.split, chosen.id)
        )
        for column, value in ((chosen.label, label), (chosen.id, id)):
            if value == "":
                raise _missing(reader, line, column)
        yield chosen, Record(line, cells[chosen.text], label, split, id)


def _check_delimiter(header: list[str], delimiter: str, reader: LineReader, line: int) -> None:
    """Raise `CorpusError` if a header has one cell and looks like several with another delimiter."""
    if len(header) > 1:
        return
    for other, name in ((";", "semicolons"), ("\t", "tabs"), (",", "commas"), ("|", "bars")):
        if other != delimiter and other in header[0]:
            shown = "a tab" if other == "\t" else repr(other)
            raise reader.error(line, f"one column, {header[0][:60]!r}, which looks like {name}; give delimiter {shown}")


def read_json_lines(reader: LineReader, columns: Columns) -> Iterator[tuple[Columns, Record]]:
    """An object a line, each with the columns in use, which the first object decides."""
    return _json_records(_json_lines(reader), reader, columns)


def read_json_array(reader: LineReader, columns: Columns) -> Iterator[tuple[Columns, Record]]:
    """The objects of one array, as `read_json_lines`; the whole file in memory, and numbers for lines."""
    source = "".join(line for _, line in reader.lines())
    try:
        items = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{reader.path}: not JSON ({error}), expected an array of objects") from error
    if not isinstance(items, list):
        raise CorpusError(f"{reader.path}: a JSON {_json_type(items)}, expected an array of objects")
    return _json_records(enumerate(items, 1), reader, columns)


def _json_lines(reader: LineReader) -> Iterator[tuple[int, Any]]:
    for line, source in reader.lines():
        if source.strip(" \t\r\n"):
            try:
                yield line, json.loads(source)
            except (ValueError, RecursionError) as error:
                raise reader.error(line, f"not JSON ({error}), expected an object a line") from error


def _json_records(
    items: Iterable[tuple[int, Any]], reader: LineReader, columns: Columns
) -> Iterator[tuple[Columns, Record]]:
    chosen: Columns | None = None
    for line, item in items:
        if not isinstance(item, dict):
            raise reader.error(line, f"a JSON {_json_type(item)}, expected an object a line")
        if chosen is None:
            chosen = columns.choose(item, reader, line)
        for column, wanted, default in (
            (chosen.label, columns.label, LABEL_COLUMN),
            (chosen.split, columns.split, SPLIT_COLUMN),
        ):
            if column is None and wanted is None and default in item and default != chosen.text:
                raise reader.error(line, f"a {default}, but the first record has none; expected it in all or none")
        for column in (chosen.label, chosen.split, chosen.id):
            if column is not None and item.get(column) in (None, ""):
                raise _missing(reader, line, column)
        for column, parameter in ((chosen.text, "text_column"), *((name, "tag_columns") for name in chosen.tags)):
            if column not in item:
                raise _missing_column(reader, line, column, item, parameter)
        label, id = (
            None if column is None else _json_name(reader, line, item, column) for column in (chosen.label, chosen.id)
        )
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
        raise reader.error(line, f"{column!r} is a JSON {_json_type(values)}, expected an array, a tag for each token")
    return tuple(None if tag is None else _json_name(reader, line, {column: tag}, column) for tag in values)


def _json_name(reader: LineReader, line: int, item: dict[str, Any], column: str) -> str:
    value = item[column]
    if isinstance(value, float) and value.is_integer():  # what pandas makes of whole numbers in a column with gaps
        value = int(value)
    if isinstance(value, bool | int):
        return json.dumps(value)  # true and false as JSON spells them
    return _json_string(reader, line, item, column, "a string, a whole number or a boolean").strip()


def _json_string(reader: LineReader, line: int, item: dict[str, Any], column: str, expected: str = "a string") -> str:
    value = item[column]
    if not isinstance(value, str):
        raise reader.error(line, f"{column!r} is a JSON {_json_type(value)}, expected {expected}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        half = f"\\u{ord(value[error.start]):04x}"
        raise reader.error(
            line,
            f"{column!r} has half a surrogate pair ({half}), which is no character; expected both halves",
        ) from error
    return value


def _json_type(value: object) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _missing(reader: LineReader, line: int, column: str | None) -> CorpusError:
    return reader.error(line, f"no value in column {column!r}, expected one in every record; fill it in")


def _missing_column(reader: LineReader, line: int, column: str, found: Collection[str], parameter: str) -> CorpusError:
    names = ", ".join(repr(name[:40]) for name in list(found)[:20]) or "none"
    return reader.error(line, f"no column {column!r}, found {names}; name the column with {parameter}")
