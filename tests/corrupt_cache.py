"""The files of a small cache, changed so that their hash fits, and what reading them must then say."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from errors_expected import raises
from small_cache import replace_dataset

from cache import CacheError, FeatureCache, Split, verify

Change = Callable[[np.ndarray], np.ndarray]
DOCUMENTS, SHARD = "train.documents.h5", "train-00002.h5"
"""Of `small_cache.write_cache`; the shard is that of document 3, nine times "the"."""


def refused(path: Path, read: Callable[[Split], object], expected: CacheError) -> None:
    """Reading raises an error as expected, of this file, again and again; `verify` names it too."""
    with FeatureCache(path.parent) as features:
        for _ in range(2):
            with raises(expected, path=path):
                read(features["train"])
        if path.name == SHARD:
            assert features["train"][0].shape == (2, 8), "other shards can be read"
    assert [(problem.path, problem.kind) for problem in verify(path.parent)] == [(path, "bad")]


def change_dataset(path: Path, name: str, change: Change) -> None:
    with h5py.File(path) as file:
        data = file[name][:]
    replace_dataset(path, name, change(data))


def put(index: int, value: int) -> Change:
    def change(data: np.ndarray) -> np.ndarray:
        data[index] = value
        return data

    return change


def first_document(split: Split) -> object:
    return split[0]


def words(split: Split) -> object:
    return [split.tokens(i) for i in range(len(split))]


def labels(split: Split) -> object:
    return split.labels
