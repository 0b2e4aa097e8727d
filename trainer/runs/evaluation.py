"""Using what trials have trained: saved weights on another cache."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cache import FeatureCache
from cache.hashing import array_sha256, differences
from trainer.errors import TrialsError
from trainer.experiment import Experiment
from trainer.runs.config import RunConfig
from trainer.runs.saved_weights import load_weights, weights_path
from trainer.runs.schema import shown
from trainer.vectors import StaticVectors

if TYPE_CHECKING:
    import keras

    from trainer.feed import RaggedBatches

__all__ = ["SavedTrial", "evaluate", "restore"]


@dataclass(frozen=True)
class SavedTrial:
    """A model that a trial has trained, as a folder of results keeps it.

    Attributes
    ----------
    folder : Path
        The results of `run_trials`.
    config : RunConfig
        Their `config.json`.
    kind, number : str, int
        Model and trial.
    """

    folder: Path
    config: RunConfig
    kind: str
    number: int


def evaluate(saved: SavedTrial, features: FeatureCache, split: str, static: StaticVectors) -> tuple[float, int]:
    """Return the accuracy of a trial's weights on a split, 0 to 1, and the number of documents it was measured on.

    Parameters
    ----------
    saved, features, split, static
        As in `restore`; the cache has the classes that the weights tell apart, and the split has documents.

    Raises
    ------
    TrialsError
        As `restore`, or if the cache has other classes.
    """
    from trainer.fitting import accuracy

    classes = saved.config.cache["label_names"]
    if list(features.label_names or ()) != classes:
        raise TrialsError(
            f"{features.path} has the classes {', '.join(features.label_names or ('none',))}, the weights tell "
            f"{', '.join(classes)} apart"
        )
    model, batches, positions = restore(saved, features, split, static)
    return accuracy(model, batches), len(positions)


def restore(
    saved: SavedTrial, features: FeatureCache, split: str, static: StaticVectors
) -> tuple["keras.Model", "RaggedBatches", np.ndarray]:
    """Return the model that a trial has trained, and the documents of a split as it takes them.

    Parameters
    ----------
    saved : SavedTrial
        The trial.
    features : FeatureCache
        A cache of the same encoding; its corpus and vocabulary may be others, and it may have no labels.
    split : str
        Which of its documents.
    static : StaticVectors
        Of this cache's vocabulary, from the source that the trial had them from.

    Returns
    -------
    model : keras.Model
        With the trained weights.
    batches : RaggedBatches
        All documents of the split, by length.
    positions : ndarray of int64, (n_docs,)
        Where each document of the batches stands in the split.

    Raises
    ------
    TrialsError
        If the cache has another encoding, the vectors are others, or there are no such weights.
    SelectionError
        If the cache has no such split.
    """
    from trainer.fitting import assign_weights

    experiment = _experiment_of(saved, features, static)
    weights = load_weights(saved.folder, saved.kind, saved.number)
    model = experiment.model(saved.kind)
    for variable in model.trainable_variables:
        value = weights.get(variable.path)
        if value is None or value.shape != tuple(variable.shape):
            found = "missing" if value is None else f"of shape {value.shape}"
            path = weights_path(saved.folder, saved.kind, saved.number)
            raise TrialsError(f"{path}: {variable.path} is {found}, expected {tuple(variable.shape)}")
    assign_weights(model, weights)
    positions = experiment.by_length(split, np.arange(len(features[split])))
    return model, experiment.feed(saved.kind, split, positions), positions


def _experiment_of(saved: SavedTrial, features: FeatureCache, static: StaticVectors) -> Experiment:
    """Return the experiment of a trained model on another cache, unless that does not fit it."""
    trained_in = saved.config.cache
    trained_on, found = trained_in["encoding"], features.manifest.encoding_fingerprint
    if found != trained_on:
        path, encoder = trained_in["path"], trained_in["encoder"]
        options = trained_in["encoding_options"]  # results of earlier versions have none
        listed = [
            f"{name} is {shown(value)}, expected {shown(expected)}"
            for name, value, expected in differences(dict(features.encoding), options, wanted_only=True)
        ]
        differing = "; ".join(listed[:6]) or f"fingerprint {found[:16]}…, expected {trained_on[:16]}…"
        raise TrialsError(
            f"{features.path} has another encoding than {path}, which the weights were trained on: {differing}; build "
            f"one with the same encoder ({encoder}) and text options, which `elmo-cache info {path} --json` shows"
        )
    _check_vectors(saved.config.vectors, features.vocabulary, static)
    settings = saved.config.settings_of(saved.kind)
    return Experiment(features, static, settings, label_names=trained_in["label_names"])


def _check_vectors(trained_with: Mapping[str, Any], vocabulary: Sequence[str], static: StaticVectors) -> None:
    """Refuse vectors other than those that the weights were trained with, as far as that can be told.

    The hash of the whole matrix is of no use here: it is one of another vocabulary. Frequent words are in both.
    """
    if static.dim != trained_with["dim"]:
        raise TrialsError(f"{static.name} is {static.dim}-d, the weights were trained with {trained_with['dim']}-d")
    hashes = trained_with["words"]  # results of earlier versions have none
    rows = {word: static.matrix[token_id] for token_id, word in enumerate(vocabulary) if word in hashes}
    other = [word for word, row in rows.items() if array_sha256(row) != hashes[word]]
    if other or (not rows and static.name != trained_with["name"]):
        evidence = f"{other[0]!r} has another vector" if other else "the name is another one"
        raise TrialsError(
            f"the vectors {static.name} are not those that the weights were trained with, {trained_with['name']} from "
            f"{trained_with['source']}: {evidence}; name the right ones with --vectors"
        )
