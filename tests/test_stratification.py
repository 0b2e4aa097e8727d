"""Draws that mind classes: shares, balance, nested sizes, and duplicates that stay on one side."""

import numpy as np
from errors_expected import raises
from hypothesis import given
from hypothesis import strategies as st

from trainer import messages
from trainer.errors import TrialsError
from trainer.protocols import PROTOCOLS, Pool, Sizes, Trial, draw_trial
from trainer.stratification import by_class


def pool_of(seed: int, n_classes: int, n_train: int = 300, n_test: int = 200, n_texts: int = 10_000) -> Pool:
    """Classes of uneven shares, at least one document of each in ten, and texts that occur more than once."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(n_classes, 5.0)) * 0.5 + 0.5 / n_classes
    labels = [rng.choice(n_classes, size, p=shares / shares.sum()) for size in (n_train, n_test)]
    groups = [rng.integers(0, n_texts, size) for size in (n_train, n_test)]
    return Pool(*labels, *groups)


def counts(pool: Pool, trial: Trial, part: str, n_classes: int) -> np.ndarray:
    split = {"train": "train", "validation": trial.validation_split, "test": "test"}[part]
    return np.bincount(getattr(pool, f"{split}_labels")[getattr(trial, part)], minlength=n_classes)


seeds, n_classes = st.integers(0, 2**32 - 1), st.integers(2, 6)
protocols, draws = st.sampled_from(PROTOCOLS), st.sampled_from(["random", "stratified", "balanced"])


@given(seeds, n_classes, protocols, st.integers(1, 9))
def test_each_class_has_its_share(seed: int, n_classes: int, protocol: str, number: int) -> None:
    pool, sizes = pool_of(seed, n_classes), Sizes(90, 40, 60)
    trial = draw_trial(protocol, pool, sizes, seed, number, "stratified")
    for part, size, labels in (("train", 90, pool.train_labels), ("test", 60, pool.test_labels)):
        wanted = size * np.bincount(labels, minlength=n_classes) / len(labels)
        found = counts(pool, trial, part, n_classes)
        assert found.sum() == size and np.all(np.abs(found - wanted) < 1 + n_classes / 4)


@given(seeds, n_classes, protocols, st.integers(1, 9))
def test_a_balanced_trial_has_as_many_of_each_class(seed: int, n_classes: int, protocol: str, number: int) -> None:
    pool = pool_of(seed, n_classes)
    try:
        trial = draw_trial(protocol, pool, Sizes(31, 12, 23), seed, number, "balanced")
    except TrialsError as error:
        least = min(np.bincount(labels, minlength=n_classes).min() for labels in (pool.train_labels, pool.test_labels))
        assert "--balanced: " in str(error) and least < 35
        return
    for part in ("train", "validation", "test"):
        found = counts(pool, trial, part, n_classes)
        assert found.max() - found.min() <= 1


@given(seeds, n_classes, protocols, draws, st.integers(1, 9), st.lists(st.integers(20, 80), min_size=2, max_size=5))
def test_a_larger_training_set_contains_the_smaller(
    seed: int, n_classes: int, protocol: str, draw: str, number: int, sizes: list[int]
) -> None:
    pool = pool_of(seed, n_classes, n_texts=400)
    try:
        trials = [draw_trial(protocol, pool, Sizes(size, 10, 10), seed, number, draw) for size in sorted(sizes)]
    except TrialsError as error:
        assert draw == "balanced" and "--balanced" in str(error)
        return
    for smaller, larger in zip(trials, trials[1:], strict=False):
        assert set(smaller.train) <= set(larger.train)
        np.testing.assert_array_equal(smaller.test, larger.test)
    if protocol == "clean":
        for trial in trials:
            sides = [
                set(pool.train_groups[trial.train]),
                set(pool.train_groups[trial.validation]),
                set(pool.test_groups[trial.test]),
            ]
            assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]


@given(seeds, protocols, st.integers(1, 9))
def test_a_random_draw_is_what_it_was_before_there_were_others(seed: int, protocol: str, number: int) -> None:
    pool, sizes = pool_of(seed, 2), Sizes(40, 20, 30)
    trial = draw_trial(protocol, pool, sizes, seed, number)
    bits = np.random.MT19937(np.random.SeedSequence([seed, number]))
    order = np.random.RandomState(bits).permutation(300)
    if protocol == "clean":
        order = order[~np.isin(pool.train_groups[order], pool.test_groups[trial.test])]
    np.testing.assert_array_equal(trial.train, np.sort(order[:40]))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), seeds)
def test_every_beginning_has_the_shares(labels: list[int], seed: int) -> None:
    classes = np.array(labels)
    order = np.random.default_rng(seed).permutation(len(classes))
    shares = np.bincount(classes)
    arranged = by_class(order, classes, shares)
    assert sorted(arranged) == sorted(order)
    for label in np.unique(classes):
        own = [p for p in arranged if classes[p] == label]
        assert own == [p for p in order if classes[p] == label], "of each class they stay in order"
        found = np.cumsum(classes[arranged] == label)
        wanted = np.arange(1, len(order) + 1) * shares[label] / len(order)
        assert np.all(np.abs(found - wanted) < 1 + len(shares) / 4)


def test_a_class_that_runs_out_is_named_with_the_numbers() -> None:
    labels = np.array([0] * 50 + [1] * 50 + [2] * 5)
    pool = Pool(labels, labels, np.arange(105), np.arange(105, 210))
    with raises(messages.UNBALANCED, TrialsError, name="training", n=30, expected=10):
        draw_trial("clean", pool, Sizes(30, 3, 3), 0, 1, "balanced")
