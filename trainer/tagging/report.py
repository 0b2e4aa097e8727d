"""What trials on tags show: the table on the terminal and `summary.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cache.files import atomic_path
from trainer.report import plot
from trainer.report.statistics import PairedDifference, describe, method, paired_difference, summarize, verdict
from trainer.report.tables import aligned, percent, wrapped
from trainer.tagging.results import SCORES, TagResult

__all__ = ["plot_tags", "tag_summary", "tag_table", "write_tag_summary"]

BASELINE = "static"


def plot_tags(runs: Mapping[str, Sequence[TagResult]], path: Path, title: str | None = None) -> None:
    """Draw the token accuracies of runs, as `trainer.report.plot` draws those of documents.

    Raises
    ------
    TrialsError
        If there are no runs, or one has no results.
    OutputError
        If it cannot be written.
    """
    plot(runs, path, scored="test tokens", chance=None, title=title)


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
    scores = {score: by_model for score in SCORES if (by_model := _by_model(results, score))}
    rows = [["model", "trials", *(SCORES[score] for score in scores)]]
    for model in dict.fromkeys(result.model for result in results):
        found = [list(by_model.get(model, {}).values()) for by_model in scores.values()]
        rows.append([model, str(len(found[0])), *(_mean(values) for values in found)])
    blocks = ["Mean and standard deviation in %\n" + _ruled(rows)]
    differences: list[PairedDifference] = []
    for score, by_model in scores.items():
        if pairs := _pairs(by_model):
            described = [{"": f"{model} - {BASELINE}", **describe(difference)} for model, difference in pairs]
            rows = [list(described[0]), *(list(row.values()) for row in described)]
            blocks.append(f"Paired differences of {SCORES[score]} in percentage points\n" + _ruled(rows))
            differences += [difference for _, difference in pairs]
    accuracies = _pairs(scores["accuracy"])
    sentences = [f"Token accuracy: {verdict(model, BASELINE, difference)}" for model, difference in accuracies]
    if not accuracies:
        alone = all(result.model == BASELINE for result in results)
        sentences = [
            "Only one model was trained, so there is no comparison."
            if alone
            else "There are no trials of static, so there is no comparison."
        ]
    share_test = len({result.test_hash for result in results}) == 1
    if note := method(differences, share_test=share_test):
        sentences.append(note)
    return "\n\n".join([*blocks, *map(wrapped, sentences)])


def tag_summary(results: Sequence[TagResult]) -> dict[str, Any]:
    """Return by score each model's summary, and its difference to `static`, as fractions."""
    return {
        score: {
            "models": {model: asdict(summarize(list(found.values()))) for model, found in by_model.items()},
            "pairs": [
                {"model": model, "other": BASELINE, **asdict(difference)} for model, difference in _pairs(by_model)
            ],
        }
        for score in SCORES
        if (by_model := _by_model(results, score))
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


def _by_model(results: Sequence[TagResult], score: str) -> dict[str, dict[int, float]]:
    """Return a score by model and trial; models without it are left out."""
    found: dict[str, dict[int, float]] = {}
    for result in results:
        value = getattr(result, score)
        if value is not None:
            found.setdefault(result.model, {})[result.trial] = value
    return found


def _pairs(by_model: dict[str, dict[int, float]]) -> list[tuple[str, PairedDifference]]:
    """Return each model's difference to `static`, over the trials that both have."""
    pairs, baseline = [], by_model.get(BASELINE, {})
    for model, found in by_model.items():
        shared = [trial for trial in found if trial in baseline]
        if model != BASELINE and shared:
            values = ([scores[trial] for trial in shared] for scores in (found, baseline))
            pairs.append((model, paired_difference(*values)))
    return pairs


def _mean(values: list[float]) -> str:
    if not values:
        return "-"
    found = summarize(values)
    return f"{percent(found.mean)} ± {percent(found.sd)}"


def _ruled(rows: Sequence[Sequence[str]]) -> str:
    title, *lines = aligned(rows)
    return "\n".join([title, "-" * len(title), *lines])
