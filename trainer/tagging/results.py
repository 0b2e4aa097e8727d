"""The results file of a run on tags: a line for each model and trial."""

from dataclasses import dataclass, replace
from pathlib import Path

from trainer.report.metrics import ACCURACY, METRICS, Metric
from trainer.runs.results import Result, checks_of_all
from trainer.runs.rows import read_rows

__all__ = ["SCORES", "TagResult", "read_tag_results"]

SCORES = (
    replace(ACCURACY, noun="token accuracy"),
    METRICS["macro-f1"],
    Metric("entity_f1", "entity F1", "Entity F1 in %", "percentage points", "points of entity F1"),
)


@dataclass(frozen=True)
class TagResult(Result):
    """One model's result in one trial: a line of `tags.csv`. `trainer.tagging.scores.score` explains the scores."""

    macro_f1: float
    """0 to 1."""
    entity_f1: float | None
    """0 to 1; None where tags do not mark entities."""
    chosen: float
    """What the validation sentences decided: C of a probe, the best epoch of an LSTM."""
    seconds: float
    """Of training and testing."""
    seed: int
    """Of the run."""
    train_hash: str
    """Of the set of sentences, as in `Trial.hashes`; likewise the other two."""
    validation_hash: str
    test_hash: str


def read_tag_results(path: Path) -> list[TagResult]:
    """Read `tags.csv`; without such a file there are no results yet.

    Raises
    ------
    TrialsError
        If the file cannot be read, or is damaged; the message names the line.
    """
    return read_rows(path, TagResult, _checks)


def _checks(result: TagResult) -> dict[str, object]:
    return {
        **checks_of_all(result),
        "macro_f1": 0 <= result.macro_f1 <= 1,
        "entity_f1": result.entity_f1 is None or 0 <= result.entity_f1 <= 1,
        "chosen": 0 < result.chosen < 1e9,
    }
