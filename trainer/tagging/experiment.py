"""One trial of tagging: the same sentences for every model."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cache import FeatureCache, Split
from cache.errors import InvalidValueError
from trainer import messages
from trainer.errors import TrialsError, invalid
from trainer.protocols import Pool, Sizes, Trial, draw_trial, group_duplicates
from trainer.tagging.probes import Tagged, probe, tag_with_lstm
from trainer.tagging.results import TagResult
from trainer.tagging.scores import score
from trainer.vectors import StaticVectors

__all__ = ["KINDS", "TagExperiment", "TagModel", "TagSettings", "models_of"]

KINDS = ("static", "elmo", "elmo-lstm")


@dataclass(frozen=True)
class TagSettings:
    """The choices that all models of a run share.

    Attributes
    ----------
    tags : str
        Name of the set of tags.
    sizes : Sizes
        Sentences to train on, to choose by, and to measure on.
    seed : int
        Random seed.
    """

    tags: str
    sizes: Sizes = field(default_factory=Sizes)
    seed: int = 0


@dataclass(frozen=True)
class TagModel:
    """A model that trials train.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    layer : str or None
        The view of the cache that it reads; None for the default view, and for `static`, which reads none.
    """

    kind: str
    layer: str | None = None


def models_of(kinds: Sequence[str], layers: Sequence[str]) -> dict[str, TagModel]:
    """Return the models of a run by name: with layers, one for each of them and each kind that reads the cache.

    Raises
    ------
    TrialsError
        If there is no kind, or one that is none of `KINDS`.

    Examples
    --------
    >>> list(models_of(["static", "elmo", "elmo-lstm"], ["0", "mix"]))
    ['static', 'elmo-0', 'elmo-mix', 'elmo-lstm-0', 'elmo-lstm-mix']
    >>> models_of(["elmo-lstm"], [])
    {'elmo-lstm': TagModel(kind='elmo-lstm', layer=None)}
    """
    if not kinds or (unknown := [kind for kind in kinds if kind not in KINDS]):
        raise invalid("models", unknown[0] if kinds else "", f"some of {', '.join(KINDS)}")
    models: dict[str, TagModel] = {}
    for kind in kinds:
        if kind == "static" or not layers:
            models[kind] = TagModel(kind)
        else:
            models |= {f"{kind}-{layer}": TagModel(kind, layer) for layer in layers}
    return models


@dataclass
class TagExperiment:
    """A cache with tags, static vectors and settings: everything that trials share.

    Parameters
    ----------
    features : FeatureCache
        An open cache with tags and the splits `train` and `test`.
    vectors : StaticVectors or None
        Of the cache's vocabulary; None where no model reads them.
    settings : TagSettings
    pool_sizes : Mapping[str, int], optional
        How many sentences of `train` and `test` trials draw from. Default: all that are finished.

    Raises
    ------
    TrialsError
        If the cache lacks `train` or `test`, or has fewer sentences than earlier trials drew from.
    SelectionError
        If it has no such tags.
    """

    features: FeatureCache
    vectors: StaticVectors | None
    settings: TagSettings
    pool_sizes: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        self.tag_names = self.features.tag_names(self.settings.tags)
        path = self.features.path
        if missing := [name for name in ("train", "test") if name not in self.features]:
            data = {"found": ", ".join(self.features), "expected": " and ".join(missing)}
            raise TrialsError(messages.SPLIT_MISSING, path=path, **data)
        for split, n_documents in (self.pool_sizes or {}).items():
            if n_documents > (found := len(self.features[split])):
                raise TrialsError(messages.POOL_SHRANK, path=path, name=split, found=found, expected=n_documents)

    def pooled(self, split: str, layer: str | None = None) -> Split:
        """Return the sentences of a split that trials draw from, in a view of the cache.

        Raises
        ------
        SelectionError
            If the cache has no such layer.
        """
        sentences = self.features.split(split, layer)
        return sentences[: self.pool_sizes[split]] if self.pool_sizes else sentences

    def trial(self, number: int) -> Trial:
        """Return the sentences of a trial, 1-based, drawn as `elmo-train trials` draws documents (`clean`).

        Raises
        ------
        TrialsError
            As `draw_trial`.
        """
        return draw_trial("clean", self._pool, self.settings.sizes, self.settings.seed, number)

    def run(
        self, name: str, model: TagModel, number: int, *, on_epoch: Callable[[int, float], None] | None = None
    ) -> TagResult:
        """Train and test one model on one trial's sentences.

        Parameters
        ----------
        name, model : str, TagModel
            As `models_of` returns them.
        number : int
            The trial, 1-based.
        on_epoch : callable, optional
            Called with each epoch of an LSTM, from 1, and its validation loss.

        Returns
        -------
        TagResult

        Raises
        ------
        TrialsError
            As `trial`, or if the trial's sentences have no tags to learn or to compare.
        """
        trial = self.trial(number)
        start = time.perf_counter()
        tags, seed = self.settings.tags, self.settings.seed
        train, validation = (self.pooled("train", model.layer)[part] for part in (trial.train, trial.validation))
        test = self.pooled("test", model.layer)[trial.test]
        right, indptr = self._tags_of(test)
        try:
            if model.kind == "elmo-lstm":
                full = tuple(part[part.lengths > 0] for part in (train, validation, test))
                if len(np.unique(self._tags_of(full[0])[0])) < 2 or not all(map(len, full)):
                    raise InvalidValueError(messages.FEW_TOKENS)
                found = tag_with_lstm(full, tags, len(self.tag_names), seed=(seed, number), on_epoch=on_epoch)
            else:
                found = self._probe(model.kind, train, validation, test)
            scores = score(right, found.predicted, indptr, self.tag_names)
        except ValueError as error:
            raise TrialsError(messages.TAG_TRIAL, trial=number, name=tags, error=error) from error
        train_hash, validation_hash, test_hash = trial.hashes
        return TagResult(
            trial=number,
            model=name,
            **scores,  # type: ignore[arg-type]
            chosen=found.chosen,
            seconds=time.perf_counter() - start,
            seed=seed,
            train_hash=train_hash,
            validation_hash=validation_hash,
            test_hash=test_hash,
        )

    def _probe(self, kind: str, train: Split, validation: Split, test: Split) -> Tagged:
        (*training, _), (*validating, _), (test_rows, *_) = (
            self._static_rows(part) if kind == "static" else part.flat_tags(self.settings.tags)
            for part in (train, validation, test)
        )
        return probe((training[0], training[1]), (validating[0], validating[1]), test_rows)

    def _static_rows(self, part: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        assert self.vectors is not None
        token_ids = np.concatenate([part.token_ids(i) for i in range(len(part))])
        return self.vectors.matrix[token_ids], *self._tags_of(part)

    def _tags_of(self, part: Split) -> tuple[np.ndarray, np.ndarray]:
        tags = [part.tags(i, self.settings.tags) for i in range(len(part))]
        return np.concatenate([np.zeros(0, np.int32), *tags]), np.cumsum([0, *map(len, tags)])

    @cached_property
    def _pool(self) -> Pool:
        train, test = self.pooled("train"), self.pooled("test")
        groups = group_duplicates(*(map(part.token_ids, range(len(part))) for part in (train, test)))
        # Sentences are drawn whatever their tags: each counts as a class of its own.
        return Pool(np.arange(len(train)), np.arange(len(test)), *groups, self.features, "sentences")
