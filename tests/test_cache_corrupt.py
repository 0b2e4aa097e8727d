"""Files that contradict themselves or are none of ours: reading refuses them and names them.

What was changed in the data has a hash that fits: it is the checks that are tested. `verify` sees what a reader sees.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from corrupt_cache import DOCUMENTS, SHARD, Change, change_dataset, first_document, labels, put, refused, words
from small_cache import reseal, write_cache

from cache import CorruptFileError, FeatureCache, FormatVersionError, verify


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c")
    return tmp_path / "c"


@pytest.mark.parametrize(
    ("name", "change", "read", "message"),
    [
        ("indptr", put(0, 1), first_document, "indptr does not fit the manifest's plan"),
        ("indptr", put(-1, 19), first_document, "indptr does not fit"),
        ("indptr", put(-1, 17), first_document, "indptr does not fit"),
        ("indptr", put(1, 3), first_document, "indptr does not fit"),  # decreases after
        ("indptr", put(3, 6), first_document, "indptr does not fit"),  # not where the plan has its shards
        ("indptr", lambda data: data[:-1], first_document, r"'indptr' is int64 \(9,\) .* expected <i8 \(10,\)"),
        ("indptr", lambda data: data.astype(np.int32), first_document, "'indptr' is int32"),
        ("indptr", lambda data: data[None], first_document, r"\(1, 10\)"),
        ("token_ids", put(4, 99), words, r"a token id in documents 2 to 2 is outside the vocabulary of 8 words"),
        ("token_ids", put(0, 8), words, "in documents 0 to 0 is outside"),
        ("token_ids", put(-1, -1), words, "in documents 7 to 7 is outside"),
        ("token_ids", lambda data: data[:-1], words, r"'token_ids' is int32 \(17,\) .* expected <i4 \(18,\)"),
        ("token_ids", lambda data: data.astype(">i4"), words, "'token_ids' is >i4"),
        ("labels", put(0, 2), labels, "a label is outside 0 to 1"),
        ("labels", put(3, -1), labels, "a label is outside 0 to 1"),
        ("labels", lambda data: data[:-1], labels, r"'labels' is int32 \(8,\)"),
        ("labels", lambda data: data.astype(np.int64), labels, "'labels' is int64"),
        ("doc_ids", lambda data: data[:-1], lambda split: split.doc_ids, r"'doc_ids' is int64 \(8,\)"),
        ("truncated", lambda data: data.astype(bool), lambda split: split.truncated, "'truncated' is bool"),
        ("vocabulary_indptr", put(0, 1), words, "vocabulary_indptr does not fit"),
        ("vocabulary_indptr", put(-1, 10**6), words, "vocabulary_indptr does not fit"),
        ("vocabulary_indptr", put(3, -5), words, "vocabulary_indptr does not fit"),
        ("vocabulary_indptr", lambda data: data[:0], words, "vocabulary_indptr does not fit"),
        ("vocabulary_indptr", lambda data: data.astype(float), words, "'vocabulary_indptr' is float64"),
        ("vocabulary", put(0, 0xFF), words, "the vocabulary is not UTF-8"),
        ("vocabulary", lambda data: data[:-1], words, "vocabulary_indptr does not fit"),
        ("vocabulary", lambda data: data.view(np.int8), words, "'vocabulary' is int8"),
    ],
)
def test_documents(directory: Path, name: str, change: Change, read: Any, message: str) -> None:
    change_dataset(directory / DOCUMENTS, name, change)
    refused(directory / DOCUMENTS, read, message)


@pytest.mark.parametrize("last", [17, 19])
def test_documents_beyond_the_plan(tmp_path: Path, last: int) -> None:
    """A growing cache plans a part of its documents; the file of words has them all."""
    write_cache(tmp_path / "c", limit=3)
    change_dataset(tmp_path / "c" / DOCUMENTS, "indptr", put(-1, last))
    refused(tmp_path / "c" / DOCUMENTS, first_document, "indptr does not fit")


def test_a_sound_file_passes_the_same_treatment(directory: Path) -> None:
    for name in ("indptr", "token_ids", "labels", "vocabulary_indptr"):
        change_dataset(directory / DOCUMENTS, name, lambda data: data)
    assert verify(directory) == []


def test_a_file_of_a_newer_format(directory: Path) -> None:
    for name, read in ((SHARD, lambda split: split[3]), (DOCUMENTS, labels)):
        with h5py.File(directory / name, "r+") as file:
            file.attrs["format_version"] = 3
        reseal(directory / name)
        with pytest.raises(FormatVersionError, match=rf"{name} has format version 3, .* up to 2: upgrade elmo-cache"):
            read(FeatureCache(directory)["train"])


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (lambda path: path.write_bytes(b""), "cannot be read as HDF5"),
        (lambda path: path.write_text("text\n" * 1000), "cannot be read as HDF5"),
        (lambda path: path.write_bytes(path.read_bytes()[:1500]), "truncated file"),
        (_directory, "cannot be"),
    ],
)
@pytest.mark.parametrize("name", [SHARD, DOCUMENTS])
def test_what_is_not_hdf5(directory: Path, name: str, tamper: Callable[[Path], object], message: str) -> None:
    tamper(directory / name)
    refused(directory / name, lambda split: (split.tokens(3), split[3]), message)


def test_a_file_that_the_system_does_not_open(directory: Path) -> None:
    """No advice to discard what may be sound."""
    path = directory / SHARD
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(CorruptFileError) as caught:
        FeatureCache(directory)["train"][3]
    assert str(caught.value) == f"{path} cannot be opened: Too many levels of symbolic links"


@pytest.mark.parametrize("name", [SHARD, DOCUMENTS])
def test_a_file_lost_after_opening(directory: Path, name: str) -> None:
    train = FeatureCache(directory)["train"]
    (directory / name).unlink()
    with pytest.raises(CorruptFileError, match=rf"{name} is missing; run the same `elmo-cache build`"):
        train[3]


def test_a_dataset_that_was_never_written(directory: Path) -> None:
    """It would read as zeros, more of them than there is memory."""
    with h5py.File(directory / DOCUMENTS, "r+") as file:
        del file["vocabulary_indptr"]
        file.create_dataset("vocabulary_indptr", (2**40,), "<i8")
    refused(directory / DOCUMENTS, words, "'vocabulary_indptr' is larger than its file")


def test_bytes_that_the_disk_lost(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk while a document is read is the shard's, and is one line."""

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output\nerror")

    train = FeatureCache(directory)["train"]
    monkeypatch.setattr(os, "preadv", fail)
    with pytest.raises(CorruptFileError) as caught:
        train[3]
    assert str(directory / SHARD) in str(caught.value) and "\n" not in str(caught.value)
