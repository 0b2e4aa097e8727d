"""A results file of one line per training: a header, then the fields of a dataclass."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from cache.errors import one_line
from cache.files import atomic_path
from trainer.errors import TrialsError
from trainer.runs.folder import read_small_file
from trainer.runs.schema import shown

__all__ = ["read_rows", "write_rows"]


Kind = TypeVar("Kind", bound=Any)


def write_rows(path: Path, kind: type[Kind], rows: Sequence[Kind]) -> None:
    """Write all lines, of one dataclass: the file there is replaced at once, or stays as it is.

    A number read again is the same to the last digit; None is an empty field.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(_columns(kind))
    for row in rows:
        # `float` first, as NumPy's numbers would be written in another way; `repr` gives back the same number.
        writer.writerow(repr(float(v)) if isinstance(v, float) else v for v in vars(row).values())
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
        raise _damaged(path, line, f"byte {error.start} is not UTF-8") from error
    rows: list[Kind] = []
    found: set[tuple[Any, ...]] = set()
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = tuple(next(reader, ()))
        if header not in _headers(kind):
            columns = one_line(",".join(header)) if header else "missing"
            raise ValueError(f"the columns are {columns}, expected {','.join(_columns(kind))}")
        for values in reader:
            row = _parse_row(values, header, kind, checks)
            own = tuple(getattr(row, name) for name in key)
            if own in found:
                raise ValueError(f"trial {row.trial} of {row.model} is there twice")
            found.add(own)
            rows.append(row)
        if not text.endswith("\n"):
            raise ValueError("the line is cut short")
    except (ValueError, csv.Error) as error:
        raise _damaged(path, max(1, reader.line_num), " ".join(str(error).split())) from error
    return rows


def _columns(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _headers(kind: type[Any]) -> list[tuple[str, ...]]:
    """Return the headers that a file may have: a column was added at the end when its field got a default."""
    columns = _columns(kind)
    n_optional = sum(field.default is not MISSING for field in fields(kind))
    return [columns[: len(columns) - k] for k in range(n_optional + 1)]


def _parse_row(
    texts: Sequence[str], header: Sequence[str], kind: type[Kind], checks: Callable[[Kind], dict[str, object]]
) -> Kind:
    if len(texts) != len(header):
        raise ValueError(f"{len(texts)} values, expected {len(header)}")
    values: dict[str, Any] = {}
    for field, text in zip(fields(kind), texts, strict=False):  # type: ignore[arg-type]
        optional = field.type == float | None
        parse = float if optional else field.type
        assert isinstance(parse, type)
        try:
            values[field.name] = None if optional and not text else parse(text)
        except ValueError:
            raise ValueError(f"{field.name} is {shown(text)}, expected {parse.__name__}") from None
    row = kind(**values)
    if wrong := [name for name, holds in checks(row).items() if not holds]:
        raise ValueError(f"{wrong[0]} is {shown(values[wrong[0]])}, which no trial can have")
    return row


def _damaged(path: Path, line: int, what: str) -> TrialsError:
    return TrialsError(f"{path}, line {line}: {what}; repair that line, or remove the folder and run the trials again")
