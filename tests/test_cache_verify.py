"""`verify`: every damaged, missing, swapped or foreign file is named, and what is discarded can be made again."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
from errors_expected import holds, raises, said
from numpy_encoder import HashEncoder, build_small
from small_cache import canonical_hash, contents, reseal, write_cache

from cache import (
    CacheError,
    CorruptFileError,
    FeatureCache,
    FormatVersionError,
    Layers,
    OutputError,
    messages,
    verify,
)
from cache.manifest import read_manifest


def found(directory: Path, **options: bool) -> set[tuple[str, str]]:
    problems = verify(directory, **options)  # type: ignore[arg-type]
    assert len({problem.path for problem in problems}) == len(problems)
    for problem in problems:
        assert problem.path.parent == directory and problem.path.name in problem.message and "\n" not in problem.message
    return {(problem.path.name, problem.kind) for problem in problems}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c")
    return tmp_path / "c"


def test_a_sound_cache(directory: Path) -> None:
    before = contents(directory)
    assert verify(directory) == verify(str(directory)) == verify(directory, discard=True) == []
    assert contents(directory) == before


@pytest.mark.parametrize("block_bytes", [1, 40, 100])
def test_large_files_are_read_in_blocks(directory: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    monkeypatch.setattr("cache.hashing._BLOCK_BYTES", block_bytes)
    assert verify(directory) == []


def test_progress_counts_every_byte(directory: Path) -> None:
    (directory / "train-00001.h5").write_bytes(b"damaged")
    advances: list[int] = []
    verify(directory, progress=advances.append)
    assert advances == verify_sizes(directory)
    advances.clear()
    sizes = verify_sizes(directory)
    verify(directory, discard=True, progress=advances.append)
    assert sorted(advances) == sorted(sizes), "a discarded file was checked too"


def verify_sizes(directory: Path) -> list[int]:
    names = ["train.documents.h5", *[f"train-0000{k}.h5" for k in range(4)], "test.documents.h5", "test-00000.h5"]
    return [(directory / name).stat().st_size for name in names]


@pytest.mark.parametrize("name", ["train-00000.h5", pytest.param("train.documents.h5", marks=pytest.mark.slow)])
def test_a_flipped_bit_anywhere(tmp_path: Path, name: str) -> None:
    """It is found, or it lies where HDF5 keeps nothing and the content is what it was; no crash, no other error."""
    write_cache(tmp_path / "c", {"train": [["the", "cat"] * 3, [], ["naïve"]]}, shard_tokens=100)
    path = tmp_path / "c" / name
    whole, content = path.read_bytes(), canonical_hash(path)
    chance = random.Random(7)
    n_found = 0
    for offset in chance.sample(range(len(whole)), 250):
        data = bytearray(whole)
        data[offset] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        if problems := verify(tmp_path / "c"):
            assert [(problem.path, problem.kind) for problem in problems] == [(path, "bad")]
            n_found += 1
        else:
            assert canonical_hash(path) == content
    assert n_found > 75, "most of such a small file is metadata"


def data_offsets(path: Path) -> list[int]:
    """Where the elements of all datasets lie."""
    places: list[int] = []
    with h5py.File(path) as file:
        for dataset in file.values():
            if dataset.chunks:
                chunk = dataset.id.get_chunk_info(0)
                places += range(chunk.byte_offset, chunk.byte_offset + dataset.nbytes)
            elif dataset.nbytes:
                places += range(dataset.id.get_offset(), dataset.id.get_offset() + dataset.nbytes)
    return places


@pytest.mark.parametrize("name", ["train-00000.h5", "train.documents.h5"])
def test_every_byte_of_the_data_counts(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "c"
    write_cache(directory, {"train": [["the", "cat"], [], ["naïve"]]})
    path = directory / name
    whole, places = path.read_bytes(), data_offsets(path)
    assert places
    for offset in places:
        data = bytearray(whole)
        data[offset] ^= 1 << offset % 8
        path.write_bytes(data)
        assert found(directory) == {(name, "bad")}


def test_a_flipped_bit_in_the_manifest(directory: Path) -> None:
    path, manifest = directory / "manifest.json", read_manifest(directory)
    whole, chance = path.read_bytes(), random.Random(7)
    for offset in range(len(whole)):
        data = bytearray(whole)
        data[offset] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        try:
            verify(directory)
        except CacheError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            assert read_manifest(directory) == manifest, "the same JSON in other words"


@pytest.mark.parametrize("kept", [0, 1, 8, 500, 1000, 2000, -1])
@pytest.mark.parametrize("name", ["train-00001.h5", "train.documents.h5"])
def test_truncation(directory: Path, name: str, kept: int) -> None:
    path = directory / name
    path.write_bytes(path.read_bytes()[:kept])
    assert found(directory) == {(name, "bad")}


def test_missing_files(directory: Path) -> None:
    for name in ("train-00001.h5", "test.documents.h5"):
        (directory / name).unlink()
    assert found(directory, discard=True) == {("train-00001.h5", "missing"), ("test.documents.h5", "missing")}


def test_swapped_shards(directory: Path) -> None:
    """Each is sound in itself, and says that it belongs elsewhere."""
    data = contents(directory)
    (directory / "train-00000.h5").write_bytes(data["train-00001.h5"])
    (directory / "train-00001.h5").write_bytes(data["train-00000.h5"])
    (directory / "test.documents.h5").write_bytes(data["train.documents.h5"])
    (directory / "test-00000.h5").write_bytes(data["test.documents.h5"])
    names = ["test-00000.h5", "test.documents.h5", "train-00000.h5", "train-00001.h5"]
    assert found(directory) == {(name, "bad") for name in names}
    shown = {problem.path.name: problem.message for problem in verify(directory)}
    for file, name, is_there, expected in (
        ("train-00000.h5", "index", 1, 0),
        ("test.documents.h5", "split", "train", "test"),
        ("test-00000.h5", "kind", "documents", "shard"),
    ):
        data = {"path": directory / file, "name": name, "found": is_there, "expected": expected}
        assert shown[file] == said(messages.WRONG_FILE, repair=messages.REPAIR, **data)


@pytest.mark.parametrize("change", ["encoding", "corpus"])
def test_a_file_of_another_cache(directory: Path, tmp_path: Path, change: str) -> None:
    if change == "encoding":
        write_cache(tmp_path / "d", layers=Layers.single(8, "top"))
    else:
        write_cache(tmp_path / "d", {"train": [["the", "cat"], []]})
    for name in ("train-00000.h5", "train.documents.h5"):
        shutil.copy(tmp_path / "d" / name, directory)
    assert found(directory) == {("train-00000.h5", "bad"), ("train.documents.h5", "bad")}
    is_there, expected = (getattr(read_manifest(d), f"{change}_fingerprint") for d in (tmp_path / "d", directory))
    for problem in verify(directory):
        data = {"path": problem.path, "name": change, "found": is_there, "expected": expected}
        assert problem.message == said(messages.WRONG_FILE, repair=messages.REPAIR, **data)


def test_foreign_files(directory: Path) -> None:
    """Only what is named like a file of the cache is discarded; what else people keep there is theirs."""
    shutil.copy(directory / "train-00000.h5", directory / "train-00004.h5")
    shutil.copy(directory / "train.documents.h5", directory / "dev.documents.h5")
    (directory / "results.h5").write_text("mine")
    (directory / "notes.txt").write_text("mine")
    (directory / "plots").mkdir()
    (directory / "more-00000.h5").mkdir()
    (directory / ".train-00001.h5.0123456789ab.tmp").write_text("being written")
    names = ["train-00004.h5", "dev.documents.h5", "results.h5", "notes.txt", "plots", "more-00000.h5"]
    assert found(directory) == {(name, "foreign") for name in names}
    discarded = {problem.path.name for problem in verify(directory, discard=True) if problem.discarded}
    assert discarded == {"train-00004.h5", "dev.documents.h5"}
    left = {path.name for path in directory.iterdir()}
    assert left.isdisjoint(discarded) and {*names[2:], ".train-00001.h5.0123456789ab.tmp"} <= left


def test_discarded_files_are_made_again_byte_by_byte(tmp_path: Path) -> None:
    out = tmp_path / "c"
    build_small(out).close()
    before = contents(out)
    damaged = bytearray(before["train-00001.h5"])
    damaged[data_offsets(out / "train-00001.h5")[20]] ^= 1
    (out / "train-00001.h5").write_bytes(damaged)
    (out / "train.documents.h5").write_bytes(before["test.documents.h5"])
    (out / "test-00000.h5").write_bytes(b"")
    bad = {"train-00001.h5", "train.documents.h5", "test-00000.h5"}
    assert {problem.path.name for problem in verify(out)} == bad
    assert not any(problem.discarded for problem in verify(out)) and set(contents(out)) == set(before)
    problems = verify(out, discard=True)
    assert {problem.path.name for problem in problems if problem.discarded} == bad
    assert set(contents(out)) == set(before) - bad
    assert found(out) == {(name, "missing") for name in bad}
    build_small(out).close()
    assert contents(out) == before and verify(out) == []


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _newer(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 3
    reseal(path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_directory, CorruptFileError(messages.NOT_A_FILE)),
        (_newer, FormatVersionError(messages.NEWER_FORMAT, found=3, expected=2)),
    ],
)
def test_what_is_reported_and_left(directory: Path, change: Callable[[Path], None], expected: CacheError) -> None:
    change(directory / "train-00001.h5")
    [problem] = verify(directory, discard=True)
    assert problem.message == said(expected.message, path=problem.path, **expected.data)
    assert (problem.kind, problem.discarded) == ("bad", False)
    assert (directory / "train-00001.h5").exists()


def test_a_file_that_the_system_will_not_open_is_left(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No permission, too many open files, a network that is down: nothing is known of its content."""
    refused = directory / "train-00001.h5"
    real = Path.open

    def open_others(self: Path, *arguments: Any, **options: Any) -> object:
        if self == refused:
            raise PermissionError(13, "Permission denied")
        return real(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_others)
    [problem] = verify(directory, discard=True)
    holds(problem.error, messages.CANNOT_OPEN, path=refused, error="Permission denied")
    assert (problem.path, problem.kind, problem.discarded) == (refused, "bad", False)
    assert refused.exists()


def test_a_file_that_cannot_be_removed(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / "train-00001.h5").write_bytes(b"bad")

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", refuse)
    path = directory / "train-00001.h5"
    with raises(messages.CANNOT_REMOVE, OutputError, path=path, error="Operation not permitted"):
        verify(directory, discard=True)


def test_while_another_build_extends_the_plan(tmp_path: Path) -> None:
    """Shards that appear during the check are not foreign, and are not discarded."""
    out = tmp_path / "c"
    write_cache(out, limit=3)
    assert verify(out, discard=True, progress=lambda n_bytes: write_cache(out) and None) == []
    with FeatureCache(out) as features:
        assert features.complete and len(features["train"]) == 9


def test_while_a_build_grows(tmp_path: Path) -> None:
    build_small(tmp_path / "c", limit={"train": 5}, encoder=HashEncoder()).close()
    assert verify(tmp_path / "c") == []
    (tmp_path / "c" / "test-00000.h5").unlink()
    assert found(tmp_path / "c") == {("test-00000.h5", "missing")}
