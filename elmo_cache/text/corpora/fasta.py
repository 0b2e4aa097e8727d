"""FASTA: sequences of proteins or nucleotides, a document each, for the tokeniser `characters`, a letter a token."""

from collections.abc import Iterator

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.lines import LineReader
from elmo_cache.text.corpora.records import Record

__all__ = ["FASTA_EXTENSIONS", "read_fasta"]

FASTA_EXTENSIONS = (".fasta", ".fa", ".faa", ".fna")


def read_fasta(reader: LineReader) -> Iterator[Record]:
    """The sequences of a file: after a line `>NAME …` all lines up to the next, without white space.

    A sequence's id is the first word after `>`.

    Raises
    ------
    CorpusError
        If there is text before the first `>`, or there are no records.
    """
    first = 0  # the line with the name
    name = ""
    letters: list[str] = []
    for number, line in reader.lines(universal=True):
        if line.startswith(">"):
            if first:
                yield Record(first, "".join(letters), None, None, name)
            first, name, letters = number, line[1:].partition(" ")[0].strip(), []
        elif first:
            letters.append("".join(line.split()))
        elif line.strip() and not line.startswith(";"):
            found, expected = "text before the first record", "a line that begins with '>'"
            raise CorpusError(messages.UNEXPECTED, where=reader.at(number), found=found, expected=expected)
    if not first:
        raise CorpusError(messages.NO_FASTA_RECORDS, path=reader.path)
    yield Record(first, "".join(letters), None, None, name)
