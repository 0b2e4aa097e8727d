"""Word vectors in text files: a line is a word and its values, separated by single spaces.

The text formats of fastText and word2vec (a header line `count dim` first) and of GloVe (none), plain or
compressed. Header and compression are told by content, never by the file's name.
"""

import re
import warnings
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import IO

import numpy as np

from cache.errors import CacheWarning
from trainer import messages
from trainer.errors import VectorsError
from trainer.vectors.compressed import DAMAGE, open_unpacked

__all__ = ["VectorReader"]

# These bound memory: a file without line ends, or with rows that no model has, stops here.
MAX_LINE_BYTES = 2**20
MAX_DIM = 10_000

_BOM = b"\xef\xbb\xbf"

_HEADER = re.compile(rb"([0-9]{1,18}) +([0-9]{1,18})")
_NUMBER = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_VALUE = re.compile(_NUMBER.pattern + rb"|[+-]?(?i:nan|inf|infinity)")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_LINE_END = b" \t\r\n"  # fastText ends its lines with a space


class VectorReader:
    """One file of vectors, read as a stream.

    A word may hold spaces: the last `dim` fields of a line are the values. Without a header it cannot end in a space
    and a number, which reads as one value too many. Between the word and its values may be several spaces. Blank lines
    are passed over; a byte order mark is dropped.

    Parameters
    ----------
    path : Path
        Text, or text in a `.gz`, `.bz2` or `.xz`, or in a `.zip` of one file.
    progress : callable or None
        Called with every advance, in bytes of the file on disk.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, path: Path, progress: Callable[[int], None] | None = None) -> None:
        self.path = path
        self._progress = progress
        self._dim = 0
        self._header: tuple[int, int] | None = None  # number of rows, number of values

    @property
    def dim(self) -> int:
        """Number of values in a row; 0 until `rows` has seen the first."""
        return self._dim

    def rows(self, wanted: Container[bytes]) -> Iterator[tuple[bytes, np.ndarray]]:
        """Word (UTF-8) and values, float32 `(dim,)`, of the rows whose word is in `wanted`.

        Every line is checked for its encoding and its number of fields, the values in the rows given alone. Each call
        reads the file anew. A header that states another number of rows than there are is worth a `CacheWarning`.

        Raises
        ------
        VectorsError
            If the file cannot be opened; at the first line that is wrong, with its 1-based number.
        """
        self._dim, self._header = 0, None
        number = n_rows = dim = 0
        n_announced = -1
        with open_unpacked(self.path, self._progress) as stream:
            # All but the last two statements run for every line of the file: they decide the speed.
            for number, raw in self._lines(stream):
                line = raw.rstrip(_LINE_END)
                if not line.isascii():
                    line = self._check_text(number, line, stream)
                if line.count(b" ") == dim and line and dim:
                    word = line[: line.index(b" ")]
                elif not line:
                    continue
                elif not dim and self._header is None and (header := _HEADER.fullmatch(line)):
                    n_announced = self._read_header(number, int(header[1]), int(header[2]))
                    continue
                else:
                    word = self._uncommon_word(number, line, stream)
                    dim = self._dim
                n_rows += 1
                if word in wanted:
                    yield word, self._values(number, word, line)
        if not n_rows:
            raise VectorsError(messages.VECTORS_EMPTY, path=self.path)
        if n_announced not in (-1, n_rows):
            message = messages.ROWS_MISSING if n_rows < n_announced else messages.ROWS_SURPLUS
            warnings.warn(CacheWarning(message, path=self.path, found=n_rows, expected=n_announced), stacklevel=2)

    def _lines(self, stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
        """1-based number and bytes of each line, its end included."""
        number = 1
        try:
            while raw := stream.readline(MAX_LINE_BYTES + 1):
                if len(raw) > MAX_LINE_BYTES:
                    self._refuse_binary(number, raw, stream)
                    raise self._error(messages.LINE_TOO_LONG, number, expected=MAX_LINE_BYTES)
                yield number, raw
                number += 1
        except DAMAGE as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise self._error(messages.LINE_UNREADABLE, number, error=error) from error
            raise self._error(messages.LINE_DAMAGED, number, error=error) from error

    def _check_text(self, number: int, line: bytes, stream: IO[bytes]) -> bytes:
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            self._refuse_binary(number, line, stream)
            byte = f"0x{line[error.start]:02x}"
            raise self._error(messages.NOT_UTF8, number, found=byte, n=error.start) from error
        return line.removeprefix(_BOM) if number == 1 else line

    def _read_header(self, number: int, n_rows: int, dim: int) -> int:
        if not n_rows or not 1 <= dim <= MAX_DIM:
            raise self._error(messages.HEADER_INVALID, number, rows=n_rows, dim=dim, expected=MAX_DIM)
        self._header = n_rows, dim
        return n_rows

    def _uncommon_word(self, number: int, line: bytes, stream: IO[bytes]) -> bytes:
        """The word of the first row, which decides `dim`, and of rows with more or fewer spaces than that."""
        dim, source = self._dim, "in the first row"
        if self._header is not None:
            dim, source = self._header[1], "the header says"
        dim = dim or self._first_dim(number, line, stream)
        fields = line.rsplit(b" ", dim)
        word = fields[0].rstrip(b" ") or fields[0]  # two spaces behind a word are no part of it; a space can be one
        # More fields than values are a word with spaces. One that ends in a number is doubtful, unless a header states
        # the number of values and a row before has it.
        surplus = word.rsplit(b" ", 1)[1:]
        doubtful = bool(surplus) and _NUMBER.fullmatch(surplus[0]) and not (self._header and self._dim)
        if len(fields) <= dim or doubtful:
            self._refuse_binary(number, line, stream)
            n_found = _count_values(line.split(b" ")) if surplus else len(fields) - 1
            raise self._error(messages.ROW_LENGTH, number, found=n_found, expected=dim, source=source)
        self._dim = dim
        return word

    def _first_dim(self, number: int, line: bytes, stream: IO[bytes]) -> int:
        """How many values the first row of a file without a header has."""
        fields = line.split(b" ")
        n_values = _count_values(fields)
        # What stands before the values is then a word with spaces, and must not look like values.
        before = [field for field in fields[1 : len(fields) - n_values] if field]
        is_doubtful = (before and n_values == 1) or any(_NUMBER.fullmatch(field) for field in before)
        if is_doubtful or not 1 <= n_values <= MAX_DIM:
            self._refuse_binary(number, line, stream)
            raise self._error(messages.NOT_A_ROW, number, found=_shown(line), expected=MAX_DIM)
        return n_values

    def _values(self, number: int, word: bytes, line: bytes) -> np.ndarray:
        fields = line.rsplit(b" ", self._dim)[1:]
        try:
            if b"_" in line[len(word) :]:  # Python's digit groups
                raise ValueError
            values = np.array(list(map(float, fields)))
        except ValueError:
            bad = next(field for field in fields if not _VALUE.fullmatch(field))
            raise self._error(messages.NOT_A_NUMBER, number, found=_shown(bad), name=_shown(word)) from None
        with np.errstate(over="ignore"):
            row = values.astype(np.float32)
        if not np.isfinite(row).all():
            bad = fields[int(np.argmin(np.isfinite(row)))]
            raise self._error(messages.NOT_FINITE, number, found=_shown(bad), name=_shown(word))
        return row

    def _refuse_binary(self, number: int, raw: bytes, stream: IO[bytes]) -> None:
        """Say so if what cannot be read as one of the first lines is no text at all."""
        if number > 2:
            return
        with suppress(*DAMAGE):
            raw += stream.read(4096)
        if _CONTROL.search(raw):
            raise self._error(messages.BINARY, number)

    def _error(self, message: str, number: int, **data: object) -> VectorsError:
        return VectorsError(message, where=f"{self.path}, line {number}", **data)


def _count_values(fields: list[bytes]) -> int:
    """Number of values that a row ends in; its first field is the word, whatever it looks like."""
    return sum(1 for _ in takewhile(_VALUE.fullmatch, reversed(fields[1:])))


def _shown(text: bytes) -> str:
    return repr(text[:200].decode("utf-8", "replace")[:40])
