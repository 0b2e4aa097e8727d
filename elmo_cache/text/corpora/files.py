"""A user's own file: `.csv`, `.tsv`, `.json`, `.jsonl`, `.txt` with a document a line, or FASTA."""

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.base import Document
from elmo_cache.text.corpora.compression import without_compression
from elmo_cache.text.corpora.delimited import find_quoting, read_table
from elmo_cache.text.corpora.fasta import FASTA_EXTENSIONS, read_fasta
from elmo_cache.text.corpora.json_records import read_json_array, read_json_lines
from elmo_cache.text.corpora.lines import LineReader
from elmo_cache.text.corpora.records import ONLY_SPLIT, Columns, Record, Remarks, check_names, documents_of
from elmo_cache.text.corpora.text_lines import read_text_lines
from elmo_cache.text.tokenization import TOKENS

__all__ = ["EXTENSIONS", "QUOTINGS", "TABLES", "FileCorpus"]

EXTENSIONS = (".csv", ".tsv", ".json", ".jsonl", ".txt")
TABLES = {".csv": ",", ".tsv": "\t"}
QUOTINGS = ("csv", "none")


class FileCorpus:
    """The documents of one file, read as a stream.

    Tables need a header line; in a quoted cell there may be line ends, and blank lines between rows are passed
    over, as they are in `.jsonl`, whose first object decides whether labels and splits are in use. In `.txt`
    only a line feed ends a line, unless the file has none and carriage returns instead, and an empty line is a document
    without words. All are UTF-8; a byte order mark is dropped.

    Parameters
    ----------
    path : Path
        With one of `EXTENSIONS` or `FASTA_EXTENSIONS`, in any case; compressed if another ending says so.
    columns : Columns
        Those of the text, of the class, of the split and of the document's name. A class or split of None: `label` and
        `split`, if the file has them.
    label_names : sequence of str or None
        The classes in the order of their indices.
    quoting : {"csv", "none"} or None
        For tables: whether quotation marks around a cell quote it, or are part of its text. None: they quote it in a
        `.csv`; a `.tsv` is read through to find out.
    delimiter : str or None
        For tables: the character between cells; `tab` is one. None: a comma, in `.tsv` a tab.
    encoding : str or None
        Of the text; None: UTF-8.

    Raises
    ------
    CorpusError
        If the file cannot be read up to its first document, or how a `.tsv` is quoted is doubtful.
    """

    word_ranks = None
    unit = "B"

    def __init__(
        self,
        path: Path,
        columns: Columns = Columns(),  # noqa: B008, frozen
        *,
        label_names: Sequence[str] | None = None,
        quoting: str | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
    ) -> None:
        if quoting not in (None, *QUOTINGS):
            expected = f"one of {', '.join(QUOTINGS)}"
            raise CorpusError(messages.INVALID_VALUE, name="quoting", found=repr(quoting), expected=expected)
        delimiter = "\t" if delimiter in ("tab", "\\t") else delimiter  # which a command line hardly takes
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '\r\n"'):
            found, expected = repr(delimiter[:40]), "one character"
            raise CorpusError(messages.INVALID_VALUE, name="delimiter", found=found, expected=expected)
        self.name = path.name
        self.label_names = None if label_names is None else check_names(label_names)
        self._path = path
        self._extension = without_compression(path).suffix.lower()
        self._wanted = columns
        self._used = self._wanted
        self._reader = LineReader(path, encoding=encoding)
        self._remarks = Remarks()
        self.size = self._reader.size
        self._delimiter = delimiter or TABLES.get(self._extension, ",")
        self._quoting = quoting or "csv"
        if quoting is None and self._extension == ".tsv":
            self._quoting = find_quoting(self._reader, self._delimiter)
        # A wrong column shows at once, not after other work; and split_rule needs to know the columns.
        documents = self.documents()
        first = next(documents)
        documents.close()
        self.tokenizer = None if isinstance(first.text, str) else TOKENS
        if self._extension in FASTA_EXTENSIONS:
            self.tokenizer = "characters"
        self._reader.position = 0

    @property
    def position(self) -> int:
        """Bytes read."""
        return self._reader.position

    @property
    def columns(self) -> Columns | None:
        """The columns in use, once the file has been opened; None of a file without columns."""
        return None if self._extension in (".txt", *FASTA_EXTENSIONS) else self._used

    @property
    def notes(self) -> list[str]:
        """What was done to the text, as far as it has been read."""
        return self._remarks.notes

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
        self._remarks = Remarks()
        parts = [(None, f"{self._path}, line", self._records())]
        yield from documents_of(parts, self.label_names, self._remarks, self._path)

    def _records(self) -> Iterator[Record]:
        if self._extension in FASTA_EXTENSIONS:
            yield from read_fasta(self._reader)
            return
        if self._extension == ".txt":
            yield from read_text_lines(self._reader, self._remarks)
            return
        readers = {".jsonl": read_json_lines, ".json": read_json_array}
        records = (
            readers[self._extension](self._reader, self._wanted)
            if self._extension in readers
            else read_table(self._reader, self._wanted, self._delimiter, self._quoting, self._remarks)
        )
        for self._used, record in records:
            yield record
