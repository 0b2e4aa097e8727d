"""A contextual encoder in pure NumPy, to drive the store without Keras."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cache import Layers


class HashEncoder:
    """Vectors that are a fixed function of a word and its two neighbours.

    Parameters
    ----------
    dim : int
        Columns.
    layers : Layers, optional
        How they are stored; must add up to `dim`.
    slow_s : float
        Seconds that each document takes, for tests that interrupt a build.
    """

    name = "hash"

    def __init__(self, dim: int = 8, layers: Layers | None = None, slow_s: float = 0.0):
        self.dim = dim
        self.layers = layers
        self.slow_s = slow_s

    @property
    def description(self) -> Mapping[str, Any]:
        return {"model": "hash"}

    def encode(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> list[np.ndarray]:
        vectors = []
        for words in documents:
            time.sleep(self.slow_s)
            own = np.array([self._vector(word) for word in words], np.float32).reshape(len(words), self.dim)
            if len(words) > 1:
                own[1:] += 0.25 * own[:-1].copy()
            vectors.append(own)
            if progress:
                progress(len(words))
        return vectors

    def _vector(self, word: str) -> np.ndarray:
        digest = hashlib.shake_256(word.encode("utf-8", "surrogatepass")).digest(4 * self.dim)
        numbers = np.frombuffer(digest, "<i4").astype(np.float32) / 2**31
        # The last column stands just below a power of two, where HDF5's own conversion to float16 goes wrong.
        numbers[-1] = np.float32(0.49989)
        return numbers
