"""The factor that makes ELMo vectors as long as static ones."""

from collections.abc import Sequence

import numpy as np

from cache import Split
from trainer import messages
from trainer.errors import TrialsError
from trainer.vectors.static import StaticVectors

__all__ = ["SAMPLE_SIZE", "balancing_gamma"]

SAMPLE_SIZE = 1000
"""Lengths are measured on so many documents, the first in stored order, which is a random one."""


def balancing_gamma(layers: Sequence[Split], vectors: StaticVectors, window: int) -> float:
    """Return the mean length of a static vector divided by that of an ELMo vector.

    Lengths are Euclidean, and both means over the same tokens: those with a static vector among the last `window` of
    each of the first `SAMPLE_SIZE` documents.

    Parameters
    ----------
    layers : sequence of Split
        The same documents in each view that a model reads. Several count as their mean: a trained mix starts with it.
    vectors : StaticVectors
        Of the same vocabulary.
    window : int
        Tokens of a document that models see.

    Returns
    -------
    float
        With four significant digits, so that processors that add in another order find the same.

    Raises
    ------
    TrialsError
        If no token has a static vector, or all vectors of either kind are zero.
    """
    n_documents = min(SAMPLE_SIZE, len(layers[0]))
    static_total = elmo_total = 0.0
    for i in range(n_documents):
        token_ids = layers[0].token_ids(i)[-window:]
        known = vectors.found[token_ids]
        elmo = sum(layer[i][-window:][known].astype(np.float32) for layer in layers) / np.float32(len(layers))
        elmo_total += _total_length(elmo)
        static_total += _total_length(vectors.matrix[token_ids[known]])
    if not (0 < static_total < np.inf and 0 < elmo_total < np.inf):
        raise TrialsError(messages.NO_LENGTHS, n=n_documents, name=vectors.name, static=static_total, elmo=elmo_total)
    return float(f"{static_total / elmo_total:.4g}")


def _total_length(rows: np.ndarray) -> float:
    return float(np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1)).sum())
