"""Word vectors in text files: a line is a word and its values, separated by single spaces.

The text formats of fastText and word2vec (a header line `count dim` first) and of GloVe (none), plain or
compressed. Header and compression are told by content, never by the file's name.
"""

import bz2
import gzip
import io
import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from os import fstat
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from trainer.errors import VectorsError

__all__ = ["VectorReader"]

# These bound memory: a file without line ends, or with rows that no model has, stops here.
MAX_LINE_BYTES = 2**20
MAX_DIM = 10_000

_BLOCK_BYTES = 2**20
_BOM = b"\xef\xbb\xbf"
_BZ2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")

# zipfile decodes the other methods without a bound on what comes out.
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x61  # with a password, or as a patch, or strongly
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)

_HEADER = re.compile(rb"([0-9]{1,18}) +([0-9]{1,18})")
_NUMBER = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_VALUE = re.compile(_NUMBER.pattern + rb"|[+-]?(?i:nan|inf|infinity)")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_LINE_END = b" \t\r\n"  # fastText ends its lines with a space


class VectorReader:
    """One file of vectors, read as a stream.

    A word may hold spaces: the last `dim` fields of a line are the values. It cannot end in a space and a number,
    which reads as one value too many. Blank lines are passed over; a byte order mark is dropped.

    Parameters
    ----------
    path : Path
        Text, or text in a `.gz`, `.bz2` or `.xz`, or in a `.zip` of one file.
    progress : callable or None
        Called with every advance, in bytes of the file on disk.
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

        Every line is checked for its encoding and its number of fields, the values in the rows given alone.

        Raises
        ------
        VectorsError
            At the first line that is wrong, with its 1-based number.
        """
        self._dim, self._header = 0, None
        number = n_rows = dim = 0
        n_announced = -1
        with self._open() as stream:
            # All but the last two statements run for every line of the file: they decide the speed.
            for number, raw in self._lines(stream):
                line = raw.rstrip(_LINE_END)
                if not line.isascii() or number == 1:
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
                if n_rows > n_announced >= 0:
                    raise self._error(number, f"row {n_rows}, expected {n_announced} as the header says")
                if word in wanted:
                    yield word, self._values(number, word, line)
        if n_rows < n_announced:
            raise self._error(
                number, f"the file ends after {n_rows} rows, expected {n_announced} as the header says; fetch it again"
            )
        if not n_rows:
            raise VectorsError(f"{self.path}: no vectors, the file is empty")

    def _lines(self, stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
        """1-based number and bytes of each line, its end included."""
        number = 1
        try:
            while raw := stream.readline(MAX_LINE_BYTES + 1):
                if len(raw) > MAX_LINE_BYTES:
                    self._refuse_binary(number, raw, stream)
                    raise self._error(number, f"longer than {MAX_LINE_BYTES} bytes, expected a word and its values")
                yield number, raw
                number += 1
        except _DAMAGE as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise self._error(number, f"cannot be read ({error.strerror})") from error
            raise self._error(
                number, f"the compressed data are damaged or cut off near here ({error}); fetch the file again"
            ) from error

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        """The text, buffered; its errors are those of opening, later ones those of the line being read."""
        with ExitStack() as stack:
            try:
                file = stack.enter_context(_CountedFile(self.path, self._progress))
                stream = stack.enter_context(io.BufferedReader(file, _BLOCK_BYTES))
                if packed := _decompressed(stream, self.path):
                    stack.enter_context(packed)
                    stream = stack.enter_context(io.BufferedReader(_Partial(packed), _BLOCK_BYTES))
            except FileNotFoundError as error:
                raise VectorsError(
                    f"{self.path}: no such file; expected a file of vectors, glove-50d or muse"
                ) from error
            except IsADirectoryError as error:
                raise VectorsError(f"{self.path}: a folder, expected a file of vectors") from error
            except OSError as error:
                raise VectorsError(f"{self.path}: cannot be read ({error.strerror or error})") from error
            yield stream
            file.finish()

    def _check_text(self, number: int, line: bytes, stream: IO[bytes]) -> bytes:
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            self._refuse_binary(number, line, stream)
            raise self._error(
                number,
                f"not UTF-8 (byte 0x{line[error.start]:02x} at offset {error.start} of the line); "
                "save the file as UTF-8",
            ) from error
        return line.removeprefix(_BOM) if number == 1 else line

    def _read_header(self, number: int, n_rows: int, dim: int) -> int:
        if not n_rows or not 1 <= dim <= MAX_DIM:
            raise self._error(
                number, f"a header of {n_rows} rows and {dim} values, expected at least 1 row and 1 to {MAX_DIM} values"
            )
        self._header = n_rows, dim
        return n_rows

    def _uncommon_word(self, number: int, line: bytes, stream: IO[bytes]) -> bytes:
        """The word of the first row, which decides `dim`, and of rows with more or fewer spaces than that."""
        dim, source = self._dim, "in the first row"
        if self._header is not None:
            dim, source = self._header[1], "the header says"
        dim = dim or self._first_dim(number, line, stream)
        fields = line.rsplit(b" ", dim)
        # More fields than values are a word with spaces, unless the word would end in a number.
        word, *surplus = fields[0].rsplit(b" ", 1)
        if len(fields) <= dim or (surplus and _NUMBER.fullmatch(surplus[0])):
            self._refuse_binary(number, line, stream)
            n_found = _count_values(line.split(b" ")) if surplus else len(fields) - 1
            raise self._error(number, f"{n_found} values after the word, expected {dim} as {source}; fetch it again")
        self._dim = dim
        return fields[0]

    def _first_dim(self, number: int, line: bytes, stream: IO[bytes]) -> int:
        """How many values the first row of a file without a header has."""
        fields = line.split(b" ")
        n_values = _count_values(fields)
        # What stands before the values is then a word with spaces, and must not look like values.
        before = fields[1 : len(fields) - n_values]
        looks_like_text = bool(before) and n_values == 1
        if (
            looks_like_text
            or not 1 <= n_values <= MAX_DIM
            or any(not field or _NUMBER.fullmatch(field) for field in before)
        ):
            self._refuse_binary(number, line, stream)
            raise self._error(
                number,
                f"{_shown(line)} is no row of vectors, expected a header `count dim`, or a word and 1 to {MAX_DIM} "
                "values with one space before each",
            )
        return n_values

    def _values(self, number: int, word: bytes, line: bytes) -> np.ndarray:
        text = line[len(word) + 1 :]
        try:
            if b"_" in text:  # Python's digit groups
                raise ValueError
            values = np.array(list(map(float, text.split(b" "))))
        except ValueError:
            bad = next(field for field in text.split(b" ") if not _VALUE.fullmatch(field))
            raise self._error(number, f"{_shown(bad)} is not a number, in the vector of {_shown(word)}") from None
        with np.errstate(over="ignore"):
            row = values.astype(np.float32)
        if not np.isfinite(row).all():
            bad = text.split(b" ")[int(np.argmin(np.isfinite(row)))]
            raise self._error(number, f"{_shown(bad)} is not a finite 32-bit number, in the vector of {_shown(word)}")
        return row

    def _refuse_binary(self, number: int, raw: bytes, stream: IO[bytes]) -> None:
        """Say so if what cannot be read as one of the first lines is no text at all."""
        if number > 2:
            return
        with suppress(*_DAMAGE):
            raw += stream.read(4096)
        if _CONTROL.search(raw):
            raise self._error(
                number, "binary data, expected text in UTF-8; of a .bin model give the text file, .vec or .txt"
            )

    def _error(self, number: int, message: str) -> VectorsError:
        return VectorsError(f"{self.path}, line {number}: {message}")


_Packed = gzip.GzipFile | lzma.LZMAFile | bz2.BZ2File | zipfile.ZipExtFile


class _Partial(io.RawIOBase):
    """Passes on what there is before it asks for more: lines before a damaged place are read, and counted."""

    def __init__(self, packed: _Packed) -> None:
        self._packed = packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        block = self._packed.read1(len(buffer))
        buffer[: len(block)] = block
        return len(block)


class _CountedFile(io.FileIO):
    """A file that reports what is read of it: its size in all, no more."""

    def __init__(self, path: Path, progress: Callable[[int], None] | None) -> None:
        super().__init__(path)
        status = fstat(self.fileno())
        self._n_left = status.st_size if stat.S_ISREG(status.st_mode) else 0
        self._progress = progress

    def readinto(self, buffer: Any, /) -> int:
        n_read = super().readinto(buffer) or 0
        self._advance(n_read)
        return n_read

    def finish(self) -> None:
        """Report what nobody had to read, such as the end of a `.zip`."""
        self._advance(self._n_left)

    def _advance(self, n_bytes: int) -> None:
        n_new = min(n_bytes, self._n_left)
        self._n_left -= n_new
        if n_new and self._progress is not None:
            self._progress(n_new)


def _count_values(fields: list[bytes]) -> int:
    """Number of values that a row ends in; its first field is the word, whatever it looks like."""
    return sum(1 for _ in takewhile(_VALUE.fullmatch, reversed(fields[1:])))


def _decompressed(file: io.BufferedReader, path: Path) -> _Packed | None:
    """What the file's first bytes say it is packed in, if anything."""
    head = file.peek(16)
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMAFile(file)
    if _BZ2.match(head):
        return bz2.BZ2File(file)
    return _only_member(file, path) if head.startswith(_ZIP) else None


def _only_member(file: IO[bytes], path: Path) -> zipfile.ZipExtFile:
    try:
        archive = zipfile.ZipFile(file)
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) == 1 and members[0].compress_type in _BOUNDED and not members[0].flag_bits & _ENCRYPTED:
            return cast(zipfile.ZipExtFile, archive.open(members[0]))
    except Exception as error:  # a hostile file can make zipfile raise nearly anything
        raise VectorsError(f"{path}: not a whole .zip ({error}); fetch the file again") from error
    if len(members) == 1:
        raise VectorsError(f"{path}: a .zip with a password or a rare method of compression; unpack it")
    names = ", ".join(repr(member.filename[:80]) for member in members[:8]) or "none"
    raise VectorsError(f"{path}: {len(members)} files in the .zip ({names}), expected one; unpack it")


def _shown(text: bytes) -> str:
    return repr(text[:40].decode("utf-8", "replace"))
