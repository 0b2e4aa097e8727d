"""What is kept of each training beside its line of `trials.csv`: the losses by epoch, and the figures by class."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.learners.base import Fit
from trainer.protocols import MOST_DOCUMENTS
from trainer.runs.folder import is_model_name
from trainer.runs.results import MOST_TRIALS
from trainer.runs.rows import read_rows, write_rows
from trainer.runs.settings import RANGES
from trainer.scores import Scores

__all__ = ["CLASSES", "EPOCHS", "ClassResult", "Details", "EpochResult"]

EPOCHS, CLASSES = "epochs.csv", "classes.csv"
Key = tuple[int, str]
"""Trial and model."""


@dataclass(frozen=True)
class EpochResult:
    """The losses of one epoch: a line of `epochs.csv`."""

    trial: int
    model: str
    epoch: int
    """From 1."""
    training_loss: float
    """Mean cross-entropy of the training documents while the weights changed, in nats."""
    validation_loss: float
    """Of the validation documents, after the epoch."""


@dataclass(frozen=True)
class ClassResult:
    """Figures of one class on the test documents: a line of `classes.csv`."""

    trial: int
    model: str
    label: str
    documents: int
    """That have the class."""
    predicted: int
    """That were given it."""
    correct: int
    """Of both."""
    precision: float
    recall: float
    f1: float


@dataclass
class Details:
    """Both files of a folder.

    Attributes
    ----------
    epochs : list of EpochResult
    classes : list of ClassResult
    """

    epochs: list[EpochResult]
    classes: list[ClassResult]

    @classmethod
    def read(cls, folder: Path, done: Collection[Key]) -> "Details":
        """Read what there is of the trainings that `trials.csv` has.

        Parameters
        ----------
        folder : Path
        done : collection of (int, str)
            Their trials and models. Others were interrupted between one file and the next.

        Raises
        ------
        TrialsError
            If a file cannot be read, or is damaged; the message names the line.
        """
        epochs = read_rows(folder / EPOCHS, EpochResult, _checks_epoch, ("trial", "model", "epoch"))
        classes = read_rows(folder / CLASSES, ClassResult, _checks_class, ("trial", "model", "label"))
        return cls(
            [row for row in epochs if (row.trial, row.model) in done],
            [row for row in classes if (row.trial, row.model) in done],
        )

    def add(self, key: Key, fit: Fit, scores: Scores, label_names: Sequence[str]) -> None:
        """Add what came of a training."""
        losses = zip(fit.training_losses, fit.validation_losses, strict=True)
        self.epochs += [EpochResult(*key, epoch, *both) for epoch, both in enumerate(losses, 1)]
        for label, found in zip(label_names, scores.classes, strict=True):
            counts = found.documents, found.predicted, found.correct
            shown = label.encode("utf-8", "backslashreplace").decode()
            self.classes.append(ClassResult(*key, shown, *counts, found.precision, found.recall, found.f1))

    def write(self, folder: Path, order: Sequence[str]) -> None:
        """Write both files, by trial and then by model as in `order`; each appears whole or not at all.

        Raises
        ------
        OutputError
            If one cannot be written.
        """
        for name, kind, rows in ((EPOCHS, EpochResult, self.epochs), (CLASSES, ClassResult, self.classes)):
            rows.sort(key=lambda row: (row.trial, order.index(row.model)))  # type: ignore[attr-defined]
            write_rows(folder / name, kind, rows)  # type: ignore[arg-type]


def _checks_key(row: Any) -> dict[str, object]:
    return {"trial": 1 <= row.trial <= MOST_TRIALS, "model": is_model_name(row.model)}


def _checks_epoch(row: EpochResult) -> dict[str, object]:
    return {
        **_checks_key(row),
        "epoch": 1 <= row.epoch <= RANGES["max_epochs"][1],
        "training_loss": not row.training_loss < 0,  # it may be NaN, likewise the other
        "validation_loss": not row.validation_loss < 0,
    }


def _checks_class(row: ClassResult) -> dict[str, object]:
    return {
        **_checks_key(row),
        **{name: 0 <= getattr(row, name) <= MOST_DOCUMENTS for name in ("documents", "predicted", "correct")},
        **{name: 0 <= getattr(row, name) <= 1 for name in ("precision", "recall", "f1")},
    }
