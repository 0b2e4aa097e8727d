"""Using what trials have trained: saved weights on another cache."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cache import FeatureCache
from trainer.errors import TrialsError
from trainer.saved_weights import load_weights, weights_path
from trainer.settings import Settings
from trainer.static_vectors import StaticVectors
from trainer.trials import Experiment

if TYPE_CHECKING:
    import keras

__all__ = ["evaluate", "experiment_for", "restore"]


def evaluate(
    folder: Path,
    config: Mapping[str, Any],
    number: int,
    kind: str,
    features: FeatureCache,
    split: str,
    static: StaticVectors,
) -> tuple[float, int]:
    """Return the accuracy of a trial's weights on a split, and the number of documents it was measured on.

    Parameters
    ----------
    folder : Path
        The results of `run_trials`.
    config : Mapping
        Their `config.json`.
    number, kind : int, str
        Trial and model.
    features : FeatureCache
        A cache of the same encoding; its corpus and vocabulary may be others.
    split : str
        The documents to score.
    static : StaticVectors
        Of this cache's vocabulary.

    Raises
    ------
    TrialsError
        If the cache has another encoding or other classes, the vectors another dimension, or there are no such
        weights.
    """
    from trainer.fitting import accuracy

    classes = config["cache"]["label_names"]
    if list(features.label_names or ()) != classes:
        raise TrialsError(
            f"{features.path} has the classes {', '.join(features.label_names or ('none',))}, the weights tell "
            f"{', '.join(classes)} apart"
        )
    experiment = experiment_for(config, features, static)
    model = restore(folder, experiment, kind, number)
    n_documents = len(features[split])
    positions = experiment.by_length(split, np.arange(n_documents))
    return accuracy(model, experiment.feed(kind, split, positions)), n_documents


def restore(folder: Path, experiment: Experiment, kind: str, number: int) -> "keras.Model":
    """Return the model of a kind with the weights that a trial has trained."""
    from trainer.fitting import assign_weights

    weights = load_weights(folder, kind, number)
    model = experiment.model(kind)
    for variable in model.trainable_variables:
        value = weights.get(variable.path)
        if value is None or value.shape != tuple(variable.shape):
            found = "missing" if value is None else f"of shape {value.shape}"
            raise TrialsError(
                f"{weights_path(folder, kind, number)}: {variable.path} is {found}, expected {tuple(variable.shape)}"
            )
    assign_weights(model, weights)
    return model


def experiment_for(config: Mapping[str, Any], features: FeatureCache, static: StaticVectors) -> Experiment:
    """Return the experiment of a `config.json` on another cache, which may have no labels.

    Raises
    ------
    TrialsError
        If the cache has another encoding, or the vectors another dimension.
    """
    trained_on, found = config["cache"]["encoding"], features.manifest.encoding_fingerprint
    if found != trained_on:
        raise TrialsError(
            f"{features.path} has another encoding ({found[:16]}…) than the cache the weights were trained on "
            f"({trained_on[:16]}…, {config['cache']['encoder']}): build one with the encoder and the text options of "
            f"{config['cache']['path']}, which `elmo-cache info {config['cache']['path']} --json` shows"
        )
    if static.dim != config["vectors"]["dim"]:
        raise TrialsError(
            f"{static.name} is {static.dim}-d, the weights were trained with {config['vectors']['dim']}-d"
        )
    settings = Settings.from_json(config["vectors"]["source"], config["settings"])
    return Experiment(features, static, settings, label_names=config["cache"]["label_names"])
