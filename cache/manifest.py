"""The manifest: what a cache is meant to hold, and the plan that divides its documents into shards."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from cache.errors import CorruptFileError, FormatVersionError, NotACacheError
from cache.files import atomic_path
from cache.hashing import fingerprint
from cache.layers import Layers

__all__ = [
    "Manifest",
    "SplitPlan",
    "extend_plan",
    "manifest_bytes",
    "parse_manifest",
    "read_manifest",
    "write_manifest",
]

FORMAT = "elmo-cache"
FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 64 * 2**20
_RESTORE = "restore the file, or remove it and run the same build again: finished shards stay"


@dataclass(frozen=True)
class SplitPlan:
    """The planned shards of a split.

    Attributes
    ----------
    n_corpus_documents, n_corpus_tokens : int
        All documents of the split, planned or not; their words are in the documents file.
    document_stops, token_stops : tuple of int
        Shard k holds the documents, and the tokens, from `stops[k - 1]` (0 for the first) to `stops[k]`.
    """

    n_corpus_documents: int
    n_corpus_tokens: int
    document_stops: tuple[int, ...] = ()
    token_stops: tuple[int, ...] = ()

    @property
    def n_documents(self) -> int:
        """Documents in the plan."""
        return self.document_stops[-1] if self.document_stops else 0

    @property
    def n_tokens(self) -> int:
        """Tokens in the plan."""
        return self.token_stops[-1] if self.token_stops else 0

    @property
    def n_shards(self) -> int:
        """Shards in the plan."""
        return len(self.document_stops)

    def document_range(self, index: int) -> tuple[int, int]:
        """Return the first document of shard `index` and the one after its last."""
        return (self.document_stops[index - 1] if index else 0), self.document_stops[index]

    def token_range(self, index: int) -> tuple[int, int]:
        """Return the first token of shard `index` and the one after its last."""
        return (self.token_stops[index - 1] if index else 0), self.token_stops[index]

    def shard_n_tokens(self, index: int) -> int:
        """Return the number of tokens in shard `index`."""
        first, last = self.token_range(index)
        return last - first


@dataclass(frozen=True)
class Manifest:
    """Everything a cache says of itself outside its HDF5 files.

    Attributes
    ----------
    encoding, corpus : Mapping
        JSON that this package does not interpret. Two caches with equal `encoding` hold vectors made in
        the same way, two with equal `corpus` hold the same documents in the same order.
    computation : Mapping
        JSON, also not interpreted: choices that touch rounding only, fixed when the cache is created.
    names : Mapping
        What people call the encoder and the corpus; takes part in no comparison.
    layers : Layers
        The datasets of a shard.
    label_names : tuple of str or None
        Class names by class index; None for a corpus without labels.
    shard_tokens : int
        The number of tokens at which a shard is closed.
    splits : Mapping[str, SplitPlan]
        The plan, by split name.
    """

    encoding: Mapping[str, Any]
    corpus: Mapping[str, Any]
    computation: Mapping[str, Any]
    names: Mapping[str, str]
    layers: Layers
    label_names: tuple[str, ...] | None
    shard_tokens: int
    splits: Mapping[str, SplitPlan]

    @property
    def encoding_fingerprint(self) -> str:
        """SHA-256 of `encoding` and of the layers stored."""
        return fingerprint({"encoding": dict(self.encoding), "layers": self.layers.to_json()})

    @property
    def corpus_fingerprint(self) -> str:
        """SHA-256 of `corpus`."""
        return fingerprint(dict(self.corpus))

    def with_splits(self, splits: Mapping[str, SplitPlan]) -> "Manifest":
        """Return the same manifest with another plan."""
        return replace(self, splits=dict(splits))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that is written, with its digest."""
        body = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "encoding": dict(self.encoding),
            "encoding_fingerprint": self.encoding_fingerprint,
            "corpus": dict(self.corpus),
            "corpus_fingerprint": self.corpus_fingerprint,
            "computation": dict(self.computation),
            "names": dict(self.names),
            "layers": self.layers.to_json(),
            "label_names": None if self.label_names is None else list(self.label_names),
            "shard_tokens": int(self.shard_tokens),
            "splits": {
                name: {
                    "n_corpus_documents": plan.n_corpus_documents,
                    "n_corpus_tokens": plan.n_corpus_tokens,
                    "document_stops": list(plan.document_stops),
                    "token_stops": list(plan.token_stops),
                }
                for name, plan in self.splits.items()
            },
        }
        return {**body, "digest": fingerprint(body)}


def extend_plan(plan: SplitPlan, indptr: np.ndarray, n_documents: int, shard_tokens: int) -> SplitPlan:
    """Plan shards up to document `n_documents`, greedily from the last planned one.

    A shard is closed before the document that would take it over `shard_tokens`; a longer document has a
    shard to itself. Shards planned before stay as they are, also a short last one.

    Parameters
    ----------
    plan : SplitPlan
        What is planned so far.
    indptr : ndarray of int64, (n_corpus_documents + 1,)
        Token offsets of all documents of the split.
    n_documents : int
        Documents wanted; fewer than planned changes nothing.
    shard_tokens : int
        Tokens a shard may hold.
    """
    n_documents = min(n_documents, plan.n_corpus_documents)
    stops = list(plan.document_stops)
    start = plan.n_documents
    while start < n_documents:
        fitting = int(np.searchsorted(indptr, indptr[start] + shard_tokens, side="right")) - 1
        start = min(max(fitting, start + 1), n_documents)
        stops.append(start)
    return replace(plan, document_stops=tuple(stops), token_stops=tuple(int(indptr[stop]) for stop in stops))


def write_manifest(directory: Path, manifest: Manifest, *, exclusive: bool = False) -> None:
    """Write a cache's manifest; with `exclusive`, raise `FileExistsError` if there is one already."""
    with atomic_path(directory / MANIFEST_NAME, exclusive=exclusive) as temporary:
        temporary.write_bytes(manifest_bytes(manifest))


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the content of a `manifest.json`."""
    return (json.dumps(manifest.to_json(), indent=1) + "\n").encode("ascii")


def read_manifest(directory: Path) -> Manifest:
    """Read a cache's manifest.

    Raises
    ------
    NotACacheError
        If there is none.
    FormatVersionError
        If it was written in a newer format.
    CorruptFileError
        If it is damaged or disagrees with itself.
    """
    path = directory / MANIFEST_NAME
    return parse_manifest(_read(path), str(path), _RESTORE)


def parse_manifest(data: bytes, where: str, repair: str) -> Manifest:
    """Return the manifest that is in the bytes of a `manifest.json`.

    Raises `FormatVersionError` and `CorruptFileError` as `read_manifest` does; the messages name `where` it is and say
    how to `repair` it.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptFileError(f"{where} is not JSON: {error}; {repair}") from error
    if not isinstance(value, dict):
        raise CorruptFileError(f"{where} is not the manifest of a cache: it holds no JSON object; {repair}")
    if value.get("format") != FORMAT or not isinstance(value.get("format_version"), int):
        raise CorruptFileError(f"{where} is not the manifest of a cache: it lacks 'format': '{FORMAT}'; {repair}")
    if value["format_version"] > FORMAT_VERSION:
        raise FormatVersionError(
            f"{where} has format version {value['format_version']}, this package reads up to {FORMAT_VERSION}: "
            "upgrade elmo-cache"
        )
    stated = value.pop("digest", None)
    try:
        digest = fingerprint(value)
        if stated == digest:
            return _from_json(value)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise CorruptFileError(f"{where} makes no sense: {error}; {repair}") from error
    raise CorruptFileError(f"{where} is damaged: its digest is {stated}, its content gives {digest}; {repair}")


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_MANIFEST_BYTES:
            raise CorruptFileError(f"{path} is {size} bytes long, no manifest is longer than {MAX_MANIFEST_BYTES}")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.parent.is_dir():
            what = "is a folder without a manifest, not a cache (or its build has not got that far)"
        elif path.parent.exists():
            what = "is not a cache: a cache is a folder, or the one file that `elmo-cache pack` makes of it"
        else:
            what = "does not exist"
        raise NotACacheError(f"{path.parent} {what}; `elmo-cache build {path.parent}` makes one") from error
    except CorruptFileError:
        raise
    except OSError as error:
        raise CorruptFileError(f"{path} cannot be read: {error.strerror}") from error


def _from_json(value: Mapping[str, Any]) -> Manifest:
    names = value["label_names"]
    manifest = Manifest(
        encoding=dict(value["encoding"]),
        corpus=dict(value["corpus"]),
        computation=dict(value["computation"]),
        names={str(key): str(name) for key, name in value["names"].items()},
        layers=Layers.from_json(value["layers"]),
        label_names=None if names is None else tuple(str(name) for name in names),
        shard_tokens=int(value["shard_tokens"]),
        splits={check_split_name(name): _plan_from_json(plan) for name, plan in value["splits"].items()},
    )
    for kind in ("encoding", "corpus"):
        if value[f"{kind}_fingerprint"] != getattr(manifest, f"{kind}_fingerprint"):
            raise ValueError(f"its {kind} does not have the fingerprint it states")
    return manifest


def _plan_from_json(value: Mapping[str, Any]) -> SplitPlan:
    plan = SplitPlan(
        int(value["n_corpus_documents"]),
        int(value["n_corpus_tokens"]),
        tuple(int(stop) for stop in value["document_stops"]),
        tuple(int(stop) for stop in value["token_stops"]),
    )
    documents, tokens = (0, *plan.document_stops), (0, *plan.token_stops)
    if (
        len(documents) != len(tokens)
        or any(start >= stop for start, stop in pairwise(documents))
        or any(start > stop for start, stop in pairwise(tokens))
        or documents[-1] > plan.n_corpus_documents
        or tokens[-1] > plan.n_corpus_tokens
    ):
        raise ValueError("the plan of a split is not a sequence of ranges")
    return plan


def check_split_name(name: str) -> str:
    """Return a split's name, or raise `ValueError`: it becomes part of file names."""
    if not 0 < len(name) <= 64 or not all(c.isascii() and (c.isalnum() or c in "-_") for c in name):
        raise ValueError(f"split name {name!r}: letters, digits, '-' and '_' only, at most 64")
    return name


def shard_name(split: str, index: int) -> str:
    """Return the file name of a shard."""
    return f"{split}-{index:05d}.h5"


def documents_name(split: str) -> str:
    """Return the file name of a split's documents."""
    return f"{split}.documents.h5"
