"""The text that `gpu.py` encodes: the sample's reviews, or a file's lines; as words, and as a corpus with classes."""

import gzip
import itertools
import json
import lzma
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np

from elmo_cache import open_corpus
from elmo_cache.text.corpora.base import IMDB_LABELS
from elmo_cache.text.tokenization import get_tokenizer

_OPEN = {".gz": gzip.open, ".xz": lzma.open}
WINDOW = 500


@dataclass(frozen=True)
class Text:
    """Documents in a random order, their splits and their classes."""

    documents: list[tuple[str, str, str]]
    about: str
    _split: list[list[str]] = field(default_factory=list)

    def words(self, n_words: int) -> list[list[str]]:
        """Return documents of about so many words, split and cut as `build` does; from the start again if need be."""
        split = get_tokenizer("keras")
        found: list[list[str]] = []
        total = 0
        for i in itertools.count():
            if i == len(self._split) < len(self.documents):
                self._split.append(split(self.documents[i][0])[-WINDOW:])
            found.append(self._split[i % len(self.documents)])
            total += len(found[-1])
            if total >= n_words or not total and len(found) == len(self.documents):
                break
        return found

    def write_corpus(self, path: Path, n_documents: int) -> None:
        """Write the first documents as a corpus with splits and labels."""
        with path.open("w", encoding="utf-8") as file:
            for text, split, label in itertools.islice(self.documents, n_documents):
                file.write(json.dumps({"text": text, "split": split, "label": label}) + "\n")


def read_text(path: Path | None) -> Text:
    """Return the documents of a file, one a line, plain or compressed; or the sample's.

    A file's lines have no classes: they get the sample's in turn, and every fifth document is of the test split.
    """
    if path is None:
        documents = [(d.text, d.split, str(d.label)) for d in open_corpus("sample").documents()]
        about = "reviews of sample"
    else:
        documents = list(_with_classes(_lines(path)))
        about = f"lines of {path.name}, with classes that mean nothing"
    if not documents:
        raise click.ClickException(f"{path} has no text: expected a document a line")
    random.Random(0).shuffle(documents)
    return Text(documents, about)


def _lines(path: Path) -> Iterator[str]:
    try:
        with _OPEN.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
            yield from (line for line in map(str.strip, file) if line)
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{path} cannot be read as UTF-8 text, plain, .gz or .xz: {error}") from error


def _with_classes(lines: Iterator[str]) -> Iterator[tuple[str, str, str]]:
    for i, line in enumerate(lines):
        yield line, "test" if i % 5 == 4 else "train", IMDB_LABELS[i % 2]


def write_vectors(path: Path, documents: Sequence[Sequence[str]], dim: int = 50, n_words: int = 20_000) -> None:
    """Write random static vectors of the words of some documents as text, as GloVe's are."""
    words = dict.fromkeys(word for document in documents for word in document)
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        for word in itertools.islice(words, n_words):
            file.write(f"{word} {' '.join(map(str, rng.standard_normal(dim).round(3).tolist()))}\n")
