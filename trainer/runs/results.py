"""The results file of a run of trials: a line for each model and trial."""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cache.files import atomic_path
from trainer.errors import TrialsError

__all__ = ["TrialResult", "read_results", "write_results"]


@dataclass(frozen=True)
class TrialResult:
    """One model's result in one trial: a line of `trials.csv`."""

    trial: int
    """1-based."""
    model: str
    """A name out of `trainer.runs.settings.MODELS`."""
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
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _damaged(path, line, f"byte {error.start} is not UTF-8") from error
    except OSError as error:
        raise TrialsError(f"{path} cannot be read: {error.strerror}") from error
    results: list[TrialResult] = []
    found: set[tuple[int, str]] = set()
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = tuple(next(reader, ()))
        if header != _COLUMNS:
            raise ValueError(f"the columns are {','.join(header) or 'missing'}, expected {','.join(_COLUMNS)}")
        for row in reader:
            result = _parse_row(row)
            if (result.trial, result.model) in found:
                raise ValueError(f"trial {result.trial} of {result.model} is there twice")
            found.add((result.trial, result.model))
            results.append(result)
        if not text.endswith("\n"):
            raise ValueError("the line is cut short")
    except (ValueError, csv.Error) as error:
        raise _damaged(path, max(1, reader.line_num), str(error)) from error
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
            raise ValueError(f"{field.name} is {text!r}, expected {field.type.__name__}") from None
    result = TrialResult(**values)
    checks = {
        "trial": result.trial >= 1,
        "model": result.model != "",
        "accuracy": 0 <= result.accuracy <= 1,
        "best_epoch": 1 <= result.best_epoch <= result.epochs,
        "seconds": 0 <= result.seconds < math.inf,
        "seed": result.seed >= 0,
        **{name: re.fullmatch("[0-9a-f]+", values[name]) for name in _COLUMNS if name.endswith("_hash")},
    }
    if wrong := [name for name, holds in checks.items() if not holds]:
        raise ValueError(f"{wrong[0]} is {values[wrong[0]]!r}")
    return result


def _damaged(path: Path, line: int, what: str) -> TrialsError:
    return TrialsError(f"{path}, line {line}: {what}; repair that line, or remove the folder and run the trials again")
