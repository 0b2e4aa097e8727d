"""An order that looks random and is always the same: of a split's documents as they are stored, and others."""

import numpy as np

__all__ = ["seeded_permutation"]


def seeded_permutation(name: str, n: int, seed: int) -> np.ndarray:
    """Return a permutation of 0 to `n` - 1, `(n,)` int64, that depends on a name, such as a split's, and a seed."""
    # RandomState, unlike Generator, promises the same stream in every version of NumPy.
    seeds = np.random.SeedSequence([seed, *name.encode("utf-8", "surrogatepass")])
    return np.random.RandomState(np.random.MT19937(seeds)).permutation(n)
