"""Documents that other caches have vectors of: finding them by their tokens, and copying their rows.

An encoder's vectors of a document depend on its tokens alone, so documents are the same if their tokens are, whatever
the corpus, its order or the numbers of its words.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from cache import CorruptFileError, MismatchError
from cache.documents import Documents
from cache.hashing import differences, in_short
from cache.manifest import Manifest
from cache.packed import open_storage
from cache.sources import Storage, StoredSource
from cache.verification import check_runs
from elmo_cache import messages
from elmo_cache.extraction.digests import DIGEST, digests_of, stored_digests
from elmo_cache.text.reader import CorpusReader

__all__ = [
    "NOTHING",
    "CopiedShare",
    "OldDocuments",
    "Reuse",
    "find_reusable",
    "open_reused",
    "refuse_unlike",
]


def open_reused(paths: Iterable[str | os.PathLike[str]], directory: Path) -> list[Storage]:
    """Open the caches whose vectors a build may copy.

    Raises
    ------
    MismatchError
        If one of them is the cache `directory` that is to be built.
    NotACacheError, FormatVersionError, CorruptFileError
        If one of them is not a cache that can be read.
    """
    storages = []
    for path in map(Path, paths):
        if path.exists() and directory.exists() and os.path.samefile(path, directory):
            raise MismatchError(messages.REUSE_OF_ITSELF, path=path)
        storages.append(open_storage(path.absolute()))  # a worker may run in another folder
    return storages


def refuse_unlike(storages: Iterable[Storage], wanted: Mapping[str, Any]) -> None:
    """Raise `MismatchError` if a cache is of another encoding than that `wanted`, which includes the layers."""
    for storage in storages:
        manifest = storage.manifest
        found = {**manifest.encoding, "layers": manifest.layers.to_json()}
        if differing := list(differences(found, dict(wanted))):
            shown = [f"{name} is {in_short(there)} there, {in_short(here)} here" for name, there, here in differing[:6]]
            more = f"; and {len(differing) - 6:,} more" if len(differing) > 6 else ""
            raise MismatchError(
                messages.REUSE_OF_OTHER_ENCODING,
                path=storage.path,
                name=manifest.names.get("encoder"),
                found="; ".join(shown) + more,
            )


class OldDocuments:
    """The documents of other caches that can be copied, numbered from 0 through all caches and splits.

    Pickled, it names the caches as they were opened: files that belong to other ones are refused where they are read.

    Parameters
    ----------
    storages : sequence of Storage
        The caches.
    """

    def __init__(self, storages: Sequence[Storage]):
        self._storages = tuple(storages)
        self._sources: list[tuple[int, str, StoredSource]] = []
        stops = [0]
        for cache, storage in enumerate(self._storages):
            for split, plan in storage.manifest.splits.items():
                n_shards = storage.n_finished_shards(split)
                view = storage.manifest.layers.default
                self._sources.append((cache, split, StoredSource(storage, storage.documents(split), split, view)))
                stops.append(stops[-1] + (plan.document_stops[n_shards - 1] if n_shards else 0))
        self._starts, self._n_documents = np.array(stops[:-1], np.int64), stops[-1]

    def __len__(self) -> int:
        return self._n_documents

    @property
    def paths(self) -> list[Path]:
        """The caches."""
        return [storage.path for storage in self._storages]

    def digests(self) -> np.ndarray:
        """Return the digests of all documents, `(n_docs,)`: see `digests_of`."""
        found = np.empty(len(self), DIGEST)
        for (cache, split, _), (start, stop) in zip(
            self._sources, pairwise([*self._starts.tolist(), len(self)]), strict=True
        ):
            if stop > start:
                # An object of its own: its words are not kept.
                documents = self._storages[cache].documents(split)
                found[start:stop] = stored_digests(documents, stop - start)
        return found

    def caches_of(self, numbers: np.ndarray) -> np.ndarray:
        """Return the cache of each document, as an index of `paths`."""
        caches = np.array([cache for cache, _, _ in self._sources], np.int64)
        return caches[self._sources_of(numbers)]

    def _sources_of(self, numbers: np.ndarray) -> np.ndarray:
        # Of several that begin at the same number all but the last are empty.
        return np.searchsorted(self._starts, numbers, side="right") - 1

    def read(self, number: int, out: np.ndarray) -> None:
        """Fill `out`, `(n_tokens, n_columns)` float16, with a document's rows in all stored datasets side by side.

        Raises
        ------
        CorruptFileError
            If they cannot be read, or there are more or fewer.
        """
        which = int(self._sources_of(np.array(number)))
        _, split, source = self._sources[which]
        position = number - int(self._starts[which])
        first, last = source.documents.indptr[position : position + 2].tolist()
        if last - first != len(out):
            where, found = f"{source.documents.path}, document {position} of {split}", f"{last - first} tokens"
            raise CorruptFileError(messages.UNEXPECTED, where=where, found=found, expected=len(out))
        source.read_stored(position, out)

    def check(self, numbers: np.ndarray, progress: Callable[[int], None] | None = None) -> None:
        """Recompute the hashes of the files that documents lie in; `progress` is called with the bytes checked.

        Raises
        ------
        CorruptFileError
            If one of them is damaged.
        """
        runs: dict[int, set[tuple[str, int]]] = defaultdict(set)
        sources = self._sources_of(numbers)
        for which in np.unique(sources).tolist():
            cache, split, source = self._sources[which]
            found = source.runs_of(numbers[sources == which] - self._starts[which])
            runs[cache] |= {(split, run) for run in np.unique(found).tolist()}
        for cache, wanted in runs.items():
            storage = self._storages[cache]
            try:
                check_runs(storage, wanted, progress)
            except CorruptFileError as error:
                raise CorruptFileError(messages.REUSE_DAMAGED, error=error, path=storage.path) from error

    def close(self) -> None:
        """Close all files; reading opens them again."""
        for storage in self._storages:
            storage.close()
        for _, _, source in self._sources:
            source.documents.close()


@dataclass(frozen=True)
class CopiedShare:
    """What a build copies from one cache.

    Attributes
    ----------
    path : Path
        The cache.
    n_documents, n_tokens : int
        How much, in the shards to make.
    """

    path: Path
    n_documents: int
    n_tokens: int


@dataclass(frozen=True)
class Reuse:
    """Which documents of the shards to make are copied.

    Attributes
    ----------
    old : OldDocuments
        The documents of other caches.
    numbers : Mapping of (split, index) to ndarray of int64
        For each shard the number in `old` of each of its documents, or -1; where a shard is missing, none is copied.
    """

    old: OldDocuments
    numbers: Mapping[tuple[str, int], np.ndarray]

    def of_shards(self, shards: Iterable[tuple[str, int]]) -> "Reuse":
        """Return what concerns some shards."""
        numbers = {shard: self.numbers[shard] for shard in shards if shard in self.numbers}
        return Reuse(self.old, numbers)

    def check(self, progress: Callable[[int], None] | None = None) -> None:
        """Check the files that rows are copied from, as `OldDocuments.check` does."""
        used = [np.unique(numbers[numbers >= 0]) for numbers in self.numbers.values()]
        if used:
            self.old.check(np.concatenate(used), progress)

    def shares(self, lengths: Mapping[tuple[str, int], np.ndarray]) -> list[CopiedShare]:
        """Return what is copied from each cache for some shards, given how many tokens each of their documents has."""
        paths = self.old.paths
        n_documents, n_tokens = np.zeros(len(paths), np.int64), np.zeros(len(paths), np.int64)
        for shard in self.numbers.keys() & lengths.keys():
            numbers = self.numbers[shard]
            copied = numbers >= 0
            caches = self.old.caches_of(numbers[copied])
            np.add.at(n_documents, caches, 1)
            np.add.at(n_tokens, caches, lengths[shard][copied])
        counts = zip(paths, n_documents.tolist(), n_tokens.tolist(), strict=True)
        return [CopiedShare(*share) for share in counts]


NOTHING = Reuse(OldDocuments(()), {})
"""No document is copied."""


def find_reusable(
    old: OldDocuments, directory: Path, reader: CorpusReader, manifest: Manifest, shards: Sequence[tuple[str, int]]
) -> Reuse:
    """Find the documents of shards to make among those of other caches; of several that are equal, the first.

    Parameters
    ----------
    old : OldDocuments
        The others, of the same encoding.
    directory, reader, manifest : Path, CorpusReader, Manifest
        The cache, its corpus, with its tokens where the cache has no documents files, and its plan.
    shards : sequence of (split, index)
        Those to make.

    Returns
    -------
    Reuse

    Raises
    ------
    CorruptFileError
        If a documents file cannot be read.
    """
    numbers: dict[tuple[str, int], np.ndarray] = {}
    if not (shards and len(old)):
        return Reuse(old, numbers)
    digests = old.digests()
    order = np.argsort(digests, kind="stable")
    digests = digests[order]
    for split in dict.fromkeys(split for split, _ in shards):
        n_documents = manifest.splits[split].n_documents
        if reader.tokenised:
            indptr = np.concatenate([[0], np.cumsum(reader.lengths(split)[:n_documents])])
            wanted = digests_of(reader.vocabulary, indptr, reader.token_blocks(split))
        else:
            wanted = stored_digests(Documents(directory, split, manifest), n_documents)
        for index in [index for name, index in shards if name == split]:
            start, stop = manifest.splits[split].document_range(index)
            numbers[split, index] = _find(wanted[start:stop], digests, order)
    return Reuse(old, numbers)


def _find(wanted: np.ndarray, digests: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the number of each digest: its entry in `order`, where it stands in the sorted `digests`; else -1."""
    places = np.minimum(np.searchsorted(digests, wanted), len(digests) - 1)
    return np.where(digests[places] == wanted, order[places], -1)
