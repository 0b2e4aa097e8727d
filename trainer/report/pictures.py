"""Pictures of the results of trials: box plots and pair plots, the losses by epoch, and learning curves."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from cache.files import atomic_path
from cache.runtime.console import printable
from trainer import messages
from trainer.errors import TrialsError
from trainer.report.metrics import ACCURACY, Metric
from trainer.report.statistics import summarize
from trainer.report.tables import values_by_model
from trainer.runs.details import EpochResult
from trainer.runs.results import Result, TrialResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "check_picture", "plot", "plot_losses", "save"]

FORMATS: Mapping[str, Mapping[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
"""Endings of a picture's name, and what of its metadata would differ from run to run."""

CHANCE = 0.5


def plot(
    runs: Mapping[str, Sequence[Result]],
    path: Path,
    *,
    scored: str = "test documents",
    chance: float | None = CHANCE,
    metric: Metric = ACCURACY,
) -> None:
    """Draw box plots and pair plots of accuracies, several runs side by side.

    Parameters
    ----------
    runs : mapping of str to sequence of TrialResult or TagResult
        Results by the name that stands over them.
    path : Path
        The picture, `.png`, `.svg` or `.pdf`; it appears whole or not at all.
    scored : str
        Of what the accuracies are percentages.
    chance : float or None
        The accuracy of guessing, drawn as a line, 0 to 1; None for no line.
    metric : Metric
        What is drawn in place of accuracies.

    Raises
    ------
    TrialsError
        If there are no runs, one has no results or none with this metric, or the name has another ending.
    OutputError
        If it cannot be written.
    """
    # Here, as `--help` need not wait for matplotlib; `Figure` without pyplot, as it leaves nothing global behind.
    from matplotlib.figure import Figure

    check_picture(path)
    values = {name: values_by_model(results, metric) for name, results in runs.items()}
    if not values:
        raise TrialsError(messages.NOTHING_TO_DRAW)
    factor = metric.factor
    drawn = [factor * value for run in values.values() for found in run.values() for value in found.values()]
    drawn += [] if chance is None else [factor * chance]
    margin = 3 if factor == 100 else 0.05 * (max(drawn) - min(drawn)) + 0.01
    limits = min(drawn) - margin, max(drawn) + margin
    label = f"{metric.noun} (% of {scored})" if metric == ACCURACY else metric.title.replace(" in ", " (") + ")"
    n_runs = len(values)
    # 800 px wide for one run or two: at that size the smallest letters are 11 px high.
    figure = Figure(figsize=(8, 4.6) if n_runs == 1 else (4 * n_runs, 8), layout="constrained")
    titles = [_title(name, run, metric, 90 if n_runs == 1 else 44) for name, run in values.items()]
    n_lines = max(title.count("\n") for title in titles)
    parts = figure.subfigures(1, n_runs, squeeze=False)[0]
    for part, title, run in zip(parts, titles, values.values(), strict=True):
        # As many lines everywhere, so that the axes of all runs are level.
        part.suptitle(title + "\n" * (n_lines - title.count("\n")), fontsize=10, parse_math=False)
        boxes, pairs = part.subplots(*((1, 2) if n_runs == 1 else (2, 1)))
        scaled = {model: {t: factor * v for t, v in found.items()} for model, found in run.items()}
        _draw_boxes(boxes, scaled)
        _draw_pairs(pairs, scaled, higher_is_better=metric.higher_is_better)
        for ax in (boxes, pairs):
            if chance is not None:
                ax.axhline(factor * chance, color="0.3", linestyle=":", linewidth=1.2, label="chance", zorder=1)
            ax.set(ylim=limits, xlim=(-0.6, len(run) - 0.4), xlabel="model", ylabel=label)
            ax.set_xticks(range(len(run)), list(run), parse_math=False)
            ax.grid(axis="y", color="0.9")
            ax.set_axisbelow(True)
        n_columns = 4 if n_runs == 1 else 2
        handles = pairs.get_legend_handles_labels()[0]
        part.legend(handles=handles, loc="outside lower center", ncols=n_columns, fontsize=8, frameon=False)
    save(figure, path)


def plot_losses(results: Sequence[TrialResult], epochs: Sequence[EpochResult], path: Path) -> None:
    """Draw the losses of each training by epoch, a panel for each model.

    Parameters
    ----------
    results : sequence of TrialResult
        Of one run.
    epochs : sequence of EpochResult
        Its `epochs.csv`.
    path : Path
        The picture, `.png`, `.svg` or `.pdf`; it appears whole or not at all.

    Raises
    ------
    TrialsError
        If there are no losses, or the name has another ending.
    OutputError
        If it cannot be written.
    """
    from matplotlib.figure import Figure

    check_picture(path)
    models = [model for model in dict.fromkeys(r.model for r in results) if any(e.model == model for e in epochs)]
    if not models:
        raise TrialsError(messages.NO_LOSSES)
    n_columns = min(3, len(models))
    n_rows = -(-len(models) // n_columns)
    figure = Figure(figsize=(max(5, 4 * n_columns), 3.6 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).ravel()
    for ax in panels[len(models) :]:
        ax.set_visible(False)
    for ax, model in zip(panels, models, strict=False):
        for result in (r for r in results if r.model == model):
            own = [e for e in epochs if (e.trial, e.model) == (result.trial, model)]
            numbers = [e.epoch for e in own]
            ax.plot(numbers, [e.training_loss for e in own], color="0.6", linewidth=1, alpha=0.7)
            ax.plot(numbers, [e.validation_loss for e in own], color="C1", linewidth=1, alpha=0.8)
            best = [e.validation_loss for e in own if e.epoch == result.best_epoch]
            ax.plot([result.best_epoch] * len(best), best, "o", color="C1", markersize=4)
        ax.set_title(printable(model), fontsize=10, parse_math=False)
        ax.set(xlabel="epoch", ylabel="loss (cross-entropy in nats)")
        ax.grid(color="0.9")
    panels[0].plot([], [], color="0.6", label="training documents")
    panels[0].plot([], [], "o-", color="C1", markersize=4, label="validation documents; point: the weights tested")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    save(figure, path)


def check_picture(path: Path) -> None:
    """Raise `TrialsError` if a picture's name has none of the endings in `FORMATS`."""
    if path.suffix.lower() not in FORMATS:
        found, expected = path.suffix or "nothing", ", ".join(FORMATS)
        raise TrialsError(messages.PICTURE_NAME, path=path, found=found, expected=expected)


def save(figure: "Figure", path: Path) -> None:
    """Write a figure in the format that the name's ending says; it appears whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    ending = path.suffix.lower()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=ending[1:], dpi=200, metadata=dict(FORMATS[ending]))


def _title(name: str, run: Mapping[str, Mapping[int, float]], metric: Metric, width: int) -> str:
    n_trials = len({trial for found in run.values() for trial in found})
    parts = []
    for model, found in run.items():
        s = summarize(list(found.values()))
        n = "" if s.n == n_trials else f" (n = {s.n})"
        parts.append(f"{model} {metric.show(s.mean)}" + ("" if s.sd is None else f" ± {metric.show(s.sd)}") + n)
    unit = " in %" if metric == ACCURACY else f" of {metric.title[0].lower()}{metric.title[1:]}"
    # No line ends within a model's numbers.
    sentence = f"n = {n_trials}, mean ± sd{unit}: {'; '.join(parts)}".replace(" ", "\u00a0")
    sentence = re.sub("(?<=[:;])\u00a0", " ", sentence)
    lines = [*textwrap.wrap(printable(name), width), *textwrap.wrap(sentence, width, break_on_hyphens=False)]
    return "\n".join(lines).replace("\u00a0", " ")


def _draw_boxes(ax: "Axes", run: Mapping[str, Mapping[int, float]]) -> None:
    from matplotlib.cbook import boxplot_stats

    ax.set_title("each model's trials", fontsize=9)
    for column, found in enumerate(run.values()):
        values = list(found.values())
        # By hand, as `Axes.boxplot` loads pyplot, which looks for a display.
        box = boxplot_stats(values)[0]
        ax.bar(column, box["q3"] - box["q1"], 0.5, bottom=box["q1"], fill=False)
        ax.hlines(box["med"], column - 0.25, column + 0.25, color="black")
        ax.hlines([box["whislo"], box["whishi"]], column - 0.1, column + 0.1, color="black", linewidth=1)
        ax.vlines([column] * 2, [box["whislo"], box["q3"]], [box["q1"], box["whishi"]], color="black", linewidth=1)
        offsets = [0.24 * (i + 0.5) / len(values) - 0.12 for i in range(len(values))]
        ax.plot([column + offset for offset in offsets], values, "o", markersize=5, alpha=0.7, color=f"C{column}")


def _draw_pairs(ax: "Axes", run: Mapping[str, Mapping[int, float]], *, higher_is_better: bool) -> None:
    ax.set_title("lines join the same trial", fontsize=9)
    better, worse, equal = "right-hand model better", "right-hand model worse", "both equal"
    styles = {better: ("0.45", "-"), worse: ("C3", "--"), equal: ("0.45", "-.")}
    for label, (color, dashes) in styles.items():  # for the legend, which is the same beside every run
        ax.plot([], [], dashes, color=color, label=label)
    for column, (left, right) in enumerate(pairwise(run.values())):
        for trial in sorted(left.keys() & right.keys()):
            ends = [left[trial], right[trial]]
            label = equal if ends[0] == ends[1] else better if (ends[0] < ends[1]) == higher_is_better else worse
            color, dashes = styles[label]
            ax.plot([column, column + 1], ends, dashes, color=color, linewidth=1.2, alpha=0.8)
    for column, found in enumerate(run.values()):
        ax.plot([column] * len(found), list(found.values()), "o", markersize=5, color=f"C{column}")
