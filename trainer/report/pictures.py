"""Pictures of the accuracies of trials: one run as box plots and pair plots, several runs in one panel."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cache.files import atomic_path
from trainer import messages
from trainer.errors import TrialsError
from trainer.report.metrics import ACCURACY, Metric
from trainer.report.one_run import draw_run
from trainer.report.several import draw_runs
from trainer.report.tables import values_by_model
from trainer.runs.results import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "axis_label", "check_picture", "plot", "save"]

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
    title: str | None = None,
) -> None:
    """Draw the accuracies of trials: of one run box plots and pair plots, of several the runs side by side.

    Parameters
    ----------
    runs : mapping of str to sequence of TrialResult or TagResult
        Results by the name of the run.
    path : Path
        The picture, `.png`, `.svg` or `.pdf`; it appears whole or not at all.
    scored : str
        Of what the accuracies are percentages.
    chance : float or None
        The accuracy of guessing, drawn as a line, 0 to 1; None for no line. With several runs, a line far below all
        points is left out.
    metric : Metric
        What is drawn in place of accuracies.
    title : str, optional
        Stands over the picture, in place of the name of one run.

    Raises
    ------
    TrialsError
        If there are no runs, one has no results or none with this metric, or the name has another ending.
    OutputError
        If it cannot be written.
    """
    check_picture(path)
    values = {name: values_by_model(results, metric) for name, results in runs.items()}
    if not values:
        raise TrialsError(messages.NOTHING_TO_DRAW)
    scaled = {
        name: {model: {t: metric.factor * v for t, v in found.items()} for model, found in run.items()}
        for name, run in values.items()
    }
    drawn = [value for run in scaled.values() for found in run.values() for value in found.values()]
    line = None if chance is None else metric.factor * chance
    if len(runs) > 1 and line is not None and min(drawn) - line > 2 * (max(drawn) - min(drawn)):
        line = None  # far below all points, it would leave them little room
    if len(runs) == 1:
        ((name, run),) = scaled.items()
        figure = draw_run(run, name if title is None else title, chance=line, metric=metric)
    else:
        figure = draw_runs(scaled, runs, title=title, chance=line, metric=metric)
    drawn += [] if line is None else [line]
    margin = 3 if metric.factor == 100 else 0.05 * (max(drawn) - min(drawn)) + 0.01
    for ax in figure.axes:
        ax.set(ylim=(min(drawn) - margin, max(drawn) + margin), ylabel=axis_label(metric, scored))
        ax.grid(axis="y", color="0.9")
        ax.set_axisbelow(True)
    save(figure, path)


def axis_label(metric: Metric, scored: str = "test documents") -> str:
    """Return what stands along an axis of a metric."""
    if metric == ACCURACY:
        return f"{metric.noun} (% of {scored})"
    return metric.title.replace(" in ", " (") + ")"


def check_picture(path: Path) -> None:
    """Raise `TrialsError` if a picture's name has none of the endings in `FORMATS`."""
    if path.suffix.lower() not in FORMATS:
        found, expected = path.suffix or "nothing", ", ".join(FORMATS)
        raise TrialsError(messages.PICTURE_NAME, path=path, found=found, expected=expected, name=path.with_suffix(""))


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
