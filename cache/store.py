"""`FeatureCache`: open a cache for reading."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from cache import messages
from cache.errors import SelectionError
from cache.manifest import Manifest
from cache.packed import open_storage
from cache.sources import StoredSource
from cache.split import Split

__all__ = ["FeatureCache"]


class FeatureCache(Mapping[str, Split]):
    """A cache, finished or still growing, that is open for reading: a mapping from split names to `Split` objects.

    `features["train"]` returns a split in the default view of the cache, and `features.split("train", "top")` in
    another view. `list(features)`, `len(features)` and `"train" in features` use the names of the splits, and
    `dict(features)` contains all splits. Leaving a `with` block closes the files.

    Opening a cache reads the manifest and lists the folder. Shards are opened when you read from them, at most 32 at a
    time. The object can be pickled; each process opens its own files. To see what a build has added since, open the
    cache again.

    Parameters
    ----------
    path : str or Path
        The folder of the cache, or a file made by `elmo-cache pack`.

    Raises
    ------
    NotACacheError
        If there is no cache at `path`.
    FormatVersionError
        If the cache has a newer format.
    CorruptFileError
        If the manifest is damaged. For damage in other files, reading raises this error.

    Examples
    --------
    >>> with FeatureCache("imdb.elmo") as features:
    ...     train = features["train"]
    ...     print(train[2].shape, train[2].dtype, train.tokens(2), features.label_names[train.labels[2]])
    (3, 256) float16 ['Simply', 'great', '!'] pos
    """

    def __init__(self, path: str | os.PathLike[str]):
        self._storage = open_storage(path)
        self._documents = {name: self._storage.documents(name) for name in self.manifest.splits}

    @property
    def path(self) -> Path:
        """The folder or file of the cache."""
        return self._storage.path

    @property
    def manifest(self) -> Manifest:
        """The manifest, which describes the cache, as it was when the cache was opened."""
        return self._storage.manifest

    @property
    def encoding(self) -> Mapping[str, Any]:
        """How the vectors were computed: a JSON object that the store does not interpret.

        Vectors of two caches can be combined if both caches have the same `encoding` and the same layers.
        """
        return self.manifest.encoding

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """Class names in the order of the indices in `Split.labels`; None for a corpus without labels."""
        return self.manifest.label_names

    @property
    def vocabulary(self) -> list[str]:
        """The words of the whole corpus in the order of their token ids, the most frequent first. All splits share it.

        Raises
        ------
        CorruptFileError
            If the documents file of the first split is missing or damaged.
        """
        return list(next(iter(self._documents.values())).vocabulary)

    def tag_names(self, name: str | None = None) -> tuple[str, ...]:
        """Return the names of the tags, in the order of the indices in `Split.tags`.

        Parameters
        ----------
        name : str, optional
            Name of the tag set; required if the corpus has several.

        Raises
        ------
        SelectionError
            If the cache has no such tag set, or has several and `name` is not given.
        """
        documents = next(iter(self._documents.values()))
        return self.manifest.tag_names[documents.tags_name(name)]

    def find(self, id: str) -> tuple[str, int]:
        """Return the split and the index of the document with a given id.

        Parameters
        ----------
        id : str
            An id, as in `Split.ids`.

        Returns
        -------
        tuple of str and int
            Split and index, for `features[split][index]`.

        Raises
        ------
        SelectionError
            If no readable document has this id, or the corpus has no ids.
        """
        for name in self:
            ids = self[name].ids
            if ids is None:
                raise SelectionError(messages.NO_IDS, path=self.path)
            if id in ids:
                return name, ids.index(id)
        raise SelectionError(messages.NO_ID, path=self.path, name=id)

    def token_counts(self, name: str) -> np.ndarray:
        """Return how often each word of the vocabulary occurs in the readable documents of a split.

        Parameters
        ----------
        name : str
            Name of the split.

        Returns
        -------
        ndarray of int64, (n_words,)
            Counts in the order of token ids.

        Raises
        ------
        SelectionError
            If the cache has no such split.
        CorruptFileError
            If the documents file of the split is missing or damaged.

        Examples
        --------
        >>> features = FeatureCache("imdb.elmo")
        >>> features.vocabulary[:4], features.token_counts("test")[:4]
        ([',', '.', 'a', 'film'], array([2, 2, 0, 1]))
        """
        n_documents = len(self[name])
        return self._documents[name].token_counts(n_documents)

    @property
    def complete(self) -> bool:
        """Whether every planned shard of every split existed when the cache was opened."""
        return all(self.n_finished_shards(name) == plan.n_shards for name, plan in self.manifest.splits.items())

    def n_finished_shards(self, name: str) -> int:
        """Return the number of readable shards of a split: those before the first missing one.

        Raises
        ------
        SelectionError
            If the cache has no such split.
        """
        self._check_name(name)
        return self._storage.n_finished_shards(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.manifest.splits)

    def __len__(self) -> int:
        return len(self.manifest.splits)

    def __contains__(self, name: object) -> bool:
        return name in self.manifest.splits

    def __getitem__(self, name: str) -> "Split":
        return self.split(name)

    def split(self, name: str, layer: str | int | None = None) -> "Split":
        """Return the readable documents of a split, in one of the views of the cache.

        This reads nothing except, on first use, the documents file of the split.

        Parameters
        ----------
        name : str
            Name of the split.
        layer : str or int, optional
            A view: "mix", "top", 0, 1 or 2 if all layers were stored. Default: the default view of the cache.

        Returns
        -------
        Split
            All documents of the finished shards, in stored order.

        Raises
        ------
        SelectionError
            If the cache has no such split or view; the message lists the available ones.
        """
        self._check_name(name)
        view = self.manifest.layers.default if layer is None else str(layer)
        if view not in self.manifest.layers.views:
            found = ", ".join(self.manifest.layers.views)
            raise SelectionError(messages.NO_LAYER, path=self.path, name=view, found=found)
        plan, n_shards = self.manifest.splits[name], self.n_finished_shards(name)
        n_documents = plan.document_stops[n_shards - 1] if n_shards else 0
        source = StoredSource(self._storage, self._documents[name], name, view)
        return Split(source, np.arange(n_documents), complete=n_shards == plan.n_shards)

    def close(self) -> None:
        """Close all open files. Reading opens them again."""
        self._storage.close()
        for documents in self._documents.values():
            documents.close()

    def __enter__(self) -> "FeatureCache":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Two open caches are the same only if they are one; a mapping would read and compare all splits.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        splits = ", ".join(f"{name}: {self.split(name)!r}" for name in self)
        return f"FeatureCache({str(self.path)!r}, {splits})"

    def _check_name(self, name: str) -> None:
        if name not in self.manifest.splits:
            raise SelectionError(messages.NO_SPLIT, path=self.path, name=name, found=", ".join(self.manifest.splits))
