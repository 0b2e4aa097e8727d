"""Using what trials have trained: saved weights on another cache."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cache import FeatureCache
from cache.hashing import array_sha256, differences
from trainer import messages
from trainer.errors import TrialsError
from trainer.experiment import Experiment
from trainer.models.named import Model
from trainer.runs.config import RunConfig
from trainer.runs.saved_weights import load_weights, weights_path
from trainer.runs.schema import shown
from trainer.scores import Scores, score
from trainer.vectors import StaticVectors

if TYPE_CHECKING:
    from trainer.learners.keras import KerasLearner

__all__ = ["SavedTrial", "evaluate", "other_encoding", "renamed", "restore"]


@dataclass(frozen=True)
class SavedTrial:
    """A model that a trial has trained, as a folder of results keeps it.

    Attributes
    ----------
    folder : Path
        The results of `run_trials`.
    config : RunConfig
        Their `config.json`.
    model : Model
    number : int
        The trial.

    Raises
    ------
    TrialsError
        If the folder has no trials of it, it keeps no weights, or your file is not the one that it was trained with.
    """

    folder: Path
    config: RunConfig
    model: Model
    number: int

    def __post_init__(self) -> None:
        name, trained = self.model.name, self.config.models
        if name not in trained:
            raise TrialsError(messages.NO_TRIALS_OF, path=self.folder, name=name, found=", ".join(trained) or "none")
        wanted = trained[name].get("source_sha256")
        if wanted is not None and self.model.is_built_in:
            raise TrialsError(messages.OWN_MODEL, name=name)
        if wanted != self.model.sha256:
            data = {"path": self.folder, "name": self.model.place, "found": self.model.sha256, "expected": wanted}
            raise TrialsError(messages.MODEL_DIFFERS, **data)
        if not self.config.keeps_weights(name):
            raise TrialsError(messages.NOT_SAVED, name=name)


def evaluate(
    saved: SavedTrial,
    features: FeatureCache,
    split: str,
    static: StaticVectors,
    renames: Mapping[str, str] | None = None,
) -> tuple[Scores, int]:
    """Return how good a trial's weights are on a split, and the number of documents this was measured on.

    Parameters
    ----------
    saved, features, split, static
        As in `restore`; the cache has the classes that the weights tell apart, in any order, and the split has
        documents.
    renames : Mapping of str to str, optional
        What the weights call classes, by their names in the cache.

    Raises
    ------
    TrialsError
        As `restore`, or if the cache has other classes.
    """
    classes, labels_there = saved.config.cache["label_names"], list(features.label_names or ())
    names = renamed(labels_there, renames or {}, features.path)
    if set(names) != set(classes):
        found = ", ".join(names) or "none"
        raise TrialsError(messages.OTHER_CLASSES, path=features.path, found=found, expected=", ".join(classes))
    learner = restore(saved, features, static)
    stored = features[split].labels
    assert stored is not None
    labels = np.array([classes.index(name) for name in names])[stored]
    return score(labels, learner.probabilities(split, np.arange(len(labels)))), len(labels)


def restore(saved: SavedTrial, features: FeatureCache, static: StaticVectors) -> "KerasLearner":
    """Return the model that a trial has trained, ready for the documents of a cache.

    Parameters
    ----------
    saved : SavedTrial
        The trial.
    features : FeatureCache
        A cache of the same encoding; its corpus and vocabulary may be others, and it may have no labels.
    static : StaticVectors
        Of this cache's vocabulary, from the source that the trial had them from.

    Returns
    -------
    KerasLearner
        With the trained weights.

    Raises
    ------
    TrialsError
        If the cache has another encoding, the vectors are others, or there are no such weights.
    """
    from trainer.learners.keras import KerasLearner

    experiment = _experiment_of(saved, features, static)
    weights = load_weights(saved.folder, saved.model.name, saved.number)
    learner = experiment.learner(saved.model.name)
    assert isinstance(learner, KerasLearner)
    try:
        learner.assign(weights)
    except ValueError as error:
        path = weights_path(saved.folder, saved.model.name, saved.number)
        raise TrialsError(messages.WEIGHTS_OTHER, path=path, error=error) from error
    return learner


def other_encoding(features: FeatureCache, config: RunConfig) -> str | None:
    """Tell how the encoding of a cache differs from that of a run's cache; None if they are the same."""
    trained_on, found = config.cache["encoding"], features.manifest.encoding_fingerprint
    if found == trained_on:
        return None
    options = config.cache["encoding_options"]  # results of earlier versions have none
    listed = [
        messages.WRONG_VALUE.format(name=name, found=shown(value), expected=shown(expected))
        for name, value, expected in differences(dict(features.encoding), options, wanted_only=True)
    ]
    fingerprints = {"name": "its fingerprint", "found": f"{found[:16]}…", "expected": f"{trained_on[:16]}…"}
    return "; ".join(listed[:6]) or messages.WRONG_VALUE.format(**fingerprints)


def _experiment_of(saved: SavedTrial, features: FeatureCache, static: StaticVectors) -> Experiment:
    """Return the experiment of a trained model on another cache, unless that does not fit it."""
    trained_in = saved.config.cache
    if differing := other_encoding(features, saved.config):
        path, encoder = trained_in["path"], trained_in["encoder"]
        raise TrialsError(messages.OTHER_ENCODING, path=features.path, expected=path, found=differing, name=encoder)
    _check_vectors(saved.config.vectors, features.vocabulary, static)
    name = saved.model.name
    own = {} if saved.model.is_built_in else {name: saved.model}
    settings = saved.config.settings_of(name)
    return Experiment(features, static, settings, label_names=trained_in["label_names"], models=own)


def _check_vectors(trained_with: Mapping[str, Any], vocabulary: Sequence[str], static: StaticVectors) -> None:
    """Refuse vectors other than those that the weights were trained with, as far as that can be told.

    The hash of the whole matrix is of no use here: it is one of another vocabulary. Frequent words are in both.
    """
    if static.dim != trained_with["dim"]:
        raise TrialsError(messages.VECTORS_DIM, name=static.name, found=static.dim, expected=trained_with["dim"])
    hashes = trained_with["words"]  # results of earlier versions have none
    rows = {word: static.matrix[token_id] for token_id, word in enumerate(vocabulary) if word in hashes}
    other = [word for word, row in rows.items() if array_sha256(row) != hashes[word]]
    if other or (not rows and static.name != trained_with["name"]):
        evidence = f"{other[0]!r} has another vector" if other else "the name is another one"
        source = {"expected": trained_with["name"], "path": trained_with["source"]}
        raise TrialsError(messages.OTHER_VECTORS, name=static.name, found=evidence, **source)


def renamed(names: list[str], renames: Mapping[str, str], path: Path) -> list[str]:
    """Return class names with their new names.

    Parameters
    ----------
    names : list of str
        The classes.
    renames : Mapping of str to str
        New names by old ones.
    path : Path
        The cache or the run that has these classes, for the message.

    Raises
    ------
    TrialsError
        If a class to rename is not among them.
    """
    if unknown := [old for old in renames if old not in names]:
        raise TrialsError(messages.NO_LABEL, path=path, name=unknown[0], found=", ".join(names) or "none")
    return [renames.get(name, name) for name in names]
