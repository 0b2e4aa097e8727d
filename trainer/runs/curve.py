"""Trials at several training sizes: a folder for each, and one file of them all."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.errors import invalid
from trainer.protocols import MOST_DOCUMENTS
from trainer.runs.results import TrialResult, read_results
from trainer.runs.rows import columns_of, write_table

__all__ = ["CURVE", "parse_sizes", "read_curve", "write_curve"]

CURVE = "curve.csv"


def parse_sizes(text: str) -> list[int]:
    """Return what `--sizes` says, ascending.

    Raises
    ------
    TrialsError
        If it is anything but two or more different whole numbers.

    Examples
    --------
    >>> parse_sizes("200,50, 1000")
    [50, 200, 1000]
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    wrong = [p for p in parts if not (p.isdecimal() and len(p) <= 10 and 1 <= int(p) <= MOST_DOCUMENTS)]
    if wrong or len(set(parts)) < 2:
        found = wrong[0][:20] if wrong else text
        raise invalid("sizes", found, "two or more numbers of documents, such as 50,100,200")
    return sorted({int(part) for part in parts})


def write_curve(out: Path, curve: Mapping[int, Sequence[TrialResult]]) -> None:
    """Write `curve.csv`: `train_size`, then the columns of `trials.csv`; it appears whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    rows = ([size, *vars(result).values()] for size, results in curve.items() for result in results)
    write_table(out / CURVE, ["train_size", *columns_of(TrialResult)], rows)


def read_curve(out: Path) -> dict[int, list[TrialResult]]:
    """Return the results of each size that has some, ascending.

    Raises
    ------
    TrialsError
        If a file cannot be read, or is damaged.
    """
    found = {}
    for folder in out.glob("train-*"):
        size = folder.name.removeprefix("train-")
        if size.isascii() and size.isdecimal() and len(size) <= 10 and (results := read_results(folder / "trials.csv")):
            found[int(size)] = results
    return dict(sorted(found.items()))
