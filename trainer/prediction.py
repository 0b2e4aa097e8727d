"""Classifying documents, labelled or not, with weights that trials have trained."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cache import FeatureCache, Split
from cache.adapters.console import beginning, human_count
from cache.files import atomic_path
from trainer.errors import TrialsError
from trainer.evaluation import experiment_for, restore
from trainer.report import TrialResult, read_results
from trainer.static_vectors import StaticVectors

__all__ = ["Predictions", "choose_split", "choose_trial", "describe_predictions", "predict", "write_predictions"]

_PADDING = "<PAD>"


@dataclass(frozen=True)
class Predictions:
    """What a model makes of documents, in the order of their corpus.

    Attributes
    ----------
    documents : Split
        The documents.
    label_names : tuple of str
        Class names by class index.
    probabilities : ndarray of float32, (n_docs, 2)
        Of each class.
    """

    documents: Split
    label_names: tuple[str, ...]
    probabilities: np.ndarray

    @property
    def labels(self) -> list[str]:
        """The name of each document's class: the second where its probability is above one half."""
        return [self.label_names[int(probability > 0.5)] for probability in self.probabilities[:, 1]]


def choose_trial(folder: Path, kind: str, number: int | None = None) -> TrialResult:
    """Return a trial of a model: that of a number, or the one with the lowest validation loss.

    Raises
    ------
    TrialsError
        If there is no such trial.
    """
    results = read_results(folder / "trials.csv")
    trials = [result for result in results if result.model == kind]
    if not trials:
        models = ", ".join(dict.fromkeys(result.model for result in results)) or "none"
        raise TrialsError(f"{folder} has no trial of {kind}; models with trials there: {models}")
    if number is None:
        return min(trials, key=lambda result: result.validation_loss)
    for result in trials:
        if result.trial == number:
            return result
    raise TrialsError(f"{folder} has no trial {number} of {kind}, but {', '.join(str(r.trial) for r in trials)}")


def choose_split(features: FeatureCache, name: str | None = None) -> str:
    """Return the name of a split with documents: the one asked for, or the only one.

    Raises
    ------
    SelectionError
        If the cache has no such split.
    TrialsError
        If it has several, or the split has no finished documents.
    """
    if name is None:
        if len(features) != 1:
            raise TrialsError(f"{features.path} has the splits {', '.join(features)}: choose one with --split")
        (name,) = features
    if not len(features[name]):
        raise TrialsError(f"{features.path} has no finished documents in {name}: finish its build")
    return name


def predict(
    folder: Path,
    config: Mapping[str, Any],
    number: int,
    kind: str,
    features: FeatureCache,
    split: str,
    static: StaticVectors,
    *,
    progress: Callable[[int], None] | None = None,
) -> Predictions:
    """Classify the documents of a split with a trial's weights.

    Parameters
    ----------
    folder, config, number, kind, static
        As in `trainer.evaluation.evaluate`.
    features : FeatureCache
        A cache of the same encoding, with or without labels.
    split : str
        The documents.
    progress : callable, optional
        Called with the number of documents of each batch.

    Raises
    ------
    TrialsError
        If the cache has another encoding, the vectors are others, or there are no such weights.
    """
    from trainer import fitting

    experiment = experiment_for(config, features, static)
    model = restore(folder, experiment, kind, number)
    documents = features[split]
    positions = experiment.by_length(split, np.arange(len(documents)))
    second = np.empty(len(documents))
    second[positions] = fitting.predict(model, experiment.feed(kind, split, positions), progress=progress)
    order = np.argsort(documents.doc_ids)
    second = second[order]
    probabilities = np.stack([1 - second, second], axis=1).astype(np.float32)
    return Predictions(documents[order], tuple(config["cache"]["label_names"]), probabilities)


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write a CSV file: `doc_id` (0-based position in the corpus), `label`, and a probability for each class."""
    with atomic_path(path) as temporary:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["doc_id", "label", *(f"probability_{name}" for name in predictions.label_names)])
            rows = zip(
                predictions.documents.doc_ids.tolist(), predictions.labels, predictions.probabilities, strict=True
            )
            for doc_id, label, probabilities in rows:
                # NumPy writes the shortest text that gives the same float32 again.
                writer.writerow([doc_id, label, *(str(probability) for probability in probabilities)])


def describe_predictions(predictions: Predictions, n_shown: int = 10) -> list[str]:
    """Return a table of the first documents, and a line on all of them."""
    width = max(5, *(len(name) for name in predictions.label_names))
    lines = [f"doc_id  {'label':{width}}  probability  text"]
    labels, n_documents = predictions.labels, len(predictions.documents)
    for i in range(min(n_shown, n_documents)):
        words = [word for word in predictions.documents.tokens(i) if word != _PADDING]
        probability = predictions.probabilities[i].max()
        doc_id = int(predictions.documents.doc_ids[i])
        lines.append(f"{doc_id:6}  {labels[i]:{width}}  {probability:11.3f}  {beginning(words)}")
    counts = ", ".join(f"{name} {labels.count(name):,}" for name in predictions.label_names)
    more = f"… and {n_documents - n_shown:,} more. " if n_documents > n_shown else ""
    return [*lines, f"{more}{human_count(n_documents, 'document')}: {counts}."]
