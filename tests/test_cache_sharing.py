"""One cache, many readers: pickling, processes, threads; and what is opened, when, and how many at once."""

import multiprocessing
import os
import pickle
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
from errors_expected import raises
from small_cache import DOCUMENTS, contents, expected, open_files, vectors_of, write_cache

from cache import CorruptFileError, FeatureCache, messages, verify
from cache.shard import ShardHeader, open_shard
from cache.sources import MAX_OPEN_SHARDS

TRAIN = DOCUMENTS["train"]
N_MANY = MAX_OPEN_SHARDS + 8


def vectors_in(directory: Path) -> list[bytes]:
    with FeatureCache(directory) as features:
        return vectors_of(features["train"])


def right() -> list[bytes]:
    return [rows.tobytes() for rows in expected(TRAIN)]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of more shards than are open at once, a document of one word in each."""
    directory = tmp_path_factory.mktemp("many") / "c"
    manifest = write_cache(directory, {"train": [[f"word{i}"] for i in range(N_MANY)]}, shard_tokens=1)
    assert manifest.splits["train"].n_shards == N_MANY
    return directory


@pytest.mark.parametrize("used", [False, True])
def test_pickling(tmp_path: Path, used: bool) -> None:
    write_cache(tmp_path / "c")
    with FeatureCache(tmp_path / "c") as features:
        split = features["train"][::-1]
        if used:  # open files do not travel
            split[0], split.tokens(0)
        data = pickle.dumps((features, split, split.load()))
    again, again_split, again_loaded = pickle.loads(data)
    assert list(again) == ["train", "test"] and again.complete
    assert vectors_of(again["train"]) == right()
    assert vectors_of(again_split) == vectors_of(again_loaded) == right()[::-1]
    assert again_split.tokens(5) == again_loaded.tokens(5) == TRAIN[3]
    again.close()


def test_processes(tmp_path: Path) -> None:
    """Several processes read one cache, given its path or a split that this process has open."""
    write_cache(tmp_path / "c")
    features = FeatureCache(tmp_path / "c")
    split = features["train"]
    split[0]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        by_path = [pool.submit(vectors_in, tmp_path / "c") for _ in range(2)]
        by_split = [pool.submit(vectors_of, split) for _ in range(2)]
        assert all(future.result(timeout=60) == right() for future in [*by_path, *by_split])


def test_threads(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards are closed under the hands of other threads; nobody notices."""
    monkeypatch.setattr("cache.sources.MAX_OPEN_SHARDS", 1)
    features = FeatureCache(many)
    wanted = [rows.tobytes() for rows in expected([[f"word{i}"] for i in range(N_MANY)])]

    def read(seed: int) -> bool:
        order = np.random.default_rng(seed).permutation(N_MANY)
        split = features["train"]
        return all(split[i].tobytes() == wanted[i] and split.tokens(i) == [f"word{i}"] for i in order)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(read, range(6)))
    finally:
        sys.setswitchinterval(interval)


def test_open_files_are_bounded(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def counted(directory: Path, header: ShardHeader, stored: Mapping[str, int]) -> dict[str, h5py.Dataset]:
        opened.append(header.index)
        return open_shard(directory, header, stored)

    monkeypatch.setattr("cache.sources.open_shard", counted)
    features = FeatureCache(many)
    assert open_files(many) == [], "opening a cache opens no file of it"
    train = features["train"]
    assert (len(train), train.complete, train.dim) == (N_MANY, True, 8)
    assert open_files(many) == []
    most = 0
    for _ in train:
        train[1]
        most = max(most, len(open_files(many)))
    assert most == MAX_OPEN_SHARDS + 1, "the shards and the documents file"
    assert "train-00000.h5" not in open_files(many), "the least recently used is closed"
    assert opened.count(1) == 1, "what is read again and again stays open"
    train[0]
    assert "train-00000.h5" in open_files(many) and len(open_files(many)) == MAX_OPEN_SHARDS + 1
    features.close()
    assert open_files(many) == []
    assert train[3].shape == (1, 8), "reading opens what it needs again"
    features.close()


def test_closing_by_leaving_the_with_block(tmp_path: Path) -> None:
    write_cache(tmp_path / "c")
    with FeatureCache(tmp_path / "c") as features:
        features["train"][0], features["train"].labels, features["test"][0]
        assert open_files(tmp_path / "c") == [
            "test-00000.h5",
            "test.documents.h5",
            "train-00000.h5",
            "train.documents.h5",
        ]
    assert open_files(tmp_path / "c") == []


def test_only_what_is_read_is_opened(tmp_path: Path) -> None:
    """Garbage in shards that nobody reads goes unnoticed, and words and labels need none."""
    write_cache(tmp_path / "c")
    for name in ("train-00000.h5", "train-00002.h5", "train-00003.h5", "test-00000.h5"):
        (tmp_path / "c" / name).write_bytes(b"garbage")
    features = FeatureCache(tmp_path / "c")
    train = features["train"]
    assert len(train) == 9 and train.n_tokens == 18 and train.labels is not None and train.tokens(3) == ["the"] * 9
    np.testing.assert_array_equal(train[2], expected(TRAIN)[2])
    with raises(messages.CANNOT_READ, CorruptFileError, path=tmp_path / "c" / "train-00000.h5"):
        train[0]
    np.testing.assert_array_equal(train[2], expected(TRAIN)[2])


def test_a_document_costs_one_request(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = FeatureCache(many)["train"]
    split[5]  # words and shard are open
    sizes = []
    read = os.preadv

    def counted(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        sizes.extend(buffer.nbytes for buffer in buffers)
        return read(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", counted)
    monkeypatch.setattr(h5py.Dataset, "__getitem__", None)
    n_bytes = split[5].nbytes
    assert sizes == [n_bytes] and n_bytes > 0


@pytest.mark.parametrize(
    ("lost", "n_finished", "n_documents"), [(0, 0, 0), (1, 1, 2), (2, 2, 3), (3, 3, 4), (None, 4, 9)]
)
def test_a_growing_cache_is_its_longest_prefix(
    tmp_path: Path, lost: int | None, n_finished: int, n_documents: int
) -> None:
    write_cache(tmp_path / "c")
    if lost is not None:
        (tmp_path / "c" / f"train-{lost:05d}.h5").unlink()
    features = FeatureCache(tmp_path / "c")
    train = features["train"]
    assert features.n_finished_shards("train") == n_finished
    assert features.complete == train.complete == (lost is None) and features["test"].complete
    assert len(train) == n_documents and vectors_of(train) == right()[:n_documents]
    assert train[:1].complete == train.complete
    assert [train.tokens(i) for i in range(len(train))] == TRAIN[:n_documents]
    assert train.labels is not None and len(train.labels) == len(train.doc_ids) == n_documents
    assert repr(train) == f"Split({n_documents} documents, dim 8{', growing' if lost is not None else ''})"
    with pytest.raises(IndexError):
        train[n_documents]


def test_without_any_shard(tmp_path: Path) -> None:
    """A plan and words are all there is when a build begins."""
    write_cache(tmp_path / "c")
    for path in (tmp_path / "c").glob("*-0*.h5"):
        path.unlink()
    features = FeatureCache(tmp_path / "c")
    train = features["train"]
    assert (len(train), train.dim, train.n_tokens, train.complete) == (0, 8, 0, False)
    assert "cat" in features.vocabulary and train.padded(3).shape == (0, 3, 8)


def test_an_open_cache_stays_what_it_was(tmp_path: Path) -> None:
    """What a build adds is seen by opening again; what was open goes on."""
    write_cache(tmp_path / "c", limit=3)
    features = FeatureCache(tmp_path / "c")
    train = features["train"]
    first = vectors_of(train)
    write_cache(tmp_path / "c")
    assert len(features["train"]) == 3 and vectors_of(train) == first == right()[:3]
    assert vectors_in(tmp_path / "c") == right()


def test_reading_changes_nothing_and_goes_on_while_verifying(tmp_path: Path) -> None:
    write_cache(tmp_path / "c")
    before = contents(tmp_path / "c")
    with FeatureCache(tmp_path / "c") as features:
        documents = iter(features["train"])
        first = next(documents).tobytes()
        assert verify(tmp_path / "c") == []
        assert [first, *(rows.tobytes() for rows in documents)] == right()
    assert contents(tmp_path / "c") == before
