"""Which words a cache keeps, and their ids: the most frequent first."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from elmo_cache.text.rule import TextRule

__all__ = ["PAD", "START", "UNKNOWN", "choose_vocabulary", "rank_words"]

PAD, START, UNKNOWN = "<PAD>", "<START>", "<UNK>"


def rank_words(words: Sequence[str], counts: np.ndarray) -> dict[str, int]:
    """Return the frequency ranks, from 1, of the words that occur.

    Parameters
    ----------
    words : sequence of str
        Distinct words.
    counts : ndarray of int64, (n_words,)
        How often each occurs.

    Examples
    --------
    >>> rank_words(["b", "a", "c", "d"], np.array([2, 2, 5, 0]))
    {'c': 1, 'a': 2, 'b': 3}
    """
    order = _most_frequent_first(range(len(words)), words, counts)
    return {words[i]: rank for rank, i in enumerate(order, 1) if counts[i]}


def choose_vocabulary(
    words: Sequence[str], counts: np.ndarray, rule: TextRule, ranks: Mapping[str, int] | None
) -> tuple[list[str], np.ndarray]:
    """Decide which words get an id of their own.

    Parameters
    ----------
    words : sequence of str
        The distinct words of a corpus, in any order.
    counts : ndarray of int64, (n_words,)
        How often each occurs.
    rule : TextRule
        Says whether there are `<PAD>`, `<START>` and `<UNK>`, and how many words stay.
    ranks : Mapping[str, int] or None
        The frequency ranks that `rule.num_words` goes by; None if it is None.

    Returns
    -------
    vocabulary : list of str
        The words by id.
    ids : ndarray of int32, (n_words,)
        The id of each of `words`.
    """
    special = [PAD] if rule.literal_padding else []
    kept: Sequence[int] = range(len(words))
    if rule.num_words is not None and ranks is not None:
        special += [START, UNKNOWN]
        last_rank = rule.num_words - 4
        kept = [i for i in kept if ranks.get(words[i], rule.num_words) <= last_rank]
    kept = [i for i in kept if words[i] not in special]
    vocabulary = special + [words[i] for i in _most_frequent_first(kept, words, counts)]
    id_of = {word: i for i, word in enumerate(vocabulary)}
    unknown = id_of.get(UNKNOWN, -1)
    return vocabulary, np.array([id_of.get(word, unknown) for word in words], np.int32)


def _most_frequent_first(indices: Iterable[int], words: Sequence[str], counts: np.ndarray) -> list[int]:
    """Return indices of words by falling count, and by their bytes where counts are equal."""
    return sorted(indices, key=lambda i: (-counts[i], words[i].encode("utf-8", "surrogatepass")))
