"""FASTA: sequences of proteins or nucleotides, a document each, for the tokeniser `characters`, a letter a token."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.base import Document
from elmo_cache.text.corpora.lines import LineReader
from elmo_cache.text.corpora.records import ONLY_SPLIT

__all__ = ["FASTA_EXTENSIONS", "FastaCorpus"]

FASTA_EXTENSIONS = (".fasta", ".fa", ".faa", ".fna")


class FastaCorpus:
    """The sequences of a file: after a line `>NAME …` all lines up to the next, without white space.

    Parameters
    ----------
    path : Path
        The file, compressed or not. A sequence's id is the first word after `>`.
    encoding : str, optional
        Of the text; default: UTF-8.

    Raises
    ------
    CorpusError
        If the file cannot be read up to its first record.
    """

    tokenizer = "characters"
    label_names = None
    word_ranks = None
    unit = "B"

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.name = path.name
        self._reader = LineReader(path, encoding=encoding)
        self.size = self._reader.size
        self.split_rule: dict[str, Any] = {"rule": f"all in {ONLY_SPLIT}"}

    @property
    def position(self) -> int:
        """Bytes read."""
        return self._reader.position

    def documents(self) -> Iterator[Document]:
        """All sequences, in the order of the file.

        Raises
        ------
        CorpusError
            If there is text before the first `>`, or there are no records.
        """
        name: str | None = None
        letters: list[str] = []
        n_seen = 0
        for number, line in self._reader.lines(universal=True):
            if line.startswith(">"):
                if name is not None:
                    yield Document(ONLY_SPLIT, n_seen, None, "".join(letters), name)
                    n_seen += 1
                name, letters = line[1:].partition(" ")[0].strip(), []
            elif name is not None:
                letters.append("".join(line.split()))
            elif line.strip() and not line.startswith(";"):
                found, expected = "text before the first record", "a line that begins with '>'"
                raise CorpusError(messages.UNEXPECTED, where=self._reader.at(number), found=found, expected=expected)
        if name is None:
            raise CorpusError(messages.NO_FASTA_RECORDS, path=self._reader.path)
        yield Document(ONLY_SPLIT, n_seen, None, "".join(letters), name)
