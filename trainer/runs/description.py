"""What `elmo-train trials` says before it begins."""

from collections.abc import Sequence

import numpy as np

from trainer.experiment import Experiment
from trainer.runs.settings import takes_gamma
from trainer.vectors import PADDING

__all__ = ["describe_experiment"]


def describe_experiment(experiment: Experiment, kinds: Sequence[str]) -> list[str]:
    """Return the lines that say what trials of some models will be made with.

    Raises
    ------
    TrialsError
        If a split is missing or not as trials need it, `--gamma auto` finds no number, or a model of yours cannot be
        made.
    """
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
