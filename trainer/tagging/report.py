"""What trials on tags show: the table on the terminal and `summary.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cache.files import atomic_path
from trainer.report.metrics import Metric
from trainer.report.statistics import PairedDifference, method, summarize, verdict
from trainer.report.tables import differences_block, has_metric, ruled, shared_difference, values_by_model, wrapped
from trainer.tagging.results import SCORES, TagResult

__all__ = ["tag_summary", "tag_table", "write_tag_summary"]

BASELINE = "static"


def tag_table(results: Sequence[TagResult]) -> str:
    """Return the table for the terminal: each model's scores, their differences to `static`, and what they show.

    Parameters
    ----------
    results : sequence of TagResult
        At least one.

    Returns
    -------
    str

    Examples
    --------
    >>> rest = {"entity_f1": None, "chosen": 0.1, "seconds": 2.5, "seed": 0}
    >>> rest |= {"train_hash": "0a", "validation_hash": "0b", "test_hash": "0c"}
    >>> print(tag_table([TagResult(trial, "elmo", 0.7 + trial / 50, 0.5, **rest) for trial in (1, 2)]))
    Mean and standard deviation in %
    model  trials  token accuracy    macro-F1
    -----------------------------------------
     elmo       2      73.0 ± 1.4  50.0 ± 0.0
    <BLANKLINE>
    There are no trials of static, so there is no comparison.
    """
    scores = {metric: values_by_model(results, metric) for metric in SCORES if has_metric(results, metric)}
    rows = [["model", "trials", *(metric.noun for metric in scores)]]
    for model in dict.fromkeys(result.model for result in results):
        cells = [_mean(metric, by_model.get(model)) for metric, by_model in scores.items()]
        rows.append([model, str(len(scores[SCORES[0]][model])), *cells])
    blocks = [ruled("Mean and standard deviation in %", rows)]
    pairs = {metric: _pairs(by_model) for metric, by_model in scores.items()}
    for metric, of_metric in pairs.items():
        if of_metric:
            named = {f"{model} - {BASELINE}": difference for model, difference in of_metric.items()}
            blocks.append(differences_block(f"Paired differences of {metric.noun} in percentage points", named))
    accuracies = pairs[SCORES[0]]
    sentences = [f"Token accuracy: {verdict(model, BASELINE, difference)}" for model, difference in accuracies.items()]
    if not accuracies:
        alone = all(result.model == BASELINE for result in results)
        sentences = [
            "Only one model was trained, so there is no comparison."
            if alone
            else "There are no trials of static, so there is no comparison."
        ]
    if note := method([difference for of_metric in pairs.values() for difference in of_metric.values()], results):
        sentences.append(note)
    return "\n\n".join([*blocks, *map(wrapped, sentences)])


def tag_summary(results: Sequence[TagResult]) -> dict[str, Any]:
    """Return by score each model's summary, and its difference to `static`, as fractions."""
    return {
        metric.field: {
            "models": {model: asdict(summarize(list(found.values()))) for model, found in by_model.items()},
            "pairs": [
                {"model": model, "other": BASELINE, **asdict(found)} for model, found in _pairs(by_model).items()
            ],
        }
        for metric in SCORES
        if has_metric(results, metric) and (by_model := values_by_model(results, metric))
    }


def write_tag_summary(folder: Path, results: Sequence[TagResult]) -> None:
    """Write a folder's `summary.json`; it appears whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with atomic_path(folder / "summary.json") as temporary:
        temporary.write_text(json.dumps(tag_summary(results), indent=1) + "\n", encoding="utf-8")


def _pairs(by_model: Mapping[str, Mapping[int, float]]) -> dict[str, PairedDifference]:
    """Return each model's difference to `static`, over the trials that both have."""
    found = {model: shared_difference(values, by_model.get(BASELINE, {})) for model, values in by_model.items()}
    return {model: difference for model, difference in found.items() if difference and model != BASELINE}


def _mean(metric: Metric, values: Mapping[int, float] | None) -> str:
    if not values:
        return "-"
    found = summarize(list(values.values()))
    return f"{metric.show(found.mean)} ± {metric.show(found.sd)}"
