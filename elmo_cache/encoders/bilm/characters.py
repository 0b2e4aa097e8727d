"""Words as character ids, the biLM's input.

A word is `[BOW, at most 48 bytes of its UTF-8 form, EOW, PAD ...]`; all ids are shifted by one, so that 0 can
mark a row that is no word. The numbers are those of bilm-tf and AllenNLP.
"""

from collections.abc import Sequence

import numpy as np

__all__ = ["BEGIN_DOCUMENT", "BOS", "BOW", "END_DOCUMENT", "EOS", "EOW", "PAD", "character_ids"]

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
