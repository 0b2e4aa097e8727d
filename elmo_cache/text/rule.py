"""How text becomes the tokens that an encoder reads: the tokeniser, rare words, the window."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cache.hashing import fingerprint
from elmo_cache.errors import CorpusError
from elmo_cache.text.tokenization import get_tokenizer

__all__ = ["TextRule"]


@dataclass(frozen=True)
class TextRule:
    """How text becomes the tokens that an encoder reads.

    Attributes
    ----------
    tokenizer : {"keras", "words", "whitespace"}
        The rule that splits text.
    num_words : int or None
        As in Keras's `load_data`: keep the words of rank 1 to `num_words - 4`, turn the others into `<UNK>` and put
        `<START>` first.
    word_ranks : Mapping[str, int] or None
        Frequency ranks from 1 for `num_words`; None: those of the corpus itself, or of its `train` split.
    max_tokens : int
        The window; 0 for none.
    keep : {"last", "first"}
        The end that a longer document keeps.
    literal_padding : bool
        Put the word `<PAD>` in front of shorter documents until they fill the window.

    Raises
    ------
    CorpusError
        If the tokeniser or `keep` is unknown, a number is out of bounds, or there is padding without a window.
    """

    tokenizer: str = "keras"
    num_words: int | None = None
    word_ranks: Mapping[str, int] | None = None
    max_tokens: int = 500
    keep: str = "last"
    literal_padding: bool = False

    def __post_init__(self) -> None:
        get_tokenizer(self.tokenizer)
        if self.keep not in ("last", "first"):
            raise CorpusError(f"--keep is {self.keep!r}, expected 'last' or 'first'")
        if self.max_tokens < 0:
            raise CorpusError(f"--max-tokens is {self.max_tokens}, expected 0 (no window) or more")
        if self.num_words is not None and self.num_words < 5:
            raise CorpusError(f"--num-words is {self.num_words}, expected at least 5: four ids are reserved")
        if self.literal_padding and not self.max_tokens:
            raise CorpusError("--literal-padding fills the window, and there is none: give --max-tokens")

    def to_json(self) -> dict[str, Any]:
        """Return what goes into the encoding's fingerprint: equal for rules that make the same tokens of every text."""
        ranks = None
        if self.num_words is not None:
            ranks = fingerprint(dict(self.word_ranks)) if self.word_ranks is not None else "train split"
        return {
            "tokenizer": self.tokenizer,
            "num_words": self.num_words,
            "word_ranks": ranks,
            "max_tokens": self.max_tokens,
            "keep": self.keep if self.max_tokens else None,
            "literal_padding": self.literal_padding,
        }
