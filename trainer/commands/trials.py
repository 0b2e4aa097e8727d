"""`elmo-train trials` and `elmo-train curve`: what they share, and what each adds."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from cache import FeatureCache
from cache.runtime.console import Subcommand, say
from cache.runtime.processes import Workers
from cache.runtime.progress import note_on, progress_bar
from trainer import messages
from trainer.commands.options import check_out_folder, out_option
from trainer.commands.trials_options import option_groups, trials_options
from trainer.errors import TrialsError
from trainer.experiment import Experiment
from trainer.models.named import models_of
from trainer.protocols import Sizes
from trainer.report import METRICS, plot, plot_curve, table, write_summary
from trainer.report.curves import curve_table
from trainer.runs.config import RunConfig
from trainer.runs.curve import CURVE, parse_sizes, write_curve
from trainer.runs.details import Details
from trainer.runs.results import TrialResult, read_results
from trainer.runs.saved_weights import weights_summary
from trainer.runs.settings import Settings, parse_gamma, parse_rates, takes_gamma
from trainer.runs.tensorboard import check_tensorboard
from trainer.runs.trials import run_trials
from trainer.vectors import PADDING
from trainer.vectors.loading import load_vectors

__all__ = ["curve_command", "trials_command"]


@click.command(
    name="trials",
    short_help="Train and compare models, trial by trial.",
    cls=Subcommand,
    option_groups=option_groups("train_size"),
)
@trials_options(train_size=True)
@out_option("results")
def trials_command(train_size: int, out: Path, **choices: Any) -> None:
    """Train and test each model on the same documents in every trial, and compare them.

    The folder of results gets the scores, a table, a figure and the trained weights. Run the same command to resume
    after an interruption. A larger --n adds trials. Other settings need another --out.

    \b
    elmo-train trials --n 10
    elmo-train trials --n 10 --models basic,elmo,elmo-only --learning-rate elmo=1e-4 --out results-slow
    elmo-train trials --n 10 --gamma auto --out results-scaled
    elmo-train trials --n 10 --models basic,elmo,tfidf-lr,elmo-lr,my_models.py:wide --out results-own
    elmo-train trials --n 1 --protocol notebook --vectors wiki.multi.en.vec
    """
    check_out_folder(out, "results")
    run = _Run(train_size, **choices)
    with run.opened(RunConfig.read(out)) as experiment:
        say(*_description(experiment, run.names))
        run.train(experiment, out, lambda results: _report(out, results, experiment, run.metric))


@click.command(
    name="curve",
    short_help="Run trials at several training sizes.",
    cls=Subcommand,
    option_groups=option_groups("sizes"),
)
@click.option(
    "--sizes",
    required=True,
    metavar="N,N,…",
    help="Training documents per trial, at each point of the curve, such as 50,100,200.",
)
@trials_options(train_size=False)
@out_option("curve", ", with one folder per size")
def curve_command(sizes: str, out: Path, **choices: Any) -> None:
    """Run trials at several training sizes, and draw the learning curve of each model.

    Within a trial, a larger training set contains the smaller ones. Each size has a folder in OUT, the same as
    `elmo-train trials` makes. Run the same command to resume; you can add sizes, models and trials.

    \b
    elmo-train curve --sizes 50,100,200,500,1000 --n 10 --models basic,elmo,tfidf-lr,elmo-lr
    """
    check_out_folder(out, "curve")
    wanted = parse_sizes(sizes)
    run = _Run(wanted[-1], **choices)
    folders = {size: out / f"train-{size}" for size in wanted}
    earlier = next((found for folder in folders.values() if (found := RunConfig.read(folder))), None)
    with run.opened(earlier) as experiment:
        say(*_description(experiment, run.names))
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
        gamma: str,
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
            gamma=parse_gamma(gamma),
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


def _description(experiment: Experiment, kinds: Sequence[str]) -> list[str]:
    """Return the lines that say what trials of some models will be made with, having checked that they can be."""
    experiment.check_pool()  # before the splits are read
    settings, features, static = experiment.settings, experiment.features, experiment.vectors
    counts = np.zeros(len(static.found), np.int64)
    for split in ("train", "test"):
        counts += features.token_counts(split)
    counts[[word == PADDING for word in features.vocabulary]] = 0  # padding is nobody's word
    duplicates = f", {static.n_duplicates:,} duplicate words (the first counts)" if static.n_duplicates else ""
    sizes = settings.sizes
    rates = ", ".join(f"{kind} {settings.learning_rate(kind):g}" for kind in kinds if experiment.has_weights(kind))
    training = [f"learning rate {rates}"] if rates else []
    if any(map(takes_gamma, kinds)):
        training.append(f"gamma {experiment.gamma:g}{' (auto)' if settings.gamma == 'auto' else ''}")
    draw = ", as many of each class" if settings.balanced else ""
    if len(experiment.classes) > 2 and not draw:
        draw = ", each class as in its split"
    return [
        f"{features.path}: {features.manifest.names.get('encoder')}, {features['train'].dim}-d",
        f"  vectors   {static.name}, {static.dim}-d: {static.token_coverage(counts):.1%} of tokens, "
        f"{static.found.mean():.1%} of {len(static.found):,} words{duplicates}",
        f"  protocol  {settings.protocol}: {sizes.train} training, {sizes.validation} validation, "
        f"{sizes.test} test documents, seed {settings.seed}{draw}",
        *([f"  training  {'; '.join(training)}"] if training else []),
    ]


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
