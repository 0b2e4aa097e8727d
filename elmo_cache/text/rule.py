"""How text becomes the tokens that an encoder reads: the tokeniser, rare words, the window."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from reprlib import repr as show
from typing import Any

import numpy as np

from cache.hashing import fingerprint
from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.tokenization import get_tokenizer, newest_version

__all__ = ["FORMS", "MOST_TOKENS", "TextRule", "check_count"]

FORMS = ("nfc",)
"""Unicode's forms that text can be brought into."""

MOST_TOKENS = 2**31 - 1
"""That a window or a shard may have."""


def check_count(name: str, value: int, least: int, why: str = "") -> None:
    """Raise `CorpusError` unless a number is from `least` to `MOST_TOKENS`."""
    if isinstance(value, Integral) and least <= value <= MOST_TOKENS:
        return
    found = show(value) if not isinstance(value, Integral) or abs(value) < 10**18 else "a number of too many digits"
    expected = f"a whole number from {least} to {MOST_TOKENS:,}{why and f' ({why})'}"
    raise CorpusError(messages.INVALID_VALUE, name=name, found=found, expected=expected)


@dataclass(frozen=True)
class TextRule:
    """How text becomes the tokens that an encoder reads.

    Attributes
    ----------
    tokenizer : {"keras", "words", "whitespace", "characters", "tokens"} or None
        The rule that splits text, or "tokens" for documents that are lists of tokens; None: the one that fits corpus
        and encoder, which the build finds.
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
    tokenizer_version : int or None
        Of the tokeniser's rule; None: that of the cache that a build goes on with, else the newest.
    normalize : {"nfc"} or None
        Unicode's form that text gets before it is split, or tokens get that are given: in NFC a letter and its accent
        are one character, as in the vocabularies of word vectors.

    Raises
    ------
    CorpusError
        If the tokeniser, its version or `keep` is unknown, a number is out of bounds, or there is padding without a
        window.
    """

    tokenizer: str | None = None
    num_words: int | None = None
    word_ranks: Mapping[str, int] | None = None
    max_tokens: int = 500
    keep: str = "last"
    literal_padding: bool = False
    tokenizer_version: int | None = None
    normalize: str | None = None

    def __post_init__(self) -> None:
        if self.tokenizer is not None:
            get_tokenizer(self.tokenizer, self.tokenizer_version)
        elif self.tokenizer_version is not None:
            raise CorpusError(messages.VERSION_WITHOUT_TOKENIZER)
        for name, choices in (("keep", ("last", "first")), ("normalize", (*FORMS, None))):
            if (found := getattr(self, name)) not in choices:
                expected = f"one of {', '.join(map(str, choices))}"
                raise CorpusError(messages.INVALID_VALUE, name=name, found=show(found), expected=expected)
        check_count("max_tokens", self.max_tokens, 0, "0 for no window")
        if self.num_words is not None:
            check_count("num_words", self.num_words, 5, "four ids are reserved")
        if self.literal_padding and not self.max_tokens:
            raise CorpusError(messages.PADDING_WITHOUT_WINDOW)

    def resolved(self, fitting: str, earlier: Mapping[str, Any] | None = None) -> "TextRule":
        """Return the same rule with a tokeniser and its version.

        Parameters
        ----------
        fitting : str
            The tokeniser if the rule names none.
        earlier : Mapping, optional
            What `to_json` gave for the cache that is to go on: with the same tokeniser, its version stays.

        Returns
        -------
        TextRule
        """
        tokenizer, version = self.tokenizer or fitting, self.tokenizer_version
        if version is None and earlier is not None and earlier.get("tokenizer") == tokenizer:
            version = earlier.get("tokenizer_version", 1)
        return replace(self, tokenizer=tokenizer, tokenizer_version=version or newest_version(tokenizer))

    @property
    def n_start(self) -> int:
        """Words that the rule puts in front of every document."""
        return int(self.num_words is not None)

    def is_cut(self, lengths: np.ndarray) -> np.ndarray:
        """Tell which documents of so many tokens, `n_start` included, the window cuts."""
        return lengths > self.max_tokens if self.max_tokens else np.zeros(len(lengths), bool)

    def lengths(self, lengths: np.ndarray) -> np.ndarray:
        """Return how many tokens the window makes of each document's."""
        if self.literal_padding:
            return np.full_like(lengths, self.max_tokens)
        return np.minimum(lengths, self.max_tokens) if self.max_tokens else lengths

    def windowed(self, ids: np.ndarray, start: int, pad: int) -> np.ndarray:
        """Return the token ids of a document, int32, as the window has them.

        Parameters
        ----------
        ids : ndarray of int32, (n_tokens,)
            Those of its own words.
        start, pad : int
            What stands for the words that the rule puts in front.
        """
        if self.n_start:
            ids = np.concatenate([np.array([start], np.int32), ids])
        if self.max_tokens:
            ids = ids[-self.max_tokens :] if self.keep == "last" else ids[: self.max_tokens]
        if self.literal_padding and len(ids) < self.max_tokens:
            ids = np.concatenate([np.full(self.max_tokens - len(ids), pad, np.int32), ids])
        return ids

    @property
    def split(self) -> Callable[[Any], list[str]]:
        """What splits a text into words; of a rule that names its tokeniser."""
        assert self.tokenizer is not None, "the rule is not resolved"
        split = get_tokenizer(self.tokenizer, self.tokenizer_version)
        return split if self.normalize is None else lambda text: split(_normalized(text))

    def to_json(self) -> dict[str, Any]:
        """Return what goes into the encoding's fingerprint: equal for rules that make the same tokens of every text.

        The rule names its tokeniser. Its version stands there from 2 on, and `normalize` where it is given: caches are
        older than both.
        """
        assert self.tokenizer is not None, "the rule is not resolved"
        ranks = None
        if self.num_words is not None:
            ranks = fingerprint(dict(self.word_ranks)) if self.word_ranks is not None else "train split"
        version = self.tokenizer_version or newest_version(self.tokenizer)
        return {
            "tokenizer": self.tokenizer,
            **({"tokenizer_version": version} if version > 1 else {}),
            "num_words": self.num_words,
            "word_ranks": ranks,
            "max_tokens": self.max_tokens,
            "keep": self.keep if self.max_tokens else None,
            "literal_padding": self.literal_padding,
            **({"normalize": self.normalize} if self.normalize else {}),
        }


def _normalized(text: str | Sequence[str]) -> str | list[str]:
    if isinstance(text, str):
        return unicodedata.normalize("NFC", text)
    return [unicodedata.normalize("NFC", token) for token in text]
