"""Several runs in one panel: each model's trials by run, joined where they had the same documents."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cache.runtime.console import printable
from trainer.report.metrics import Metric
from trainer.report.styles import Values, styles_of, wrapped_name
from trainer.runs.results import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["documents_of", "draw_runs"]

_MOST_NUMBERS = 20
"""Means that have room over the points."""
_LEGEND_CHARACTERS = 125
"""Of the entries of a legend that fit into one row, marks included."""
_MARK_CHARACTERS = 11
"""As wide as these is an entry's mark, with the space around it."""
_WIDTH = 0.8
"""Of the place of a run, whose distance to the next is 1."""


def documents_of(result: Any) -> tuple[str, str, str]:
    """Return the hashes of the documents that a trial trained on, stopped by and was tested on."""
    return result.train_hash, result.validation_hash, result.test_hash


def draw_runs(
    values: Mapping[str, Values],
    runs: Mapping[str, Sequence[Result]],
    *,
    title: str | None,
    chance: float | None,
    metric: Metric,
) -> "Figure":
    """Return a figure of several runs.

    Parameters
    ----------
    values : mapping
        What is drawn, by run, model and trial.
    runs : mapping of str to sequence of TrialResult or TagResult
        The results that this is of.
    title : str or None
    chance : float or None
        Where the line of guessing is.
    metric : Metric
        How means are shown; `values` are multiplied by its factor already.
    """
    from matplotlib.figure import Figure

    models = list(dict.fromkeys(model for run in values.values() for model in run))
    styles, names = styles_of(models), list(values)
    documents = {name: {(r.trial, r.model): documents_of(r) for r in results} for name, results in runs.items()}
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    if title:
        figure.suptitle(printable(title), fontsize=10, parse_math=False, wrap=True)
    ax = figure.subplots()
    spread = _WIDTH / len(models)
    n_means = sum(map(len, values.values()))
    joined = False
    for k, model in enumerate(models):
        color, with_model = styles[model].color, [i for i, name in enumerate(names) if model in values[name]]
        places: dict[int, dict[int, float]] = {}
        for i in with_model:
            middle = i + (k + 0.5) * spread - _WIDTH / 2
            trials = sorted(values[names[i]][model])
            step = 0.6 * spread / len(trials)
            places[i] = {t: middle + (j + 0.5) * step - 0.3 * spread for j, t in enumerate(trials)}
        for left, right in pairwise(with_model):
            for trial in sorted(places[left].keys() & places[right].keys()):
                if documents[names[left]][trial, model] == documents[names[right]][trial, model]:
                    joined = True
                    ends = [values[names[i]][model][trial] for i in (left, right)]
                    ax.plot([places[left][trial], places[right][trial]], ends, color=color, linewidth=0.6, alpha=0.3)
        for i in with_model:
            found, xs = values[names[i]][model], places[i]
            ax.plot(list(xs.values()), [found[t] for t in xs], "o", color=color, markersize=3.5, alpha=0.6)
            mean, middle = sum(found.values()) / len(found), i + (k + 0.5) * spread - _WIDTH / 2
            ax.hlines(mean, middle - 0.42 * spread, middle + 0.42 * spread, color="black", linewidth=1.6, zorder=5)
            if n_means <= _MOST_NUMBERS:
                place = (middle, max(found.values()))
                text = f"{mean:.{metric.decimals}f}"
                ax.annotate(text, place, (0, 5), textcoords="offset points", ha="center", fontsize=8, zorder=6)
        ax.plot([], [], "o", color=color, markersize=5, label=printable(model))
    ax.plot([], [], color="black", linewidth=1.6, label="mean")
    if joined:
        ax.plot([], [], color="0.5", linewidth=0.8, label="same trial")
    if chance is not None:
        ax.axhline(chance, color="0.3", linestyle=":", linewidth=1.2, label="chance", zorder=1)
    for i in range(1, len(names)):
        ax.axvline(i - 0.5, color="0.8", linewidth=0.8, zorder=0)
    ax.set(xlim=(-0.5, len(names) - 0.5))
    counts = [len({result.trial for result in runs[name]}) for name in names]
    labels = [wrapped_name(name, len(names)) for name in names]
    if len(set(counts)) == 1:
        ax.set_title("1 trial per run" if counts[0] == 1 else f"{counts[0]:,} trials per run", fontsize=9)
    else:
        labels = [f"{label}\nn = {count:,}" for label, count in zip(labels, counts, strict=True)]
    ax.set_xticks(range(len(names)), labels, parse_math=False)
    ax.tick_params(axis="x", length=0)
    entries = ax.get_legend_handles_labels()[1]
    in_one_row = sum(len(entry) + _MARK_CHARACTERS for entry in entries) <= _LEGEND_CHARACTERS
    n_columns = len(entries) if in_one_row else max(4, -(-len(entries) // 2))
    figure.legend(loc="outside lower center", ncols=n_columns, fontsize=8, frameon=False)
    return figure
