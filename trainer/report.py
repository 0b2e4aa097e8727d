"""What the results of trials show: the summary, the table on the terminal and the pictures."""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache.files import atomic_path
from trainer.errors import TrialsError
from trainer.results import TrialResult
from trainer.statistics import PairedDifference, describe, method, paired_difference, summarize, verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot", "summary", "table", "write_summary"]

CHANCE = 0.5
_WIDTH = 100


def summary(results: Sequence[TrialResult]) -> dict[str, Any]:
    """Return what `summary.json` holds: each model's accuracies, and each pair's difference, as fractions.

    Raises
    ------
    TrialsError
        If there are no results.
    """
    accuracies = _by_model(results)
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
    accuracies = _by_model(results)
    summaries = {model: summarize(list(found.values())) for model, found in accuracies.items()}
    rows = [["trial", *accuracies]]
    for trial in sorted({result.trial for result in results}):
        rows.append([str(trial), *(_percent(found.get(trial)) for found in accuracies.values())])
    rows.append(["mean", *(_percent(s.mean) for s in summaries.values())])
    rows.append(["sd", *(_percent(s.sd) for s in summaries.values())])
    rows.append(["range", *(f"{_percent(s.min)} to {_percent(s.max)}" for s in summaries.values())])
    lines = _aligned(rows)
    rule = "-" * len(lines[0])
    blocks = ["\n".join(["Accuracy in %", lines[0], rule, *lines[1:-3], rule, *lines[-3:]])]
    if pairs := _pairs(accuracies):
        described = [{"": f"{model} - {other}", **describe(difference)} for model, other, difference in pairs]
        lines = _aligned([list(described[0]), *(list(row.values()) for row in described)])
        blocks.append("\n".join(["Paired differences in percentage points", lines[0], "-" * len(lines[0]), *lines[1:]]))
    sentences = [verdict(*pair) for pair in pairs]
    sentences += [] if pairs else ["No two models have a trial in common: there is nothing to compare."]
    share_test = len({result.test_hash for result in results}) == 1
    if note := method([difference for _, _, difference in pairs], share_test=share_test):
        sentences.append(note)
    return "\n\n".join([*blocks, *map(_wrapped, sentences)])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _wrapped(sentence: str) -> str:
    kept_together = re.sub(r"\bp ([<=]) ", "p\u00a0\\1\u00a0", sentence)
    return textwrap.fill(kept_together, _WIDTH, break_on_hyphens=False).replace("\u00a0", " ")


def _by_model(results: Sequence[TrialResult]) -> dict[str, dict[int, float]]:
    """Return accuracy by model and trial, models in order of appearance."""
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


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{100 * fraction:.1f}"


def plot(runs: Mapping[str, Sequence[TrialResult]], path: Path) -> None:
    """Draw box plots and pair plots of accuracies into a PNG, several runs side by side.

    Parameters
    ----------
    runs : mapping of str to sequence of TrialResult
        Results by the name that stands over them.
    path : Path
        The picture; it appears whole or not at all.

    Raises
    ------
    TrialsError
        If there are no runs, or one has no results.
    OutputError
        If it cannot be written.
    """
    # Here, as `--help` need not wait for matplotlib; `Figure` without pyplot, as it leaves nothing global behind.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    accuracies = {name: _by_model(results) for name, results in runs.items()}
    if not accuracies:
        raise TrialsError("there are no runs to draw")
    drawn = [result.accuracy for results in runs.values() for result in results]
    limits = 100 * min(CHANCE, *drawn) - 3, 100 * max(CHANCE, *drawn) + 3
    n_runs = len(accuracies)
    # 800 px wide for one run or two: at that size the smallest letters are 11 px high.
    figure = Figure(figsize=(8, 4.6) if n_runs == 1 else (4 * n_runs, 8), layout="constrained")
    titles = [_title(name, run, 90 if n_runs == 1 else 44) for name, run in accuracies.items()]
    n_lines = max(title.count("\n") for title in titles)
    parts = figure.subfigures(1, n_runs, squeeze=False)[0]
    for part, title, run in zip(parts, titles, accuracies.values(), strict=True):
        # As many lines everywhere, so that the axes of all runs are level.
        part.suptitle(title + "\n" * (n_lines - title.count("\n")), fontsize=10, parse_math=False)
        boxes, pairs = part.subplots(*((1, 2) if n_runs == 1 else (2, 1)))
        _draw_boxes(boxes, run)
        _draw_pairs(pairs, run)
        for ax in (boxes, pairs):
            ax.axhline(100 * CHANCE, color="0.3", linestyle=":", linewidth=1.2, label="chance", zorder=1)
            ax.set(ylim=limits, xlim=(-0.6, len(run) - 0.4), xlabel="model", ylabel="accuracy (% of test documents)")
            ax.set_xticks(range(len(run)), list(run), parse_math=False)
            ax.grid(axis="y", color="0.9")
            ax.set_axisbelow(True)
        n_columns = 4 if n_runs == 1 else 2
        handles = pairs.get_legend_handles_labels()[0]
        part.legend(handles=handles, loc="outside lower center", ncols=n_columns, fontsize=8, frameon=False)
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure)
        figure.savefig(temporary, format="png", dpi=200, metadata={"Software": None})


def _title(name: str, run: Mapping[str, Mapping[int, float]], width: int) -> str:
    n_trials = len({trial for found in run.values() for trial in found})
    parts = []
    for model, found in run.items():
        s = summarize(list(found.values()))
        n = "" if s.n == n_trials else f" (n = {s.n})"
        parts.append(f"{model} {_percent(s.mean)}" + ("" if s.sd is None else f" ± {_percent(s.sd)}") + n)
    # No line ends within a model's numbers.
    sentence = f"n = {n_trials}, mean ± sd in %: {'; '.join(parts)}".replace(" ", "\u00a0")
    sentence = re.sub("(?<=[:;])\u00a0", " ", sentence)
    lines = [*textwrap.wrap(name, width), *textwrap.wrap(sentence, width, break_on_hyphens=False)]
    return "\n".join(lines).replace("\u00a0", " ")


def _draw_boxes(ax: "Axes", run: Mapping[str, Mapping[int, float]]) -> None:
    from matplotlib.cbook import boxplot_stats

    ax.set_title("each model's trials", fontsize=9)
    for column, found in enumerate(run.values()):
        values = [100 * accuracy for accuracy in found.values()]
        # By hand, as `Axes.boxplot` loads pyplot, which looks for a display.
        box = boxplot_stats(values)[0]
        ax.bar(column, box["q3"] - box["q1"], 0.5, bottom=box["q1"], fill=False)
        ax.hlines(box["med"], column - 0.25, column + 0.25, color="black")
        ax.hlines([box["whislo"], box["whishi"]], column - 0.1, column + 0.1, color="black", linewidth=1)
        ax.vlines([column] * 2, [box["whislo"], box["q3"]], [box["q1"], box["whishi"]], color="black", linewidth=1)
        offsets = [0.24 * (i + 0.5) / len(values) - 0.12 for i in range(len(values))]
        ax.plot([column + offset for offset in offsets], values, "o", markersize=5, alpha=0.7, color=f"C{column}")


def _draw_pairs(ax: "Axes", run: Mapping[str, Mapping[int, float]]) -> None:
    ax.set_title("lines join the same trial", fontsize=9)
    better, worse, equal = "right-hand model better", "right-hand model worse", "both equal"
    styles = {better: ("0.45", "-"), worse: ("C3", "--"), equal: ("0.45", "-.")}
    for label, (color, dashes) in styles.items():  # for the legend, which is the same beside every run
        ax.plot([], [], dashes, color=color, label=label)
    for column, (left, right) in enumerate(pairwise(run.values())):
        for trial in sorted(left.keys() & right.keys()):
            ends = [100 * left[trial], 100 * right[trial]]
            label = equal if ends[0] == ends[1] else better if ends[0] < ends[1] else worse
            color, dashes = styles[label]
            ax.plot([column, column + 1], ends, dashes, color=color, linewidth=1.2, alpha=0.8)
    for column, found in enumerate(run.values()):
        ax.plot([column] * len(found), [100 * a for a in found.values()], "o", markersize=5, color=f"C{column}")
