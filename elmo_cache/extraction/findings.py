"""What a build has understood of a text, and what its owner should know before hours of encoding."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cache.documents import Documents
from cache.manifest import Manifest
from elmo_cache.encoders import Encoder
from elmo_cache.encoders.bilm.characters import CutWords, cut_words
from elmo_cache.extraction.digests import stored_blocks
from elmo_cache.text.reader import CorpusReader
from elmo_cache.text.rule import TextRule
from elmo_cache.text.vocabulary import PAD, START, UNKNOWN

__all__ = ["Findings", "find"]

# Chinese and Japanese, Thai, Lao, Tibetan, Burmese, Khmer.
_UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")
_SHARE = 0.5  # of the tokens, to speak of the language of the text
_LETTERS = 4  # of a token: words of these languages have about two, sentences many


@dataclass(frozen=True)
class Findings:
    """Facts about a corpus that has been read.

    Attributes
    ----------
    classes : Mapping of str to int
        Documents by class; empty without labels.
    n_decomposed : int
        Documents that Unicode's form NFC would change.
    cut : CutWords or None
        Words that the encoder cuts; None if it cuts none, or that is not known.
    is_unspaced : bool
        Whether the tokens look like whole phrases of a language that is written without spaces.
    """

    classes: Mapping[str, int] = field(default_factory=dict)
    n_decomposed: int = 0
    cut: CutWords | None = None
    is_unspaced: bool = False


def find(
    reader: CorpusReader, encoder: Encoder, rule: TextRule, directory: Path, manifest: Manifest | None
) -> Findings:
    """Look at a corpus that has been read.

    Parameters
    ----------
    reader : CorpusReader
        The corpus.
    encoder : Encoder
        What will encode it.
    rule : TextRule
        How it became tokens.
    directory, manifest : Path, Manifest or None
        The cache that has its words, if the reader has none: they are then counted in documents cut by the window.

    Returns
    -------
    Findings

    Raises
    ------
    CorruptFileError
        If the cache's words cannot be read.
    """
    most = getattr(getattr(encoder, "options", None), "max_characters", None)
    if rule.num_words is not None:  # which leaves out most of the long words
        most = None
    has_spaces = rule.tokenizer in ("keras", "words", "whitespace")
    cut, is_unspaced = None, False
    if most is not None or has_spaces:
        words, counts = reader.word_counts() if reader.tokenised else _stored_word_counts(directory, manifest)
        if most is not None:
            found = cut_words(words, counts, most)
            cut = found if found.n_words else None
        is_unspaced = has_spaces and _looks_unspaced(words, counts)
    return Findings(reader.class_counts(), reader.n_decomposed, cut, is_unspaced)


def _stored_word_counts(directory: Path, manifest: Manifest | None) -> tuple[Sequence[str], np.ndarray]:
    words: Sequence[str] = ()
    counts = np.zeros(0, np.int64)
    for split in manifest.splits if manifest else ():
        documents = Documents(directory, split, manifest)  # type: ignore[arg-type]
        try:
            words = documents.vocabulary  # that of all splits
            for block in stored_blocks(documents, documents.indptr):
                counts = np.bincount(block, minlength=len(words)) + (counts if len(counts) else 0)
        finally:
            documents.close()
    counts = counts if len(counts) else np.zeros(len(words), np.int64)
    counts[[word in (PAD, START, UNKNOWN) for word in words]] = 0
    return words, counts


def _looks_unspaced(words: Sequence[str], counts: np.ndarray) -> bool:
    is_such = np.array([_UNSPACED.search(word) is not None for word in words], bool)
    n_such = int(counts[is_such].sum())
    if n_such < _SHARE * counts.sum() or not n_such:
        return False
    sizes = np.array([len(word) for word in words])
    return bool((sizes * counts)[is_such].sum() > _LETTERS * n_such)
