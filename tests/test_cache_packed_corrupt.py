"""A packed cache that is damaged, tampered with or something else: it is refused, and named with what to do."""

import random
import re
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from errors_expected import raises, said
from small_cache import canonical_hash, replace_dataset, vectors_of, write_cache

from cache import (
    CacheError,
    CorruptFileError,
    FeatureCache,
    FormatVersionError,
    NotACacheError,
    OutputError,
    messages,
    pack,
    verify,
)
from cache.errors import InvalidValueError


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
    texts = said(messages.WRONG_CHECKSUM, path=packed, found="*", expected="*", repair=messages.FETCH_AGAIN).split("*")
    bad_checksum = "[0-9a-f]{12}".join(map(re.escape, texts))
    for name in datasets:
        with h5py.File(packed, "r+") as file:
            last = file[name][-1:]
            file[name][-1:] = (last.view(np.uint8) ^ 1).view(last.dtype)
        assert re.fullmatch(bad_checksum, bad(packed))
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


def dataset(name: str, error: CacheError) -> CorruptFileError:
    return CorruptFileError(messages.DATASET_DAMAGED, name=name, error=error.data["error"])


def not_plain(name: str, kind: str = "dataset") -> CorruptFileError:
    error = InvalidValueError(messages.LINK_OR_ATTRIBUTES, name=name, expected=kind)
    return CorruptFileError(messages.DAMAGED, error=error)


def larger(name: str) -> CorruptFileError:
    return CorruptFileError(messages.DAMAGED, error=InvalidValueError(messages.LARGER_THAN_FILE, name=name))


GROUP = not_plain("train", "group")
VOCABULARY = dataset("train/vocabulary_indptr", larger("vocabulary_indptr"))
FEATURES = dataset("train/features", not_plain("features"))
TRANSPOSED = CorruptFileError(
    messages.DATASET_INVALID,
    name="train/features",
    found="float16 (8, 18) in chunks None",
    expected="<f2 (18, 8) in chunks (18, 8)",
)


@pytest.mark.parametrize(
    ("tamper", "read", "verified"),
    [
        (_soft_group, GROUP, GROUP),
        (_no_group, GROUP, GROUP),
        (_dataset_for_group, GROUP, GROUP),
        (_group_with_attribute, GROUP, GROUP),
        (_loop, None, not_plain("train/train")),
        (_more, None, not_plain("dev")),
        (_external, FEATURES, FEATURES),
        (_external_labels, dataset("train/labels", not_plain("labels")), not_plain("train/labels")),
        (
            _claims_much,
            dataset("train/vocabulary_indptr", larger("vocabulary_indptr")),
            larger("train/vocabulary_indptr"),
        ),
        (_transposed, TRANSPOSED, TRANSPOSED),
    ],
)
def test_data_of_another_shape_or_elsewhere(
    packed: Path, tamper: Callable[[h5py.File], None], read: CacheError | None, verified: CacheError
) -> None:
    with h5py.File(packed, "r+") as file:
        tamper(file)
    if read is not None:  # a reader of the rest does not notice the others
        with raises(read, path=packed, repair=messages.FETCH_AGAIN):
            read_everything(packed)
    assert bad(packed) == said(verified.message, **verified.data, path=packed, repair=messages.FETCH_AGAIN)


def read_everything(path: Path) -> None:
    with FeatureCache(path) as file:
        train = file["train"]
        vectors_of(train), [train.tokens(i) for i in range(len(train))], train.labels


@pytest.mark.parametrize(
    ("name", "data", "message", "expected"),
    [
        ("train/indptr", np.arange(10), messages.OFFSETS_INVALID, {"expected": "the manifest's plan"}),
        ("train/labels", np.full(9, 2, np.int32), messages.VALUES_INVALID, {"expected": "0 to 1"}),
        ("train/token_ids", np.full(18, 8, np.int32), messages.TOKENS_INVALID, {"expected": "0 to 7"}),
        ("train/vocabulary", np.full(28, 255, np.uint8), messages.NOT_UTF8, {}),
    ],
)
def test_documents_that_contradict_themselves(
    packed: Path, name: str, data: np.ndarray, message: str, expected: dict[str, str]
) -> None:
    """The hash fits: whoever wrote it made no sense."""
    replace_dataset(packed, name, data)
    expected |= {"name": name.removeprefix("train/"), "repair": messages.FETCH_AGAIN}
    with raises(message, CorruptFileError, path=packed, **expected) as caught:
        read_everything(packed)
    data = caught.value.data
    if "stop" in data:
        data["stop"] = 8  # `verify` asks for all documents at once, a reader for one at a time
    assert bad(packed) == str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("kind", "shard", "pack"),
        ("format", "other", "elmo-cache"),
        ("corpus", "0" * 64, re.compile("^[0-9a-f]{64}$")),
        ("encoding", "0" * 64, re.compile("^[0-9a-f]{64}$")),
    ],
)
def test_attributes(packed: Path, name: str, value: str, expected: Any) -> None:
    with h5py.File(packed, "r+") as file:
        file.attrs[name] = np.bytes_(value)
    with raises(
        messages.WRONG_FILE, CorruptFileError, path=packed, name=name, found=value, expected=expected
    ) as caught:
        read_everything(packed)
    with pytest.raises(CorruptFileError) if name in ("kind", "format") else nullcontext():
        assert bad(packed) == str(caught.value)


@pytest.mark.parametrize("where", ["file", "manifest"])
def test_a_newer_format(packed: Path, where: str) -> None:
    if where == "file":
        with h5py.File(packed, "r+") as file:
            file.attrs["format_version"] = 3
    else:
        replace_dataset(packed, "manifest.json", np.frombuffer(b'{"format": "elmo-cache", "format_version": 3}', "u1"))
    for read in (FeatureCache, verify):
        with raises(messages.NEWER_FORMAT, FormatVersionError, path=re.compile("c.h5$"), found=3, expected=2):
            read(packed)


@pytest.mark.parametrize(
    ("data", "message", "expected"),
    [
        (b"", messages.NOT_JSON, {}),
        (b"[1]", messages.NOT_A_MANIFEST, {"expected": "elmo-cache"}),
        (b'{"format": "elmo-cache", "format_version": 1}', messages.WRONG_CHECKSUM, {"expected": None}),
    ],
)
def test_a_manifest_that_makes_no_sense(packed: Path, data: bytes, message: str, expected: dict[str, Any]) -> None:
    replace_dataset(packed, "manifest.json", np.frombuffer(data, np.uint8))
    for read in (FeatureCache, verify):
        where = f"manifest.json in {packed}"
        with raises(message, CorruptFileError, path=where, repair=messages.FETCH_AGAIN, **expected):
            read(packed)


def test_a_manifest_without_end(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cache.packed.MAX_MANIFEST_BYTES", 100)
    with raises(messages.MANIFEST_TOO_LARGE, CorruptFileError, path=f"manifest.json in {packed}", expected=100):
        FeatureCache(packed)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: path.write_bytes(b""), NotACacheError(messages.NOT_A_CACHE)),
        (lambda path: path.write_text("text"), NotACacheError(messages.NOT_A_CACHE)),
        (
            lambda path: path.write_bytes(path.read_bytes()[:3000]),
            CorruptFileError(messages.CANNOT_READ, error=re.compile("truncated file"), repair=messages.FETCH_AGAIN),
        ),
        (lambda path: path.unlink(), NotACacheError(messages.NO_CACHE)),
    ],
)
def test_no_packed_cache_there(packed: Path, make: Callable[[Path], object], expected: CacheError) -> None:
    make(packed)
    for read in (FeatureCache, verify):
        with raises(expected, path=packed):
            read(packed)


def test_a_file_that_h5py_has_open(packed: Path) -> None:
    """Nothing is wrong with it, and nothing is said to be."""
    with h5py.File(packed, "r", locking=True):
        with raises(messages.OPEN_OTHERWISE, CorruptFileError, path=packed):
            FeatureCache(packed)
    assert verify(packed) == []


def test_nothing_of_it_is_discarded(packed: Path) -> None:
    with raises(messages.PACKED_DISCARD, OutputError, path=packed, repair=messages.FETCH_AGAIN):
        verify(packed, discard=True)
    assert packed.exists()


def test_a_damaged_index_of_chunks(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(datasets: object) -> None:
        raise RuntimeError("Error iterating over dataset chunks (incorrect metadata checksum)")

    monkeypatch.setattr("cache.packed.stored_rows", broken)
    error = "Error iterating over dataset chunks (incorrect metadata checksum)"
    assert bad(packed) == said(messages.DAMAGED, path=packed, error=error, repair=messages.FETCH_AGAIN)
