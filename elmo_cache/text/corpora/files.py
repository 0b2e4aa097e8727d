"""A user's own file: `.csv`, `.tsv`, `.jsonl`, or `.txt` with a document a line."""

import re
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.base import Document
from elmo_cache.text.corpora.compression import without_compression
from elmo_cache.text.corpora.records import (
    TEXT_COLUMN,
    Columns,
    LineReader,
    Record,
    find_quoting,
    read_json_lines,
    read_table,
    read_text_lines,
)

__all__ = ["EXTENSIONS", "ONLY_SPLIT", "QUOTINGS", "TABLES", "FileCorpus", "check_names", "check_split"]

EXTENSIONS = (".csv", ".tsv", ".jsonl", ".txt")
TABLES = {".csv": ",", ".tsv": "\t"}
QUOTINGS = ("csv", "none")
ONLY_SPLIT = "train"

_SPLIT_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class FileCorpus:
    """The documents of one file, read as a stream.

    Tables need a header line; in a quoted cell there may be line ends, and blank lines between rows are passed
    over, as they are in `.jsonl`, whose first object decides whether labels and splits are in use. In `.txt`
    only a line feed ends a line, and an empty line is a document without words. All are UTF-8; a byte order
    mark is dropped.

    Parameters
    ----------
    path : Path
        With one of `EXTENSIONS`, in any case.
    text_column : str
        The column, or key, of the text.
    label_column, split_column : str or None
        Those of the class and of the split. None: `label` and `split`, if the file has them.
    label_names : sequence of str or None
        The classes in the order of their indices.
    quoting : {"csv", "none"} or None
        For tables: whether quotation marks around a cell quote it, or are part of its text. None: they quote it in a
        `.csv`; a `.tsv` is read through to find out.

    Raises
    ------
    CorpusError
        If the file cannot be read up to its first document, or how a `.tsv` is quoted is doubtful.
    """

    tokenizer = None
    word_ranks = None
    unit = "B"

    def __init__(
        self,
        path: Path,
        *,
        text_column: str = TEXT_COLUMN,
        label_column: str | None = None,
        split_column: str | None = None,
        label_names: Sequence[str] | None = None,
        quoting: str | None = None,
    ) -> None:
        if quoting not in (None, *QUOTINGS):
            raise CorpusError(f"--quoting is {quoting!r}, expected one of {', '.join(QUOTINGS)}")
        self.name = path.name
        self.label_names = None if label_names is None else check_names(label_names)
        self._path = path
        self._wanted = Columns(text_column, label_column, split_column)
        self._used = self._wanted
        self._reader = LineReader(path)
        try:
            self.size = path.stat().st_size
        except OSError as error:
            raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
        self._quoting = quoting or "csv"
        if quoting is None and without_compression(path).suffix.lower() == ".tsv":
            self._quoting = find_quoting(self._reader, "\t")
        # A wrong column shows at once, not after other work; and split_rule needs to know the columns.
        first = self.documents()
        next(first)
        first.close()
        self._reader.position = 0

    @property
    def position(self) -> int:
        """Bytes read."""
        return self._reader.position

    @property
    def split_rule(self) -> dict[str, Any]:
        """The column that names the split, or that there is one split."""
        if self._used.split is None:
            return {"rule": f"all in {ONLY_SPLIT}"}
        return {"rule": "column", "column": self._used.split}

    def documents(self) -> Generator[Document, None, None]:
        """All documents, in the order of the file.

        Raises
        ------
        CorpusError
            At the first line that cannot be read, with its 1-based number; or if there are no documents.
        """
        n_seen: dict[str, int] = {}
        for line, text, label, split, id in self._records():
            if self.label_names is not None and label not in self.label_names:
                names = ",".join(self.label_names)
                if label is None:
                    raise self._reader.error(line, f"no label, expected one of --labels {names}; give --label-column")
                raise self._reader.error(line, f"label {label!r}, expected one of --labels {names}")
            if split is None:
                split = ONLY_SPLIT
            check_split(split, f"{self._path}, line {line}")
            order = n_seen.get(split, 0)
            n_seen[split] = order + 1
            yield Document(split, order, label, text, id)
        if not n_seen:
            raise CorpusError(f"{self._path}: no documents, expected at least one")

    def _records(self) -> Iterator[Record]:
        extension = without_compression(self._path).suffix.lower()
        if extension == ".txt":
            yield from read_text_lines(self._reader)
            return
        records = (
            read_json_lines(self._reader, self._wanted)
            if extension == ".jsonl"
            else read_table(self._reader, self._wanted, TABLES[extension], self._quoting)
        )
        for self._used, record in records:
            yield record


def check_split(name: str, where: str) -> None:
    """Raise `CorpusError` if a split cannot have that name."""
    if not _SPLIT_NAME.fullmatch(name):
        raise CorpusError(f"{where}: split {name[:80]!r}, expected a name of 1 to 64 letters, digits, '_' or '-'")


def check_names(label_names: Sequence[str]) -> tuple[str, ...]:
    """Return names of classes as a tuple; raise `CorpusError` if one is empty or there twice."""
    names = tuple(label_names)
    if not names or not all(names) or len(set(names)) < len(names):
        raise CorpusError(f"--labels {','.join(names)}: expected distinct class names, none of them empty")
    return names
