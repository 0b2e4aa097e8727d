"""The manifest: what a cache is meant to hold."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cache import messages
from cache.errors import CorruptFileError, FormatVersionError, InvalidValueError, NotACacheError
from cache.files import atomic_path, is_special
from cache.hashing import fingerprint
from cache.layers import Layers
from cache.near_paths import near_path
from cache.shard_plan import SplitPlan, parse_count

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "MANIFEST_NAME",
    "MAX_MANIFEST_BYTES",
    "Manifest",
    "check_split_name",
    "check_tags_name",
    "check_version",
    "documents_name",
    "manifest_bytes",
    "not_a_cache",
    "parse_manifest",
    "read_manifest",
    "shard_name",
    "write_manifest",
]

FORMAT = "elmo-cache"
FORMAT_VERSION = 2
MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 64 * 2**20


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
    has_ids : bool
        Whether documents have names of their own.
    tag_names : Mapping[str, tuple of str]
        By the name of each set of tags, the tags by index; empty for a corpus without tags.
    """

    encoding: Mapping[str, Any]
    corpus: Mapping[str, Any]
    computation: Mapping[str, Any]
    names: Mapping[str, str]
    layers: Layers
    label_names: tuple[str, ...] | None
    shard_tokens: int
    splits: Mapping[str, SplitPlan]
    has_ids: bool = False
    tag_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def format_version(self) -> int:
        """The lowest version that has room for what the cache holds, so that older readers read what they can."""
        return 2 if self.has_ids or self.tag_names else 1

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
            "format_version": self.format_version,
            "encoding": dict(self.encoding),
            "encoding_fingerprint": self.encoding_fingerprint,
            "corpus": dict(self.corpus),
            "corpus_fingerprint": self.corpus_fingerprint,
            "computation": dict(self.computation),
            "names": dict(self.names),
            "layers": self.layers.to_json(),
            "label_names": None if self.label_names is None else list(self.label_names),
            "shard_tokens": int(self.shard_tokens),
            "splits": {name: plan.to_json() for name, plan in self.splits.items()},
        }
        if self.format_version > 1:
            body["has_ids"] = self.has_ids
            body["tag_names"] = {name: list(tags) for name, tags in self.tag_names.items()}
        return {**body, "digest": fingerprint(body)}


def write_manifest(directory: Path, manifest: Manifest, *, exclusive: bool = False) -> None:
    """Write a cache's manifest; with `exclusive`, raise `FileExistsError` if there is one already.

    Raises `OutputError` if it cannot be written.
    """
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
    return parse_manifest(_read(path), str(path), messages.RESTORE)


def parse_manifest(data: bytes, where: str, repair: str) -> Manifest:
    """Return the manifest that is in the bytes of a `manifest.json`.

    Raises `FormatVersionError` and `CorruptFileError` as `read_manifest` does; the messages name `where` it is and say
    how to `repair` it.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptFileError(messages.NOT_JSON, path=where, error=error, repair=repair) from error
    if not isinstance(value, dict):
        value = {}
    version = value.get("format_version")
    if value.get("format") != FORMAT or type(version) is not int or version < 1:
        raise CorruptFileError(messages.NOT_A_MANIFEST, path=where, expected=FORMAT, repair=repair)
    check_version(where, version)
    stated = value.pop("digest", None)
    try:
        digest = fingerprint(value)
        if stated == digest:
            return _from_json(value)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as error:
        raise CorruptFileError(messages.MANIFEST_INVALID, path=where, error=error, repair=repair) from error
    raise CorruptFileError(messages.WRONG_CHECKSUM, path=where, found=digest, expected=stated, repair=repair)


def not_a_cache(path: Path) -> NotACacheError:
    """Return the error of a file that is not a cache."""
    return NotACacheError(messages.NOT_A_CACHE, path=path, name=shlex.quote(str(path)))


def _read(path: Path) -> bytes:
    try:
        if is_special(path):
            raise CorruptFileError(messages.NOT_A_FILE, path=path)
        size = path.stat().st_size
        if size > MAX_MANIFEST_BYTES:
            raise CorruptFileError(
                messages.MANIFEST_TOO_LARGE, path=path, found=size, expected=MAX_MANIFEST_BYTES, repair=messages.RESTORE
            )
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.parent.is_dir():
            raise NotACacheError(messages.NO_MANIFEST, path=path.parent) from error
        if path.parent.exists():
            raise not_a_cache(path.parent) from error
        if near := near_path(path.parent):
            raise NotACacheError(messages.NO_CACHE_BUT, path=path.parent, found=near) from error
        raise NotACacheError(messages.NO_CACHE, path=path.parent) from error
    except CorruptFileError:
        raise
    except OSError as error:
        raise CorruptFileError(messages.CANNOT_OPEN, path=path, error=error) from error


def _from_json(value: Mapping[str, Any]) -> Manifest:
    names = value["label_names"]
    manifest = Manifest(
        encoding=dict(value["encoding"]),
        corpus=dict(value["corpus"]),
        computation=dict(value["computation"]),
        names={str(key): str(name) for key, name in value["names"].items()},
        layers=Layers.from_json(value["layers"]),
        label_names=None if names is None else _distinct_names(names),
        shard_tokens=parse_count(value["shard_tokens"]),
        splits={check_split_name(name): SplitPlan.from_json(plan) for name, plan in value["splits"].items()},
        has_ids=bool(value.get("has_ids", False)),
        tag_names={check_tags_name(name): _distinct_names(tags) for name, tags in value.get("tag_names", {}).items()},
    )
    if not manifest.splits or manifest.shard_tokens < 1:
        raise InvalidValueError(messages.NO_SPLITS)
    for kind in ("encoding", "corpus"):
        if value[f"{kind}_fingerprint"] != getattr(manifest, f"{kind}_fingerprint"):
            raise InvalidValueError(messages.FINGERPRINT, name=kind)
    return manifest


def _distinct_names(names: Any) -> tuple[str, ...]:
    """Return names of classes or tags, or raise `ValueError`."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len({*names}) < len(names):
        raise InvalidValueError(messages.NAMES_INVALID)
    return tuple(names)


def check_version(where: str | Path, version: int) -> None:
    """Raise `FormatVersionError` for a file of a newer format than this package reads."""
    if version > FORMAT_VERSION:
        raise FormatVersionError(messages.NEWER_FORMAT, path=where, found=version, expected=FORMAT_VERSION)


def check_split_name(name: str) -> str:
    """Return a split's name, or raise `ValueError`: it becomes part of file names."""
    if not 0 < len(name) <= 64 or not all(c.isascii() and (c.isalnum() or c in "-_") for c in name):
        raise InvalidValueError(messages.NAME_INVALID, name="split", found=name, n=64, expected="'-', '_'")
    return name


def check_tags_name(name: str) -> str:
    """Return the name of a set of tags, or raise `ValueError`: it becomes part of a dataset's name."""
    if not 0 < len(name) <= 32 or not all(c.isascii() and (c.isalnum() or c in "-_") for c in name):
        raise InvalidValueError(messages.NAME_INVALID, name="tag set", found=name, n=32, expected="'-', '_'")
    return name


def shard_name(split: str, index: int) -> str:
    """Return the file name of a shard."""
    return f"{split}-{index:05d}.h5"


def documents_name(split: str) -> str:
    """Return the file name of a split's documents."""
    return f"{split}.documents.h5"
