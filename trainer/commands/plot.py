"""`elmo-train plot` and `elmo-train compare`: figures and tables of runs that are there."""

from collections.abc import Sequence
from pathlib import Path

import click

from cache.runtime.console import Subcommand, say
from trainer import messages
from trainer.commands.options import check_run_folder
from trainer.commands.trials_options import metric_option, title_option
from trainer.errors import TrialsError
from trainer.report import METRICS, check_documents, comparison_table, plot, plot_curve, plot_losses
from trainer.report.pictures import check_picture
from trainer.runs.config import RunConfig
from trainer.runs.curve import CURVE, read_curve
from trainer.runs.details import Details
from trainer.runs.folder_config import CONFIG
from trainer.runs.results import TrialResult, read_results
from trainer.tagging.results import TagResult, read_tag_results
from trainer.tagging.trials import RESULTS as TAG_RESULTS

__all__ = ["compare_command", "plot_command"]

_COMPARISON = Path("comparison.png")


@click.command(name="plot", short_help="Draw one or more runs again.", cls=Subcommand)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@metric_option
@click.option("--losses", is_flag=True, help="Draw the losses by epoch instead, of one run of `trials`.")
@title_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PICTURE",
    help="A name in .png, .svg or .pdf.  [default: accuracies.png, losses.png or curve.png in the folder of the run; "
    f"for several runs {_COMPARISON}]",
)
def plot_command(runs: tuple[Path, ...], metric: str, losses: bool, title: str | None, out: Path | None) -> None:
    """Draw one or more runs again: the accuracies of `trials` or `tag`, side by side, or one `curve`.

    RUNS are folders of results. Where two runs had the same documents, lines join the same trial.

    \b
    elmo-train plot results/
    elmo-train plot results/ results-slow/ --title "Two learning rates" --out rates.svg
    elmo-train plot results/ --losses
    elmo-train plot curve/ --out curve.pdf
    elmo-train plot results-tags/ results-lstm/ --out tags.png
    """
    if out is not None:
        check_picture(out)
    for folder in runs:
        check_run_folder(folder, "elmo-train plot")
    curves = [folder for folder in runs if (folder / CURVE).exists() and not (folder / "trials.csv").exists()]
    if curves:
        _plot_curve(runs, metric, losses, title, out)
        return
    documents: dict[str, list[TrialResult]] = {}
    tokens: dict[str, list[TagResult]] = {}
    for name, folder in _names(runs).items():
        if (folder / "trials.csv").exists():
            documents[name] = read_results(folder / "trials.csv")
        elif (folder / TAG_RESULTS).exists():
            tokens[name] = read_tag_results(folder / TAG_RESULTS)
        elif (folder / CONFIG).exists():
            raise TrialsError(messages.NO_TRIAL_YET, path=folder)
        else:
            raise TrialsError(messages.NO_RESULTS, path=folder, expected=f"trials.csv and no {TAG_RESULTS}")
    in_folder = runs[0] / ("losses.png" if losses else "accuracies.png")
    path = out or (in_folder if len(runs) == 1 else _COMPARISON)
    if documents and tokens:
        raise TrialsError(messages.MIXED_RUNS)
    if tokens and (losses or metric != "accuracy"):
        raise TrialsError(messages.LOSSES_OF_TAGS)
    if losses and len(documents) > 1:
        raise TrialsError(messages.LOSSES_OF_SEVERAL)
    if tokens:
        plot(tokens, path, scored="test tokens", chance=None, title=title)
    elif losses:
        ((_, results),) = documents.items()
        plot_losses(results, Details.read(runs[0], {(r.trial, r.model) for r in results}).epochs, path, title)
    else:
        plot(documents, path, chance=_chance(runs, documents, metric), metric=METRICS[metric], title=title)
    say(f"{path}")


@click.command(name="compare", short_help="Compare runs on the same documents.", cls=Subcommand)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--models", metavar="NAME,…", help="Compare these models only.  [default: all]")
@metric_option
@title_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=_COMPARISON,
    show_default=True,
    metavar="PICTURE",
    help="The figure, a name in .png, .svg or .pdf.",
)
def compare_command(runs: tuple[Path, ...], models: str | None, metric: str, title: str | None, out: Path) -> None:
    """Compare runs of `trials` that had the same documents: other settings, vectors, encoders or models.

    Each model is compared with itself in the first of the RUNS, trial by trial: paired differences with a bootstrap
    interval and a permutation test, exact for up to 20 trials. If the runs have no model in common, each is compared
    with the first model of the first run. The same cache or corpus, --seed, --protocol and sizes give the same
    documents; other runs are refused.

    \b
    elmo-train trials --n 10 --models elmo --learning-rate 1e-3 --out fast
    elmo-train trials --n 10 --models elmo --learning-rate 3e-4 --out slow
    elmo-train compare fast slow --out rates.pdf
    """
    check_picture(out)
    found: dict[str, list[TrialResult]] = {}
    wanted = None if models is None else [name.strip() for name in models.split(",") if name.strip()]
    corpora: dict[str, str] = {}
    for name, folder in _names(runs).items():
        check_run_folder(folder, "elmo-train compare")
        if not (folder / "trials.csv").exists():
            raise TrialsError(messages.NOT_COMPARABLE, path=folder)
        results = read_results(folder / "trials.csv")
        found[name] = [result for result in results if wanted is None or result.model in wanted]
        if results and not found[name]:
            has = ", ".join(dict.fromkeys(result.model for result in results))
            raise TrialsError(messages.NO_TRIALS_OF, path=folder, name=", ".join(wanted or ()), found=has)
        if config := RunConfig.read(folder):
            corpora.setdefault(config.cache["corpus_fingerprint"], name)
    if len(corpora) > 1:
        one, other, *_ = corpora.values()
        raise TrialsError(messages.OTHER_DOCUMENTS, name=one, other=other, error=TrialsError(messages.OTHER_CORPUS))
    check_documents(found)
    shown = comparison_table(found, METRICS[metric])
    plot(found, out, chance=_chance(runs, found, metric), metric=METRICS[metric], title=title)
    say(*shown.splitlines(), "", f"{out}")


def _names(folders: Sequence[Path]) -> dict[str, Path]:
    """Return folders by the name that they get in tables and figures: their own, with the path if that is not clear."""
    found: dict[str, Path] = {}
    for folder in folders:
        name = folder.resolve().name
        found[str(folder) if name in found else name] = folder
    return found


def _chance(folders: Sequence[Path], runs: dict[str, list[TrialResult]], metric: str) -> float | None:
    if metric != "accuracy":
        return None
    n_classes = [2]
    for folder, results in zip(folders, runs.values(), strict=False):
        classes = Details.read(folder, {(result.trial, result.model) for result in results}).classes
        n_classes.append(len({row.label for row in classes}))
    return 1 / max(n_classes)


def _plot_curve(runs: Sequence[Path], metric: str, losses: bool, title: str | None, out: Path | None) -> None:
    if len(runs) > 1 or losses:
        raise TrialsError(messages.CURVE_ALONE, path=runs[0])
    path = out or runs[0] / "curve.png"
    plot_curve(read_curve(runs[0]), path, METRICS[metric], title)
    say(f"{path}")
