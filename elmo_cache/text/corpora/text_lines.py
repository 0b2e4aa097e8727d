"""Files with a document a line."""

from collections.abc import Iterator

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.lines import LineReader
from elmo_cache.text.corpora.records import Record, Remarks

__all__ = ["read_text_lines"]

FASTTEXT_LABEL = "__label__"


def read_text_lines(reader: LineReader, remarks: Remarks) -> Iterator[Record]:
    """A document a line; only a line feed ends it, and a carriage return before that is dropped.

    Where there is no line feed in the file, each carriage return ends a line.

    If the first line begins with `__label__`, all do, as in fastText's files: the label stands in front of the text.
    """
    labelled: bool | None = None
    for number, text in _lines(reader, remarks):
        if labelled is None:
            labelled = text.startswith(FASTTEXT_LABEL)
        if text.startswith(FASTTEXT_LABEL) != labelled:
            found = "without" if labelled else "with"
            raise CorpusError(messages.FASTTEXT_LABELS_MIXED, where=reader.at(number), found=found)
        if not labelled:
            yield Record(number, text, None, None)
            continue
        label, _, rest = text.removeprefix(FASTTEXT_LABEL).partition(" ")
        if not label or rest.startswith(FASTTEXT_LABEL):
            found, expected = "several labels" if label else "no label", "one in front of the text"
            raise CorpusError(messages.UNEXPECTED, where=reader.at(number), found=found, expected=expected)
        yield Record(number, rest, label, None)


def _lines(reader: LineReader, remarks: Remarks) -> Iterator[tuple[int, str]]:
    for number, line in reader.lines():
        text = line.removesuffix("\n").removesuffix("\r")
        if "\r" not in text:
            yield number, text
        elif number == 1 and not line.endswith("\n"):
            remarks.is_split_by_returns = True
            yield from enumerate(text.split("\r"), 1)
        else:
            remarks.n_returns += 1
            yield number, text
