"""Words as character ids, the biLM's input.

A word is `[BOW, at most 48 bytes of its UTF-8 form, EOW, PAD ...]`; all ids are shifted by one, so that 0 can
mark a row that is no word. The numbers are those of bilm-tf and AllenNLP.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = [
    "BEGIN_DOCUMENT",
    "BOS",
    "BOW",
    "END_DOCUMENT",
    "EOS",
    "EOW",
    "PAD",
    "CutWords",
    "character_ids",
    "cut_words",
]

BOS, EOS, BOW, EOW, PAD = 256, 257, 258, 259, 260
"""Ids beyond the bytes, before the shift."""

BEGIN_DOCUMENT = "<S>"
END_DOCUMENT = "</S>"


def character_ids(words: Sequence[str], max_characters: int = 50) -> np.ndarray:
    """Return the character ids of words.

    Parameters
    ----------
    words : sequence of str
        Words of any length and any characters; `<S>` and `</S>` are the marks at a document's ends. A lone
        surrogate has no UTF-8 form and is passed over.
    max_characters : int
        Ids a word; longer words lose their last bytes.

    Returns
    -------
    ndarray of int32, (n_words, max_characters)
        From 1 to 261.

    Examples
    --------
    >>> character_ids(["hi"], max_characters=6)
    array([[259, 105, 106, 260, 261, 261]], dtype=int32)
    """
    ids = np.full((len(words), max_characters), PAD, np.int32)
    ids[:, 0] = BOW
    for row, word in zip(ids, words, strict=True):
        if word == BEGIN_DOCUMENT:
            row[1:3] = BOS, EOW
        elif word == END_DOCUMENT:
            row[1:3] = EOS, EOW
        else:
            data = np.frombuffer(word.encode("utf-8", "ignore")[: max_characters - 2], np.uint8)
            row[1 : len(data) + 1] = data
            row[len(data) + 1] = EOW
    return ids + 1


@dataclass(frozen=True)
class CutWords:
    """The words of a vocabulary that lose their last bytes: those that begin alike have the same vectors.

    Attributes
    ----------
    n_words, n_tokens : int
        How many they are, and how often they occur.
    longest : tuple of str
        The three longest of them, in bytes.
    """

    n_words: int
    n_tokens: int
    longest: tuple[str, ...]


def cut_words(words: Sequence[str], counts: np.ndarray, max_characters: int = 50) -> CutWords:
    """Find the words that `character_ids` cuts.

    Parameters
    ----------
    words : sequence of str
        Distinct words.
    counts : ndarray of int, (n_words,)
        How often each occurs; those that do not are passed over.
    max_characters : int
        As that of `character_ids`.

    Examples
    --------
    >>> cut_words(["a", "film", "films"], np.array([5, 2, 1]), max_characters=6)
    CutWords(n_words=1, n_tokens=1, longest=('films',))
    """
    sizes = {i: len(word.encode("utf-8", "ignore")) for i, word in enumerate(words) if counts[i]}
    cut = [i for i, size in sizes.items() if size > max_characters - 2]
    longest = heapq.nsmallest(3, cut, key=lambda i: (-sizes[i], words[i]))
    return CutWords(len(cut), int(counts[cut].sum()), tuple(words[i] for i in longest))
