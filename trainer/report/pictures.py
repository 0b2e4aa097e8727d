"""Pictures of the results of trials: box plots and pair plots of accuracies."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from cache.files import atomic_path
from cache.runtime.console import printable
from trainer.errors import TrialsError
from trainer.report.statistics import summarize
from trainer.report.tables import accuracies_by_model, percent
from trainer.runs.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot"]

CHANCE = 0.5


def plot(
    runs: Mapping[str, Sequence[Result]],
    path: Path,
    *,
    scored: str = "test documents",
    chance: float | None = CHANCE,
) -> None:
    """Draw box plots and pair plots of accuracies into a PNG, several runs side by side.

    Parameters
    ----------
    runs : mapping of str to sequence of TrialResult or TagResult
        Results by the name that stands over them.
    path : Path
        The picture; it appears whole or not at all.
    scored : str
        Of what the accuracies are percentages.
    chance : float or None
        The accuracy of guessing, drawn as a line, 0 to 1; None for no line.

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

    accuracies = {name: accuracies_by_model(results) for name, results in runs.items()}
    if not accuracies:
        raise TrialsError("there are no runs to draw")
    drawn = [result.accuracy for results in runs.values() for result in results]
    drawn += [] if chance is None else [chance]
    limits = 100 * min(drawn) - 3, 100 * max(drawn) + 3
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
            if chance is not None:
                ax.axhline(100 * chance, color="0.3", linestyle=":", linewidth=1.2, label="chance", zorder=1)
            ax.set(ylim=limits, xlim=(-0.6, len(run) - 0.4), xlabel="model", ylabel=f"accuracy (% of {scored})")
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
        parts.append(f"{model} {percent(s.mean)}" + ("" if s.sd is None else f" ± {percent(s.sd)}") + n)
    # No line ends within a model's numbers.
    sentence = f"n = {n_trials}, mean ± sd in %: {'; '.join(parts)}".replace(" ", "\u00a0")
    sentence = re.sub("(?<=[:;])\u00a0", " ", sentence)
    lines = [*textwrap.wrap(printable(name), width), *textwrap.wrap(sentence, width, break_on_hyphens=False)]
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
