"""A document's vectors depend on its words alone; and every word and length has some."""

import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import raises
from tiny_elmo import (
    OPTIONS,
    WORDS,
    as_encoded,
    assert_close,
    expected_layers,
    shared_encoder,
    tiny_encoder,
    write_elmo,
)

from elmo_cache import EncoderError, messages

TOLERANCE = 1e-5

LONG = [f"w{i % 13}" for i in range(70)]  # many chunks of 4
DOCUMENTS = [*WORDS, LONG, ["a"], ["a"], ["a", "b"], [], LONG[:16], LONG[:15], LONG[1:18]]


@pytest.fixture(scope="module")
def alone() -> list[np.ndarray]:
    """Every document's vectors from a call of its own."""
    return [shared_encoder().encode([document])[0] for document in DOCUMENTS]


def test_together(alone: list[np.ndarray]) -> None:
    assert_close(shared_encoder().encode(DOCUMENTS), alone, TOLERANCE)


def test_alone_as_the_oracle_has_it(tmp_path: Path, alone: list[np.ndarray]) -> None:
    expected = expected_layers(write_elmo(tmp_path), DOCUMENTS)

    assert_close(alone, [as_encoded(layers, "all") for layers in expected])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_another_order(alone: list[np.ndarray], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(DOCUMENTS))

    found = shared_encoder().encode([DOCUMENTS[i] for i in order])

    assert_close(found, [alone[i] for i in order], TOLERANCE)


def test_other_neighbours(alone: list[np.ndarray]) -> None:
    loud = [["!" * 60, "QUITE", "unlike", "them", "😀"] * n for n in (1, 2, 3)]

    for i in range(0, len(DOCUMENTS), 3):
        found = shared_encoder().encode([*loud, *DOCUMENTS[i : i + 3], *loud])
        assert_close(found[3:-3], alone[i : i + 3], TOLERANCE)


def test_a_call_leaves_nothing_behind(alone: list[np.ndarray]) -> None:
    encoder = shared_encoder()
    before = encoder.encode(DOCUMENTS)
    encoder.encode([["something", "else"] * 30])

    after = encoder.encode(DOCUMENTS)

    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("n_streams", "time_chunk"), [(1, 4), (1, 1), (2, 3), (5, 7), (8, 12), (128, 2)], ids=lambda n: str(n)
)
def test_other_packing(alone: list[np.ndarray], n_streams: int, time_chunk: int) -> None:
    encoder = tiny_encoder(layers="all", n_streams=n_streams, time_chunk=time_chunk)

    assert_close(encoder.encode(DOCUMENTS), alone, TOLERANCE)


def test_computation_can_be_taken_over() -> None:
    encoder = tiny_encoder(n_streams=5, time_chunk=7)
    other = tiny_encoder()

    other.use_computation(encoder.computation)

    assert encoder.computation == {"n_streams": 5, "time_chunk": 7}
    assert other.computation == encoder.computation
    assert other.description == encoder.description


def test_computation_changes_nothing_but_rounding() -> None:
    assert tiny_encoder(n_streams=5, time_chunk=7).description == tiny_encoder().description


@pytest.mark.parametrize("layers", ["mix", "all"])
def test_fresh_encoders_agree_to_the_bit(layers: str) -> None:
    first, second = (tiny_encoder(layers=layers).encode(DOCUMENTS) for _ in range(2))

    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_duplicates_are_equal() -> None:
    first, second, other, third = shared_encoder().encode([LONG, LONG, ["x"], LONG])

    assert_close([second, third], [first, first], TOLERANCE)
    assert other.shape == (1, 30)


def test_a_words_vector_depends_on_its_document() -> None:
    one, other = shared_encoder("mix").encode([["a", "good", "film"], ["no", "good", "film"]])

    assert np.abs(one[1] - other[1]).max() > 1e-3


@pytest.mark.parametrize(
    "documents",
    [[], [[]], [[], [], []], [["a"]], [[], ["a"], []], [["a"], []], [[], ["a"]]],
    ids=["no_documents", "empty", "three_empty", "one_word", "amid_empty", "before_empty", "after_empty"],
)
def test_shapes(documents: list[list[str]]) -> None:
    found = shared_encoder("mix").encode(documents)

    assert [array.shape for array in found] == [(len(document), 12) for document in documents]
    assert all(array.dtype == np.float32 for array in found)
    for array in found:
        assert np.isfinite(array).all()
        assert not len(array) or np.abs(array).max() > 0


def test_documents_may_be_any_sequence() -> None:
    first, second = shared_encoder("mix").encode((("a", "b"), np.array(["a", "b"])))  # type: ignore[arg-type]

    assert np.abs(first - second).max() < TOLERANCE


@pytest.mark.parametrize("documents", [DOCUMENTS, [], [[]], [["a"]], [["a"] * 9, []]], ids=lambda d: str(len(d)))
def test_progress_adds_up(documents: list[list[str]]) -> None:
    steps: list[int] = []

    shared_encoder("mix").encode(documents, progress=steps.append)

    assert sum(steps) == sum(len(document) for document in documents)
    assert all(isinstance(step, int) and step >= 0 for step in steps)


def test_progress_comes_on_the_way() -> None:
    steps: list[int] = []

    shared_encoder("mix").encode([LONG], progress=steps.append)

    assert len(steps) >= len(LONG) // 4
    assert max(steps) <= 8


def test_boundary_marks_as_words() -> None:
    # Amid a document they are words like others: no reset, nothing dropped.
    plain, marked, split = shared_encoder("mix").encode([["a", "b"], ["a", "</S>", "<S>", "b"], ["b"]])

    assert marked.shape == (4, 12)
    assert np.abs(marked[[0, 3]] - plain).max() > 1e-3
    assert np.abs(marked[3] - split[0]).max() > 1e-3


@pytest.mark.parametrize(
    "word", ["x" * 5000, "😀" * 40, "\x00", "\n", "\x7f", "\ud800", "\u202e", "<S>", "</S>", "", " "], ids=ascii
)
def test_any_word_has_a_vector(word: str) -> None:
    (vectors,) = shared_encoder("mix").encode([["a", word, "b"]])

    assert vectors.shape == (3, 12)
    assert np.isfinite(vectors).all()


def test_words_that_differ_after_48_bytes_are_one() -> None:
    one, other, third = shared_encoder("mix").encode([["x" * 48 + "a"], ["x" * 48 + "b"], ["x" * 47 + "a"]])

    assert_close([other], [one], TOLERANCE)
    assert np.abs(third - one).max() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("n_tokens", [20_000, 100_000])
def test_a_very_long_document(n_tokens: int) -> None:
    document = [f"w{i * i % 97}" for i in range(n_tokens)]
    encoder = tiny_encoder(replace(OPTIONS, n_layers=1), layers="top", time_chunk=64)
    size, n = 6, 100
    encoder.encode([document[:n]])  # compiles
    started = time.process_time()  # other work on the machine is not its fault

    (vectors,) = encoder.encode([document])

    elapsed_s = time.process_time() - started
    start, end = (encoder.encode([part])[0] for part in (document[:n], document[-n:]))
    assert vectors.shape == (n_tokens, 2 * size)
    assert np.isfinite(vectors).all()
    # Forward depends on what came before alone, and backward on what comes after.
    assert_close([vectors[:n, :size], vectors[-n:, size:]], [start[:, :size], end[:, size:]], TOLERANCE)
    assert elapsed_s < 20 * n_tokens / 100_000


def test_many_documents_of_one_word() -> None:
    words = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=3)]

    found = np.concatenate(shared_encoder("mix").encode([[word] for word in words]))

    assert len(np.unique(found.round(5), axis=0)) == len(words)
    some = np.concatenate([shared_encoder("mix").encode([[word]])[0] for word in words[::100]])
    assert np.abs(found[::100] - some).max() < TOLERANCE


DOCUMENT_ITERABLES: dict[str, Callable[[], Iterable[Iterable[str]]]] = {
    "generator": lambda: (words for words in WORDS[:4]),
    "map": lambda: map(iter, WORDS[:4]),
    "tuple of tuples": lambda: tuple(map(tuple, WORDS[:4])),
    "arrays": lambda: (np.array(words, "U16") for words in WORDS[:4]),
}


@pytest.mark.parametrize("kind", DOCUMENT_ITERABLES)
def test_any_iterable_is_documents(kind: str) -> None:
    encoder = shared_encoder("mix")

    assert_close(encoder.encode(DOCUMENT_ITERABLES[kind]()), encoder.encode(WORDS[:4]), 0.0)
    rows, _ = encoder.begin(DOCUMENT_ITERABLES[kind]())()
    assert len(rows) == sum(map(len, WORDS[:4]))


@pytest.mark.parametrize(
    ("documents", "where", "found", "expected"),
    [
        (["the", "cat"], "document 0", "str", "a list of words (split the text first)"),
        ([["a"], b"the"], "document 1", "bytes", "a list of words (split the text first)"),
        ("the cat", "documents", "str", "lists of words (split the text first)"),
        ([["a"], None], "document 1", "NoneType", "a list of words"),
        ([["a"], ["b", None]], "document 1, token 1", "None", "a string"),
        ([["a"], ["b", "c", 7]], "document 1, token 2", "7", "a string"),
        ([[b"a" * 100]], "document 0, token 0", f"b'{'a' * 78}", "a string"),
        (None, "documents", "NoneType", "lists of words"),
    ],
)
def test_what_are_no_documents(documents: Any, where: str, found: str, expected: str) -> None:
    for method in (shared_encoder().encode, shared_encoder().begin):
        with raises(messages.UNEXPECTED, EncoderError, where=where, found=found, expected=expected):
            method(documents)
