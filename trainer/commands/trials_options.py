"""The options of `elmo-train trials` and `elmo-train curve`, and those that more commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cache.runtime.console import workers_option
from trainer.commands.options import number_option
from trainer.protocols import MOST_DOCUMENTS, PROTOCOLS, Sizes
from trainer.report import METRICS
from trainer.runs.results import MOST_TRIALS
from trainer.runs.settings import LEARNING_RATE, MODELS, RANGES, Settings

__all__ = ["metric_option", "option_groups", "title_option", "trials_options", "vectors_option"]

_COUNT = click.IntRange(1, MOST_DOCUMENTS)


metric_option = click.option(
    "--metric",
    type=click.Choice(list(METRICS)),
    default="accuracy",
    show_default=True,
    help="Score by which models are compared.",
)
title_option = click.option("--title", metavar="TEXT", help="Title of the figure.")
vectors_option = click.option(
    "--vectors",
    default=Settings.vectors,
    show_default=True,
    metavar="SOURCE",
    help="Static word vectors: glove-50d (a package from PyPI), muse (a download), or a file in text format (.vec or "
    ".txt, also as .gz, .bz2, .xz or .zip).",
)
_FIRST = [
    number_option(
        "--n",
        "n_trials",
        type=click.IntRange(1, MOST_TRIALS),
        default=10,
        help="Number of trials. In each, every model is trained once, on the same documents.",
    ),
    click.option(
        "--cache",
        "cache_path",
        type=click.Path(path_type=Path),
        default="imdb.elmo",
        show_default=True,
        help="A cache from `elmo-cache build`, with labels and the splits train and test.",
    ),
    click.option(
        "--layer",
        metavar="LAYER",
        help="Which ELMo vectors to use: mix, top, 0, 1 or 2; or scalar-mix, a weighted mean of all layers that is "
        "trained too. All but the default need a cache built with --layers all.  [default: the cache's default layer]",
    ),
    vectors_option,
    click.option(
        "--gamma",
        metavar="NUMBER|auto",
        default=f"{Settings.gamma:g}",
        show_default=True,
        help="Multiply the ELMo vectors by this number in the models elmo and elmo-only; auto makes them as long as "
        "the static vectors, on average.",
    ),
    click.option(
        "--models",
        default="basic,elmo",
        show_default=True,
        metavar="NAME,…",
        help=f"Models to compare: {', '.join(MODELS)}; or your own, as FILE.py:NAME or MODULE:NAME.",
    ),
    click.option(
        "--learning-rate",
        "rates",
        multiple=True,
        metavar="[MODEL=]RATE",
        help="Adam's learning rate, for all models or for one, as in elmo=3e-4. Repeat it for other models.  [default: "
        f"{LEARNING_RATE:g}]",
    ),
    number_option(
        "--patience",
        type=click.IntRange(*RANGES["patience"]),
        default=Settings.patience,
        help="Stop a training after N epochs without a lower validation loss, and after "
        f"{Settings.max_epochs} epochs in any case.",
    ),
    number_option(
        "--min-epochs",
        type=click.IntRange(*RANGES["min_epochs"]),
        default=Settings.min_epochs,
        help="Train for at least N epochs.",
    ),
]
_TRAIN_SIZE = number_option(
    "--train-size", type=_COUNT, default=Sizes.train, help="Training documents per trial, drawn from the split train."
)
_LAST = [
    number_option(
        "--val-size",
        type=_COUNT,
        default=Sizes.validation,
        help="Validation documents per trial: their loss decides when a training stops.",
    ),
    number_option(
        "--test-size",
        type=_COUNT,
        default=Sizes.test,
        help="Test documents, drawn from the split test, the same in every trial (with --protocol clean).",
    ),
    click.option("--balanced", is_flag=True, help="Draw the same number of documents from each class."),
    number_option(
        "--seed",
        type=click.IntRange(*RANGES["seed"]),
        default=Settings.seed,
        help="Random seed, for the documents of each trial and the starting weights.",
    ),
    click.option(
        "--protocol",
        type=click.Choice(PROTOCOLS),
        default=Settings.protocol,
        show_default=True,
        help="How documents are drawn: clean, as the 2018 notebook describes it, without duplicates; notebook, as its "
        "code did it.",
    ),
    metric_option,
    click.option(
        "--tensorboard",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Also write the losses by epoch to this folder, for TensorBoard.",
    ),
    workers_option,
]


def trials_options(*, train_size: bool) -> Callable[[Any], Any]:
    """Return a decorator that adds the options to a command, with or without `--train-size`."""
    options = [*_FIRST, *([_TRAIN_SIZE] if train_size else []), *_LAST]

    def decorated(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorated


def option_groups(size: str) -> dict[str, list[str]]:
    """Return the groups of the options in `--help`; `size` is the parameter of the training size."""
    return {
        "Amount": ["n_trials", size, "val_size", "test_size"],
        "Input": ["cache_path", "layer", "vectors", "gamma"],
        "Models and training": ["models", "rates", "patience", "min_epochs"],
        "Drawing documents": ["balanced", "seed", "protocol"],
        "Output": ["out", "metric", "tensorboard"],
        "Parallel": ["workers"],
    }
