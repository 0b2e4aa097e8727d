"""Learning curves: what each model comes to at several training sizes, as a table and as a picture."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from cache.runtime.console import printable
from trainer.report.metrics import ACCURACY, Metric
from trainer.report.pictures import axis_label, check_picture, save
from trainer.report.statistics import PairedDifference, mean_interval, method, summarize
from trainer.report.styles import styles_of
from trainer.report.tables import differences_block, ruled, shared_difference, values_by_model, wrapped
from trainer.runs.results import TrialResult

__all__ = ["curve_table", "plot_curve"]

Curve = Mapping[int, Sequence[TrialResult]]
"""Results by number of training documents."""


def curve_table(curve: Curve, metric: Metric = ACCURACY) -> str:
    """Return the table for the terminal: means by size and model, and each model's differences to the first.

    Raises
    ------
    TrialsError
        If there are no results, or none with this metric.

    Examples
    --------
    >>> rest = {"best_epoch": 3, "epochs": 5, "validation_loss": 0.6, "seconds": 2.5, "seed": 0}
    >>> rest |= {"train_hash": "0a", "validation_hash": "0b", "test_hash": "0c"}
    >>> curve = {n: [TrialResult(k, "elmo", 0.6 + n / 1000 + k / 50, **rest) for k in (1, 2)] for n in (50, 100)}
    >>> print(curve_table(curve))
    Accuracy in %, mean ± sd
    size  trials        elmo
    ------------------------
      50       2  68.0 ± 1.4
     100       2  73.0 ± 1.4
    """
    values = {size: values_by_model(results, metric) for size, results in curve.items()}
    models = list(dict.fromkeys(model for found in values.values() for model in found))
    rows = [["size", "trials", *models]]
    for size, found in values.items():
        summaries = [summarize(list(found[model].values())) if model in found else None for model in models]
        n_trials = sorted({s.n for s in summaries if s is not None})
        cells = ["-" if s is None else f"{metric.show(s.mean)} ± {metric.show(s.sd)}" for s in summaries]
        rows.append([f"{size:,}", " to ".join(map(str, dict.fromkeys((n_trials[0], n_trials[-1])))), *cells])
    blocks = [ruled(f"{metric.title}, mean ± sd", rows)]
    differences: list[PairedDifference] = []
    for model in models[1:]:
        found_by_size = {
            f"{size:,}": difference
            for size, found in values.items()
            if (difference := shared_difference(found.get(model, {}), found.get(models[0], {}), metric))
        }
        if found_by_size:
            title = f"{model} - {models[0]}, paired differences in {metric.unit}"
            blocks.append(differences_block(title, found_by_size, metric, "size"))
            differences += found_by_size.values()
    note = method(differences, chain(*curve.values()))
    return "\n\n".join([*blocks, *([wrapped(note)] if note else [])])


def plot_curve(curve: Curve, path: Path, metric: Metric = ACCURACY, title: str | None = None) -> None:
    """Draw a line for each model, its mean by training size, with bars for the 95 % interval of the mean.

    Parameters
    ----------
    curve : mapping of int to sequence of TrialResult
        Results by number of training documents.
    path : Path
        The picture, `.png`, `.svg` or `.pdf`; it appears whole or not at all.
    metric : Metric
    title : str, optional
        Stands over the picture.

    Raises
    ------
    TrialsError
        If there are no results, none with this metric, or the name has another ending.
    OutputError
        If it cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    check_picture(path)
    values = {size: values_by_model(results, metric) for size, results in curve.items()}
    models = list(dict.fromkeys(model for found in values.values() for model in found))
    styles = styles_of(models)
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    if title:
        figure.suptitle(printable(title), fontsize=10, parse_math=False, wrap=True)
    ax = figure.subplots()
    for k, model in enumerate(models):
        # A little aside, so that bars of equal models do not cover each other.
        aside = 1.02 ** (k - (len(models) - 1) / 2)
        points = [(size, list(found[model].values())) for size, found in values.items() if model in found]
        sizes = [size * aside for size, _ in points]
        means = [metric.factor * sum(found) / len(found) for _, found in points]
        color, marker = styles[model].color, styles[model].marker
        ax.plot(sizes, means, color=color, marker=marker, markersize=5, linewidth=1.5, label=printable(model))
        for size, (_, found) in zip(sizes, points, strict=True):
            if interval := mean_interval(found):
                ends = [metric.factor * end for end in interval]
                ax.plot([size] * 2, ends, color=color, linewidth=1.2, marker="_", markersize=6)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(list(values)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
    n_trials = sorted({len(found) for of_size in values.values() for found in of_size.values()})
    n = " to ".join(map(str, dict.fromkeys((n_trials[0], n_trials[-1]))))
    ax.set(xlabel="training documents", ylabel=axis_label(metric))
    ax.set_title(f"mean of {n} trials; bars: 95 % interval of the mean", fontsize=9)
    ax.grid(color="0.9")
    ax.set_axisbelow(True)
    ax.legend(frameon=False)
    save(figure, path)
