"""The results file of a run of trials: a line for each model and trial."""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cache.errors import one_line
from cache.files import atomic_path
from trainer.errors import TrialsError
from trainer.protocols import SEED_STOP
from trainer.runs.folder import is_model_name, read_small_file
from trainer.runs.schema import shown
from trainer.runs.settings import RANGES

__all__ = ["MOST_TRIALS", "TrialResult", "read_results", "write_results"]

MOST_TRIALS = 100_000


@dataclass(frozen=True)
class TrialResult:
    """One model's result in one trial: a line of `trials.csv`."""

    trial: int
    """1-based."""
    model: str
    """A name, now or earlier out of `trainer.runs.settings.MODELS`."""
    accuracy: float
    """Fraction of the test documents, 0 to 1."""
    best_epoch: int
    """The epoch with the lowest validation loss, 1-based: its weights were tested."""
    epochs: int
    """Epochs that were run."""
    validation_loss: float
    """Binary cross-entropy at the best epoch, in nats."""
    seconds: float
    """Of training and testing."""
    seed: int
    """Of the run."""
    train_hash: str
    """Of the document set, as in `Trial.hashes`; likewise the other two."""
    validation_hash: str
    test_hash: str


_COLUMNS = tuple(field.name for field in fields(TrialResult))


def write_results(path: Path, results: Sequence[TrialResult]) -> None:
    """Write `trials.csv` as a whole: the file there is replaced at once, or stays as it is.

    A number read again is the same to the last digit.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for result in results:
        # `float` first, as NumPy's numbers would be written in another way; `repr` gives back the same number.
        writer.writerow(repr(float(v)) if isinstance(v, float) else v for v in vars(result).values())
    with atomic_path(path) as temporary:
        temporary.write_bytes(lines.getvalue().encode())


def read_results(path: Path) -> list[TrialResult]:
    """Read `trials.csv`; without such a file there are no results yet.

    Raises
    ------
    TrialsError
        If the file cannot be read, or is damaged; the message names the line.
    """
    content = read_small_file(path)
    if content is None:
        return []
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _damaged(path, line, f"byte {error.start} is not UTF-8") from error
    results: list[TrialResult] = []
    found: set[tuple[int, str]] = set()
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = tuple(next(reader, ()))
        if header != _COLUMNS:
            columns = one_line(",".join(header)) if header else "missing"
            raise ValueError(f"the columns are {columns}, expected {','.join(_COLUMNS)}")
        for row in reader:
            result = _parse_row(row)
            if (result.trial, result.model) in found:
                raise ValueError(f"trial {result.trial} of {result.model} is there twice")
            found.add((result.trial, result.model))
            results.append(result)
        if not text.endswith("\n"):
            raise ValueError("the line is cut short")
    except (ValueError, csv.Error) as error:
        raise _damaged(path, max(1, reader.line_num), " ".join(str(error).split())) from error
    return results


def _parse_row(row: Sequence[str]) -> TrialResult:
    if len(row) != len(_COLUMNS):
        raise ValueError(f"{len(row)} values, expected {len(_COLUMNS)}")
    values: dict[str, Any] = {}
    for field, text in zip(fields(TrialResult), row, strict=True):
        assert isinstance(field.type, type)
        try:
            values[field.name] = field.type(text)
        except ValueError:
            raise ValueError(f"{field.name} is {shown(text)}, expected {field.type.__name__}") from None
    result = TrialResult(**values)
    checks = {
        "trial": 1 <= result.trial <= MOST_TRIALS,
        "model": is_model_name(result.model),
        "accuracy": 0 <= result.accuracy <= 1,
        "best_epoch": 1 <= result.best_epoch <= result.epochs,
        "epochs": result.epochs <= RANGES["max_epochs"][1],
        "validation_loss": not result.validation_loss < 0,  # it may be NaN
        "seconds": 0 <= result.seconds < math.inf,
        "seed": 0 <= result.seed < SEED_STOP,
        **{name: re.fullmatch("[0-9a-f]{1,64}", values[name]) for name in _COLUMNS if name.endswith("_hash")},
    }
    if wrong := [name for name, holds in checks.items() if not holds]:
        raise ValueError(f"{wrong[0]} is {shown(values[wrong[0]])}, which no trial can have")
    return result


def _damaged(path: Path, line: int, what: str) -> TrialsError:
    return TrialsError(f"{path}, line {line}: {what}; repair that line, or remove the folder and run the trials again")
