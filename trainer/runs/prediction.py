"""Classifying documents, labelled or not, with weights that trials have trained."""

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from cache import FeatureCache, Split
from cache.files import atomic_path
from cache.runtime.console import beginning, human_count
from trainer import messages
from trainer.errors import TrialsError
from trainer.runs.config import RunConfig
from trainer.runs.evaluation import SavedTrial, renamed, restore
from trainer.runs.results import TrialResult, read_results
from trainer.vectors import PADDING, StaticVectors

__all__ = [
    "Predictions",
    "caution",
    "choose_split",
    "choose_trial",
    "describe_predictions",
    "predict",
    "write_predictions",
]

_FEW_DOCUMENTS = 1000
"""Training documents below which single predictions come with a word of caution."""


@dataclass(frozen=True)
class Predictions:
    """What a model makes of documents, in the order of their corpus.

    Attributes
    ----------
    documents : Split
        The documents.
    label_names : tuple of str, (n_classes,)
        Class names by class index.
    probabilities : ndarray of float32, (n_docs, n_classes)
        Of each class.
    texts : tuple of str, (n_docs,), or None
        The documents as they were given, where they are not those of a cache.
    """

    documents: Split
    label_names: tuple[str, ...]
    probabilities: np.ndarray
    texts: tuple[str, ...] | None = None

    @property
    def labels(self) -> list[str]:
        """The name of each document's most probable class, of equal ones the first; "" without a token."""
        best = self.probabilities.argmax(axis=1).tolist()
        return ["" if empty else self.label_names[i] for empty, i in zip(self.empty, best, strict=True)]

    @cached_property
    def empty(self) -> list[bool]:
        """For each document whether it has no token, padding aside: there is nothing that a class could be told by."""
        documents = self.documents
        return [all(word == PADDING for word in documents.tokens(i)) for i in range(len(documents))]


def choose_trial(folder: Path, kind: str, number: int | None = None) -> TrialResult:
    """Return a trial of a model: that of a number, or the one with the lowest validation loss.

    Parameters
    ----------
    folder : Path
        The results of `run_trials`.
    kind : str
        The name of a model.
    number : int, optional
        The trial, 1-based.

    Raises
    ------
    TrialsError
        If there is no such trial, or none with a loss to compare.
    """
    results = read_results(folder / "trials.csv")
    trials = [result for result in results if result.model == kind]
    if not trials:
        models = ", ".join(dict.fromkeys(result.model for result in results)) or "none"
        raise TrialsError(messages.NO_TRIALS_OF, path=folder, name=kind, found=models)
    if number is None:
        if not (comparable := [result for result in trials if not math.isnan(result.validation_loss)]):
            raise TrialsError(messages.NO_VALIDATION_LOSS, path=folder, name=kind)
        return min(comparable, key=lambda result: result.validation_loss)
    for result in trials:
        if result.trial == number:
            return result
    found = ", ".join(str(result.trial) for result in trials)
    raise TrialsError(messages.NO_TRIAL, path=folder, name=kind, trial=number, found=found)


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
            raise TrialsError(messages.CHOOSE_SPLIT, path=features.path, found=", ".join(features))
        (name,) = features
    if not len(features[name]):
        raise TrialsError(messages.NO_DOCUMENTS, path=features.path, name=name)
    return name


def predict(
    saved: SavedTrial,
    features: FeatureCache,
    split: str,
    static: StaticVectors,
    *,
    texts: Sequence[str] | None = None,
    renames: Mapping[str, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Predictions:
    """Classify the documents of a split with a trial's weights.

    Parameters
    ----------
    saved, features, split, static
        As in `trainer.runs.evaluation.restore`.
    texts : sequence of str, optional
        What the documents were before they became tokens, in the order of their corpus.
    renames : Mapping of str to str, optional
        New names of classes, by the names that the weights know.
    progress : callable, optional
        Called with the number of documents of each batch.

    Raises
    ------
    TrialsError, SelectionError
        As `trainer.runs.evaluation.restore`; or if there is no such class to rename, or two would have one name.
    """
    known = saved.config.cache["label_names"]
    names = renamed(known, renames or {}, saved.folder)
    if len(set(names)) < len(names):
        raise TrialsError(messages.LABELS_COLLIDE, found=", ".join(names))
    learner = restore(saved, features, static)
    documents = features[split]
    probabilities = learner.probabilities(split, np.arange(len(documents)), progress=progress)
    order = np.argsort(documents.doc_ids)
    given = None if texts is None else tuple(texts)
    return Predictions(documents[order], tuple(names), probabilities[order].astype(np.float32), given)


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write a CSV file: `doc_id` (0-based position in the corpus), `label`, and a probability for each class.

    Where documents have names of their own, `id` stands behind `doc_id`; `text` is the last column, where texts were
    given. A document without a token has neither label nor probabilities.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with atomic_path(path) as temporary:
        with open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.writer(file)
            ids = predictions.documents.ids
            names = ["doc_id", *([] if ids is None else ["id"]), "label"]
            probability_names = [f"probability_{name}" for name in predictions.label_names]
            writer.writerow([*names, *probability_names, *([] if predictions.texts is None else ["text"])])
            doc_ids = predictions.documents.doc_ids.tolist()
            places = [(doc_id,) for doc_id in doc_ids] if ids is None else zip(doc_ids, ids, strict=True)
            texts = [[]] * len(doc_ids) if predictions.texts is None else [[text] for text in predictions.texts]
            rows = zip(places, predictions.labels, predictions.empty, predictions.probabilities, texts, strict=True)
            for place, label, empty, probabilities, text in rows:
                # NumPy writes the shortest text that gives the same float32 again.
                writer.writerow([*place, label, *("" if empty else str(p) for p in probabilities), *text])


def describe_predictions(predictions: Predictions, n_shown: int = 10) -> list[str]:
    """Return the lines of a table of the first `n_shown` documents, and one on all of them."""
    width = max(5, *(len(name) for name in predictions.label_names))
    ids = predictions.documents[:n_shown].ids
    shown_ids = ["id", *(beginning([id]) for id in ids)] if ids else []
    id_width = max(map(len, shown_ids), default=0)
    columns = [f"  {id:{id_width}}" for id in shown_ids] or [""] * (n_shown + 1)
    lines = [f"doc_id{columns[0]}  {'label':{width}}  probability  text"]
    labels, n_documents = predictions.labels, len(predictions.documents)
    for i in range(min(n_shown, n_documents)):
        if predictions.texts is not None:
            words = predictions.texts[i].split()
        else:
            words = [word for word in predictions.documents.tokens(i) if word != PADDING]
        place = f"{int(predictions.documents.doc_ids[i]):6}{columns[i + 1]}"
        if predictions.empty[i]:
            lines.append(f"{place}  {'-':{width}}  {'-':>11}  {beginning(words) if words else '(no token)'}")
            continue
        probability = predictions.probabilities[i].max()
        lines.append(f"{place}  {labels[i]:{width}}  {probability:11.3f}  {beginning(words)}")
    counts = ", ".join(f"{name} {labels.count(name):,}" for name in predictions.label_names)
    counts += f"; no class for {n_empty:,} without a token" if (n_empty := sum(predictions.empty)) else ""
    more = f"… and {n_documents - n_shown:,} more. " if n_documents > n_shown else ""
    return [*lines, f"{more}{human_count(n_documents, 'document')}: {counts}."]


def caution(config: RunConfig, trial: TrialResult) -> list[str]:
    """Return a line that says how far predictions can be trusted, where the weights have seen few documents."""
    n_documents = config.settings["sizes"]["train"]
    if n_documents >= _FEW_DOCUMENTS:
        return []
    return [
        f"Note: this model was trained on only {human_count(n_documents, 'document')}, and was right for "
        f"{trial.accuracy:.1%} of its test documents: single predictions can easily be wrong."
    ]
