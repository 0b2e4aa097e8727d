"""Training text: documents as word indices, the vocabulary of the softmax, what is held out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click
import numpy as np

from cache.hashing import array_sha256, fingerprint
from cache.runtime.progress import progress_bar
from elmo_cache import messages
from elmo_cache.encoders.bilm.characters import BEGIN_DOCUMENT, END_DOCUMENT
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.lines import LineReader
from elmo_cache.text.corpora.records import Remarks
from elmo_cache.text.corpora.text_lines import read_text_lines
from elmo_cache.text.tokenization import TOKENIZERS, get_tokenizer

__all__ = ["BEGIN", "END", "TOKENIZER_CHOICES", "UNKNOWN", "Text", "read_text"]

BEGIN, END, UNKNOWN = 1, 2, 3
"""Word indices as `bilm/streams.py` has them, 0 being no word; `UNKNOWN` is a target only, never an input."""
_MARKS = ("", BEGIN_DOCUMENT, END_DOCUMENT, "<UNK>")

TOKENIZER_CHOICES = (*TOKENIZERS, "both")

HELD_OUT_SHARE, MOST_HELD_OUT = 0.02, 250
_HELD_OUT_SEED = 0


@dataclass(frozen=True)
class Text:
    """Documents divided into those to train on and those held out.

    Attributes
    ----------
    words : list of str
        The distinct words by index: none, `<S>`, `</S>`, `<UNK>`, then those of the training documents, the most
        frequent first, then those that only held-out documents have.
    documents, held_out : list of ndarray of int32, (n_tokens,)
        Word indices of each document, none empty, without document marks. No held-out text is among `documents`.
    """

    words: list[str]
    documents: list[np.ndarray]
    held_out: list[np.ndarray]

    @cached_property
    def n_tokens(self) -> int:
        """Words in the training documents."""
        return sum(map(len, self.documents))

    @cached_property
    def n_training_words(self) -> int:
        """Distinct words that training documents have, and the three marks: those with the indices from 1 to this."""
        return int(max(document.max() for document in self.documents))

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        parts = self.documents, self.held_out
        lengths = [list(map(len, part)) for part in parts]
        return fingerprint([self.words, lengths, [array_sha256(np.concatenate(part)) for part in parts]])


def read_text(paths: Sequence[Path], tokenizer: str, show: bool = True) -> Text:
    """Read documents, a line each, plain or compressed as corpora may be; lines without words are passed over.

    Parameters
    ----------
    paths : sequence of Path
        UTF-8 text.
    tokenizer : str
        One of `TOKENIZERS`, or `both`: `keras` and `words` in turn, a document each.
    show : bool
        Show a progress bar.

    Raises
    ------
    CorpusError
        If a file cannot be read, or there are fewer than two documents.
    """
    rules = [get_tokenizer(name) for name in (("keras", "words") if tokenizer == "both" else (tokenizer,))]
    numbers: dict[str, int] = {}
    documents = []
    for i, line in enumerate(_lines(paths, show)):
        words = rules[i % len(rules)](line)
        if words:
            indices = (numbers.setdefault(word, len(numbers)) for word in words)
            documents.append(np.fromiter(indices, np.int32, len(words)))
    if len(documents) < 2:
        path = ", ".join(map(str, paths))
        raise CorpusError(messages.TOO_FEW_DOCUMENTS, path=path, n=len(documents))
    return _divide(list(numbers), documents)


def _divide(words: list[str], documents: list[np.ndarray]) -> Text:
    n_held_out = min(max(1, int(HELD_OUT_SHARE * len(documents))), MOST_HELD_OUT)
    order = np.random.default_rng(_HELD_OUT_SEED).permutation(len(documents))
    held_out = [documents[i] for i in order[:n_held_out]]
    known = {document.tobytes() for document in held_out}
    rest = [documents[i] for i in sorted(order[n_held_out:]) if documents[i].tobytes() not in known]
    if not rest:
        raise CorpusError(messages.SAME_TEXT, n=len(documents))
    counts: Counter[int] = Counter()
    for document in rest:
        counts.update(document.tolist())
    # Words as frequent as each other stay in the order in which they came.
    by_count = np.argsort([-counts[i] for i in range(len(words))], kind="stable")
    index = np.empty(len(words), np.int32)
    index[by_count] = np.arange(len(words), dtype=np.int32) + len(_MARKS)
    return Text(
        [*_MARKS, *(words[i] for i in by_count)],
        [index[document] for document in rest],
        [index[document] for document in held_out],
    )


def _lines(paths: Sequence[Path], show: bool) -> Iterator[str]:
    readers = [LineReader(path) for path in paths]
    remarks = Remarks()
    with progress_bar(sum(reader.size for reader in readers), "reading", "B", show) as bar:
        for reader in readers:
            done = bar.n
            for record in read_text_lines(reader, remarks):
                bar.update(done + reader.position - bar.n)
                yield str(record.text)
    for note in remarks.notes if show else ():
        click.echo(f"Note: {note}", err=True)
