"""`FeatureCache`: opening a cache for reading."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from cache.errors import SelectionError
from cache.manifest import Manifest
from cache.packed import open_storage
from cache.sources import StoredSource
from cache.split import Split

__all__ = ["FeatureCache"]


class FeatureCache(Mapping[str, Split]):
    """A finished or growing cache, opened for reading: a mapping of split names to `Split` objects.

    `features["train"]` is a split in the cache's default view, `features.split("train", "top")` one in another;
    `list(features)`, `len(features)` and `"train" in features` are about the names, and `dict(features)` has all
    splits. Leaving a `with` block closes the files.

    Opening reads the manifest and lists the folder; no shard is touched before something in it is asked for, and at
    most 32 are open at once. The object can be pickled: each process opens its own files.
    What a build adds later is seen by opening the cache again.

    Parameters
    ----------
    path : str or Path
        The cache's folder, or the file that `elmo-cache pack` made of it.

    Raises
    ------
    NotACacheError
        If there is no cache at `path`.
    FormatVersionError
        If the cache was written in a newer format.
    CorruptFileError
        If the manifest is damaged; reading raises it for the other files.

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
        """The cache's folder or file."""
        return self._storage.path

    @property
    def manifest(self) -> Manifest:
        """What the cache is meant to hold, as it was when the cache was opened."""
        return self._storage.manifest

    @property
    def encoding(self) -> Mapping[str, Any]:
        """How the vectors were made: a JSON object that the store does not interpret.

        Caches whose `encoding` is equal, and whose layers are, hold vectors that can be mixed.
        """
        return self.manifest.encoding

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """Class names by class index, what `Split.labels` holds; None for a corpus without labels."""
        return self.manifest.label_names

    @property
    def vocabulary(self) -> list[str]:
        """The words of the whole corpus by token id, most frequent first; the same in every split.

        Raises
        ------
        CorruptFileError
            If the first split's documents file is missing or damaged.
        """
        return list(next(iter(self._documents.values())).vocabulary)

    def tag_names(self, name: str | None = None) -> tuple[str, ...]:
        """Return the tags by index, what `Split.tags` holds.

        Parameters
        ----------
        name : str, optional
            Which tags, where the corpus has several for each token.

        Raises
        ------
        SelectionError
            If the cache has no such tags, or several and no name was given.
        """
        documents = next(iter(self._documents.values()))
        return self.manifest.tag_names[documents.tags_name(name)]

    def find(self, id: str) -> tuple[str, int]:
        """Return where the document is that the corpus calls by a name: its split, and its index there.

        Parameters
        ----------
        id : str
            As `Split.ids` has it.

        Returns
        -------
        tuple of str and int
            For `features[split][index]`.

        Raises
        ------
        SelectionError
            If no document that can be read is called so, or the corpus has no names for documents.
        """
        for name in self:
            ids = self[name].ids
            if ids is None:
                raise SelectionError(f"{self.path}: its documents have no names; `Split.at` finds them by their place")
            if id in ids:
                return name, ids.index(id)
        raise SelectionError(f"{self.path} has no document {id!r}")

    def token_counts(self, name: str) -> np.ndarray:
        """Return how often each word of the vocabulary occurs in the documents of a split that can be read.

        Parameters
        ----------
        name : str
            The split.

        Returns
        -------
        ndarray of int64, (n_words,)
            By token id.

        Raises
        ------
        SelectionError
            If the cache has no such split.
        CorruptFileError
            If the split's documents file is missing or damaged.

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
        """Whether every planned shard of every split was there when the cache was opened."""
        return all(self.n_finished_shards(name) == plan.n_shards for name, plan in self.manifest.splits.items())

    def n_finished_shards(self, name: str) -> int:
        """Return how many shards of a split can be read: those before the first that is missing.

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
        """Return the documents of a split that can be read, in one of the views that the cache offers.

        Nothing is read but, on first use, the split's documents file.

        Parameters
        ----------
        name : str
            The split.
        layer : str or int, optional
            A view: "mix", "top", 0, 1 or 2 where all layers were stored. Default: the cache's own.

        Returns
        -------
        Split
            All documents of the finished shards, in stored order.

        Raises
        ------
        SelectionError
            If the cache has no such split or view; the message lists those it has.
        """
        self._check_name(name)
        view = self.manifest.layers.default if layer is None else str(layer)
        if view not in self.manifest.layers.views:
            raise SelectionError(
                f"{self.path} has no layer {view!r}; it has {', '.join(self.manifest.layers.views)}: "
                "a cache built with `--layers all` has all of them"
            )
        plan, n_shards = self.manifest.splits[name], self.n_finished_shards(name)
        n_documents = plan.document_stops[n_shards - 1] if n_shards else 0
        source = StoredSource(self._storage, self._documents[name], name, view)
        return Split(source, np.arange(n_documents), complete=n_shards == plan.n_shards)

    def close(self) -> None:
        """Close every open file; reading opens them again."""
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
            raise SelectionError(f"{self.path} has no split {name!r}; it has {', '.join(self.manifest.splits)}")
