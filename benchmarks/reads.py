"""Random documents a second from a cache of 2 GB, against one HDF5 dataset a document; and the bytes of a word on disk.

    python benchmarks/reads.py

The peer's layout is that of bilm-tf (`dump_bilm_embeddings`) and AllenNLP (`allennlp elmo`): a dataset `"0"`, `"1"`, …
for each document, float32 `(3, n_tokens, 1024)`, in one file, written and read as their documentation does. A second
file has the same float16 rows as the cache, one dataset a document: it compares the layouts alone. Random numbers for
vectors, real reviews for lengths; all read the same documents in the same order, each into an array of its own. Cold:
`posix_fadvise` has dropped the files from the page cache; the host below a virtual machine may still hold them. Takes
17 GB of disk.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import click
import h5py
import numpy as np
from common import RandomEncoder, Row, finish, interleaved, json_option, scratch_folder

from cache import FeatureCache
from elmo_cache import build

DIM = 1024
THEIR_BYTES, OUR_BYTES = 3 * DIM * 4, 2060


@click.command()
@click.option("--gigabytes", default=2.0, show_default=True, help="Of the cache; the peer's file has 6 times that.")
@click.option("--reads", default=1000, show_default=True, help="Documents a run reads.")
@click.option("--runs", default=3, show_default=True)
@json_option
def main(gigabytes: float, reads: int, runs: int, json_path: Path | None) -> None:
    with scratch_folder() as scratch:
        ours, layers, mix = (Path(scratch) / name for name in ("ours", "layers.hdf5", "mix.hdf5"))
        limit = {"train": round(gigabytes * 1e9 / (2 * DIM) / 218), "test": 0}
        with build("sample", RandomEncoder(DIM), ours, limit=limit) as features:
            train = features["train"]
            write_datasets(layers, (np.stack([rows.astype(np.float32)] * 3) for rows in train))
            write_datasets(mix, iter(train))
            size = size_row(features, layers)
        order = np.random.default_rng(3).integers(0, limit["train"], reads).tolist()
        rows = [row for cold in (False, True) for row in speed_rows(ours, layers, mix, order, runs, cold)]
    finish([*rows, size], json_path)


def write_datasets(path: Path, documents: Iterator[np.ndarray]) -> None:
    with h5py.File(path, "w") as file:
        for i, vectors in enumerate(documents):
            file.create_dataset(str(i), vectors.shape, dtype=vectors.dtype, data=vectors)


def speed_rows(ours: Path, layers: Path, mix: Path, order: list[int], runs: int, cold: bool) -> list[Row]:
    files = [*ours.iterdir(), layers, mix]
    for path in files:
        drop(path)  # also writes what is still in memory only
    functions = {
        "ours": lambda: read_cache(ours, order),
        "layers": lambda: read_datasets(layers, order),
        "mix": lambda: read_datasets(mix, order),
    }
    if not cold:
        interleaved(1, **functions)  # fills the page cache
    seconds = interleaved(runs, before=(lambda: [drop(path) for path in files]) if cold else None, **functions)
    state = "cold" if cold else "warm"
    n_bytes = sum(path.stat().st_size for path in ours.iterdir() if ".documents." not in path.name)
    theirs = layers.stat().st_size
    against = {"layers": "float32, three layers: as bilm-tf and AllenNLP write it", "mix": "the same float16 rows"}
    low = 1.0 if cold else 3.0
    return [
        Row(
            name=f"random reads {state}, {'the same rows' if name == 'mix' else 'bilm-tf'}",
            what=f"random documents from a cache of {n_bytes / 1e9:.1f} GB, {state}",
            against=f"one dataset a document, {text}",
            ours=len(order) / seconds["ours"],
            theirs=len(order) / seconds[name],
            ratio=seconds[name] / seconds["ours"],
            reach=(low if cold or name == "layers" else None, None),
            unit="documents/s",
            n_runs=runs,
            note=f"{len(order):,} documents a run; bilm-tf's file of the same documents has {theirs / 1e9:.1f} GB.",
        )
        for name, text in against.items()
    ]


def read_cache(path: Path, order: list[int]) -> None:
    with FeatureCache(path) as features:
        train = features["train"]
        for i in order:
            train[i]


def read_datasets(path: Path, order: list[int]) -> None:
    with h5py.File(path, "r") as file:
        for i in order:
            file[str(i)][()]


def drop(path: Path) -> None:
    """Drop a file from the page cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def size_row(features: FeatureCache, layers: Path) -> Row:
    """Count vectors and words of both; the peer's file has no words."""
    manifest, train = features.manifest, features["train"]
    documents = {path for path in features.path.iterdir() if ".documents." in path.name}
    shards = sum(path.stat().st_size for path in features.path.iterdir() if path not in documents)
    n_corpus = sum(plan.n_corpus_tokens for plan in manifest.splits.values())
    ours = shards / train.n_tokens + sum(path.stat().st_size for path in documents) / n_corpus
    theirs = layers.stat().st_size / train.n_tokens
    return Row(
        name="bytes a word on disk",
        what=f"bytes a word on disk, mix, float16, {DIM}-d, words and labels included",
        against="bilm-tf and AllenNLP: three layers, float32, without the words",
        ours=ours,
        theirs=theirs,
        ratio=theirs / ours,
        reach=(THEIR_BYTES / OUR_BYTES, None),
        unit="bytes a word",
        n_runs=1,
        note=f"The target stands for {OUR_BYTES:,} bytes against {THEIR_BYTES:,}.",
    )


if __name__ == "__main__":
    main()
