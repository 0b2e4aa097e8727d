"""Tables of cells between commas, tabs or another character."""

import csv
from collections.abc import Iterator
from typing import Any

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.lines import MAX_LINE_BYTES, LineReader
from elmo_cache.text.corpora.records import Columns, Record, Remarks, missing_value

__all__ = ["find_quoting", "read_table"]


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
    raise CorpusError(messages.QUOTING_DOUBTFUL, where=reader.at(doubtful))


def _rows(reader: LineReader, delimiter: str, quoting: str) -> Any:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
    lines = (line for _, line in reader.lines(universal=True))
    # strict: otherwise a quotation mark that is never closed makes one cell of the rest of the file.
    if quoting == "none":
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def read_table(
    reader: LineReader, columns: Columns, delimiter: str, quoting: str, remarks: Remarks
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
            raise CorpusError(messages.BAD_ROW, where=reader.at(line), error=error) from error
        if not row:
            continue
        if not header:
            header = [cell.strip() for cell in row]
            remarks.header.update({cell: None for cell in row if cell != cell.strip()})
            _check_delimiter(header, delimiter, reader, line)
            chosen = columns.choose(header, reader.at(line))
            continue
        if len(row) != len(header):
            message = messages.UNQUOTED_CELLS_DIFFER if quoting == "none" else messages.CELLS_DIFFER
            raise CorpusError(message, where=reader.at(line), found=len(row), expected=len(header))
        cells = dict(zip(header, row, strict=True))
        label = None if chosen.label is None else cells[chosen.label]
        split, id = (None if column is None else cells[column].strip() for column in (chosen.split, chosen.id))
        for column, value in ((chosen.label, label and label.strip()), (chosen.id, id)):
            if value == "":
                raise missing_value(reader, line, column)
        yield chosen, Record(line, cells[chosen.text], label, split, id)


def _check_delimiter(header: list[str], delimiter: str, reader: LineReader, line: int) -> None:
    """Raise `CorpusError` if a header has one cell and looks like several with another delimiter."""
    if len(header) > 1:
        return
    for other in (";", "\t", ",", "|"):
        if other != delimiter and other in header[0]:
            expected = "tab" if other == "\t" else repr(other)
            raise CorpusError(messages.WRONG_DELIMITER, where=reader.at(line), found=header[0][:60], expected=expected)
