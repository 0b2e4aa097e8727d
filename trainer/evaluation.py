"""Using what trials have trained: saved weights on another cache."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cache import FeatureCache
from cache.hashing import array_sha256
from trainer.errors import TrialsError
from trainer.experiment import Experiment
from trainer.saved_weights import load_weights, weights_path
from trainer.settings import Settings
from trainer.static_vectors import StaticVectors

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
        If the cache has another encoding or other classes, the vectors are others, or there are no such weights.
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
        If the cache has another encoding, or the vectors are others.
    """
    trained_on, found = config["cache"]["encoding"], features.manifest.encoding_fingerprint
    if found != trained_on:
        path, encoder = config["cache"]["path"], config["cache"]["encoder"]
        options = config["cache"].get("encoding_options", {})  # results of earlier versions have none
        differing = "; ".join(_differences(options, dict(features.encoding)))
        differing = differing or f"fingerprint {found[:16]}…, expected {trained_on[:16]}…"
        raise TrialsError(
            f"{features.path} has another encoding than {path}, which the weights were trained on: {differing}; build "
            f"one with the same encoder ({encoder}) and text options, which `elmo-cache info {path} --json` shows"
        )
    _check_vectors(config["vectors"], features.vocabulary, static)
    settings = Settings.from_json(config["vectors"]["source"], config["settings"])
    return Experiment(features, static, settings, label_names=config["cache"]["label_names"])


def _differences(trained_on: Any, found: Any, name: str = "") -> Iterator[str]:
    """Yield what differs in a description of an encoding, each option with both values."""
    if isinstance(trained_on, dict) and isinstance(found, dict):
        for key in trained_on:
            yield from _differences(trained_on[key], found.get(key), f"{name}.{key}" if name else key)
    elif trained_on != found:
        yield f"{name} is {found!r}, expected {trained_on!r}"


def _check_vectors(trained_with: Mapping[str, Any], vocabulary: Sequence[str], static: StaticVectors) -> None:
    """Refuse vectors other than those that the weights were trained with, as far as that can be told.

    The hash of the whole matrix is of no use here: it is one of another vocabulary. Frequent words are in both.
    """
    if static.dim != trained_with["dim"]:
        raise TrialsError(f"{static.name} is {static.dim}-d, the weights were trained with {trained_with['dim']}-d")
    hashes = trained_with.get("words", {})  # results of earlier versions have none
    rows = {word: static.matrix[token_id] for token_id, word in enumerate(vocabulary) if word in hashes}
    other = [word for word, row in rows.items() if array_sha256(row) != hashes[word]]
    if other or (not rows and static.name != trained_with["name"]):
        evidence = f"{other[0]!r} has another vector" if other else "the name is another one"
        raise TrialsError(
            f"the vectors {static.name} are not those that the weights were trained with, {trained_with['name']} from "
            f"{trained_with['source']}: {evidence}; name the right ones with --vectors"
        )
