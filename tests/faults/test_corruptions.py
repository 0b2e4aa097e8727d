"""Bad bytes of every kind and place: named, never read as something else where the structure tells, and repaired."""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import numpy as np
import pytest
from scenarios import build_cache, contents
from small_cache import write_cache
from tally import record

from cache import CacheError, FeatureCache, pack, verify

SHARDS = ("train-00000.h5", "train-00001.h5", "train-00002.h5", "test-00000.h5")
DOCUMENTS = ("train.documents.h5", "test.documents.h5")


@pytest.fixture(autouse=True)
def quick_disk() -> Iterator[None]:
    with mock.patch("os.fsync", lambda descriptor: None):
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a cache, and beside it one of other vectors, and the packed file."""
    folder = tmp_path_factory.mktemp("whole")
    build_cache(folder)
    pack(folder / "c", folder / "c.h5")
    write_cache(folder / "other", {"train": [["a", "b"] * 8, ["c"] * 16, ["d"] * 16], "test": [["a"]]}, shard_tokens=16)
    return folder


@pytest.fixture
def directory(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole / "c", tmp_path / "c")


def everything(path: Path) -> list[Any]:
    """What a reader gets of a cache, all of it."""
    found: list[Any] = []
    with FeatureCache(path) as features:
        for name in features:
            split = features[name]
            found += [name, len(split), split.doc_ids.tolist(), split.truncated.tolist()]
            found += [None if split.labels is None else split.labels.tolist()]
            found += [(split.tokens(i), split[i].shape, split[i].tobytes()) for i in range(len(split))]
    return found


def read(path: Path) -> tuple[list[Any] | None, str]:
    """Return what a reader gets, or None and the one line that it gets instead."""
    try:
        return everything(path), ""
    except CacheError as error:
        assert "\n" not in str(error)
        return None, str(error)


def repair(directory: Path, whole: dict[str, bytes], bad: set[str]) -> None:
    """Check that `verify --discard` and the same build make the bad files again, and no others."""
    others = {path: path.stat().st_mtime_ns for path in directory.iterdir() if path.name in set(SHARDS) - bad}
    problems = verify(directory, discard=True)
    assert {problem.path.name for problem in problems} == bad
    build_cache(directory.parent)
    assert contents(directory) == whole and verify(directory) == []
    assert all(path.stat().st_mtime_ns == when for path, when in others.items())


def places(path: Path) -> dict[str, range]:
    """Return where the elements of each dataset lie in a file."""
    found = {}
    with h5py.File(path) as file:
        for name, dataset in file.items():
            if dataset.nbytes:
                first = dataset.id.get_chunk_info(0).byte_offset if dataset.chunks else dataset.id.get_offset()
                found[name] = range(first, first + dataset.nbytes)
    return found


def flip(path: Path, offset: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        [byte] = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def broken_promise(directory: Path, name: str) -> bool:
    """Tell whether a documents file contradicts itself, as docs/format.md says that plain reading detects."""
    with h5py.File(directory / name) as file:
        data = {key: dataset[:] for key, dataset in file.items()}
    n_docs, n_words = len(data["doc_ids"]), len(data["vocabulary_indptr"]) - 1
    offsets = data["vocabulary_indptr"]
    if not ((np.diff(offsets) >= 0).all() and offsets[0] == 0 and offsets[-1] == len(data["vocabulary"])):
        return True
    try:
        [data["vocabulary"][a:b].tobytes().decode() for a, b in zip(offsets[:-1], offsets[1:], strict=True)]
    except UnicodeDecodeError:
        return True
    return not (
        data["indptr"][0] == 0
        and data["indptr"][-1] == len(data["token_ids"])
        and (np.diff(data["indptr"]) >= 0).all()
        and np.isin(data["labels"], (0, 1)).all()
        and ((data["token_ids"] >= 0) & (data["token_ids"] < n_words)).all()
        and sorted(data["doc_ids"]) == list(range(n_docs))
        and np.isin(data["truncated"], (0, 1)).all()
    )


@pytest.mark.parametrize(
    "dataset",
    [
        "indptr",
        "labels",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("doc_ids", "token_ids", "truncated", "vocabulary_indptr")
        ),
    ],
)
def test_a_flipped_bit_in_the_documents(directory: Path, dataset: str) -> None:
    """What contradicts itself is refused by plain reading; what does not, `verify` names."""
    path, chance = directory / DOCUMENTS[0], random.Random(dataset)
    data, sound = contents(directory), everything(directory)
    where = places(path)[dataset]
    n_refused = 0
    for offset in chance.choices(where, k=12):
        flip(path, offset, chance.randrange(8))
        found, message = read(directory)
        if broken_promise(directory, path.name):
            assert found is None and str(path) in message
        assert found != sound
        n_refused += found is None
        repair(directory, data, {path.name})
    assert n_refused
    record("corruptions: a bit of the documents", tried=12, survived=12, detected=12)


def test_a_flipped_bit_in_the_vocabulary(directory: Path) -> None:
    path, chance = directory / DOCUMENTS[0], random.Random(1)
    data = contents(directory)
    for offset in chance.choices(places(path)["vocabulary"], k=12):
        flip(path, offset, chance.randrange(8))
        found, message = read(directory)
        assert (found is None and str(path) in message) == broken_promise(directory, path.name)
        repair(directory, data, {path.name})
    record("corruptions: a bit of the documents", tried=12, survived=12, detected=12)


def test_a_flipped_bit_in_the_features(directory: Path) -> None:
    chance, data = random.Random(2), contents(directory)
    for _ in range(24):
        path = directory / chance.choice(SHARDS)
        flip(path, chance.choice(places(path)["features"]), chance.randrange(8))
        repair(directory, data, {path.name})
    record("corruptions: a bit of the features", tried=24, survived=24, detected=24)


@pytest.mark.parametrize("name", [SHARDS[0], pytest.param(DOCUMENTS[0], marks=pytest.mark.slow)])
def test_a_flipped_bit_in_the_metadata(directory: Path, name: str) -> None:
    """Plain reading gives what it gave, or refuses and names the file: their checksums tell."""
    path, chance = directory / name, random.Random(name)
    data, sound = contents(directory), everything(directory)
    taken = {offset for where in places(path).values() for offset in where}
    free = [offset for offset in range(len(data[name])) if offset not in taken]
    n_tried, n_refused = 60, 0
    for offset in chance.choices(free, k=n_tried):
        flip(path, offset, chance.randrange(8))
        found, message = read(directory)
        if found is None:
            assert str(path) in message
            repair(directory, data, {name})
        else:
            assert found == sound
            path.write_bytes(data[name])
        n_refused += found is None
    assert n_refused > n_tried / 6, "HDF5 leaves much of a small file unused"
    record("corruptions: a bit of HDF5's metadata", tried=n_tried, survived=n_tried, detected=n_refused)


def test_a_flipped_bit_in_the_manifest(directory: Path) -> None:
    """The file is refused, or says the same; removed, the same build makes it again and keeps every shard."""
    path, chance = directory / "manifest.json", random.Random(4)
    data, sound = contents(directory), everything(directory)
    n_refused = 0
    for offset in chance.choices(range(len(data[path.name])), k=30):
        flip(path, offset, chance.randrange(8))
        found, message = read(directory)
        assert found == sound or str(path) in message
        if found is None:
            n_refused += 1
            when = {name: (directory / name).stat().st_mtime_ns for name in SHARDS}
            path.unlink()
            build_cache(directory.parent)
            assert when == {name: (directory / name).stat().st_mtime_ns for name in SHARDS}
        else:
            path.write_bytes(data[path.name])
        assert contents(directory) == data
    record("corruptions: a bit of the manifest", tried=30, survived=30, detected=n_refused)


@pytest.mark.parametrize("name", [SHARDS[1], pytest.param(DOCUMENTS[0], marks=pytest.mark.slow)])
def test_cut_at_any_length(directory: Path, name: str) -> None:
    path, chance, data = directory / name, random.Random(name), contents(directory)
    for _ in range(20):
        os.truncate(path, chance.randrange(len(data[name])))
        found, message = read(directory)
        assert found is None and str(path) in message
        repair(directory, data, {name})
    record("corruptions: a file cut short", tried=20, survived=20, detected=20)


@pytest.mark.parametrize("name", [pytest.param(SHARDS[0], marks=pytest.mark.slow), DOCUMENTS[0]])
def test_a_block_of_zeros(directory: Path, name: str) -> None:
    """As a disk gives that has lost a sector: reading gives what it gave where only unused bytes are gone."""
    path, chance, data = directory / name, random.Random(name), contents(directory)
    sound = everything(directory)
    n_found = 0
    for _ in range(12):
        with path.open("r+b") as file:
            file.seek(chance.randrange(len(data[name]) // 512) * 512)
            file.write(bytes(512))
        found, message = read(directory)
        assert found is not None or str(path) in message
        if verify(directory):
            n_found += 1
            repair(directory, data, {name})
        else:
            assert found == sound
            path.write_bytes(data[name])
    record("corruptions: a sector of zeros", tried=12, survived=12, detected=n_found)


def _missing(path: Path, whole: Path, chance: random.Random) -> None:
    path.unlink()


def _of_another_cache(path: Path, whole: Path, chance: random.Random) -> None:
    shutil.copy(whole / "other" / path.name, path)


def _of_another_place(path: Path, whole: Path, chance: random.Random) -> None:
    others = [name for name in (*SHARDS, *DOCUMENTS) if name != path.name]
    shutil.copy(whole / "c" / chance.choice(others), path)


def _empty(path: Path, whole: Path, chance: random.Random) -> None:
    os.truncate(path, 0)


def _longer(path: Path, whole: Path, chance: random.Random) -> None:
    os.truncate(path, path.stat().st_size // 2)
    os.truncate(path, path.stat().st_size * 2)


DAMAGES: list[Callable[[Path, Path, random.Random], None]]
DAMAGES = [_missing, _of_another_cache, _of_another_place, _empty, _longer]


@pytest.mark.parametrize("seed", range(24))
def test_several_files_at_once(directory: Path, whole: Path, seed: int) -> None:
    """Lost, swapped, of another cache, emptied, half of it zeros: `verify` names each, and exactly those are made."""
    chance, data = random.Random(seed), contents(directory)
    bad = set(chance.sample([*SHARDS, *DOCUMENTS], chance.randrange(1, 4)))
    for name in sorted(bad):
        chance.choice(DAMAGES)(directory / name, whole, chance)
    first_lost = SHARDS[0] in bad and not (directory / SHARDS[0]).exists()
    found, message = read(directory)
    assert found is None or first_lost or any(not (directory / name).exists() for name in bad)
    assert found is not None or any(name in message for name in bad)
    repair(directory, data, bad)
    record("corruptions: files lost, swapped or of another cache", tried=len(bad), survived=len(bad), detected=len(bad))


def test_a_packed_cache_cut_short(whole: Path, tmp_path: Path) -> None:
    path, chance, data = tmp_path / "c.h5", random.Random(5), (whole / "c.h5").read_bytes()
    for _ in range(24):
        path.write_bytes(data[: chance.randrange(len(data))])
        found, message = read(path)
        assert found is None and str(path) in message
    record("corruptions: a packed file cut short", tried=24, detected=24)
