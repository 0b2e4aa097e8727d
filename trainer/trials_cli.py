"""`elmo-train trials` and `elmo-train curve`: what they share, and what each adds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from cache import FeatureCache
from cache.runtime.console import say, workers_option
from cache.runtime.processes import Workers
from cache.runtime.progress import note_on, progress_bar
from trainer import messages
from trainer.errors import TrialsError
from trainer.experiment import Experiment
from trainer.models.named import models_of
from trainer.protocols import MOST_DOCUMENTS, PROTOCOLS, Sizes
from trainer.report import METRICS, plot, plot_curve, table, write_summary
from trainer.report.curves import curve_table
from trainer.runs.config import RunConfig
from trainer.runs.curve import CURVE, parse_sizes, size_folder, write_curve
from trainer.runs.description import describe_experiment
from trainer.runs.details import Details
from trainer.runs.results import MOST_TRIALS, TrialResult, read_results
from trainer.runs.saved_weights import weights_summary
from trainer.runs.settings import GAMMAS, LEARNING_RATES, MODELS, RANGES, Settings, parse_gamma, parse_rates
from trainer.runs.tensorboard import check_tensorboard
from trainer.runs.trials import run_trials
from trainer.vectors.loading import load_vectors

__all__ = ["curve_command", "metric_option", "trials_command"]

metric_option = click.option(
    "--metric", type=click.Choice(list(METRICS)), default="accuracy", show_default=True, help="Compare models by it."
)

_BEFORE_SIZES = [
    click.option("--n", "n_trials", type=click.IntRange(1, MOST_TRIALS), default=10, show_default=True, help="Trials."),
    click.option("--cache", "cache_path", type=click.Path(path_type=Path), default="imdb.elmo", show_default=True),
    click.option(
        "--vectors",
        default="glove-50d",
        show_default=True,
        help="Static vectors: glove-50d, muse, or a text file (.vec, .txt; .gz, .bz2, .xz, .zip).",
    ),
    click.option(
        "--models",
        default="basic,elmo",
        show_default=True,
        help=f"Out of {', '.join(MODELS)}; or yours: FILE.py:NAME, MODULE:NAME.",
    ),
    click.option("--protocol", type=click.Choice(PROTOCOLS), default="clean", show_default=True),
]
_AFTER_SIZES = [
    click.option("--val-size", type=click.IntRange(1, MOST_DOCUMENTS), default=200, show_default=True),
    click.option("--test-size", type=click.IntRange(1, MOST_DOCUMENTS), default=500, show_default=True),
    click.option("--balanced", is_flag=True, help="Draw as many documents of each class."),
    click.option(
        "--seed",
        type=click.IntRange(*RANGES["seed"]),
        default=0,
        show_default=True,
        help="Decides everything that is drawn.",
    ),
    click.option(
        "--learning-rate",
        "rates",
        multiple=True,
        metavar="[MODEL=]RATE",
        help="Adam's step size, for one model or for all; may be repeated.  [default: "
        f"{', '.join(f'{model} {rate:g}' for model, rate in LEARNING_RATES['clean'].items())}; others, and protocol "
        "notebook: 0.001]",
    ),
    click.option(
        "--gamma",
        metavar="NUMBER|auto",
        help="Factor on the ELMo vectors of elmo and elmo-only; auto: their mean length becomes that of the static "
        f"vectors.  [default: {GAMMAS['clean']}; protocol notebook: {GAMMAS['notebook']}]",
    ),
    click.option(
        "--patience",
        type=click.IntRange(*RANGES["patience"]),
        default=2,
        show_default=True,
        help="Stop after this many epochs without a lower validation loss.",
    ),
    click.option(
        "--min-epochs",
        type=click.IntRange(*RANGES["min_epochs"]),
        default=1,
        show_default=True,
        help="Do not stop before this epoch.",
    ),
    click.option("--layer", help="mix, top, 0, 1, 2, or scalar-mix (trained); default: what the cache holds."),
    metric_option,
    click.option(
        "--tensorboard", type=click.Path(path_type=Path), metavar="DIR", help="Write the losses for TensorBoard too."
    ),
    workers_option,
]


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorated(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorated


@click.command(name="trials")
@_options(*_BEFORE_SIZES)
@click.option("--train-size", type=click.IntRange(1, MOST_DOCUMENTS), default=200, show_default=True)
@_options(*_AFTER_SIZES)
@click.option("--out", type=click.Path(path_type=Path), default="results", show_default=True)
def trials_command(train_size: int, out: Path, **choices: Any) -> None:
    """Train and test each model on the same documents in every trial.

    The same command resumes after an interruption, and a larger --n adds trials; other settings want another --out.

    \b
    elmo-train trials --n 10
    elmo-train trials --n 10 --models basic,elmo,elmo-only --learning-rate elmo=1e-4 --out results-slow
    elmo-train trials --n 10 --gamma auto --out results-scaled
    elmo-train trials --n 10 --models basic,elmo,tfidf-lr,elmo-lr,my_models.py:wide --out results-own
    elmo-train trials --n 1 --protocol notebook --vectors wiki.multi.en.vec
    """
    run = _Run(train_size, **choices)
    with run.opened(RunConfig.read(out)) as experiment:
        say(*describe_experiment(experiment, run.names))
        run.train(experiment, out, lambda results: _report(out, results, experiment, run.metric))


@click.command(name="curve")
@click.option("--sizes", required=True, metavar="N,N,…", help="Training documents at each point, such as 50,100,200.")
@_options(*_BEFORE_SIZES)
@_options(*_AFTER_SIZES)
@click.option("--out", type=click.Path(path_type=Path), default="curve", show_default=True)
def curve_command(sizes: str, out: Path, **choices: Any) -> None:
    """Run trials at several training sizes, and draw what each model comes to.

    Within a trial, a larger training set contains the smaller ones. Each size has a folder of its own in OUT, as
    `elmo-train trials` makes it. The same command resumes; more sizes, models and trials can be added.

    \b
    elmo-train curve --sizes 50,100,200,500,1000 --n 10 --models basic,elmo,tfidf-lr,elmo-lr
    """
    wanted = parse_sizes(sizes)
    run = _Run(wanted[-1], **choices)
    folders = {size: size_folder(out, size) for size in wanted}
    earlier = next((found for folder in folders.values() if (found := RunConfig.read(folder))), None)
    with run.opened(earlier) as experiment:
        say(*describe_experiment(experiment, run.names))
        experiment.trial(1)  # too few documents for the largest size: noticed before anything is trained
        curve: dict[int, list[TrialResult]] = {}
        for size, folder in folders.items():
            experiment.settings = replace(experiment.settings, sizes=replace(run.settings.sizes, train=size))

            def keep(results: list[TrialResult], size: int = size, folder: Path = folder) -> None:
                curve[size] = results
                _summarize(folder, results)
                write_curve(out, curve)

            say("", f"{size:,} training documents")
            run.train(experiment, folder, keep)
    metric = METRICS[run.metric]
    say("", *curve_table(curve, metric).splitlines())
    plot_curve(curve, out / "curve.png", metric)
    say("", f"Results in {out}: {CURVE}, curve.png, and a folder for each size.")


class _Run:
    """What both commands are told."""

    def __init__(
        self,
        train_size: int,
        *,
        n_trials: int,
        cache_path: Path,
        vectors: str,
        models: str,
        val_size: int,
        test_size: int,
        rates: tuple[str, ...],
        gamma: str | None,
        metric: str,
        tensorboard: Path | None,
        workers: str,
        **choices: Any,
    ):
        self.n_trials, self.metric, self.tensorboard = n_trials, metric, tensorboard
        self.models = models_of([name.strip() for name in models.split(",") if name.strip()])
        self.names = list(self.models)
        self.settings = Settings(
            vectors=vectors,
            sizes=Sizes(train_size, val_size, test_size),
            learning_rates=parse_rates(rates, self.names),
            gamma=None if gamma is None else parse_gamma(gamma),
            **choices,
        )
        self.workers = Workers.parse(workers)
        self._cache_path = cache_path
        if tensorboard is not None:
            check_tensorboard()

    @contextmanager
    def opened(self, earlier: RunConfig | None) -> Iterator[Experiment]:
        """Open the cache and load static vectors; what was found for earlier trials holds for those that are added."""
        with FeatureCache(self._cache_path) as features:
            yield Experiment(
                features,
                load_vectors(self.settings.vectors, features),
                self.settings,
                earlier.pool if earlier else None,
                auto_gamma=earlier.auto_gamma if earlier else None,
                models={name: model for name, model in self.models.items() if not model.is_built_in},
            )

    def train(self, experiment: Experiment, out: Path, on_end: Callable[[list[TrialResult]], None]) -> None:
        """Run the trials that a folder does not have yet, with a progress bar."""
        found = read_results(out / "trials.csv")
        n_done = sum(r.trial <= self.n_trials and r.model in self.names for r in found)
        with progress_bar(self.n_trials * len(self.names), "training", "run", initial=n_done) as bar:

            def end(results: list[TrialResult]) -> None:
                bar.close()
                on_end(results)

            run_trials(
                experiment,
                self.names,
                self.n_trials,
                out,
                workers=self.workers,
                tensorboard=self.tensorboard,
                on_epoch=lambda trial, model, epoch, loss: note_on(
                    bar, f"trial {trial}, {model}, epoch {epoch}, validation loss {loss:.3f}"
                ),
                on_result=lambda _: bar.update(),
                on_end=end,
            )


def _report(out: Path, results: list[TrialResult], experiment: Experiment, metric: str) -> None:
    n_classes = len(experiment.classes)
    done = {(result.trial, result.model) for result in results}
    classes = Details.read(out, done).classes if n_classes > 2 else ()
    say(*table(results, METRICS[metric], classes).splitlines())
    weights, faults = _summarize(out, results)
    plot({out.name: results}, out / "accuracies.png", chance=1 / n_classes)
    if sizes := ", ".join(f"{model} {n:,}" for model, n in weights["trainable_parameters"].items()):
        say("", f"Trainable parameters: {sizes}.")
    if faults:
        more = f" (and {len(faults) - 1:,} more)" if len(faults) > 1 else ""
        say(f"Note: {faults[0]}{more}; the accuracy counts, `evaluate` and `predict` need another trial.", err=True)
    say(f"Results in {out}: trials.csv, epochs.csv, classes.csv, summary.json, config.json, accuracies.png, weights.")


def _summarize(out: Path, results: list[TrialResult]) -> tuple[dict[str, Any], list[str]]:
    """Write `summary.json`; return what it has of weights, and what is wrong with their files."""
    config = RunConfig.read(out)
    if config is None:
        raise TrialsError(messages.CONFIG_MISSING, path=out, found="trials.csv")
    weights, faults = weights_summary(out, [result for result in results if config.keeps_weights(result.model)])
    write_summary(out, results, weights)
    return weights, faults
