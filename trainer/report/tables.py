"""What the results of trials show in numbers: the summary and the table on the terminal."""

import json
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from cache.files import atomic_path
from trainer import messages
from trainer.errors import TrialsError
from trainer.report.metrics import ACCURACY, METRICS, Metric
from trainer.report.statistics import PairedDifference, describe, method, paired_difference, summarize, verdict
from trainer.runs.details import ClassResult
from trainer.runs.results import Result, TrialResult

__all__ = [
    "aligned",
    "differences_block",
    "has_metric",
    "ruled",
    "shared_difference",
    "summary",
    "table",
    "values_by_model",
    "wrapped",
    "write_summary",
]

_WIDTH = 100
_LABEL_WIDTH = 30
_MOST_TOLD = 3
"""Of more models the sentences compare each to the first one alone."""


def summary(results: Sequence[TrialResult]) -> dict[str, Any]:
    """Return what `summary.json` holds: each model's accuracies, and each pair's difference, as fractions.

    The same of macro-F1 and log-loss stands under `macro_f1` and `log_loss`, where results have them.

    Raises
    ------
    TrialsError
        If there are no results.
    """
    found = {metric.field: _summary(results, metric) for metric in METRICS.values() if has_metric(results, metric)}
    return {**found.pop("accuracy", _summary(results, ACCURACY)), **found}


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


def table(results: Sequence[TrialResult], metric: Metric = ACCURACY, classes: Sequence[ClassResult] = ()) -> str:
    """Return the table for the terminal: trials, summaries, differences, and what they show, in words.

    Parameters
    ----------
    results : sequence of TrialResult
    metric : Metric
        What models are compared by. The means of the others stand below, where results have them.
    classes : sequence of ClassResult
        Results by class, for a block with the mean F1 of each.

    Raises
    ------
    TrialsError
        If there are no results, or none with this metric.

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
    Only one model was trained, so there is no comparison.
    """
    values = values_by_model(results, metric)
    summaries = {model: summarize(list(found.values())) for model, found in values.items()}
    rows = [["trial", *values]]
    for trial in sorted({result.trial for result in results}):
        rows.append([str(trial), *(metric.show(found.get(trial)) for found in values.values())])
    rows.append(["mean", *(metric.show(s.mean) for s in summaries.values())])
    rows.append(["sd", *(metric.show(s.sd) for s in summaries.values())])
    rows.append(["range", *(f"{metric.show(s.min)} to {metric.show(s.max)}" for s in summaries.values())])
    others = [other for other in METRICS.values() if other != metric and has_metric(results, other)]
    for other in others:
        found = {model: list(of_model.values()) for model, of_model in values_by_model(results, other).items()}
        rows.append([other.noun, *(other.show(float(np.mean(found[m])) if m in found else None) for m in values)])
    lines = aligned(rows)
    rule = "-" * len(lines[0])
    n_last = 3 + len(others)
    blocks = ["\n".join([metric.title, lines[0], rule, *lines[1:-n_last], rule, *lines[-n_last:]])]
    if classes:
        blocks.append(_class_block(classes, list(values)))
    if pairs := _pairs(values, metric):
        named = {f"{model} - {other}": difference for model, other, difference in pairs}
        blocks.append(differences_block(f"Paired differences in {metric.unit}", named, metric))
    told = pairs if len(values) <= _MOST_TOLD else [pair for pair in pairs if pair[1] == next(iter(values))]
    sentences = [verdict(*pair, metric) for pair in told]
    if not pairs:
        what = "Only one model was trained" if len(values) == 1 else "The models have no trial in common"
        sentences.append(f"{what}, so there is no comparison.")
    if note := method([difference for _, _, difference in pairs], results):
        sentences.append(note)
    return "\n\n".join([*blocks, *map(wrapped, sentences)])


def ruled(title: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a block of a table: its title, the heads of its columns, a rule, and a line for each other row."""
    heads, *lines = aligned(rows)
    return "\n".join([title, heads, "-" * len(heads), *lines])


def differences_block(
    title: str, differences: Mapping[str, PairedDifference], metric: Metric = ACCURACY, head: str = ""
) -> str:
    """Return a block with a line for each difference, whose names stand in a column called `head`."""
    described = [{head: name, **describe(difference, metric)} for name, difference in differences.items()]
    return ruled(title, [list(described[0]), *(list(row.values()) for row in described)])


def shared_difference(
    found: Mapping[int, float], others: Mapping[int, float], metric: Metric = ACCURACY
) -> PairedDifference | None:
    """Return how one model's values differ from another's over the trials that both have; None if there are none."""
    trials = [trial for trial in others if trial in found]
    if not trials:
        return None
    pair = ([values[trial] for trial in trials] for values in (found, others))
    return paired_difference(*pair, higher_is_better=metric.higher_is_better)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row, with columns aligned at the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def wrapped(sentence: str) -> str:
    """Return a sentence in lines of the table's width; p-values are not torn apart."""
    kept_together = re.sub(r"\bp ([<=]) ", "p\u00a0\\1\u00a0", sentence)
    return textwrap.fill(kept_together, _WIDTH, break_on_hyphens=False).replace("\u00a0", " ")


def values_by_model(results: Sequence[Result], metric: Metric) -> dict[str, dict[int, float]]:
    """Return a metric by model and trial, models in order of appearance; what is not finite is left out.

    Raises
    ------
    TrialsError
        If there are no results, or none with this metric.
    """
    if not results:
        raise TrialsError(messages.NOTHING_MEASURED)
    found: dict[str, dict[int, float]] = {result.model: {} for result in results}
    for result in sorted(results, key=lambda result: result.trial):
        value = getattr(result, metric.field, None)
        if value is not None and math.isfinite(value):
            found[result.model][result.trial] = value
    found = {model: values for model, values in found.items() if values}
    if not found:
        raise TrialsError(messages.NO_METRIC, name=metric.noun)
    return found


def has_metric(results: Sequence[Result], metric: Metric) -> bool:
    """Tell whether any result has a metric."""
    return any(getattr(result, metric.field, None) is not None for result in results)


def _summary(results: Sequence[TrialResult], metric: Metric) -> dict[str, Any]:
    values = values_by_model(results, metric)
    return {
        "models": {model: asdict(summarize(list(found.values()))) for model, found in values.items()},
        "pairs": [
            {"model": model, "other": other, **asdict(difference), "verdict": verdict(model, other, difference, metric)}
            for model, other, difference in _pairs(values, metric)
        ],
    }


def _class_block(classes: Sequence[ClassResult], models: Sequence[str]) -> str:
    rows = [["class", *models]]
    for label in dict.fromkeys(found.label for found in classes):
        of_label = [found for found in classes if found.label == label]
        of_models = [[found.f1 for found in of_label if found.model == model] for model in models]
        means = [ACCURACY.show(float(np.mean(f1)) if f1 else None) for f1 in of_models]
        rows.append([" ".join(label.split())[:_LABEL_WIDTH], *means])
    return ruled("Mean F1 by class in %", rows)


def _pairs(
    values: Mapping[str, Mapping[int, float]], metric: Metric = ACCURACY
) -> list[tuple[str, str, PairedDifference]]:
    """Return each later model with each earlier one, over the trials that both have."""
    pairs = []
    for other, model in combinations(values, 2):
        if difference := shared_difference(values[model], values[other], metric):
            pairs.append((model, other, difference))
    return pairs
