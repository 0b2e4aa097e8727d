"""What a build has understood of a text, and what its owner should know before hours of encoding."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from elmo_cache.encoders import Encoder
from elmo_cache.encoders.bilm.characters import CutWords, cut_words
from elmo_cache.text.reader import CorpusReader
from elmo_cache.text.rule import TextRule

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


def find(reader: CorpusReader, encoder: Encoder, rule: TextRule) -> Findings:
    """Look at a corpus that has been read; at its words only if it was tokenised.

    Parameters
    ----------
    reader : CorpusReader
        The corpus.
    encoder : Encoder
        What will encode it.
    rule : TextRule
        How it became tokens.

    Returns
    -------
    Findings
    """
    cut, is_unspaced = None, False
    if reader.tokenised:
        words, counts = reader.word_counts()
        most = getattr(getattr(encoder, "options", None), "max_characters", None)
        if most is not None and rule.num_words is None:  # which leaves out most of the long words
            found = cut_words(words, counts, most)
            cut = found if found.n_words else None
        is_unspaced = rule.tokenizer in ("keras", "words", "whitespace") and _looks_unspaced(words, counts)
    return Findings(reader.class_counts(), reader.n_decomposed, cut, is_unspaced)


def _looks_unspaced(words: Sequence[str], counts: np.ndarray) -> bool:
    is_such = np.array([_UNSPACED.search(word) is not None for word in words], bool)
    n_such = int(counts[is_such].sum())
    if n_such < _SHARE * counts.sum() or not n_such:
        return False
    sizes = np.array([len(word) for word in words])
    return bool((sizes * counts)[is_such].sum() > _LETTERS * n_such)
