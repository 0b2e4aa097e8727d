"""One run in a figure: box plots, and lines between the models of a trial."""

import re
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from cache.runtime.console import printable
from trainer.report.metrics import ACCURACY, Metric
from trainer.report.statistics import summarize
from trainer.report.styles import CHARACTERS, Values, styles_of, wrapped_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_run"]

_MOST_SIDE_BY_SIDE = 4
"""Of more models the two panels stand one above the other."""


def draw_run(run: Values, title: str, *, chance: float | None, metric: Metric) -> "Figure":
    """Return a figure of one run: box plots of its models, and lines between the models of a trial.

    Parameters
    ----------
    run : mapping
        What is drawn, by model and trial; the metric's factor is in it.
    title : str
    chance : float or None
        Where the line of guessing is.
    metric : Metric
    """
    # Here, as `--help` need not wait for matplotlib; `Figure` without pyplot, as it leaves nothing global behind.
    from matplotlib.figure import Figure

    side_by_side = len(run) <= _MOST_SIDE_BY_SIDE
    # 800 px wide: at that size the smallest letters are 11 px high.
    figure = Figure(figsize=(8, 4.6) if side_by_side else (8, 8), layout="constrained")
    figure.suptitle(_heading(title, run, metric), fontsize=10, parse_math=False)
    boxes, pairs = figure.subplots(*((1, 2) if side_by_side else (2, 1)))
    colors = {model: style.color for model, style in styles_of(run).items()}
    _draw_boxes(boxes, run, colors)
    _draw_pairs(pairs, run, colors, higher_is_better=metric.higher_is_better)
    names = [wrapped_name(model, len(run), CHARACTERS // 2 if side_by_side else CHARACTERS) for model in run]
    for ax in (boxes, pairs):
        if chance is not None:
            ax.axhline(chance, color="0.3", linestyle=":", linewidth=1.2, label="chance", zorder=1)
        ax.set(xlim=(-0.6, len(run) - 0.4))
        ax.set_xticks(range(len(run)), names, parse_math=False)
    if handles := pairs.get_legend_handles_labels()[0]:
        figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _heading(name: str, run: Values, metric: Metric) -> str:
    n_trials = len({trial for found in run.values() for trial in found})
    parts = []
    for model, found in run.items():
        s = summarize([value / metric.factor for value in found.values()])
        n = "" if s.n == n_trials else f" (n = {s.n})"
        parts.append(f"{model} {metric.show(s.mean)}" + ("" if s.sd is None else f" ± {metric.show(s.sd)}") + n)
    unit = " in %" if metric == ACCURACY else f" of {metric.title[0].lower()}{metric.title[1:]}"
    # No line ends within a model's numbers.
    sentence = f"n = {n_trials}, mean ± sd{unit}: {'; '.join(parts)}".replace(" ", "\u00a0")
    sentence = re.sub("(?<=[:;])\u00a0", " ", sentence)
    lines = [*textwrap.wrap(printable(name), 90), *textwrap.wrap(sentence, 90, break_on_hyphens=False)]
    return "\n".join(lines).replace("\u00a0", " ")


def _draw_boxes(ax: "Axes", run: Values, colors: Mapping[str, str]) -> None:
    from matplotlib.cbook import boxplot_stats

    ax.set_title("each model's trials", fontsize=9)
    for column, (model, found) in enumerate(run.items()):
        values = list(found.values())
        # By hand, as `Axes.boxplot` loads pyplot, which looks for a display.
        box = boxplot_stats(values)[0]
        ax.bar(column, box["q3"] - box["q1"], 0.5, bottom=box["q1"], fill=False)
        ax.hlines(box["med"], column - 0.25, column + 0.25, color="black")
        ax.hlines([box["whislo"], box["whishi"]], column - 0.1, column + 0.1, color="black", linewidth=1)
        ax.vlines([column] * 2, [box["whislo"], box["q3"]], [box["q1"], box["whishi"]], color="black", linewidth=1)
        offsets = [0.24 * (i + 0.5) / len(values) - 0.12 for i in range(len(values))]
        ax.plot([column + offset for offset in offsets], values, "o", markersize=5, alpha=0.7, color=colors[model])


def _draw_pairs(ax: "Axes", run: Values, colors: Mapping[str, str], *, higher_is_better: bool) -> None:
    if len(run) > 1:
        ax.set_title("lines join the same trial", fontsize=9)
    better, worse, equal = "right-hand model better", "right-hand model worse", "both equal"
    styles = {better: ("0.45", "-"), worse: ("#B2182B", "--"), equal: ("0.45", "-.")}
    drawn = set()
    for column, (left, right) in enumerate(pairwise(run.values())):
        for trial in sorted(left.keys() & right.keys()):
            ends = [left[trial], right[trial]]
            label = equal if ends[0] == ends[1] else better if (ends[0] < ends[1]) == higher_is_better else worse
            color, dashes = styles[label]
            drawn.add(label)
            ax.plot([column, column + 1], ends, dashes, color=color, linewidth=1.2, alpha=0.8)
    for label in (label for label in styles if label in drawn):
        ax.plot([], [], styles[label][1], color=styles[label][0], label=label)
    for column, (model, found) in enumerate(run.items()):
        ax.plot([column] * len(found), list(found.values()), "o", markersize=5, color=colors[model])
