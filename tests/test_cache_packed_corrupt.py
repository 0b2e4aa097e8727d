"""A packed cache that is damaged, tampered with or something else: it is refused, and named with what to do."""

import random
import re
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_cache import canonical_hash, replace_dataset, vectors_of, write_cache

from cache import (
    CacheError,
    CorruptFileError,
    FeatureCache,
    FormatVersionError,
    NotACacheError,
    OutputError,
    pack,
    verify,
)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c")
    pack(tmp_path / "c", tmp_path / "c.h5")
    return tmp_path / "c.h5"


def bad(path: Path) -> str:
    """Check that `verify` names the file in one line, and return the line."""
    [problem] = verify(path)
    assert (problem.path, problem.kind, problem.discarded) == (path, "bad", False)
    assert str(path) in problem.message and "\n" not in problem.message
    return problem.message


def test_a_flipped_bit_anywhere(packed: Path) -> None:
    """It is found, or it lies where HDF5 keeps nothing; no crash, no other error."""
    whole, content, chance = packed.read_bytes(), canonical_hash(packed), random.Random(7)
    n_found = 0
    for offset in chance.sample(range(len(whole)), 400):
        data = bytearray(whole)
        data[offset] ^= 1 << chance.randrange(8)
        packed.write_bytes(data)
        try:
            problems = verify(packed)
        except CacheError as error:  # the manifest, or what leads to it
            assert str(packed) in str(error) and "\n" not in str(error)
            n_found += 1
        else:
            assert [problem.path for problem in problems] == [packed] * len(problems)
            n_found += len(problems)
            assert problems or canonical_hash(packed) == content
    assert n_found > 150


def test_every_number_counts(packed: Path) -> None:
    paths: list[str] = []
    with h5py.File(packed) as file:
        file.visit(paths.append)
        datasets = [path for path in paths if isinstance(file[path], h5py.Dataset) and path != "manifest.json"]
    whole = packed.read_bytes()
    for name in datasets:
        with h5py.File(packed, "r+") as file:
            last = file[name][-1:]
            file[name][-1:] = (last.view(np.uint8) ^ 1).view(last.dtype)
        assert "is damaged: its hash is" in bad(packed)
        packed.write_bytes(whole)
    assert len(datasets) == 16 and verify(packed) == []


def _soft_group(file: h5py.File) -> None:
    file.move("train", "hidden")
    file["train"] = h5py.SoftLink("/hidden")


def _no_group(file: h5py.File) -> None:
    del file["train"]


def _dataset_for_group(file: h5py.File) -> None:
    del file["train"]
    file["train"] = np.zeros(3)


def _group_with_attribute(file: h5py.File) -> None:
    file["train"].attrs["note"] = 1


def _loop(file: h5py.File) -> None:
    file["train/train"] = file["train"]


def _more(file: h5py.File) -> None:
    file["dev/features"] = np.zeros(3)


def _external(file: h5py.File) -> None:
    del file["train/features"]
    file["train/features"] = h5py.ExternalLink("elsewhere.h5", "/features")


def _external_labels(file: h5py.File) -> None:
    del file["train/labels"]
    file["train"].create_dataset("labels", (9,), "<i4", external=[("elsewhere", 0, 36)])


def _claims_much(file: h5py.File) -> None:
    """Never written, it would read as an endless row of zeros."""
    del file["train/vocabulary_indptr"]
    file["train"].create_dataset("vocabulary_indptr", (2**40,), "<i8")


def _transposed(file: h5py.File) -> None:
    rows = file["train/features"][:]
    del file["train/features"]
    file["train/features"] = rows.T


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (_soft_group, "'train' is not a plain group"),
        (_no_group, "'train' is not a plain group"),
        (_dataset_for_group, "'train' is not a plain group"),
        (_group_with_attribute, "'train' is not a plain group"),
        (_loop, "'train/train' is not a plain dataset"),
        (_more, "'dev' is not a plain dataset"),
        (_external, "dataset 'train/features' is damaged .*not a plain dataset"),
        (_external_labels, "labels' is not a plain dataset"),
        (_claims_much, "vocabulary_indptr' is larger than its file"),
        (_transposed, r"'train/features' is float16 \(8, 18\) .* expected <f2 \(18, 8\)"),
    ],
)
def test_data_of_another_shape_or_elsewhere(packed: Path, tamper: Callable[[h5py.File], None], message: str) -> None:
    with h5py.File(packed, "r+") as file:
        tamper(file)
    if tamper not in (_loop, _more):  # which a reader of the rest does not notice
        with pytest.raises(CorruptFileError, match=message):
            read_everything(packed)
    assert re.search(message, bad(packed))


def read_everything(path: Path) -> None:
    with FeatureCache(path) as file:
        train = file["train"]
        vectors_of(train), [train.tokens(i) for i in range(len(train))], train.labels


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("train/indptr", np.arange(10), "indptr does not fit the manifest's plan"),
        ("train/labels", np.full(9, 2, np.int32), "a label is outside 0 to 1"),
        ("train/token_ids", np.full(18, 8, np.int32), "is outside the vocabulary of 8 words"),
        ("train/vocabulary", np.full(28, 255, np.uint8), "the vocabulary is not UTF-8"),
    ],
)
def test_documents_that_contradict_themselves(packed: Path, name: str, data: np.ndarray, message: str) -> None:
    """The hash fits: whoever wrote it made no sense."""
    replace_dataset(packed, name, data)
    with pytest.raises(CorruptFileError, match=rf"{message}.*; get the file again, or make it again with"):
        read_everything(packed)
    assert message in bad(packed)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("kind", "shard", "its kind is 'shard', expected 'pack'"),
        ("format", "other", "its format is 'other'"),
        ("corpus", "0" * 64, "its corpus is '0"),
        ("encoding", "0" * 64, "its encoding is '0"),
    ],
)
def test_attributes(packed: Path, name: str, value: str, message: str) -> None:
    with h5py.File(packed, "r+") as file:
        file.attrs[name] = np.bytes_(value)
    with pytest.raises(CorruptFileError, match=rf"c\.h5 does not belong here: {message}"):
        read_everything(packed)
    with pytest.raises(CorruptFileError) if name in ("kind", "format") else nullcontext():
        assert message in bad(packed)


@pytest.mark.parametrize("where", ["file", "manifest"])
def test_a_newer_format(packed: Path, where: str) -> None:
    if where == "file":
        with h5py.File(packed, "r+") as file:
            file.attrs["format_version"] = 3
    else:
        replace_dataset(packed, "manifest.json", np.frombuffer(b'{"format": "elmo-cache", "format_version": 3}', "u1"))
    for read in (FeatureCache, verify):
        with pytest.raises(FormatVersionError, match=r"c\.h5 has format version 3, .*: upgrade elmo-cache"):
            read(packed)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"manifest\.json in .*c\.h5 is not JSON"),
        (b"[1]", "holds no JSON object"),
        (b'{"format": "elmo-cache", "format_version": 1}', "is damaged: its digest is None"),
    ],
)
def test_a_manifest_that_makes_no_sense(packed: Path, data: bytes, message: str) -> None:
    replace_dataset(packed, "manifest.json", np.frombuffer(data, np.uint8))
    for read in (FeatureCache, verify):
        with pytest.raises(CorruptFileError, match=message) as caught:
            read(packed)
        assert "elmo-cache pack" in str(caught.value) and "build" not in str(caught.value)


def test_a_manifest_without_end(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cache.packed.MAX_MANIFEST_BYTES", 100)
    with pytest.raises(CorruptFileError, match="bytes, no manifest has more than 100"):
        FeatureCache(packed)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: path.write_bytes(b""), NotACacheError, "is not a cache: that is a folder, or a file"),
        (lambda path: path.write_text("text"), NotACacheError, "is not a cache"),
        (lambda path: path.write_bytes(path.read_bytes()[:3000]), CorruptFileError, "truncated file"),
        (lambda path: path.unlink(), NotACacheError, "no cache at"),
    ],
)
def test_no_packed_cache_there(packed: Path, make: Callable[[Path], object], error: type, message: str) -> None:
    make(packed)
    for read in (FeatureCache, verify):
        with pytest.raises(error, match=message) as caught:
            read(packed)
        assert "\n" not in str(caught.value)


def test_a_file_that_h5py_has_open(packed: Path) -> None:
    """Nothing is wrong with it, and nothing is said to be."""
    with h5py.File(packed, "r", locking=True):
        with pytest.raises(
            CorruptFileError, match="is open in this process with other settings: close it there"
        ) as caught:
            FeatureCache(packed)
        assert "again" not in str(caught.value)
    assert verify(packed) == []


def test_nothing_of_it_is_discarded(packed: Path) -> None:
    with pytest.raises(OutputError, match=r"c\.h5 is one file, of which nothing can be discarded"):
        verify(packed, discard=True)
    assert packed.exists()


def test_a_damaged_index_of_chunks(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(datasets: object) -> None:
        raise RuntimeError("Error iterating over dataset chunks (incorrect metadata checksum)")

    monkeypatch.setattr("cache.packed.stored_rows", broken)
    assert "is damaged (Error iterating over dataset chunks" in bad(packed)
