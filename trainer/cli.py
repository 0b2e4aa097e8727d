"""The `elmo-train` command. Keras and TensorFlow are imported only when there is something to train."""

from pathlib import Path

import click

from cache import FeatureCache
from cache.files import is_special
from cache.runtime.console import Commands, say, workers_option
from cache.runtime.processes import Workers
from cache.runtime.progress import note_on, progress_bar
from trainer.errors import TrialsError
from trainer.experiment import Experiment
from trainer.protocols import MOST_DOCUMENTS, PROTOCOLS, Sizes
from trainer.report import plot, table, write_summary
from trainer.runs.config import RunConfig
from trainer.runs.description import describe_experiment
from trainer.runs.evaluation import SavedTrial, evaluate
from trainer.runs.prediction import choose_split, choose_trial, describe_predictions, predict, write_predictions
from trainer.runs.results import MOST_TRIALS, TrialResult, read_results
from trainer.runs.saved_weights import weights_summary
from trainer.runs.settings import GAMMAS, LEARNING_RATES, MODELS, RANGES, Settings, parse_gamma, parse_rates
from trainer.runs.trials import run_trials
from trainer.tag_cli import tag_command
from trainer.tagging.report import plot_tags
from trainer.tagging.results import TagResult, read_tag_results
from trainer.tagging.trials import RESULTS as TAG_RESULTS
from trainer.vectors.loading import load_vectors

__all__ = ["load_vectors", "main"]


@click.group(
    cls=Commands,
    resumable=("trials", "tag"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="elmo-cache")
def main(debug: bool) -> None:
    """Train small classifiers on cached ELMo vectors, again and again, and compare them.

    \b
    elmo-train trials --n 10                  basic and ELMo on the same 200 reviews, ten times
    elmo-train tag --cache ewt.elmo           predict tags of tokens, from static vectors and from ELMo's
    elmo-train plot results/                  draw the accuracies again
    elmo-train evaluate --results results/ --trial 3 --model elmo --cache other.elmo
    elmo-train predict --results results/ --cache new.elmo --out predictions.csv
    """


@main.command()
@click.option("--n", "n_trials", type=click.IntRange(1, MOST_TRIALS), default=10, show_default=True, help="Trials.")
@click.option("--cache", "cache_path", type=click.Path(path_type=Path), default="imdb.elmo", show_default=True)
@click.option(
    "--vectors",
    default="glove-50d",
    show_default=True,
    help="Static vectors: glove-50d, muse, or a text file (.vec, .txt; .gz, .bz2, .xz, .zip).",
)
@click.option("--models", default="basic,elmo", show_default=True, help=f"Out of {', '.join(MODELS)}.")
@click.option("--protocol", type=click.Choice(PROTOCOLS), default="clean", show_default=True)
@click.option("--train-size", type=click.IntRange(1, MOST_DOCUMENTS), default=200, show_default=True)
@click.option("--val-size", type=click.IntRange(1, MOST_DOCUMENTS), default=200, show_default=True)
@click.option("--test-size", type=click.IntRange(1, MOST_DOCUMENTS), default=500, show_default=True)
@click.option(
    "--seed",
    type=click.IntRange(*RANGES["seed"]),
    default=0,
    show_default=True,
    help="Decides everything that is drawn.",
)
@click.option(
    "--learning-rate",
    "rates",
    multiple=True,
    metavar="[MODEL=]RATE",
    help="Adam's step size, for one model or for all; may be repeated.  [default: "
    f"{', '.join(f'{model} {rate:g}' for model, rate in LEARNING_RATES['clean'].items())}; protocol notebook: 0.001]",
)
@click.option(
    "--gamma",
    metavar="NUMBER|auto",
    help="Factor on the ELMo vectors; auto: their mean length becomes that of the static vectors.  "
    f"[default: {GAMMAS['clean']}; protocol notebook: {GAMMAS['notebook']}]",
)
@click.option(
    "--patience",
    type=click.IntRange(*RANGES["patience"]),
    default=2,
    show_default=True,
    help="Stop after this many epochs without a lower validation loss.",
)
@click.option(
    "--min-epochs",
    type=click.IntRange(*RANGES["min_epochs"]),
    default=1,
    show_default=True,
    help="Do not stop before this epoch.",
)
@click.option("--layer", help="mix, top, 0, 1, 2, or scalar-mix (trained); default: what the cache holds.")
@click.option("--out", type=click.Path(path_type=Path), default="results", show_default=True)
@workers_option
def trials(
    n_trials: int,
    cache_path: Path,
    vectors: str,
    models: str,
    protocol: str,
    train_size: int,
    val_size: int,
    test_size: int,
    seed: int,
    rates: tuple[str, ...],
    gamma: str | None,
    patience: int,
    min_epochs: int,
    layer: str | None,
    out: Path,
    workers: str,
) -> None:
    """Train and test each model on the same documents in every trial.

    The same command resumes after an interruption, and a larger --n adds trials; other settings want another --out.

    \b
    elmo-train trials --n 10
    elmo-train trials --n 10 --models basic,elmo,elmo-only --learning-rate elmo=1e-4 --out results-slow
    elmo-train trials --n 10 --gamma auto --out results-scaled
    elmo-train trials --n 1 --protocol notebook --vectors wiki.multi.en.vec
    """
    settings = Settings(
        vectors=vectors,
        protocol=protocol,
        sizes=Sizes(train_size, val_size, test_size),
        seed=seed,
        learning_rates=parse_rates(rates),
        gamma=None if gamma is None else parse_gamma(gamma),
        layer=layer,
        patience=patience,
        min_epochs=min_epochs,
    )
    pool = Workers.parse(workers)
    kinds = list(dict.fromkeys(kind.strip() for kind in models.split(",") if kind.strip()))
    earlier = RunConfig.read(out)
    with FeatureCache(cache_path) as features:
        static = load_vectors(vectors, features)
        experiment = Experiment(
            features,
            static,
            settings,
            earlier.pool if earlier else None,
            # What was found for the earlier trials holds for those that are added.
            auto_gamma=earlier.auto_gamma if earlier else None,
        )
        say(*describe_experiment(experiment, kinds))
        n_done = sum(r.trial <= n_trials and r.model in kinds for r in read_results(out / "trials.csv"))
        with progress_bar(n_trials * len(kinds), "training", "run", initial=n_done) as bar:

            def end(results: list[TrialResult]) -> None:
                bar.close()
                _report(out, results)

            run_trials(
                experiment,
                kinds,
                n_trials,
                out,
                workers=pool,
                on_epoch=lambda trial, model, epoch, loss: note_on(
                    bar, f"trial {trial}, {model}, epoch {epoch}, validation loss {loss:.3f}"
                ),
                on_result=lambda _: bar.update(),
                on_end=end,
            )


@main.command(name="plot")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Default: accuracies.png in the first folder.")
def plot_command(results: tuple[Path, ...], out: Path | None) -> None:
    """Draw the accuracies of one or more runs of `trials`, or of `tag`, side by side.

    \b
    elmo-train plot results/
    elmo-train plot results/ results-slow/ --out comparison.png
    elmo-train plot results-tags/ results-lstm/ --out tags.png
    """
    documents: dict[str, list[TrialResult]] = {}
    tokens: dict[str, list[TagResult]] = {}
    for folder in results:
        name = folder.resolve().name
        name = str(folder) if name in documents or name in tokens else name
        if (folder / "trials.csv").exists():
            documents[name] = read_results(folder / "trials.csv")
        elif (folder / TAG_RESULTS).exists():
            tokens[name] = read_tag_results(folder / TAG_RESULTS)
        else:
            raise TrialsError(
                f"{folder} holds no trials.csv and no {TAG_RESULTS}: `elmo-train trials --out {folder}` makes one"
            )
    path = out or results[0] / "accuracies.png"
    if documents and tokens:
        raise TrialsError("Runs of `trials` and of `tag` do not fit into one picture. Draw them with two commands")
    if tokens:
        plot_tags(tokens, path)
    else:
        plot(documents, path)
    say(f"{path}")


@main.command(name="evaluate")
@click.option("--results", "folder", type=click.Path(path_type=Path), default="results", show_default=True)
@click.option("--trial", "number", type=click.IntRange(1, MOST_TRIALS), required=True)
@click.option("--model", "kind", type=click.Choice(MODELS), required=True)
@click.option("--cache", "cache_path", type=click.Path(path_type=Path), required=True)
@click.option("--split", default="test", show_default=True)
@click.option("--vectors", help="Where the static vectors are now. Default: where the trials had them from.")
def evaluate_command(folder: Path, number: int, kind: str, cache_path: Path, split: str, vectors: str | None) -> None:
    """Score a trial's trained weights on another cache of the same encoding.

    \b
    elmo-train evaluate --results results/ --trial 3 --model elmo --cache other.elmo --split test
    """
    config = _config_in(folder)
    with FeatureCache(cache_path) as features:
        split = choose_split(features, split)
        static = load_vectors(vectors or _source_in(config, folder), features)
        saved = SavedTrial(folder, config, kind, number)
        accuracy, n_documents = evaluate(saved, features, split, static)
    say(f"{kind}, trial {number}: {accuracy:.1%} of {n_documents:,} documents of {split} in {cache_path}")


@main.command(name="predict")
@click.option("--results", "folder", type=click.Path(path_type=Path), default="results", show_default=True)
@click.option("--cache", "cache_path", type=click.Path(path_type=Path), required=True)
@click.option("--split", help="Default: the only one.")
@click.option(
    "--trial", "number", type=click.IntRange(1, MOST_TRIALS), help="Default: that with the lowest validation loss."
)
@click.option("--model", "kind", type=click.Choice(MODELS), default="elmo", show_default=True)
@click.option("--vectors", help="Where the static vectors are now. Default: where the trials had them from.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.csv", help="Save all predictions.")
def predict_command(
    folder: Path,
    cache_path: Path,
    split: str | None,
    number: int | None,
    kind: str,
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
    config = _config_in(folder)
    chosen = choose_trial(folder, kind, number)
    with FeatureCache(cache_path) as features:
        split = choose_split(features, split)
        static = load_vectors(vectors or _source_in(config, folder), features)
        saved = SavedTrial(folder, config, kind, chosen.trial)
        with progress_bar(len(features[split]), "predicting", "docs") as bar:
            found = predict(saved, features, split, static, progress=bar.update)
        lowest = "" if number else ", the lowest of its trials"
        say(f"{kind}, trial {chosen.trial} (validation loss {chosen.validation_loss:.3f}{lowest}) on {cache_path}")
        say(*describe_predictions(found))
        if out is not None:
            write_predictions(out, found)
            say(f"All of them in {out}.")


def _config_in(folder: Path) -> RunConfig:
    config = RunConfig.read(folder)
    if config is None:
        raise TrialsError(
            f"{folder} holds no config.json: it is no folder of trials; `elmo-train trials --out` makes one"
        )
    return config


def _source_in(config: RunConfig, folder: Path) -> str:
    source = str(config.vectors["source"])
    if is_special(Path(source)):  # in a stranger's folder, one that never ends
        raise TrialsError(
            f"{folder} had its static vectors from {source}, a pipe or a device; give their file with --vectors"
        )
    return source


def _report(out: Path, results: list[TrialResult]) -> None:
    say(*table(results).splitlines())
    weights, faults = weights_summary(out, results)
    write_summary(out, results, weights)
    plot({out.name: results}, out / "accuracies.png")
    if sizes := ", ".join(f"{model} {n:,}" for model, n in weights["trainable_parameters"].items()):
        say("", f"Trainable parameters: {sizes}.")
    if faults:
        more = f" (and {len(faults) - 1:,} more)" if len(faults) > 1 else ""
        say(f"Note: {faults[0]}{more}; the accuracy counts, `evaluate` and `predict` need another trial.", err=True)
    say(f"Results in {out}: trials.csv, summary.json, config.json, accuracies.png, weights.")


main.add_command(tag_command)

if __name__ == "__main__":
    main()
