"""Selecting documents of a split: ints, slices, lists, masks, and selections of selections, held against a list."""

import re
from typing import Any

import numpy as np
import pytest
from errors_expected import raises, said
from hypothesis import given, settings
from hypothesis import strategies as st
from small_cache import DOCUMENTS, expected, write_cache

from cache import FeatureCache, SelectionError, Split, messages
from cache.errors import OutOfRangeError

N = len(DOCUMENTS["train"])
positions = st.integers(-N, N - 1)
slices = st.builds(slice, *[st.none() | st.integers(-N - 2, N + 2)] * 2, st.none() | st.sampled_from([-3, -1, 1, 2]))


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Split:
    directory = tmp_path_factory.mktemp("selection") / "c"
    write_cache(directory)
    return FeatureCache(directory)["train"]


def check(split: Split, places: list[int]) -> None:
    """`split` holds the documents at `places`, in that order."""
    vectors = expected(DOCUMENTS["train"])
    assert isinstance(split, Split) and len(split) == len(places)
    assert split.doc_ids.tolist() == [N - 1 - i for i in places]
    assert split.lengths.tolist() == [len(vectors[i]) for i in places]
    assert split.n_tokens == sum(len(vectors[i]) for i in places)
    assert split.labels is not None and split.labels.tolist() == [i % 2 for i in places]
    assert split.truncated.tolist() == [i % 3 == 0 for i in places]
    for k, i in enumerate(places):
        np.testing.assert_array_equal(split[k], vectors[i])
        assert split.tokens(k) == DOCUMENTS["train"][i]


@pytest.mark.parametrize(
    ("index", "places"),
    [
        (slice(2, 5), [2, 3, 4]),
        (slice(None, None, -2), [8, 6, 4, 2, 0]),
        (slice(7, 100), [7, 8]),
        (slice(5, 2), []),
        ([5, 2, 8], [5, 2, 8]),
        ([0, 0, -1, 3, -1], [0, 0, 8, 3, 8]),
        ([], []),
        (range(3), [0, 1, 2]),
        (np.array([4, 1], np.uint8), [4, 1]),
        (np.array([-1], np.int16), [8]),
        (np.array([], float), []),
        ([np.int64(3)], [3]),
        ([True, False] * 4 + [True], [0, 2, 4, 6, 8]),
        (np.zeros(N, bool), []),
        (np.ones(N, bool), list(range(N))),
    ],
)
def test_selections(train: Split, index: Any, places: list[int]) -> None:
    check(train[index], places)


def test_the_mask_of_the_readme(train: Split) -> None:
    assert train.labels is not None
    check(train[train.labels == 1], [1, 3, 5, 7])


@given(st.lists(slices | st.lists(positions, max_size=8) | st.integers(0, 2**N - 1), max_size=4))
@settings(max_examples=60, deadline=None)
def test_selections_of_selections(train: Split, steps: list[Any]) -> None:
    places, split = list(range(N)), train
    for step in steps:
        if isinstance(step, slice):
            places, split = places[step], split[step]
        elif isinstance(step, list):
            step = [i for i in step if -len(places) <= i < len(places)]
            places, split = [places[i] for i in step], split[step]
        else:
            mask = [bool(step >> i & 1) for i in range(len(places))]
            places, split = (
                [place for place, kept in zip(places, mask, strict=True) if kept],
                split[np.array(mask, bool)],
            )
    check(split, places)


@pytest.mark.parametrize("index", [N, -N - 1, np.int64(N), [0, N], [-N - 1]])
def test_documents_that_are_not_there(train: Split, index: Any) -> None:
    with raises(messages.NO_INDEX, OutOfRangeError, name=index[-1] if isinstance(index, list) else int(index), n=N):
        train[index]


@pytest.mark.parametrize(
    "index",
    [
        "3",
        None,
        1.0,
        [1.5],
        ["a"],
        [[0, 1], [2, 3]],
        [[0], [1, 2]],
        (3, 0),
        (slice(2), 0),
        ...,
        {1, 2},
        np.zeros((2, 2), bool),
        np.zeros(1000),
        True,
        False,
        np.True_,
    ],
)
def test_what_selects_nothing(train: Split, index: Any) -> None:
    """`True` is `labels == 1` where labels are None; `(3, 0)` is document 3, token 0, to whoever thinks in arrays."""
    with raises(messages.NOT_AN_INDEX, SelectionError) as caught:
        train[index]
    assert len(str(caught.value)) < 200
    assert str(caught.value) == said(caught.value), "shown as a message, not as KeyError's repr"


@pytest.mark.parametrize("n", [0, 1, N - 1, N + 1])
def test_a_mask_of_another_length(train: Split, n: int) -> None:
    with raises(messages.MASK_LENGTH, SelectionError, found=n, expected=N):
        train[np.ones(n, bool)]


@pytest.mark.parametrize("make", [np.asarray, np.array, lambda split: np.zeros(3) + split])
def test_a_split_makes_no_single_array(train: Split, make: Any) -> None:
    with pytest.raises(TypeError, match=re.escape(messages.NO_SINGLE_ARRAY)):
        make(train)


def test_last_rows_go_where_they_are_wanted_or_nowhere(train: Split) -> None:
    chosen = train[[i for i in range(N) if train.lengths[i] > 1][:2]]
    rows = np.full((9, train.dim), 7, np.float16)
    chosen.copy_last(rows, np.array([1, 4]), np.array([2, 1]))
    np.testing.assert_array_equal(rows[1:3], chosen[0][-2:])
    np.testing.assert_array_equal(rows[4], chosen[1][-1])
    assert (rows[[0, 3, 5, 6, 7, 8]] == 7).all()

    before = rows.copy()
    for starts, counts in (
        ([-1, 4], [1, 1]),
        ([1, 9], [1, 1]),
        ([1, 4], [1, -1]),
        ([1, 4], [1, int(chosen.lengths[1]) + 1]),
        ([1], [1]),
    ):
        with pytest.raises(ValueError):
            chosen.copy_last(rows, np.array(starts), np.array(counts))
    for out in (rows.astype(np.float32), rows[:, :-1], rows[:, ::-1], rows[0]):
        with pytest.raises(ValueError, match="expected an array of float16"):
            chosen.copy_last(out, np.array([1, 4]), np.array([1, 1]))
    np.testing.assert_array_equal(rows, before)
