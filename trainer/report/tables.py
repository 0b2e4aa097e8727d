"""What the results of trials show in numbers: the summary and the table on the terminal."""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

from cache.files import atomic_path
from trainer.errors import TrialsError
from trainer.report.statistics import PairedDifference, describe, method, paired_difference, summarize, verdict
from trainer.runs.results import Result, TrialResult

__all__ = ["accuracies_by_model", "aligned", "percent", "summary", "table", "wrapped", "write_summary"]

_WIDTH = 100


def summary(results: Sequence[TrialResult]) -> dict[str, Any]:
    """Return what `summary.json` holds: each model's accuracies, and each pair's difference, as fractions.

    Raises
    ------
    TrialsError
        If there are no results.
    """
    accuracies = accuracies_by_model(results)
    return {
        "models": {model: asdict(summarize(list(found.values()))) for model, found in accuracies.items()},
        "pairs": [
            {"model": model, "other": other, **asdict(difference), "verdict": verdict(model, other, difference)}
            for model, other, difference in _pairs(accuracies)
        ],
    }


def write_summary(folder: Path, results: Sequence[TrialResult], more: Mapping[str, Any] | None = None) -> None:
    """Write a folder's `summary.json`, with further entries if there are any; it appears whole or not at all.

    Raises
    ------
    TrialsError
        If there are no results.
    OutputError
        If it cannot be written.
    """
    with atomic_path(folder / "summary.json") as temporary:
        temporary.write_text(json.dumps({**summary(results), **(more or {})}, indent=1) + "\n", encoding="utf-8")


def table(results: Sequence[TrialResult]) -> str:
    """Return the table for the terminal: trials, summaries, differences, and what they show, in words.

    Raises
    ------
    TrialsError
        If there are no results.

    Examples
    --------
    >>> rest = {"best_epoch": 3, "epochs": 5, "validation_loss": 0.6, "seconds": 2.5, "seed": 0}
    >>> hashes = {"train_hash": "0a", "validation_hash": "0b", "test_hash": "0c"}
    >>> print(table([TrialResult(trial, "elmo", 0.7 + trial / 50, **rest, **hashes) for trial in (1, 2)]))
    Accuracy in %
    trial          elmo
    -------------------
        1          72.0
        2          74.0
    -------------------
     mean          73.0
       sd           1.4
    range  72.0 to 74.0
    <BLANKLINE>
    No two models have a trial in common: there is nothing to compare.
    """
    accuracies = accuracies_by_model(results)
    summaries = {model: summarize(list(found.values())) for model, found in accuracies.items()}
    rows = [["trial", *accuracies]]
    for trial in sorted({result.trial for result in results}):
        rows.append([str(trial), *(percent(found.get(trial)) for found in accuracies.values())])
    rows.append(["mean", *(percent(s.mean) for s in summaries.values())])
    rows.append(["sd", *(percent(s.sd) for s in summaries.values())])
    rows.append(["range", *(f"{percent(s.min)} to {percent(s.max)}" for s in summaries.values())])
    lines = aligned(rows)
    rule = "-" * len(lines[0])
    blocks = ["\n".join(["Accuracy in %", lines[0], rule, *lines[1:-3], rule, *lines[-3:]])]
    if pairs := _pairs(accuracies):
        described = [{"": f"{model} - {other}", **describe(difference)} for model, other, difference in pairs]
        lines = aligned([list(described[0]), *(list(row.values()) for row in described)])
        blocks.append("\n".join(["Paired differences in percentage points", lines[0], "-" * len(lines[0]), *lines[1:]]))
    sentences = [verdict(*pair) for pair in pairs]
    sentences += [] if pairs else ["No two models have a trial in common: there is nothing to compare."]
    share_test = len({result.test_hash for result in results}) == 1
    if note := method([difference for _, _, difference in pairs], share_test=share_test):
        sentences.append(note)
    return "\n\n".join([*blocks, *map(wrapped, sentences)])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row, with columns aligned at the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def wrapped(sentence: str) -> str:
    """Return a sentence in lines of the table's width; p-values are not torn apart."""
    kept_together = re.sub(r"\bp ([<=]) ", "p\u00a0\\1\u00a0", sentence)
    return textwrap.fill(kept_together, _WIDTH, break_on_hyphens=False).replace("\u00a0", " ")


def accuracies_by_model(results: Sequence[Result]) -> dict[str, dict[int, float]]:
    """Return accuracy by model and trial, models in order of appearance.

    Raises
    ------
    TrialsError
        If there are no results.
    """
    if not results:
        raise TrialsError("there are no results: run `elmo-train trials` first")
    models = dict.fromkeys(result.model for result in results)
    ordered = sorted(results, key=lambda result: result.trial)
    return {model: {r.trial: r.accuracy for r in ordered if r.model == model} for model in models}


def _pairs(accuracies: Mapping[str, Mapping[int, float]]) -> list[tuple[str, str, PairedDifference]]:
    """Return each later model with each earlier one, over the trials that both have."""
    pairs = []
    for other, model in combinations(accuracies, 2):
        if trials := [trial for trial in accuracies[other] if trial in accuracies[model]]:
            first, second = ([accuracies[name][trial] for trial in trials] for name in (model, other))
            pairs.append((model, other, paired_difference(first, second)))
    return pairs


def percent(fraction: float | None) -> str:
    """Return a fraction as a percentage with one decimal, or a dash."""
    return "-" if fraction is None else f"{100 * fraction:.1f}"
