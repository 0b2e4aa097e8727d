"""The results file of a run of trials: a line for each model and trial."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.protocols import SEED_STOP
from trainer.runs.folder import is_model_name
from trainer.runs.rows import read_rows
from trainer.runs.settings import RANGES

__all__ = ["MOST_TRIALS", "Result", "TrialResult", "checks_of_all", "read_results"]

MOST_TRIALS = 100_000


@dataclass(frozen=True)
class Result:
    """What a result of every kind begins with."""

    trial: int
    """1-based."""
    model: str
    """A name, now or earlier that of a model."""
    accuracy: float
    """Fraction of the test documents, or of the test tokens with a tag, 0 to 1."""


@dataclass(frozen=True)
class TrialResult(Result):
    """One model's result in one trial: a line of `trials.csv`."""

    best_epoch: int
    """The epoch with the lowest validation loss, 1-based: its weights were tested."""
    epochs: int
    """Epochs that were run."""
    validation_loss: float
    """Cross-entropy at the best epoch, in nats."""
    seconds: float
    """Of training and testing."""
    seed: int
    """Of the run."""
    train_hash: str
    """Of the document set, as in `Trial.hashes`; likewise the other two."""
    validation_hash: str
    test_hash: str
    macro_f1: float | None = None
    """On the test documents, as `trainer.scores.Scores` has it; None in folders of earlier versions, likewise below."""
    log_loss: float | None = None


def read_results(path: Path) -> list[TrialResult]:
    """Read `trials.csv`; without such a file there are no results yet.

    Raises
    ------
    TrialsError
        If the file cannot be read, or is damaged; the message names the line.
    """
    return read_rows(path, TrialResult, _checks)


def checks_of_all(result: Any) -> dict[str, object]:
    """Return, for the fields that results of every kind have, whether a training can have such a value."""
    hashes = ("train_hash", "validation_hash", "test_hash")
    return {
        "trial": 1 <= result.trial <= MOST_TRIALS,
        "model": is_model_name(result.model),
        "accuracy": 0 <= result.accuracy <= 1,
        "seconds": 0 <= result.seconds < math.inf,
        "seed": 0 <= result.seed < SEED_STOP,
        **{name: re.fullmatch("[0-9a-f]{1,64}", getattr(result, name)) for name in hashes},
    }


def _checks(result: TrialResult) -> dict[str, object]:
    return {
        **checks_of_all(result),
        "best_epoch": 1 <= result.best_epoch <= result.epochs,
        "epochs": result.epochs <= RANGES["max_epochs"][1],
        "validation_loss": not result.validation_loss < 0,  # it may be NaN
        "macro_f1": result.macro_f1 is None or 0 <= result.macro_f1 <= 1,
        "log_loss": result.log_loss is None or not result.log_loss < 0,
    }
