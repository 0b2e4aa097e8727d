"""Tokens with tags in columns: CoNLL files of all kinds, and CoNLL-U; a sentence is a document."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import conllu

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.base import Document
from elmo_cache.text.corpora.compression import without_compression
from elmo_cache.text.corpora.lines import LineReader
from elmo_cache.text.corpora.records import ONLY_SPLIT

__all__ = ["CONLL_EXTENSIONS", "ConllCorpus"]

CONLL_EXTENSIONS = (".conllu", ".conll", ".iob", ".iob2", ".bio")
CONLLU_COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_DOCUMENT_START = "-DOCSTART-"
_COMMENT = re.compile(r"#\s*[\w.:-]+\s*=(?:\s|$)|#(?:begin|end) document")
_CHUNK_TAG = re.compile(r"O|[A-Z]-.+")


class _Sentence(NamedTuple):
    """The number of its last line, its id if it has one, and the cells of each token."""

    line: int
    id: str | None
    rows: list[list[str]]


class ConllCorpus:
    """The sentences of a file with a token a line and a blank line behind each sentence.

    In `.conllu` ranges of multiword tokens and empty nodes are left out: what stays are the syntactic words; and a
    sentence has the id of its comment `# sent_id = …`. In the other kinds cells stand between tabs if a line has
    any, else between spaces; lines `-DOCSTART-` are left out. `_` is no tag.

    A line that begins with `#` is a comment if it has another number of cells than the others, or stands before a
    sentence's first token and reads `# name = value`. One that may be either is an error.

    Parameters
    ----------
    path : Path
        The file, compressed or not.
    token_column : str, optional
        The column of the tokens: its number from 1, or in `.conllu` its name. Default: `form`, or 1.
    tag_columns : sequence of str
        Columns of tags, likewise; each gives a set of tags of that name, or one called `column4`.
    encoding : str, optional
        Of the text; default: UTF-8.

    Raises
    ------
    CorpusError
        If the file cannot be read up to its first sentence, or has no such column.
    """

    tokenizer = "tokens"
    label_names = None
    word_ranks = None
    unit = "B"

    def __init__(
        self,
        path: Path,
        *,
        token_column: str | None = None,
        tag_columns: Sequence[str] = (),
        encoding: str | None = None,
    ) -> None:
        self.name = path.name
        self._is_conllu = without_compression(path).suffix.lower() == ".conllu"
        self._reader = LineReader(path, encoding=encoding)
        self._token = self._index(token_column or ("form" if self._is_conllu else "1"))
        self._tags = {self._tags_name(column): self._index(column) for column in tag_columns}
        self.size = self._reader.size
        self.split_rule: dict[str, Any] = {"rule": f"all in {ONLY_SPLIT}"}
        self.notes: list[str] = []
        first = list(islice(self._sentences(), 1))
        next(self._documents(first))  # a wrong column shows at once
        n_columns = len(first[0].rows[0])
        if n_columns > 1 and not self._tags:
            columns = "such as upos" if self._is_conllu else f"a number from 1 to {n_columns}"
            self.notes.append(f"only tokens are kept, no tags: to keep some, give --tag-column, {columns}")
        self._reader.position = 0

    @property
    def position(self) -> int:
        """Bytes read."""
        return self._reader.position

    def documents(self) -> Iterator[Document]:
        """All sentences, in the order of the file.

        Raises
        ------
        CorpusError
            At the first sentence that cannot be read or lacks a column that is asked for; or if there are none.
        """
        return self._documents(self._sentences())

    def _documents(self, sentences: Iterable[_Sentence]) -> Iterator[Document]:
        n_seen = 0
        for sentence in sentences:
            n_columns = min(map(len, sentence.rows))
            for column in (self._token, *self._tags.values()):
                if column >= n_columns:
                    where = self._reader.at(sentence.line)
                    raise CorpusError(messages.NO_CONLL_COLUMN, where=where, column=column + 1, found=n_columns)
            for name, column in self._tags.items():
                if any(not row[column].strip() for row in sentence.rows):
                    where, found = self._reader.at(sentence.line), f"an empty cell for {name} in the sentence"
                    raise CorpusError(messages.UNEXPECTED, where=where, found=found, expected="a tag or _")
            tokens = tuple(row[self._token] for row in sentence.rows)
            tags = {
                name: tuple(None if row[column] == "_" else row[column] for row in sentence.rows)
                for name, column in self._tags.items()
            }
            yield Document(ONLY_SPLIT, n_seen, None, tokens, sentence.id, tags)
            n_seen += 1
        if not n_seen:
            raise CorpusError(messages.NO_DOCUMENTS, path=self._reader.path)

    def _sentences(self) -> Iterator[_Sentence]:
        return self._conllu() if self._is_conllu else self._conll()

    def _conllu(self) -> Iterator[_Sentence]:
        # Cells as they stand: the numbers and mappings that the package makes of them are not wanted here.
        parsers = {name: lambda cells, i: cells[i] for name in CONLLU_COLUMNS[1:]}
        for number, lines in self._blocks():
            self._check_conllu(number - len(lines) + 1, lines)
            try:
                (found,) = conllu.parse("".join(lines), field_parsers=parsers) or [None]  # type: ignore[arg-type]
            except (conllu.exceptions.ParseException, ValueError) as error:  # ValueError: an id of 5,000 digits
                raise CorpusError(messages.NOT_CONLLU, where=self._reader.at(number), error=error) from error
            if found is None:
                continue
            rows = [[str(cell) for cell in token.values()] for token in found if isinstance(token["id"], int)]
            if rows:
                yield _Sentence(number, found.metadata.get("sent_id"), rows)

    def _check_conllu(self, number: int, lines: Sequence[str]) -> None:
        """Refuse, with the number of the first line, what the package would read as something else."""
        for k, line in enumerate(lines, number):
            cells = line.split("\t")
            if line.startswith("#"):
                if line[1:].partition("=")[0].strip() == "global.columns":
                    raise CorpusError(messages.CONLLU_PLUS, where=self._reader.at(k))
            elif (found := cells[0].strip()) in ("", "_"):
                raise CorpusError(
                    messages.INVALID_ENTRY,
                    where=self._reader.at(k),
                    name="the number of the word",
                    found=repr(found),
                    expected="one such as 1, 1-2 or 1.1",
                )
            elif len(cells) > 1 and any("  " in cell for cell in cells[: len(CONLLU_COLUMNS) - 1]):
                raise CorpusError(messages.CONLLU_SPACES, where=self._reader.at(k))

    def _blocks(self) -> Iterator[tuple[int, list[str]]]:
        """Yield what stands between blank lines, with the number of its last line."""
        block: list[str] = []
        last = 0
        for number, line in self._reader.lines(universal=True):
            if line.strip():
                block.append(line)
                last = number
            elif block:
                yield last, block
                block = []
        if block:
            yield last, block

    def _conll(self) -> Iterator[_Sentence]:
        n_cells = 0
        for number, lines in self._blocks():
            rows: list[list[str]] = []
            split = [_cells(line.rstrip("\r\n")) for line in lines]
            n_cells = n_cells or next((len(cells) for cells in split if not cells[0].startswith("#")), 0)
            for k, (line, cells) in enumerate(zip(lines, split, strict=True), number - len(lines) + 1):
                if cells[0] == _DOCUMENT_START or (not rows and self._is_comment(k, line, cells, n_cells)):
                    continue
                if len(cells) == n_cells:
                    rows.append(cells)
                elif not cells[0].startswith("#"):
                    where, n_found = self._reader.at(k), len(cells)
                    raise CorpusError(messages.CONLL_COLUMNS_DIFFER, where=where, found=n_found, expected=n_cells)
            if rows:
                yield _Sentence(number, None, rows)

    def _is_comment(self, number: int, line: str, cells: list[str], n_cells: int) -> bool:
        """Tell whether a line before a sentence's first token is a comment, though it has as many cells as a token."""
        if not line.startswith("#") or "\t" in line:
            return False
        if _COMMENT.match(line):
            return True
        if cells[0] == "#" and len(cells) == n_cells and not _CHUNK_TAG.fullmatch(cells[-1]):
            raise CorpusError(messages.COMMENT_OR_TOKEN, where=self._reader.at(number))
        return False

    def _index(self, column: str) -> int:
        if self._is_conllu and column.lower() in CONLLU_COLUMNS:
            return CONLLU_COLUMNS.index(column.lower())
        if column.isascii() and column.isdecimal() and len(column) < 4 and int(column) > 0:
            return int(column) - 1
        names = f", or one of {', '.join(CONLLU_COLUMNS)}" if self._is_conllu else ""
        expected = f"its number, from 1{names}"
        raise CorpusError(messages.WRONG_COLUMN_NUMBER, path=self._reader.path, found=column[:40], expected=expected)

    def _tags_name(self, column: str) -> str:
        index = self._index(column)
        return CONLLU_COLUMNS[index] if self._is_conllu and index < 10 else f"column{index + 1}"


def _cells(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else [cell for cell in line.split(" ") if cell]
