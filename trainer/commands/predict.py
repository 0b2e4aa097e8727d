"""`elmo-train evaluate` and `elmo-train predict`: what trials have trained, on other documents."""

import os
import shlex
from contextlib import AbstractContextManager
from pathlib import Path

import click

from cache import FeatureCache
from cache.files import is_special
from cache.runtime.console import Subcommand, say
from cache.runtime.progress import progress_bar
from trainer import messages
from trainer.commands.new_texts import check_texts, encoded_texts, read_texts
from trainer.commands.options import check_run_folder, parse_renames
from trainer.errors import TrialsError
from trainer.models.named import model_of
from trainer.runs.config import RunConfig
from trainer.runs.evaluation import SavedTrial, evaluate
from trainer.runs.folder_config import CONFIG
from trainer.runs.prediction import (
    caution,
    choose_split,
    choose_trial,
    describe_predictions,
    predict,
    write_predictions,
)
from trainer.runs.results import MOST_TRIALS
from trainer.vectors.loading import load_vectors
from trainer.vectors.static import GLOVE, MUSE

__all__ = ["evaluate_command", "predict_command"]

_DEFAULT_RUN = Path("results")
_vectors_option = click.option(
    "--vectors", metavar="SOURCE", help="Where the static vectors are now.  [default: where the trials had them from]"
)


@click.command(name="evaluate", short_help="Score saved weights on another cache.", cls=Subcommand)
@click.option(
    "--results",
    "folder",
    type=click.Path(path_type=Path),
    default=_DEFAULT_RUN,
    show_default=True,
    help="Folder of the run.",
)
@click.option(
    "--trial",
    "number",
    type=click.IntRange(1, MOST_TRIALS),
    required=True,
    metavar="N",
    help="Use the weights of trial N.",
)
@click.option("--model", required=True, metavar="NAME", help="Use the weights of this model, named as for --models.")
@click.option(
    "--cache",
    "cache_path",
    type=click.Path(path_type=Path),
    required=True,
    help="A cache with labels, built with the same encoder and text options.",
)
@click.option("--split", default="test", show_default=True, metavar="NAME", help="Which documents of the cache.")
@click.option(
    "--rename-labels",
    metavar="OLD=NEW,…",
    help="If the cache has other class names: its names, and those of the run, as positive=pos,negative=neg. Several "
    "can become one.",
)
@_vectors_option
def evaluate_command(
    folder: Path,
    number: int,
    model: str,
    cache_path: Path,
    split: str,
    rename_labels: str | None,
    vectors: str | None,
) -> None:
    """Score a trial's trained weights on another cache.

    The cache needs labels, and the encoder and text options of the trials' cache.

    \b
    elmo-train evaluate --results results/ --trial 3 --model elmo --cache other.elmo --split test
    elmo-train evaluate --trial 3 --model elmo --cache other.elmo --rename-labels positive=pos,negative=neg
    """
    renames = parse_renames(rename_labels)
    config = _config_in(folder, "elmo-train evaluate --results")
    saved = SavedTrial(folder, config, model_of(model, of="model"), number)
    with FeatureCache(cache_path) as features:
        split = choose_split(features, split)
        static = load_vectors(vectors or _source_in(config, folder), features)
        scores, n_documents = evaluate(saved, features, split, static, renames)
    say(
        f"{saved.model.name}, trial {number}: {scores.accuracy:.1%} of {n_documents:,} documents of {split} in "
        f"{cache_path}; macro-F1 {scores.macro_f1:.1%}, log-loss {scores.log_loss:.3f}"
    )


@click.command(
    name="predict",
    short_help="Classify texts, or a cache, with saved weights.",
    cls=Subcommand,
    option_groups={
        "Documents": ["source", "cache_path", "split"],
        "Trained weights": ["results", "number", "model"],
        "Input of the model": ["encoder", "vectors"],
        "Output": ["rename_labels", "out"],
    },
)
@click.argument("given", nargs=-1, metavar="[RUN] [TEXT]...")
@click.option(
    "--file",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Classify the lines of a UTF-8 text file, one text per line (- for standard input).",
)
@click.option(
    "--cache",
    "cache_path",
    type=click.Path(path_type=Path),
    help="Classify the documents of a cache, built with the same encoder and text options. It needs no labels.",
)
@click.option("--split", metavar="NAME", help="Which split of --cache.  [default: the only one]")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Folder of the run, instead of RUN as the first argument.  [default: results]",
)
@click.option(
    "--trial",
    "number",
    type=click.IntRange(1, MOST_TRIALS),
    metavar="N",
    help="Use the weights of trial N.  [default: the trial with the lowest validation loss]",
)
@click.option(
    "--model",
    default="elmo",
    show_default=True,
    metavar="NAME",
    help="Use this model's weights, named as for --models.",
)
@click.option(
    "--encoder",
    metavar="ENCODER",
    help="What encodes the texts, as for `elmo-cache build`; it must be the encoder of the run.  [default: the "
    "embedded encoder that the run names]",
)
@_vectors_option
@click.option(
    "--rename-labels", metavar="OLD=NEW,…", help="Names for the classes in the output, as neg=negative,pos=positive."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.csv", help="Save all predictions.")
def predict_command(
    given: tuple[str, ...],
    source: Path | None,
    cache_path: Path | None,
    split: str | None,
    results: Path | None,
    number: int | None,
    model: str,
    encoder: str | None,
    vectors: str | None,
    rename_labels: str | None,
    out: Path | None,
) -> None:
    """Classify texts, the lines of a file or the documents of a cache with a trial's trained weights.

    RUN is the folder of a run of `elmo-train trials`. Texts are encoded as the run's cache was, into a temporary cache.

    --out gets one line per document, in the order they were given: its position from 0 (doc_id), the class, the
    probability of each class, and the text.

    \b
    elmo-train predict results "this film was a delight" "i want my two hours back"
    elmo-train predict results --file reviews.txt --out predictions.csv
    elmo-train predict results --cache new.elmo --out predictions.csv     # of `elmo-cache build new.elmo …`
    """
    folder, typed = (results or _DEFAULT_RUN, given) if results or not given else (Path(given[0]), given[1:])
    is_text = len(given) == 1 or any(map(str.isspace, str(folder)))
    if given and is_text and not results and not os.path.lexists(folder):
        raise TrialsError(messages.RUN_FIRST, path=folder, text=shlex.quote(given[0]))
    renames, named = parse_renames(rename_labels), model_of(model, of="model")
    config = _config_in(folder, "elmo-train predict")
    texts = _texts(typed, source, cache_path, split, encoder)
    chosen = choose_trial(folder, named.name, number)
    saved = SavedTrial(folder, config, named, chosen.trial)
    vectors = vectors or _source_in(config, folder)
    opened: AbstractContextManager[FeatureCache] = (
        FeatureCache(cache_path) if cache_path else encoded_texts(texts or (), config, encoder)
    )
    with opened as features:
        split = choose_split(features, split)
        static = load_vectors(vectors, features)
        with progress_bar(len(features[split]), "predicting", "docs") as bar:
            found = predict(saved, features, split, static, texts=texts, renames=renames, progress=bar.update)
        lowest = "" if number else ", the lowest of its trials"
        place = f" on {cache_path}" if cache_path else ""
        say(f"{named.name}, trial {chosen.trial} (validation loss {chosen.validation_loss:.3f}{lowest}){place}")
        if len(typed) > 1 and not any(any(map(str.isspace, text)) for text in typed):
            say("Note: each text is a single word. A text of several words needs quotation marks.", err=True)
        say(*describe_predictions(found, max(10, len(typed))), *caution(config, chosen))
        if out is not None:
            write_predictions(out, found)
            say(f"All predictions are in {out}.")


def _texts(
    typed: tuple[str, ...], source: Path | None, cache_path: Path | None, split: str | None, encoder: str | None
) -> list[str] | None:
    """Return the texts that were given; None if documents of a cache are to be classified."""
    ways = [name for name, is_given in (("TEXT", typed), ("FILE", source), ("CACHE", cache_path)) if is_given]
    if not ways:
        raise TrialsError(messages.NOTHING_TO_CLASSIFY)
    if len(ways) > 1:
        raise TrialsError(messages.DOCUMENTS_TWICE, found=" and as ".join(ways))
    if cache_path is not None:
        if encoder is not None:
            raise TrialsError(messages.ENCODER_OF_CACHE)
        return None
    if split is not None:
        raise TrialsError(messages.SPLIT_OF_TEXTS)
    if source is not None:
        return read_texts(source)
    check_texts(typed)
    return list(typed)


def _config_in(folder: Path, command: str) -> RunConfig:
    check_run_folder(folder, command)
    config = RunConfig.read(folder)
    if config is None:
        raise TrialsError(messages.NO_RESULTS, path=folder, expected=CONFIG)
    return config


def _source_in(config: RunConfig, folder: Path) -> str:
    source = str(config.vectors["source"])
    if is_special(Path(source)):  # in a stranger's folder, one that never ends
        raise TrialsError(messages.VECTORS_SPECIAL, path=folder, found=source)
    if source not in (GLOVE, MUSE) and not os.path.lexists(source):
        raise TrialsError(messages.VECTORS_GONE, path=source)
    return source
