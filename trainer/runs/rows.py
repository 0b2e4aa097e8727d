"""A results file of one line per training: a header, then the fields of a dataclass."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from cache.errors import InvalidValueError, one_line
from cache.files import atomic_path
from trainer import messages
from trainer.errors import TrialsError
from trainer.runs.folder import read_small_file
from trainer.runs.schema import shown

__all__ = ["columns_of", "read_rows", "write_rows", "write_table"]


Kind = TypeVar("Kind", bound=Any)


def write_rows(path: Path, kind: type[Kind], rows: Sequence[Kind]) -> None:
    """Write all lines, of one dataclass: the file there is replaced at once, or stays as it is.

    A number read again is the same to the last digit; None is an empty field.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_table(path, columns_of(kind), (vars(row).values() for row in rows))


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a CSV file as `write_rows` does, of any values."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        # `float` first, as NumPy's numbers would be written in another way; `repr` gives back the same number.
        writer.writerow(repr(float(v)) if isinstance(v, float) else v for v in row)
    with atomic_path(path) as temporary:
        temporary.write_bytes(lines.getvalue().encode())


def read_rows(
    path: Path, kind: type[Kind], checks: Callable[[Kind], dict[str, object]], key: Sequence[str] = ("trial", "model")
) -> list[Kind]:
    """Read a file that `write_rows` wrote; without such a file there are no rows.

    Parameters
    ----------
    path : Path
    kind : type
        The dataclass; its fields are int, float, str, or `float | None`, among them `trial` and `model`. Columns of
        fields that have a default may be missing at the end of each line.
    checks : callable
        Returns for a row, by field, whether a training can have that value.
    key : sequence of str
        Fields that no two rows have alike.

    Raises
    ------
    TrialsError
        If the file cannot be read, or is damaged; the message names the line.
    """
    content = read_small_file(path)
    if content is None:
        return []
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        not_text = InvalidValueError(messages.NOT_UTF8_BYTE, n=error.start)
        raise _damaged(path, line, not_text) from error
    rows: list[Kind] = []
    found: set[tuple[Any, ...]] = set()
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = tuple(next(reader, ()))
        if header not in _headers(kind):
            columns = one_line(",".join(header)) if header else "missing"
            raise InvalidValueError(messages.COLUMNS, found=columns, expected=",".join(columns_of(kind)))
        for values in reader:
            row = _parse_row(values, header, kind, checks)
            own = tuple(getattr(row, name) for name in key)
            if own in found:
                raise InvalidValueError(messages.TRIAL_TWICE, trial=row.trial, name=row.model)
            found.add(own)
            rows.append(row)
        if not text.endswith("\n"):
            raise InvalidValueError(messages.CUT_SHORT)
    except (ValueError, csv.Error) as error:
        raise _damaged(path, max(1, reader.line_num), error) from error
    return rows


def columns_of(kind: type[Any]) -> tuple[str, ...]:
    """Return the columns of a dataclass."""
    return tuple(field.name for field in fields(kind))


def _headers(kind: type[Any]) -> list[tuple[str, ...]]:
    """Return the headers that a file may have: a column was added at the end when its field got a default."""
    columns = columns_of(kind)
    n_optional = sum(field.default is not MISSING for field in fields(kind))
    return [columns[: len(columns) - k] for k in range(n_optional + 1)]


def _parse_row(
    texts: Sequence[str], header: Sequence[str], kind: type[Kind], checks: Callable[[Kind], dict[str, object]]
) -> Kind:
    if len(texts) != len(header):
        raise InvalidValueError(messages.N_VALUES, found=len(texts), expected=len(header))
    values: dict[str, Any] = {}
    for field, text in zip(fields(kind), texts, strict=False):  # type: ignore[arg-type]
        optional = field.type == float | None
        parse = float if optional else field.type
        assert isinstance(parse, type)
        try:
            values[field.name] = None if optional and not text else parse(text)
        except ValueError:
            data = {"name": field.name, "found": shown(text), "expected": parse.__name__}
            raise InvalidValueError(messages.WRONG_VALUE, **data) from None
    row = kind(**values)
    if wrong := [name for name, holds in checks(row).items() if not holds]:
        raise InvalidValueError(messages.IMPOSSIBLE, name=wrong[0], found=shown(values[wrong[0]]))
    return row


def _damaged(path: Path, line: int, error: Exception) -> TrialsError:
    return TrialsError(messages.ROW_INVALID, where=f"{path}, line {line}", error=error)
