"""Results of trials, among them those that were published."""

from collections.abc import Sequence

from trainer.runs.results import TrialResult

# notebook.md: ten trials of the notebook, in percent.
BASIC = [73.2, 73.6, 52.4, 47.6, 63.6, 52.6, 77.6, 70.4, 73.0, 68.0]
ELMO = [78.0, 75.4, 75.4, 77.8, 75.6, 72.6, 76.8, 75.2, 75.4, 74.0]


def results_of(**percents: Sequence[float]) -> list[TrialResult]:
    """Results trial by trial, as `elmo-train trials` finds them."""
    n_trials = max(map(len, percents.values()))
    return [
        TrialResult(
            trial + 1, model.replace("_", "-"), found[trial] / 100, 3, 5, 0.61, 2.5, 0, f"{trial:x}a", "0b", "c"
        )
        for trial in range(n_trials)
        for model, found in percents.items()
        if trial < len(found)
    ]


PUBLISHED = results_of(basic=BASIC, elmo=ELMO)
