"""What the accuracies of several trials show: summaries and the paired comparison of two models.

Two models of a trial learn from the same documents, so that their difference is taken trial by trial. All
numbers are deterministic: where something is drawn at random, the seed is fixed.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.report.metrics import ACCURACY, Metric

__all__ = [
    "PairedDifference",
    "Summary",
    "describe",
    "mean_interval",
    "method",
    "paired_difference",
    "summarize",
    "verdict",
]

LEAST_TRIALS = 3
"""Below this many trials neither an interval nor a p-value is given."""

LEVEL = 0.05
"""A difference counts as shown if its p-value is below this and its interval leaves out 0."""

N_RESAMPLES = 10_000
N_FLIPS = 100_000
MOST_EXACT_TRIALS = 20
_SEED = 20180101

# Accuracies are counts divided by the number of test documents; this is far below one document.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Summary:
    """Accuracies of one model over trials, as fractions, 0 to 1; or values of another metric."""

    n: int
    """Trials."""
    mean: float
    sd: float | None
    """With n - 1 in the denominator; None for one trial."""
    min: float
    max: float


@dataclass(frozen=True)
class PairedDifference:
    """The difference of two models' accuracies, trial by trial, as fractions, -1 to 1."""

    n: int
    """Trials."""
    mean: float
    sd: float | None
    """With n - 1 in the denominator; None for one trial."""
    interval: tuple[float, float] | None
    """Bootstrap 95 % percentile interval of the mean; None below `LEAST_TRIALS` trials."""
    p_value: float | None
    """Two-sided, of the sign-flip permutation test; None below `LEAST_TRIALS` trials."""
    wins: int
    """Trials in which the first model was better; `ties` and `losses` are the others."""
    ties: int
    losses: int

    @property
    def exact(self) -> bool:
        """Whether the p-value comes of all sign flips rather than random ones."""
        return self.n <= MOST_EXACT_TRIALS

    @property
    def smallest_p_value(self) -> float:
        """The least p-value that this many trials can give, however large the differences are."""
        return min(1.0, 2.0 ** (1 - self.n)) if self.exact else 1 / (N_FLIPS + 1)


def summarize(accuracies: Sequence[float]) -> Summary:
    """Summarize one model's accuracies `(n,)` over trials.

    Raises
    ------
    ValueError
        If there are none, or one is not finite.

    Examples
    --------
    >>> summarize([0.5, 0.75, 1.0])
    Summary(n=3, mean=0.75, sd=0.25, min=0.5, max=1.0)
    """
    values = _checked(accuracies)
    return Summary(len(values), float(values.mean()), _sd(values), float(values.min()), float(values.max()))


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the bootstrap 95 % percentile interval of a mean; None below `LEAST_TRIALS` values.

    Raises
    ------
    ValueError
        If one is not finite.
    """
    checked = _checked(values)
    return _bootstrap_interval(checked) if len(checked) >= LEAST_TRIALS else None


def paired_difference(
    accuracies: Sequence[float], others: Sequence[float], *, higher_is_better: bool = True
) -> PairedDifference:
    """Compare two models over the same trials.

    The interval is the percentile interval of 10,000 bootstrap means (Efron and Tibshirani 1993, chapter 13).
    Like every bootstrap interval it is somewhat narrow for few trials: with 10 normally distributed
    differences it covers the true mean in 90 % of cases rather than 95 % (simulated; BCa is no better there).
    The p-value, that of Fisher's randomization test for pairs (1935), supposes nothing but that, were the
    models alike, each difference could as well have the other sign.

    Parameters
    ----------
    accuracies, others : sequence of float, (n,)
        Accuracies of two models in the same trials; the difference is `accuracies - others`.
    higher_is_better : bool
        False for losses.

    Raises
    ------
    ValueError
        If they differ in length, there are none, or one is not finite.

    Examples
    --------
    >>> difference = paired_difference([0.75, 0.75, 0.5, 0.75], [0.5, 0.5, 0.5, 0.5])
    >>> difference.mean, difference.p_value, (difference.wins, difference.ties, difference.losses)
    (0.1875, 0.25, (3, 1, 0))
    """
    first, second = _checked(accuracies), _checked(others)
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} accuracies, expected those of the same trials")
    values = first - second
    values[np.abs(values) < _TOLERANCE] = 0
    enough = len(values) >= LEAST_TRIALS
    better = values if higher_is_better else -values
    return PairedDifference(
        n=len(values),
        mean=float(values.mean()),
        sd=_sd(values),
        interval=_bootstrap_interval(values) if enough else None,
        p_value=_sign_flip_p_value(values) if enough else None,
        wins=int(np.count_nonzero(better > 0)),
        ties=int(np.count_nonzero(values == 0)),
        losses=int(np.count_nonzero(better < 0)),
    )


def describe(d: PairedDifference, metric: Metric = ACCURACY) -> dict[str, str]:
    """Return the numbers of a difference by column title, in percentage points or the metric's own unit.

    Examples
    --------
    >>> shown = describe(paired_difference([0.75, 0.75, 0.5, 0.75], [0.5, 0.5, 0.5, 0.5]))
    >>> shown["mean"], shown["sd"], shown["p"], shown["better"]
    ('+18.8', '12.5', '0.25', '3')
    """
    if d.interval is None or d.p_value is None:
        interval = p_value = "too few trials"
    else:
        interval = " to ".join(f"{metric.factor * end:+.{metric.decimals}f}" for end in d.interval)
        p_value = _show_p(d.p_value)
    return {
        "trials": str(d.n),
        "mean": f"{metric.factor * d.mean:+.{metric.decimals}f}",
        "sd": metric.show(d.sd),
        "95 % interval": interval,
        "p": p_value.removeprefix("p = ").removeprefix("p "),
        "better": str(d.wins),
        "equal": str(d.ties),
        "worse": str(d.losses),
    }


def verdict(model: str, other: str, d: PairedDifference, metric: Metric = ACCURACY) -> str:
    """Say in one sentence what the difference of `model` to `other` shows and what it does not.

    Examples
    --------
    >>> verdict("elmo", "basic", paired_difference([0.8], [0.7]))
    'elmo was better than basic by 10.0 points in this one trial, but no difference was shown: fewer than 3 trials say
    nothing about further ones.'
    """
    is_better = (d.mean >= 0) == metric.higher_is_better or d.mean == 0
    better, worse, n_better = (model, other, d.wins) if is_better else (other, model, d.losses)
    trials = "this one trial" if d.n == 1 else f"these {d.n} trials"
    if d.ties == d.n:
        return f"{model} and {other} had the same {metric.noun} throughout {trials}: no difference was shown."
    if abs(d.mean) < _TOLERANCE:
        lead = f"{model} and {other} had the same mean {metric.noun} in {trials}"
    else:
        average = "" if d.n == 1 else " on average"
        lead = f"{better} was better than {worse} by {metric.show(abs(d.mean))} {metric.points}{average} in {trials}"
    if d.interval is None or d.p_value is None:
        return f"{lead}, but no difference was shown: fewer than {LEAST_TRIALS} trials say nothing about further ones."
    low, high = sorted(math.copysign(1, d.mean) * end for end in d.interval)
    lead += f" (95 % interval {metric.show(low)} to {metric.show(high)}, {_show_p(d.p_value)})"
    leaves_out_zero, is_unlikely = low > 0 or high < 0, d.p_value < LEVEL
    if leaves_out_zero and is_unlikely:
        return f"{lead} and in {n_better} of them: a difference was shown."
    if d.smallest_p_value >= LEVEL:
        return f"{lead}: not enough trials to tell, since p is at least {d.smallest_p_value:.3g} with {d.n} of them."
    if leaves_out_zero or is_unlikely:
        return f"{lead}, but no difference was clearly shown: the interval and the test disagree."
    return f"{lead}, but no difference was shown, which does not show that they are equally good."


def method(differences: Sequence[PairedDifference], results: Iterable[Any]) -> str:
    """Say how the intervals and p-values of some results were found and what they leave out, if there are any."""
    if all(d.p_value is None for d in differences):
        return ""
    flips = "exact" if all(d.exact for d in differences) else "random flips"
    note = (
        "Interval: bootstrap percentiles of the mean difference, somewhat narrow for few trials. "
        f"p: two-sided sign-flip permutation test ({flips}). No test compares the standard deviations."
    )
    if len(differences) > 1:
        note += f" The {len(differences)} p-values are not corrected for multiple comparisons."
    if len({result.test_hash for result in results}) == 1:
        note += " Interval and p-value describe variation between training sets only; all trials share one test set."
    return note


def _show_p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3g}"


def _checked(accuracies: Sequence[float]) -> np.ndarray:
    values = np.array(accuracies, np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError(f"accuracies {accuracies!r}, expected at least one finite number")
    return values


def _sd(values: np.ndarray) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None


def _bootstrap_interval(values: np.ndarray) -> tuple[float, float]:
    # `RandomState`, as its numbers stay the same in all versions of NumPy (NEP 19).
    chosen = np.random.RandomState(_SEED).randint(0, len(values), (N_RESAMPLES, len(values)))
    low, high = np.quantile(values[chosen].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def _sign_flip_p_value(values: np.ndarray) -> float:
    # Not `scipy.stats.permutation_test`: for 20 trials it takes half a minute, and where the sum is nearly 0, rounding
    # parts sums that are equal.
    observed = abs(values.sum()) - _TOLERANCE
    if len(values) <= MOST_EXACT_TRIALS:
        # Half of the 2**n sums will do: the other half has the opposite signs, and the test is two-sided.
        sums = values[:1]
        for value in values[1:]:
            sums = np.concatenate([sums + value, sums - value])
        return float(np.mean(np.abs(sums) >= observed))
    random = np.random.RandomState(_SEED)
    sums = np.zeros(N_FLIPS)
    for value in values:
        sums += value * (2 * random.randint(0, 2, N_FLIPS) - 1)
    # The observed signs are one of the flips, hence + 1: a p-value is never 0 (Phipson and Smyth, 2010).
    return float((np.count_nonzero(np.abs(sums) >= observed) + 1) / (N_FLIPS + 1))
