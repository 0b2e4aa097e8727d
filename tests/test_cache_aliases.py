"""What a cache hands out is the caller's: changing it changes nothing inside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy_encoder import build_small

from cache import Split


@pytest.fixture
def train(tmp_path: Path) -> Any:
    with build_small(tmp_path / "c.elmo") as features:
        yield features["train"]


@pytest.mark.parametrize(
    "get",
    [
        lambda split: split.positions,
        lambda split: split.lengths,
        lambda split: split.labels,
        lambda split: split.doc_ids,
        lambda split: split.truncated,
        lambda split: split.token_ids(0),
        lambda split: split[0],
        lambda split: split.load()[0],
    ],
    ids=["positions", "lengths", "labels", "doc_ids", "truncated", "token_ids", "rows", "loaded rows"],
)
def test_arrays(train: Split, get: Callable[[Split], np.ndarray]) -> None:
    before = get(train).copy()
    rows = [np.array(train[i]) for i in range(len(train))]

    array = get(train)
    array[...] = 0
    array[::2] = 1

    np.testing.assert_array_equal(get(train), before)
    for i, expected in enumerate(rows):
        np.testing.assert_array_equal(train[i], expected)


def test_rows_of_a_loaded_split(train: Split) -> None:
    loaded = train.load()
    before = loaded[0].copy()
    loaded[0][...] = 7
    np.testing.assert_array_equal(loaded[0], before)


def test_words(train: Split) -> None:
    before = list(train.vocabulary)
    train.vocabulary.clear()
    train.tokens(0).clear()
    assert train.vocabulary == before and len(train.tokens(0)) == train.lengths[0]
