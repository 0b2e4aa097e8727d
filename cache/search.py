"""Find the occurrences of a word and the nearest tokens of a vector, with a few documents in memory at a time."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cache import messages
from cache.errors import InvalidValueError

if TYPE_CHECKING:
    from cache.split import Split

__all__ = ["Neighbour", "nearest_tokens", "occurrences_of"]

_BLOCK_TOKENS = 16_384


class Neighbour(NamedTuple):
    """A token with a vector similar to the query.

    Attributes
    ----------
    document, position : int
        Index of the document and of the token in it: `split[document][position]` is the vector.
    word : str
        The token.
    similarity : float
        Cosine similarity of the two vectors, from -1 to 1.
    """

    document: int
    position: int
    word: str
    similarity: float


def occurrences_of(split: "Split", word: str) -> np.ndarray:
    """See `Split.occurrences`."""
    try:
        token_id = split.vocabulary.index(word)
    except ValueError:
        return np.zeros((0, 2), np.int64)
    found = []
    for i in range(len(split)):
        positions = np.flatnonzero(split.token_ids(i) == token_id)
        found.append(np.stack([np.full_like(positions, i), positions], axis=1))
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def nearest_tokens(split: "Split", vector: np.ndarray, k: int) -> list[Neighbour]:
    """See `Split.nearest`."""
    if k < 1:
        raise InvalidValueError(messages.INVALID_VALUE, name="k", found=k, expected="at least 1")
    query = np.asarray(vector, np.float32)
    if query.shape != (split.dim,):
        raise InvalidValueError(messages.VECTOR_SHAPE, found=query.shape, expected=(split.dim,))
    length = float(np.linalg.norm(query))
    if not length or not np.isfinite(length):
        raise InvalidValueError(messages.NO_DIRECTION)
    query = query / length
    similarities, places = np.zeros(0, np.float32), np.zeros((0, 2), np.int64)
    for documents, rows, offsets in _blocks(split):
        lengths = np.linalg.norm(rows, axis=1)
        lengths[lengths == 0] = np.inf  # a vector of zeros is near to nothing
        here = np.concatenate([similarities, rows @ query / lengths])
        of_document = np.searchsorted(offsets, np.arange(len(rows)), side="right") - 1
        positions = np.arange(len(rows)) - offsets[of_document]
        there = np.concatenate([places, np.stack([documents[of_document], positions], axis=1)])
        best = np.lexsort((there[:, 1], there[:, 0], -here))[:k]  # equals in the order of the documents
        similarities, places = here[best], there[best]
    return [
        Neighbour(document, position, split.tokens(document)[position], similarity)
        for (document, position), similarity in zip(places.tolist(), similarities.tolist(), strict=True)
    ]


def _blocks(split: "Split") -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield documents with tokens, their float32 rows end to end, and where each begins in them."""
    lengths = split.lengths
    filled = np.flatnonzero(lengths)
    ends = np.cumsum(lengths[filled])
    for block in np.split(filled, np.flatnonzero(np.diff(ends // _BLOCK_TOKENS)) + 1):
        if len(block):
            rows = np.concatenate([split[int(i)] for i in block]).astype(np.float32)
            yield block, rows, np.concatenate([[0], np.cumsum(lengths[block])[:-1]])
