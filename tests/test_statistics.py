"""Summaries and paired differences, against brute force, SciPy, and the published ten trials."""

import itertools
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from published_trials import BASIC, ELMO, PUBLISHED

from trainer.report import statistics
from trainer.report.statistics import PairedDifference, describe, method, paired_difference, summarize, verdict

# Few distinct values, as with few test documents: ties and equal differences are common.
coarse = st.integers(0, 10).map(lambda k: k / 10)
pairs = st.lists(st.tuples(coarse, coarse), min_size=1, max_size=9)


def fractions(percents: list[float]) -> list[float]:
    return [percent / 100 for percent in percents]


def difference_of(*points: int) -> PairedDifference:
    """The comparison in which `points` are the differences in percentage points."""
    return paired_difference([(50 + point) / 100 for point in points], [0.5] * len(points))


def brute_force_p(values: list[float]) -> float:
    observed = abs(sum(values))
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, values, strict=True)))
        for signs in itertools.product([1, -1], repeat=len(values))
    ]
    return sum(total > observed - 1e-12 for total in sums) / len(sums)


def test_published_summaries() -> None:
    basic, elmo = summarize(fractions(BASIC)), summarize(fractions(ELMO))

    assert (basic.n, elmo.n) == (10, 10)
    assert (round(100 * basic.mean, 2), round(100 * elmo.mean, 2)) == (65.20, 75.62)
    assert (round(100 * (basic.sd or 0), 2), round(100 * (elmo.sd or 0), 2)) == (10.64, 1.63)
    assert (basic.min, basic.max) == pytest.approx((0.476, 0.776))


def test_published_difference() -> None:
    found = paired_difference(fractions(ELMO), fractions(BASIC))

    assert found.sd is not None
    assert found.interval is not None
    assert round(100 * found.mean, 2) == 10.42
    assert round(100 * found.sd, 2) == 10.49
    assert round(found.mean / found.sd * 10**0.5, 2) == 3.14
    assert (found.wins, found.ties, found.losses) == (9, 0, 1)
    # Only flipping the one lost trial, of 0.8 points, gives a larger sum: 2 * 2 of 1,024.
    assert found.p_value == 4 / 1024
    assert [round(100 * end, 1) for end in found.interval] == [4.6, 16.9]


@given(pairs)
def test_p_value_is_that_of_brute_force(pairs: list[tuple[float, float]]) -> None:
    first, second = map(list, zip(*pairs, strict=True))

    found = paired_difference(first, second).p_value

    if len(pairs) < 3:
        assert found is None
    else:
        assert found == pytest.approx(brute_force_p([a - b for a, b in pairs]), abs=1e-12)


def test_flips_whose_sums_differ_by_rounding_are_ties() -> None:
    """`scipy.stats.permutation_test` gives 0.96875: it lets sums differ by a share of a sum that is nearly 0."""
    values = [0.49999999999999994, 0.5, 0.4, 0.2, -1.0, -0.6000000000000001]
    assert paired_difference(values, [0.0] * 6).p_value == 1.0


@pytest.mark.parametrize("n", [3, 6, 10, 12])
def test_p_value_is_that_of_scipy(n: int) -> None:
    random = np.random.RandomState(n)
    first, second = random.rand(n), random.rand(n)

    expected = scipy.stats.permutation_test(
        (first, second),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )

    assert paired_difference(first.tolist(), second.tolist()).p_value == pytest.approx(expected.pvalue, abs=1e-12)


def test_random_flips_come_near_the_exact_p_value(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.RandomState(3)
    first, second = random.normal(0.07, 0.2, 20).tolist(), [0.0] * 20
    exact = paired_difference(first, second)
    assert exact.exact
    assert 0.01 < (exact.p_value or 0) < 0.5

    monkeypatch.setattr(statistics, "MOST_EXACT_TRIALS", 19)
    found = paired_difference(first, second)

    assert not found.exact
    assert found.p_value != exact.p_value
    assert found.p_value == pytest.approx(exact.p_value, abs=0.006)  # four standard errors of 100,000 flips
    assert found == paired_difference(first, second)


def test_more_than_20_trials() -> None:
    found = paired_difference([0.8] * 30, [0.7] * 30)

    assert found.p_value == found.smallest_p_value == 1 / 100_001
    assert (found.n, found.exact) == (30, False)
    assert difference_of(*[1] * 20).exact
    assert difference_of(*[1] * 20).p_value == 2**-19


@pytest.mark.parametrize("n", range(3, 12))
def test_smallest_p_value_is_reached(n: int) -> None:
    found = difference_of(*range(1, n + 1))

    assert found.p_value == found.smallest_p_value


def test_interval_is_that_of_scipy() -> None:
    values = np.subtract(fractions(ELMO), fractions(BASIC))

    expected = scipy.stats.bootstrap((values,), np.mean, method="percentile", n_resamples=100_000, rng=1)
    found = paired_difference(fractions(ELMO), fractions(BASIC)).interval

    assert found is not None
    assert found == pytest.approx(tuple(expected.confidence_interval), abs=0.003)


def test_interval_by_enumeration() -> None:
    # All 27 resamples of three differences: the ends of the interval lie among their means.
    values = [0.1, 0.2, 0.6]
    means = [sum(chosen) / 3 for chosen in itertools.product(values, repeat=3)]

    found = paired_difference(values, [0.0] * 3).interval

    assert found == pytest.approx(tuple(np.quantile(means, [0.025, 0.975], method="inverted_cdf")))


def test_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    random = np.random.RandomState(0)
    n_covered = 0
    for _ in range(200):
        interval = paired_difference(random.normal(0.1, 0.05, 20).tolist(), [0.0] * 20).interval
        assert interval is not None
        n_covered += interval[0] <= 0.1 <= interval[1]

    assert 176 <= n_covered <= 198


@given(pairs)
@settings(max_examples=50)
def test_what_holds_for_every_difference(pairs: list[tuple[float, float]]) -> None:
    first, second = map(list, zip(*pairs, strict=True))

    found, opposite = paired_difference(first, second), paired_difference(second, first)

    assert found.wins + found.ties + found.losses == found.n == len(pairs)
    assert (found.wins, found.losses) == (opposite.losses, opposite.wins)
    assert found.ties == sum(a == b for a, b in pairs)
    assert found.mean == pytest.approx(-opposite.mean)
    assert found.p_value == opposite.p_value
    assert (found.interval is None) == (found.p_value is None) == (len(pairs) < 3)
    if found.interval and opposite.interval:
        assert min(a - b for a, b in pairs) - 1e-9 <= found.interval[0] <= found.interval[1]
        assert found.interval == pytest.approx((-opposite.interval[1], -opposite.interval[0]), abs=1e-9)
    json.dumps(asdict(found), allow_nan=False)


def test_accuracies_that_rounding_parts_are_ties() -> None:
    found = paired_difference([0.1 + 0.2, 0.5, 0.7], [0.3, 0.5, 0.7])

    assert (found.ties, found.p_value, found.sd) == (3, 1.0, 0.0)


def test_one_trial_has_no_spread() -> None:
    assert summarize([0.5]).sd is None
    assert paired_difference([0.5], [0.25]).sd is None


@pytest.mark.parametrize("accuracies", [[], [float("nan")], [0.5, float("inf")]])
def test_no_numbers(accuracies: list[float]) -> None:
    with pytest.raises(ValueError, match="expected at least one finite number"):
        summarize(accuracies)


def test_other_numbers_of_trials() -> None:
    with pytest.raises(ValueError, match="2 and 1 accuracies"):
        paired_difference([0.5, 0.5], [0.5])


def test_input_stays() -> None:
    values = np.array([0.5, 0.6, 0.3])

    paired_difference(values, values + 1e-12)  # type: ignore[arg-type]

    assert values.tolist() == [0.5, 0.6, 0.3]


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (
            (5, 6, 7, 8, 9, 10),
            "elmo was better than basic by 7.5 points on average in these 6 trials "
            "(95 % interval 6.2 to 8.8, p = 0.0312) and in 6 of them: a difference was shown.",
        ),
        (
            (-5, -6, -7, 1, -8, -9, -10),
            "basic was better than elmo by 6.3 points on average in these 7 trials "
            "(95 % interval 3.6 to 8.4, p = 0.0312) and in 6 of them: a difference was shown.",
        ),
        (
            (5, -6, 7, -8, 9, -5),
            "elmo was better than basic by 0.3 points on average in these 6 trials "
            "(95 % interval -4.8 to 5.7, p = 0.938), but no difference was shown, "
            "which does not show that they are equally good.",
        ),
        (
            (5, -5, 6, -6),
            "elmo and basic had the same mean accuracy in these 4 trials (95 % interval -5.5 to 5.5, p = 1): "
            "not enough trials to tell, since p is at least 0.125 with 4 of them.",
        ),
        (
            (5, 6, 7, 8),
            "elmo was better than basic by 6.5 points on average in these 4 trials (95 % interval 5.5 to 7.5, "
            "p = 0.125): not enough trials to tell, since p is at least 0.125 with 4 of them.",
        ),
        (
            (9, 8, 7, 6, 5, 4, -1, -2),
            "elmo was better than basic by 4.5 points on average in these 8 trials (95 % interval 1.8 to 7.0, "
            "p = 0.0312) and in 6 of them: a difference was shown.",
        ),
        (
            (2, 9),
            "elmo was better than basic by 5.5 points on average in these 2 trials, "
            "but no difference was shown: fewer than 3 trials say nothing about further ones.",
        ),
        (
            (-2,),
            "basic was better than elmo by 2.0 points in this one trial, "
            "but no difference was shown: fewer than 3 trials say nothing about further ones.",
        ),
        ((0, 0, 0), "elmo and basic had the same accuracy throughout these 3 trials: no difference was shown."),
        ((0,), "elmo and basic had the same accuracy throughout this one trial: no difference was shown."),
    ],
)
def test_verdict(points: tuple[int, ...], sentence: str) -> None:
    assert verdict("elmo", "basic", difference_of(*points)) == sentence


@pytest.mark.parametrize(("interval", "p_value"), [((0.01, 0.05), 0.06), ((-0.01, 0.05), 0.04)])
def test_verdict_where_interval_and_test_disagree(interval: tuple[float, float], p_value: float) -> None:
    difference = replace(difference_of(*range(1, 11)), interval=interval, p_value=p_value)

    assert verdict("elmo", "basic", difference).endswith(
        "but no difference was clearly shown: the interval and the test disagree."
    )


@given(pairs)
@settings(max_examples=50)
def test_a_difference_is_shown_only_with_both(pairs: list[tuple[float, float]]) -> None:
    difference = paired_difference(*map(list, zip(*pairs, strict=True)))

    shown = verdict("a", "b", difference).endswith(": a difference was shown.")

    low, high = difference.interval or (-1, 1)
    assert shown == (low * high > 0 and (difference.p_value or 1) < 0.05)


def test_numbers_of_a_difference() -> None:
    found = describe(paired_difference(fractions(ELMO), fractions(BASIC)))

    assert list(found.values()) == ["10", "+10.4", "10.5", "+4.6 to +16.9", "0.00391", "9", "0", "1"]
    assert list(describe(difference_of(-3)).values()) == [
        *("1", "-3.0", "-", "too few trials", "too few trials"),
        *("0", "0", "1"),
    ]
    assert describe(difference_of(*range(1, 21)))["p"] == "< 0.001"


def test_method() -> None:
    few, many = difference_of(*[1] * 20), difference_of(*[1] * 21)
    shared, others = PUBLISHED, [replace(result, test_hash=result.train_hash) for result in PUBLISHED]

    assert "(exact)" in method([few], others)
    assert "(random flips)" in method([few, many], others)
    assert "corrected" not in method([few], shared)
    assert "The 3 p-values are not corrected for multiple comparisons." in method([few] * 3, others)
    assert method([few], shared).endswith(" training sets only; all trials share one test set.")
    assert "test set" not in method([few], others)
    assert method([difference_of(1, 2)] * 3, shared) == method([], shared) == ""
