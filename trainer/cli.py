"""The `elmo-train` command. Keras and TensorFlow are imported only when there is something to train."""

from pathlib import Path

import click

from cache import FeatureCache
from cache.files import is_special
from cache.runtime.console import Commands, say
from cache.runtime.progress import progress_bar
from trainer import messages
from trainer.errors import TrialsError
from trainer.models.named import model_of
from trainer.report import METRICS, plot, plot_losses
from trainer.runs.config import RunConfig
from trainer.runs.details import Details
from trainer.runs.evaluation import SavedTrial, evaluate
from trainer.runs.prediction import choose_split, choose_trial, describe_predictions, predict, write_predictions
from trainer.runs.results import MOST_TRIALS, TrialResult, read_results
from trainer.tag_cli import tag_command
from trainer.tagging.report import plot_tags
from trainer.tagging.results import TagResult, read_tag_results
from trainer.tagging.trials import RESULTS as TAG_RESULTS
from trainer.trials_cli import curve_command, metric_option, trials_command
from trainer.vectors.loading import load_vectors

__all__ = ["load_vectors", "main"]


@click.group(
    cls=Commands,
    resumable=("trials", "curve", "tag"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="elmo-cache")
def main(debug: bool) -> None:
    """Train small classifiers on cached ELMo vectors, again and again, and compare them.

    \b
    elmo-train trials --n 10                  basic and ELMo on the same 200 reviews, ten times
    elmo-train curve --sizes 50,100,200       the same at several training sizes, as one picture
    elmo-train tag --cache ewt.elmo           predict tags of tokens, from static vectors and from ELMo's
    elmo-train plot results/                  draw the accuracies again
    elmo-train evaluate --results results/ --trial 3 --model elmo --cache other.elmo
    elmo-train predict --results results/ --cache new.elmo --out predictions.csv
    """


@main.command(name="plot")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@metric_option
@click.option("--losses", is_flag=True, help="Draw the losses by epoch instead, of one run of `trials`.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PICTURE",
    help="A name in .png, .svg or .pdf. Default: accuracies.png or losses.png in the first folder.",
)
def plot_command(results: tuple[Path, ...], metric: str, losses: bool, out: Path | None) -> None:
    """Draw the accuracies of one or more runs of `trials`, or of `tag`, side by side.

    \b
    elmo-train plot results/
    elmo-train plot results/ results-slow/ --out comparison.svg
    elmo-train plot results/ --losses
    elmo-train plot results-tags/ results-lstm/ --out tags.png
    """
    documents: dict[str, list[TrialResult]] = {}
    details: list[Details] = []
    tokens: dict[str, list[TagResult]] = {}
    for folder in results:
        name = folder.resolve().name
        name = str(folder) if name in documents or name in tokens else name
        if (folder / "trials.csv").exists():
            found = documents[name] = read_results(folder / "trials.csv")
            details.append(Details.read(folder, {(result.trial, result.model) for result in found}))
        elif (folder / TAG_RESULTS).exists():
            tokens[name] = read_tag_results(folder / TAG_RESULTS)
        else:
            raise TrialsError(messages.NO_RESULTS, path=folder, expected=f"trials.csv and no {TAG_RESULTS}")
    path = out or results[0] / ("losses.png" if losses else "accuracies.png")
    if documents and tokens:
        raise TrialsError(messages.MIXED_RUNS)
    if tokens and (losses or metric != "accuracy"):
        raise TrialsError(messages.LOSSES_OF_TAGS)
    if losses and len(documents) > 1:
        raise TrialsError(messages.LOSSES_OF_SEVERAL)
    if tokens:
        plot_tags(tokens, path)
    elif losses:
        plot_losses(found, details[0].epochs, path)
    else:
        n_classes = max(2, *(len({row.label for row in of_run.classes}) for of_run in details))
        plot(documents, path, chance=1 / n_classes if metric == "accuracy" else None, metric=METRICS[metric])
    say(f"{path}")


@main.command(name="evaluate")
@click.option("--results", "folder", type=click.Path(path_type=Path), default="results", show_default=True)
@click.option("--trial", "number", type=click.IntRange(1, MOST_TRIALS), required=True)
@click.option("--model", required=True, metavar="NAME", help="As it was given to --models.")
@click.option("--cache", "cache_path", type=click.Path(path_type=Path), required=True)
@click.option("--split", default="test", show_default=True)
@click.option("--vectors", help="Where the static vectors are now. Default: where the trials had them from.")
def evaluate_command(folder: Path, number: int, model: str, cache_path: Path, split: str, vectors: str | None) -> None:
    """Score a trial's trained weights on another cache of the same encoding.

    \b
    elmo-train evaluate --results results/ --trial 3 --model elmo --cache other.elmo --split test
    """
    saved = SavedTrial(folder, _config_in(folder), model_of(model, of="model"), number)
    with FeatureCache(cache_path) as features:
        split = choose_split(features, split)
        static = load_vectors(vectors or _source_in(saved.config, folder), features)
        scores, n_documents = evaluate(saved, features, split, static)
    say(
        f"{saved.model.name}, trial {number}: {scores.accuracy:.1%} of {n_documents:,} documents of {split} in "
        f"{cache_path}; macro-F1 {scores.macro_f1:.1%}, log-loss {scores.log_loss:.3f}"
    )


@main.command(name="predict")
@click.option("--results", "folder", type=click.Path(path_type=Path), default="results", show_default=True)
@click.option("--cache", "cache_path", type=click.Path(path_type=Path), required=True)
@click.option("--split", help="Default: the only one.")
@click.option(
    "--trial", "number", type=click.IntRange(1, MOST_TRIALS), help="Default: that with the lowest validation loss."
)
@click.option("--model", default="elmo", show_default=True, metavar="NAME", help="As it was given to --models.")
@click.option("--vectors", help="Where the static vectors are now. Default: where the trials had them from.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.csv", help="Save all predictions.")
def predict_command(
    folder: Path,
    cache_path: Path,
    split: str | None,
    number: int | None,
    model: str,
    vectors: str | None,
    out: Path | None,
) -> None:
    """Classify the documents of a cache of the same encoding, which needs no labels, with a trial's trained weights.

    OUT gets a line a document, in the order of its corpus: its position there from 0 (doc_id), the class, and the
    probability of each class.

    \b
    elmo-cache build new.elmo --corpus new.txt     # a review a line; options as for the trials' cache
    elmo-train predict --results results/ --cache new.elmo --out predictions.csv
    """
    config, named = _config_in(folder), model_of(model, of="model")
    chosen = choose_trial(folder, named.name, number)
    saved = SavedTrial(folder, config, named, chosen.trial)
    with FeatureCache(cache_path) as features:
        split = choose_split(features, split)
        static = load_vectors(vectors or _source_in(config, folder), features)
        with progress_bar(len(features[split]), "predicting", "docs") as bar:
            found = predict(saved, features, split, static, progress=bar.update)
        lowest = "" if number else ", the lowest of its trials"
        say(
            f"{named.name}, trial {chosen.trial} (validation loss {chosen.validation_loss:.3f}{lowest}) on {cache_path}"
        )
        say(*describe_predictions(found))
        if out is not None:
            write_predictions(out, found)
            say(f"All of them in {out}.")


def _config_in(folder: Path) -> RunConfig:
    config = RunConfig.read(folder)
    if config is None:
        raise TrialsError(messages.NO_RESULTS, path=folder, expected="config.json")
    return config


def _source_in(config: RunConfig, folder: Path) -> str:
    source = str(config.vectors["source"])
    if is_special(Path(source)):  # in a stranger's folder, one that never ends
        raise TrialsError(messages.VECTORS_SPECIAL, path=folder, found=source)
    return source


for _command in (trials_command, curve_command, tag_command):
    main.add_command(_command)

if __name__ == "__main__":
    main()
