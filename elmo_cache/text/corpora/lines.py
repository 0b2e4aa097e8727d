"""A file of text, line by line."""

import codecs
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import numpy as np

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.compression import BROKEN, decompressed

__all__ = ["MAX_LINE_BYTES", "LineReader"]

MAX_LINE_BYTES = 64 * 2**20
"""Bounds memory: a file without line ends, or a quotation mark that is never closed, stops here."""

_BOM = b"\xef\xbb\xbf"
_SAMPLE_BYTES = 4096
_ZEROS = 0.05  # of the upper bytes of UTF-16: those of spaces and line ends, in any script
_ALPHABETIC = 0.9  # of the upper bytes: those of alphabets are small, and those of other scripts are seldom UTF-8


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
                messages.INVALID_VALUE,
                name="encoding",
                found=repr(self._encoding[:40]),
                expected="one such as utf-8, latin-1 or cp1252, in which a line feed is one byte",
            )
        self.position = 0

    @property
    def size(self) -> int:
        """Bytes of the file; raises `CorpusError` if it cannot be looked at."""
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise CorpusError(messages.CANNOT_READ, path=self.path, error=error) from error

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
                self._refuse_utf16(stream)
                while raw := stream.readline(MAX_LINE_BYTES + 1):
                    if len(raw) > MAX_LINE_BYTES:
                        raise CorpusError(messages.LINE_TOO_LONG, where=self.at(number), most=MAX_LINE_BYTES)
                    content = raw if number > 1 else raw.removeprefix(_BOM)
                    if not content:
                        continue  # a file of a byte order mark alone
                    self.position = file.tell() if stream is not file else self.position + len(raw)
                    # bytes.splitlines knows no other line ends; str.splitlines does.
                    for line in content.splitlines(keepends=True) if universal else [content]:
                        yield number, self._decode(number, line)
                        number += 1
        except BROKEN as error:
            raise CorpusError(messages.CANNOT_READ, path=self.path, error=error) from error

    def _refuse_utf16(self, stream: BinaryIO) -> None:
        """Raise `CorpusError` if a stream begins like UTF-16: in part it would pass for UTF-8, with NUL characters."""
        peek = getattr(stream, "peek", None)  # not of a stream in memory
        if peek is not None and _is_utf16(peek(_SAMPLE_BYTES)[:_SAMPLE_BYTES]):
            raise CorpusError(messages.IN_UTF_16, path=self.path)

    def at(self, line: int) -> str:
        """What errors call a line."""
        return f"{self.path}, line {line}"

    def _decode(self, number: int, line: bytes) -> str:
        try:
            return line.decode(self._encoding)
        except UnicodeError as error:  # some encodings, such as idna, raise no UnicodeDecodeError
            name = "UTF-8" if self._encoding == "utf-8" else self._encoding
            place: object = error
            if isinstance(error, UnicodeDecodeError):
                place = f"byte 0x{line[error.start]:02x} at offset {error.start} of the line"
            raise CorpusError(messages.NOT_IN_ENCODING, where=self.at(number), expected=name, error=place) from error


def _is_utf16(sample: bytes) -> bool:
    r"""Tell UTF-16 by its byte order mark; or by zeros in one half of the bytes, with which it reads as text.

    Examples
    --------
    >>> _is_utf16("a word\n".encode("utf-16")), _is_utf16("слово и дело\n".encode("utf-16-le"))
    (True, True)
    >>> _is_utf16(b"a word\n"), _is_utf16(b"a NUL \0 and \0\n")
    (False, False)
    """
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    sample = sample[: len(sample) // 2 * 2]
    half = int(sample[1::2].count(0) > sample[::2].count(0))  # of the upper bytes
    upper, lower = np.frombuffer(sample[half::2], np.uint8), np.frombuffer(sample[1 - half :: 2], np.uint8)
    n_zeros = np.count_nonzero(upper == 0)
    return bool(
        n_zeros >= max(2, _ZEROS * len(upper))
        and lower.all()
        and np.count_nonzero(upper < 0x20) >= _ALPHABETIC * len(upper)
        and np.any(lower >= 0x20)
    )
