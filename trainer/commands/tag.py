"""`elmo-train tag`: trials on tokens with tags."""

from pathlib import Path

import click

from cache import FeatureCache
from cache.runtime.console import Subcommand, say
from cache.runtime.progress import note_on, progress_bar
from trainer.commands.options import check_out_folder, number_option, out_option
from trainer.commands.trials_options import vectors_option
from trainer.protocols import MOST_DOCUMENTS, Sizes
from trainer.report import plot
from trainer.runs.results import MOST_TRIALS
from trainer.runs.settings import RANGES
from trainer.tagging.config import TagConfig
from trainer.tagging.experiment import KINDS, TagExperiment, TagSettings, models_of
from trainer.tagging.report import tag_table, write_tag_summary
from trainer.tagging.results import TagResult, read_tag_results
from trainer.tagging.trials import RESULTS, run_tag_trials
from trainer.vectors.loading import load_vectors

__all__ = ["tag_command"]


@click.command(
    name="tag",
    short_help="Predict the tags of tokens, from static and ELMo vectors.",
    cls=Subcommand,
    option_groups={
        "Amount": ["n_trials", "train_size", "val_size", "test_size"],
        "Input": ["cache_path", "tags", "layers", "vectors"],
        "Models": ["models"],
        "Drawing sentences": ["seed"],
        "Output": ["out"],
    },
)
@number_option(
    "--n",
    "n_trials",
    type=click.IntRange(1, MOST_TRIALS),
    default=10,
    help="Number of trials. In each, every model is trained once, on the same sentences.",
)
@click.option(
    "--cache",
    "cache_path",
    type=click.Path(path_type=Path),
    required=True,
    help="A cache with tags, from `elmo-cache build` with --tag-column.",
)
@click.option(
    "--tags", metavar="NAME", help="Which tags, if the cache has several sets of them.  [default: the only set]"
)
@vectors_option
@click.option(
    "--models",
    default="static,elmo",
    show_default=True,
    metavar="NAME,…",
    help=f"Models to compare: {', '.join(KINDS)}. Each is compared with static.",
)
@click.option(
    "--layer",
    "layers",
    metavar="LAYER,…",
    help="Train elmo and elmo-lstm once on each of these layers, such as 0,1,2,mix.  [default: the cache's default "
    "layer]",
)
@number_option(
    "--train-size", type=click.IntRange(2, MOST_DOCUMENTS), default=Sizes.train, help="Training sentences per trial."
)
@number_option(
    "--val-size",
    type=click.IntRange(1, MOST_DOCUMENTS),
    default=Sizes.validation,
    help="Validation sentences per trial: they choose a probe's penalty, and decide when an LSTM stops.",
)
@number_option(
    "--test-size",
    type=click.IntRange(1, MOST_DOCUMENTS),
    default=Sizes.test,
    help="Test sentences, the same in every trial.",
)
@number_option(
    "--seed",
    type=click.IntRange(*RANGES["seed"]),
    default=0,
    help="Random seed, for the sentences of each trial and the starting weights.",
)
@out_option("results-tags")
def tag_command(
    n_trials: int,
    cache_path: Path,
    tags: str | None,
    vectors: str,
    models: str,
    layers: str | None,
    train_size: int,
    val_size: int,
    test_size: int,
    seed: int,
    out: Path,
) -> None:
    """Predict each token's tag, from static vectors and from ELMo's, on the same sentences in every trial.

    static and elmo are linear probes: one softmax on each token's vector. elmo-lstm is a bidirectional LSTM over the
    sentence. Run the same command to resume; a larger --n adds trials.

    \b
    elmo-cache build ewt.elmo --corpus ewt.conllu --tag-column upos --layers all --test-share 0.3
    elmo-train tag --cache ewt.elmo --layer 0,1,2,mix
    elmo-train tag --cache ewt.elmo --models static,elmo,elmo-lstm --n 5 --out results-lstm
    """
    check_out_folder(out, "results-tags")
    chosen = models_of(_names(models), _names(layers or ""))
    with FeatureCache(cache_path) as features:
        settings = TagSettings(_tags_in(features, tags), Sizes(train_size, val_size, test_size), seed)
        earlier = TagConfig.read(out)
        static = load_vectors(vectors, features) if "static" in chosen else None
        experiment = TagExperiment(features, static, settings, earlier.pool if earlier else None)
        say(*_description(experiment, list(chosen)))
        n_done = sum(r.trial <= n_trials and r.model in chosen for r in read_tag_results(out / RESULTS))
        with progress_bar(n_trials * len(chosen), "training", "run", initial=n_done) as bar:

            def end(results: list[TagResult]) -> None:
                bar.close()
                say(*tag_table(results).splitlines())
                write_tag_summary(out, results)
                plot({out.name: results}, out / "accuracies.png", scored="test tokens", chance=None)
                say("", f"Results in {out}: {RESULTS}, summary.json, config.json, accuracies.png.")

            run_tag_trials(
                experiment,
                chosen,
                n_trials,
                out,
                source=vectors,
                on_epoch=lambda trial, model, epoch, loss: note_on(
                    bar, f"trial {trial}, {model}, epoch {epoch}, validation loss {loss:.3f}"
                ),
                on_result=lambda _: bar.update(),
                on_end=end,
            )


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _tags_in(features: FeatureCache, name: str | None) -> str:
    """Return the name of the set of tags that is meant."""
    features.tag_names(name)  # raises if there is none, or not exactly one
    return name or next(iter(features.manifest.tag_names))


def _description(experiment: TagExperiment, models: list[str]) -> list[str]:
    features, settings, sizes = experiment.features, experiment.settings, experiment.settings.sizes
    static = experiment.vectors
    return [
        f"{features.path}: {features.manifest.names.get('encoder')}, {features['train'].dim}-d",
        f"  tags       {settings.tags}, {len(experiment.tag_names)} different",
        f"  models     {', '.join(models)}",
        *([f"  vectors    {static.name}, {static.dim}-d: {static.found.mean():.1%} of words"] if static else []),
        f"  sentences  {sizes.train} training, {sizes.validation} validation, {sizes.test} test, seed {settings.seed}",
    ]
