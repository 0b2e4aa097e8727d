"""A picture of the losses by epoch."""

from collections.abc import Sequence
from pathlib import Path

from cache.runtime.console import printable
from trainer import messages
from trainer.errors import TrialsError
from trainer.report.pictures import check_picture, save
from trainer.report.styles import styles_of
from trainer.runs.details import EpochResult
from trainer.runs.results import TrialResult

__all__ = ["plot_losses"]


def plot_losses(
    results: Sequence[TrialResult], epochs: Sequence[EpochResult], path: Path, title: str | None = None
) -> None:
    """Draw the losses of each training by epoch, a panel for each model.

    Parameters
    ----------
    results : sequence of TrialResult
        Of one run.
    epochs : sequence of EpochResult
        Its `epochs.csv`.
    path : Path
        The picture, `.png`, `.svg` or `.pdf`; it appears whole or not at all.
    title : str, optional
        Stands over the picture.

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
    n_columns = min(2, len(models))
    n_rows = -(-len(models) // n_columns)
    figure = Figure(figsize=(4 * max(n_columns, 1.5), 3.2 * n_rows + 0.4), layout="constrained")
    if title:
        figure.suptitle(printable(title), fontsize=10, parse_math=False, wrap=True)
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).ravel()
    for ax in panels[len(models) :]:
        ax.set_visible(False)
    styles = styles_of(models)
    for ax, model in zip(panels, models, strict=False):
        color = styles[model].color
        for result in (r for r in results if r.model == model):
            own = [e for e in epochs if (e.trial, e.model) == (result.trial, model)]
            numbers = [e.epoch for e in own]
            ax.plot(numbers, [e.training_loss for e in own], color="0.6", linewidth=1, alpha=0.7)
            ax.plot(numbers, [e.validation_loss for e in own], color=color, linewidth=1, alpha=0.8)
            best = [e.validation_loss for e in own if e.epoch == result.best_epoch]
            ax.plot([result.best_epoch] * len(best), best, "o", color=color, markersize=4)
        ax.set_title(printable(model), fontsize=10, parse_math=False)
        ax.set(xlabel="epoch", ylabel="loss (cross-entropy in nats)")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(color="0.9")
    handles = [
        *panels[0].plot([], [], color="0.6", label="training documents"),
        *panels[0].plot([], [], color="0.2", label="validation documents, in the model's colour"),
        *panels[0].plot([], [], "o", color="0.2", markersize=4, label="epoch whose weights were tested"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    save(figure, path)
