"""Packing documents into streams: nothing lost, nothing mixed, little padding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_cache.encoders.bilm.streams import STREAM_CHOICES, Packing, choose_streams, pack

BEGIN, END, NOTHING = 1, 2, 0

lengths_lists = st.lists(st.integers(0, 40), max_size=30)
stream_counts = st.integers(1, 12)
chunks = st.integers(1, 20)


def documents_of(lengths: list[int]) -> list[np.ndarray]:
    """Documents of given lengths in which every token is another word, none of them a mark."""
    starts = np.cumsum([0, *lengths])
    return [np.arange(start, start + n, dtype=np.int32) + 3 for start, n in zip(starts[:-1], lengths, strict=True)]


def read_back(packing: Packing) -> list[list[int]]:
    """Walk each stream by its marks alone; return the words of all documents in no order."""
    found = []
    for stream in packing.words.T.tolist():
        step = 0
        while step < len(stream) and stream[step] == BEGIN:
            stop = stream.index(END, step)
            found.append(stream[step + 1 : stop])
            step = stop + 1
        assert set(stream[step:]) <= {NOTHING}, "something stands behind a gap"
    return found


@given(lengths_lists, stream_counts, chunks)
def test_every_document_once_and_in_one_piece(lengths: list[int], n_streams: int, chunk: int) -> None:
    documents = documents_of(lengths)

    found = read_back(pack(documents, n_streams, chunk))

    assert sorted(found) == sorted(document.tolist() for document in documents if len(document))


@given(lengths_lists, stream_counts, chunks)
def test_rows_lead_every_token_to_its_place(lengths: list[int], n_streams: int, chunk: int) -> None:
    documents = documents_of(lengths)
    packing = pack(documents, n_streams, chunk)
    here = packing.rows >= 0

    result = np.zeros(sum(lengths), np.int32)
    result[packing.rows[here]] = packing.words[here]

    assert result.tolist() == [word for document in documents for word in document.tolist()]
    assert np.count_nonzero(here) == sum(lengths)
    assert np.array_equal(here, packing.words > END)
    assert packing.rows.min(initial=-1) == -1


@given(lengths_lists, stream_counts, chunks)
def test_shape(lengths: list[int], n_streams: int, chunk: int) -> None:
    packing = pack(documents_of(lengths), n_streams, chunk)
    n_longest = int((packing.words > NOTHING).sum(axis=0).max(initial=0))

    assert packing.rows.shape == packing.words.shape
    assert packing.words.shape[1] == n_streams
    assert packing.words.shape[0] % chunk == 0
    assert n_longest <= packing.words.shape[0] < n_longest + chunk
    assert (packing.words.dtype, packing.rows.dtype) == (np.int32, np.int64)


@given(lengths_lists, stream_counts)
def test_balance(lengths: list[int], n_streams: int) -> None:
    packing = pack(documents_of(lengths), n_streams, 1)
    costs = [length + 2 for length in lengths if length]

    # Graham's bound for giving each job to the least loaded machine.
    bound = sum(costs) / n_streams + (1 - 1 / n_streams) * max(costs, default=0)
    assert len(packing.words) <= bound + 1e-9


def test_longest_first() -> None:
    # In the order given the third would go on top of the first: 10 steps.
    assert len(pack(documents_of([2, 2, 4]), 2, 1).words) == 8


@given(lengths_lists, stream_counts, chunks)
@settings(max_examples=20)
def test_deterministic(lengths: list[int], n_streams: int, chunk: int) -> None:
    first, second = (pack(documents_of(lengths), n_streams, chunk) for _ in range(2))

    assert all(np.array_equal(vars(first)[name], vars(second)[name]) for name in vars(first))


def test_spelt_out() -> None:
    packing = pack([np.array([7, 8]), np.array([], np.int32), np.array([9]), np.array([5, 5])], 2, 5)

    assert packing.words.T.tolist() == [[1, 7, 8, 2, 1, 9, 2, 0, 0, 0], [1, 5, 5, 2, 0, 0, 0, 0, 0, 0]]
    assert packing.rows.T.tolist() == [
        [-1, 0, 1, -1, -1, 2, -1, -1, -1, -1],
        [-1, 3, 4, -1, -1, -1, -1, -1, -1, -1],
    ]


@pytest.mark.parametrize("lengths", [[], [0], [0, 0, 0]])
def test_nothing_to_pack(lengths: list[int]) -> None:
    assert pack(documents_of(lengths), 4, 16).words.shape == (0, 4)


def test_streams_are_nearly_full_for_reviews() -> None:
    # Lengths like those of IMDB reviews: the promise is that 99 % of the arithmetic is for real words.
    lengths = np.random.default_rng(0).gamma(2.0, 120.0, 1000).astype(int).clip(10, 500).tolist()

    packing = pack(documents_of(lengths), 128, 16)

    assert sum(lengths) / packing.words.size > 0.97


@given(st.lists(st.integers(1, 5000), max_size=200), st.integers(1, 300))
def test_choice_of_streams_is_offered(lengths: list[int], limit: int) -> None:
    assert choose_streams(lengths, limit) in {*(n for n in STREAM_CHOICES if n < limit), limit}


@pytest.mark.parametrize(
    ("lengths", "limit", "expected"),
    [
        ([], 128, 1),
        ([300], 128, 1),
        ([100_000, 5, 5, 5], 128, 1),
        ([240] * 16, 128, 16),
        ([240] * 32, 128, 32),
        ([240] * 1000, 128, 128),
        ([240] * 1000, 8, 8),
        ([240] * 1000, 1, 1),
        ([240] * 1000, 5, 5),
    ],
    ids=["nothing", "one", "one_is_long", "16", "32", "many", "many_but_8", "many_but_1", "odd_limit"],
)
def test_choice_of_streams(lengths: list[int], limit: int, expected: int) -> None:
    assert choose_streams(lengths, limit) == expected
