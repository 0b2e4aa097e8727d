"""Caches written through `cache` alone, from any words at all; what is read of them, and a second opinion on hashes."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import numpy as np
from numpy_encoder import HashEncoder, expected_float16

from cache import Split
from cache.documents import encode_vocabulary, write_documents
from cache.layers import Layers
from cache.manifest import Manifest, read_manifest, write_manifest
from cache.shard import shard_header, write_shard
from cache.shard_plan import SplitPlan, extend_plan

Words = Sequence[Sequence[str]]

# Three documents without words, a word that is no valid UTF-8, one with a line end; shards of 4 tokens: 4 and 1.
DOCUMENTS: dict[str, Words] = {
    "train": [
        ["the", "cat"],
        [],
        ["naïve", "\ud800", "a\nb"],
        ["the"] * 9,
        [],
        ["cat"],
        ["", "🎬"],
        ["the"],
        [],
    ],
    "test": [["cat", "the", "映画"]],
}


def manifest_of(
    splits: Mapping[str, Words], layers: Layers, *, shard_tokens: int, labelled: bool, **extras: Any
) -> Manifest:
    return Manifest(
        encoding={"encoder": {"model": "hash"}},
        corpus={"content": {name: len(documents) for name, documents in splits.items()}},
        computation={},
        names={"encoder": "hash", "corpus": "small"},
        layers=layers,
        label_names=("neg", "pos") if labelled else None,
        shard_tokens=shard_tokens,
        splits={name: SplitPlan(len(docs), sum(map(len, docs))) for name, docs in splits.items()},
        **extras,
    )


@mock.patch("os.fsync", lambda descriptor: None)  # hundreds of small files: a disk under load takes a minute for them
def write_cache(
    directory: Path,
    splits: Mapping[str, Words] = DOCUMENTS,
    *,
    shard_tokens: int = 4,
    labelled: bool = True,
    layers: Layers | None = None,
    limit: int | None = None,
    **extras: Any,
) -> Manifest:
    """Write a cache of `splits`, in the order given, or extend the one that is there; return its manifest.

    `extras` are `has_ids` and `tag_names` of the manifest: see `id_of` and `tag_of`.
    """
    layers = layers or Layers.single(8)
    directory.mkdir(exist_ok=True)
    if (directory / "manifest.json").exists():
        manifest = read_manifest(directory)
    else:
        manifest = manifest_of(splits, layers, shard_tokens=shard_tokens, labelled=labelled, **extras)
        write_all_documents(directory, splits, manifest)
    plans = {}
    for name, documents in splits.items():
        indptr = np.cumsum([0, *map(len, documents)])
        n_wanted = len(documents) if limit is None else limit
        plans[name] = extend_plan(manifest.splits[name], indptr, n_wanted, manifest.shard_tokens)
    manifest = manifest.with_splits(plans)
    write_manifest(directory, manifest)
    encoder = HashEncoder(layers.n_columns, layers=layers)
    for name, documents in splits.items():
        for index in range(plans[name].n_shards):
            header = shard_header(manifest, name, index)
            if not (directory / f"{name}-{index:05d}.h5").exists():
                rows = np.concatenate(expected_float16(encoder, documents[header.start : header.stop]))
                write_shard(directory, header, layers.split_columns(rows))
    return manifest


def write_all_documents(directory: Path, splits: Mapping[str, Words], manifest: Manifest) -> None:
    vocabulary = sorted({word for documents in splits.values() for words in documents for word in words})
    ids = {word: i for i, word in enumerate(vocabulary)}
    for name, documents in splits.items():
        n_docs = len(documents)
        write_documents(
            directory,
            name,
            manifest,
            token_ids=[np.array([ids[word] for word in words], np.int32) for words in documents],
            lengths=np.array([len(words) for words in documents], np.int64),
            labels=np.arange(n_docs) % 2 if manifest.label_names else None,
            doc_ids=np.arange(n_docs)[::-1],
            truncated=np.arange(n_docs) % 3 == 0,
            vocabulary=encode_vocabulary(vocabulary),
            ids=encode_vocabulary([id_of(name, i) for i in range(n_docs)]) if manifest.has_ids else None,
            tags={
                tags: [np.array([tag_of(word, tags) for word in words], np.int32) for words in documents]
                for tags in manifest.tag_names
            },
        )


def id_of(split: str, index: int) -> str:
    return f"{split}/é{index}"


def tag_of(word: str, tags: str) -> int:
    """Return the length of a word in a set of three tags, or -1."""
    return len(word) if len(word) + (tags == "ner") < 3 else -1


def expected(documents: Words, layers: Layers | None = None) -> list[np.ndarray]:
    """What the features of `documents` must be: all columns of each row."""
    return expected_float16(HashEncoder(8, layers=layers), documents)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def vectors_of(split: Split) -> list[bytes]:
    return [rows.tobytes() for rows in split]


def open_files(directory: Path) -> list[str]:
    """Return the names of the files in a folder that this process has open."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        except FileNotFoundError:
            continue
        if target.parent == directory:
            found.append(target.name)
    return sorted(found)


def canonical_hash(path: Path) -> str:
    """The content hash as `docs/format.md` words it, without the code under test."""
    with h5py.File(path, "r") as file:
        attributes: dict[str, Any] = {
            name: value.decode() if isinstance(value, bytes) else int(value)
            for name, value in file.attrs.items()
            if name != "sha256"
        }
        paths: list[str] = []
        file.visit(paths.append)
        datasets = {}
        for name in paths:
            dataset = file[name]
            if isinstance(dataset, h5py.Group):
                continue
            elements = dataset[()]
            little = elements.astype(elements.dtype.newbyteorder("<"))
            datasets[name] = {
                "dtype": little.dtype.str.replace("=", "<"),
                "shape": list(elements.shape),
                "sha256": hashlib.sha256(little.tobytes(order="C")).hexdigest(),
            }
    return canonical_json_sha256({"attributes": attributes, "datasets": datasets})


def canonical_json_sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()


def reseal(path: Path) -> None:
    """Give a file that was tampered with the hash that fits it."""
    digest = canonical_hash(path)
    with h5py.File(path, "r+") as file:
        file.attrs["sha256"] = np.bytes_(digest)


def replace_dataset(path: Path, name: str, data: np.ndarray) -> None:
    """Put other data in place of a dataset and give the file the hash that fits it."""
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = data
    reseal(path)
