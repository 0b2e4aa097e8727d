"""Which documents a trial uses: nothing on two sides, nothing that depends on other trials."""

import hashlib
import re
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from errors_expected import raises
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer import messages
from trainer.errors import TrialsError
from trainer.protocols import PROTOCOLS, Pool, Sizes, Trial, check_notebook_lengths, draw_trial, group_duplicates

SMALL = Sizes(train=12, validation=9, test=15)

seeds = st.integers(0, 2**63 - 1)
numbers = st.integers(1, 1000)
protocols = st.sampled_from(PROTOCOLS)


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """Pools with room enough for `SMALL`, in which many texts occur several times in both splits."""
    n_train, n_test = draw(st.integers(120, 200)), draw(st.integers(40, 80))
    n_texts = draw(st.integers(100, 600))
    random = np.random.RandomState(draw(st.integers(0, 2**32 - 1)))
    return Pool(
        # So many classes that no training set can be of one.
        train_labels=random.permutation(np.arange(n_train) % 40),
        test_labels=random.permutation(np.arange(n_test) % 40),
        train_groups=random.randint(0, n_texts, n_train),
        test_groups=random.randint(0, n_texts, n_test),
    )


def pool_of(n_train: int, n_test: int) -> Pool:
    """A pool without duplicates."""
    groups = np.arange(n_train + n_test)
    return Pool(np.arange(n_train) % 2, np.arange(n_test) % 2, groups[:n_train], groups[n_train:])


def sides(pool: Pool, trial: Trial) -> dict[str, set[int]]:
    """The texts of each side of a clean trial."""
    return {
        "train": set(pool.train_groups[trial.train].tolist()),
        "validation": set(pool.train_groups[trial.validation].tolist()),
        "test": set(pool.test_groups[trial.test].tolist()),
    }


def positions(trial: Trial) -> list[list[int]]:
    return [trial.train.tolist(), trial.validation.tolist(), trial.test.tolist()]


@given(protocols, pools(), seeds, numbers)
def test_sizes_and_positions(protocol: str, pool: Pool, seed: int, number: int) -> None:
    trial = draw_trial(protocol, pool, SMALL, seed, number)
    n_of = {"train": len(pool.train_labels), "test": len(pool.test_labels)}

    assert trial.number == number
    for split, chosen, size in [
        ("train", trial.train, SMALL.train),
        (trial.validation_split, trial.validation, SMALL.validation),
        ("test", trial.test, SMALL.test),
    ]:
        assert (chosen.shape, chosen.dtype) == ((size,), np.int64)
        assert (np.diff(chosen) > 0).all(), "not ascending, or a document twice"
        assert chosen[0] >= 0
        assert chosen[-1] < n_of[split]


@given(protocols, pools(), seeds, numbers)
def test_no_document_on_two_sides(protocol: str, pool: Pool, seed: int, number: int) -> None:
    trial = draw_trial(protocol, pool, SMALL, seed, number)

    assert trial.validation_split == {"clean": "train", "notebook": "test"}[protocol]
    assert not np.intersect1d(trial.validation, {"clean": trial.train, "notebook": trial.test}[protocol]).size


@given(pools(), seeds, numbers)
def test_clean_has_no_text_on_two_sides(pool: Pool, seed: int, number: int) -> None:
    texts = sides(pool, draw_trial("clean", pool, SMALL, seed, number))

    assert not texts["train"] & texts["validation"]
    assert not texts["train"] & texts["test"]
    assert not texts["validation"] & texts["test"]


def test_duplicates_are_common_in_these_pools() -> None:
    # Or the test above would pass without any rule. One side may have a text twice.
    random = np.random.RandomState(0)
    pool = Pool(np.arange(150) % 2, np.arange(60) % 2, random.randint(0, 200, 150), random.randint(0, 200, 60))
    blind = Pool(pool.train_labels, pool.test_labels, np.arange(150), np.arange(150, 210))

    trials = [draw_trial("clean", blind, SMALL, 0, number) for number in range(1, 20)]

    for one, other in [("train", "validation"), ("train", "test"), ("validation", "test")]:
        assert any(sides(pool, trial)[one] & sides(pool, trial)[other] for trial in trials)
    kept = [draw_trial("clean", pool, SMALL, 0, number) for number in range(1, 20)]
    assert any(len(sides(pool, trial)["train"]) < SMALL.train for trial in kept)


@given(pools(), seeds, numbers, numbers)
def test_clean_tests_on_the_same_documents_in_all_trials(pool: Pool, seed: int, one: int, other: int) -> None:
    first, second = (draw_trial("clean", pool, SMALL, seed, number) for number in (one, other))

    assert first.test.tolist() == second.test.tolist()
    assert first.hashes[2] == second.hashes[2]


@given(protocols, pools(), seeds, numbers)
@settings(max_examples=30)
def test_deterministic_and_independent_of_other_trials(protocol: str, pool: Pool, seed: int, number: int) -> None:
    alone = draw_trial(protocol, pool, SMALL, seed, number)
    np.random.seed(1)  # the global stream has no say
    for before in range(max(1, number - 3), number):
        draw_trial(protocol, pool, SMALL, seed, before)

    assert positions(draw_trial(protocol, pool, SMALL, seed, number)) == positions(alone)


@given(pools(), seeds, numbers)
def test_trials_differ(pool: Pool, seed: int, number: int) -> None:
    first, second = (draw_trial("clean", pool, SMALL, seed, k) for k in (number, number + 1))

    assert first.train.tolist() != second.train.tolist()
    assert first.validation.tolist() != second.validation.tolist()


@given(pools(), st.integers(0, 2**63 - 2), numbers)
def test_seeds_differ(pool: Pool, seed: int, number: int) -> None:
    first, second = (draw_trial("clean", pool, SMALL, s, number) for s in (seed, seed + 1))

    assert first.train.tolist() != second.train.tolist()
    assert first.test.tolist() != second.test.tolist()


@given(pools(), seeds, numbers)
def test_notebook_takes_the_first_test_documents(pool: Pool, seed: int, number: int) -> None:
    first, second = (draw_trial("notebook", pool, SMALL, seed, k) for k in (number, number + 1))

    for trial in (first, second):
        assert trial.test.tolist() == list(range(15))
        assert trial.validation.tolist() == list(range(15, 24))
    assert first.train.tolist() != second.train.tolist()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_document_is_drawn_equally_often(protocol: str) -> None:
    pool, n_trials = pool_of(40, 24), 600
    train, validation = np.zeros(40), np.zeros(40)
    for number in range(1, n_trials + 1):
        trial = draw_trial(protocol, pool, SMALL, 7, number)
        train[trial.train] += 1
        validation[trial.validation] += 1

    for counts, size in [(train, 12)] if protocol == "notebook" else [(train, 12), (validation, 9)]:
        share = size / 40
        # Five standard deviations of a binomial count.
        assert np.abs(counts - n_trials * share).max() < 5 * np.sqrt(n_trials * share * (1 - share))


def test_test_documents_are_drawn_from_all_of_the_split() -> None:
    pool = pool_of(40, 60)
    drawn = np.concatenate([draw_trial("clean", pool, SMALL, seed, 1).test for seed in range(100)])

    assert len(np.unique(drawn)) == 60


def test_the_numbers_of_record() -> None:
    # Results that were published with a seed must stay those of that seed, in every version of NumPy.
    trial = draw_trial("clean", pool_of(1000, 1000), Sizes(3, 4, 5), seed=0, number=1)

    assert positions(trial) == [[123, 518, 727], [23, 215, 364, 926], [27, 312, 366, 406, 936]]
    assert trial.hashes == ("a80a762dfb69", "ae861ea74c99", "be2d85e58335")


def test_hashes_are_of_split_and_positions() -> None:
    trial = Trial(1, np.array([1, 2]), np.array([1, 2]), np.array([1, 2]), "train")
    expected = hashlib.sha256(b"train\0" + np.array([1, 2], "<i8").tobytes()).hexdigest()[:12]

    assert trial.hashes[:2] == (expected, expected)
    assert trial.hashes[2] != expected
    assert Trial(1, trial.train, trial.validation, trial.test, "test").hashes[1] == trial.hashes[2]
    assert Trial(1, np.array([1, 3]), trial.validation, trial.test, "train").hashes[0] != expected


@given(st.lists(st.lists(st.integers(0, 2), max_size=3), max_size=12), st.integers(0, 12))
def test_groups_are_equal_where_tokens_are(documents: list[list[int]], n_train: int) -> None:
    arrays = [np.array(document, np.int32) for document in documents]

    found = group_duplicates(iter(arrays[:n_train]), iter(arrays[n_train:]))

    assert [len(part) for part in found] == [len(documents[:n_train]), len(documents[n_train:])]
    assert all(part.dtype == np.int64 for part in found)
    groups = np.concatenate(found).tolist()
    for i, one in enumerate(documents):
        for j, other in enumerate(documents):
            assert (groups[i] == groups[j]) == (one == other)


def test_grouping_holds_one_document_at_a_time() -> None:
    kept: list[weakref.ref] = []

    def documents() -> Iterator[np.ndarray]:
        for i in range(50):
            assert sum(document() is not None for document in kept) < 3
            document = np.full(4, i, np.int32)
            kept.append(weakref.ref(document))
            yield document

    group_duplicates(documents(), [])


def test_tokens_of_another_type_or_layout_are_the_same_tokens() -> None:
    assert group_duplicates([np.arange(10)[::2]], [np.arange(0, 10, 2, np.int32)])[1].tolist() == [0]


@pytest.mark.parametrize(
    ("protocol", "n_train", "n_test", "split", "needed", "found", "command"),
    [
        ("clean", 20, 15, "train", 21, 20, "--limit train=21 --limit test=15"),
        ("clean", 21, 14, "test", 15, 14, "--limit train=21 --limit test=15"),
        ("notebook", 11, 24, "train", 12, 11, "--limit train=12 --limit test=24"),
        ("notebook", 12, 23, "test", 24, 23, "--limit train=12 --limit test=24"),
    ],
)
def test_too_few_documents(
    protocol: str, n_train: int, n_test: int, split: str, needed: int, found: int, command: str
) -> None:
    data = {"name": split, "expected": needed, "found": found, "limits": command}
    with raises(messages.TOO_FEW_DOCUMENTS, TrialsError, **data):
        draw_trial(protocol, pool_of(n_train, n_test), SMALL, 0, 1)


@pytest.mark.parametrize(("protocol", "n_train", "n_test"), [("clean", 21, 15), ("notebook", 12, 24)])
def test_just_enough_documents(protocol: str, n_train: int, n_test: int) -> None:
    trial = draw_trial(protocol, pool_of(n_train, n_test), SMALL, 0, 1)

    assert [len(part) for part in positions(trial)] == [12, 9, 15]


def test_too_few_documents_without_duplicates() -> None:
    pool = pool_of(21, 15)
    pool.train_groups[4] = pool.test_groups[2]

    data = {"name": "train", "expected": 21, "found": 20, "limits": "--limit train=22 --limit test=15"}
    with raises(messages.TOO_FEW_DISTINCT, TrialsError, trial=3, **data):
        draw_trial("clean", pool, SMALL, 0, 3)


def test_one_class_is_refused() -> None:
    pool = pool_of(100, 100)
    pool.train_labels[:] = 1

    for protocol in PROTOCOLS:
        with raises(messages.ONE_LABEL_DRAWN, TrialsError, trial=2, n=12, found=1):
            draw_trial(protocol, pool, SMALL, 0, 2)


def test_sizes_start_at_one() -> None:
    with raises(messages.SIZE_INVALID, TrialsError, name="validation", found=0):
        Sizes(validation=0)
    from_zero = re.compile("^a whole number from 0 to ")
    with raises(messages.SIZE_INVALID, TrialsError, name="test", found=-1, expected=from_zero):
        Sizes(test=-1)


def test_without_test_documents_the_rest_is_drawn_as_ever() -> None:
    pool = pool_of(100, 0)
    trial = draw_trial("clean", pool, Sizes(train=12, validation=9, test=0), seed=0, number=1)
    other = draw_trial("clean", pool_of(100, 100), SMALL, seed=0, number=1)
    assert len(trial.test) == 0 and trial.hashes[:2] == other.hashes[:2]


def test_notebook_lengths() -> None:
    full = np.full(3, 500)

    check_notebook_lengths({"train": full, "test": full})
    data = {"n": 2, "total": 4, "name": "test", "index": 1, "found": 499, "expected": 500}
    with raises(messages.NOTEBOOK_LENGTHS, TrialsError, **data):
        check_notebook_lengths({"train": full, "test": np.array([500, 499, 500, 501])})
    with raises(messages.NOTEBOOK_LENGTHS, TrialsError, expected=400):
        check_notebook_lengths({"train": full}, window=400)
