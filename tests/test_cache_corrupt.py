"""Files that contradict themselves or are none of ours: reading refuses them and names them.

What was changed in the data has a hash that fits: it is the checks that are tested. `verify` sees what a reader sees.
"""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from corrupt_cache import DOCUMENTS, SHARD, Change, change_dataset, first_document, labels, put, refused, words
from errors_expected import raises
from small_cache import reseal, write_cache

from cache import CacheError, CorruptFileError, FeatureCache, FormatVersionError, messages, verify
from cache.errors import InvalidValueError


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c")
    return tmp_path / "c"


def damaged(message: str, **data: object) -> CorruptFileError:
    return CorruptFileError(message, repair=messages.REPAIR, **data)


def other(name: str, found: str, expected: str) -> CorruptFileError:
    """Of a dataset that is not in chunks."""
    found, expected = f"{found} in chunks None", f"{expected} in chunks None"
    return damaged(messages.DATASET_INVALID, name=name, found=found, expected=expected)


def outside(document: int) -> CorruptFileError:
    return damaged(messages.TOKENS_INVALID, name="token_ids", expected="0 to 7", start=document, stop=document)


PLAN = damaged(messages.OFFSETS_INVALID, name="indptr", expected="the manifest's plan")
VOCABULARY = damaged(messages.OFFSETS_INVALID, name="vocabulary_indptr", expected="'vocabulary'")
LABELS = damaged(messages.VALUES_INVALID, name="labels", expected="0 to 1")


@pytest.mark.parametrize(
    ("name", "change", "read", "expected"),
    [
        ("indptr", put(0, 1), first_document, PLAN),
        ("indptr", put(-1, 19), first_document, PLAN),
        ("indptr", put(-1, 17), first_document, PLAN),
        ("indptr", put(1, 3), first_document, PLAN),  # decreases after
        ("indptr", put(3, 6), first_document, PLAN),  # not where the plan has its shards
        ("indptr", lambda data: data[:-1], first_document, other("indptr", "int64 (9,)", "<i8 (10,)")),
        ("indptr", lambda data: data.astype(np.int32), first_document, other("indptr", "int32 (10,)", "<i8 (10,)")),
        ("indptr", lambda data: data[None], first_document, other("indptr", "int64 (1, 10)", "<i8 (10,)")),
        ("token_ids", put(4, 99), words, outside(2)),
        ("token_ids", put(0, 8), words, outside(0)),
        ("token_ids", put(-1, -1), words, outside(7)),
        ("token_ids", lambda data: data[:-1], words, other("token_ids", "int32 (17,)", "<i4 (18,)")),
        ("token_ids", lambda data: data.astype(">i4"), words, other("token_ids", ">i4 (18,)", "<i4 (18,)")),
        ("labels", put(0, 2), labels, LABELS),
        ("labels", put(3, -1), labels, LABELS),
        ("labels", lambda data: data[:-1], labels, other("labels", "int32 (8,)", "<i4 (9,)")),
        ("labels", lambda data: data.astype(np.int64), labels, other("labels", "int64 (9,)", "<i4 (9,)")),
        ("doc_ids", lambda data: data[:-1], lambda split: split.doc_ids, other("doc_ids", "int64 (8,)", "<i8 (9,)")),
        (
            "truncated",
            lambda data: data.astype(bool),
            lambda split: split.truncated,
            other("truncated", "bool (9,)", "|u1 (9,)"),
        ),
        ("vocabulary_indptr", put(0, 1), words, VOCABULARY),
        ("vocabulary_indptr", put(-1, 10**6), words, VOCABULARY),
        ("vocabulary_indptr", put(3, -5), words, VOCABULARY),
        ("vocabulary_indptr", lambda data: data[:0], words, VOCABULARY),
        (
            "vocabulary_indptr",
            lambda data: data.astype(float),
            words,
            other("vocabulary_indptr", "float64 (9,)", "<i8 (None,)"),
        ),
        ("vocabulary", put(0, 0xFF), words, damaged(messages.NOT_UTF8, name="vocabulary")),
        ("vocabulary", lambda data: data[:-1], words, VOCABULARY),
        ("vocabulary", lambda data: data.view(np.int8), words, other("vocabulary", "int8 (28,)", "|u1 (None,)")),
    ],
)
def test_documents(directory: Path, name: str, change: Change, read: Any, expected: CacheError) -> None:
    change_dataset(directory / DOCUMENTS, name, change)
    refused(directory / DOCUMENTS, read, expected)


@pytest.mark.parametrize("last", [17, 19])
def test_documents_beyond_the_plan(tmp_path: Path, last: int) -> None:
    """A growing cache plans a part of its documents; the file of words has them all."""
    write_cache(tmp_path / "c", limit=3)
    change_dataset(tmp_path / "c" / DOCUMENTS, "indptr", put(-1, last))
    refused(tmp_path / "c" / DOCUMENTS, first_document, PLAN)


def test_a_sound_file_passes_the_same_treatment(directory: Path) -> None:
    for name in ("indptr", "token_ids", "labels", "vocabulary_indptr"):
        change_dataset(directory / DOCUMENTS, name, lambda data: data)
    assert verify(directory) == []


def test_a_file_of_a_newer_format(directory: Path) -> None:
    for name, read in ((SHARD, lambda split: split[3]), (DOCUMENTS, labels)):
        with h5py.File(directory / name, "r+") as file:
            file.attrs["format_version"] = 3
        reseal(directory / name)
        with raises(messages.NEWER_FORMAT, FormatVersionError, path=directory / name, found=3, expected=2):
            read(FeatureCache(directory)["train"])


NO_SIGNATURE = InvalidValueError(messages.NO_SIGNATURE)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (lambda path: path.write_bytes(b""), damaged(messages.CANNOT_READ, error=NO_SIGNATURE)),
        (lambda path: path.write_text("text\n" * 1000), damaged(messages.CANNOT_READ, error=NO_SIGNATURE)),
        (
            lambda path: path.write_bytes(path.read_bytes()[:1500]),
            damaged(messages.CANNOT_READ, error=re.compile("truncated file")),
        ),
        (_directory, CorruptFileError(messages.CANNOT_OPEN, error="Is a directory")),
    ],
)
@pytest.mark.parametrize("name", [SHARD, DOCUMENTS])
def test_what_is_not_hdf5(directory: Path, name: str, tamper: Callable[[Path], object], expected: CacheError) -> None:
    tamper(directory / name)
    refused(directory / name, lambda split: (split.tokens(3), split[3]), expected)


def test_a_file_that_the_system_does_not_open(directory: Path) -> None:
    """No advice to discard what may be sound."""
    path = directory / SHARD
    path.unlink()
    path.symlink_to(path)
    with raises(messages.CANNOT_OPEN, CorruptFileError, path=path, error="Too many levels of symbolic links"):
        FeatureCache(directory)["train"][3]


@pytest.mark.parametrize("name", [SHARD, DOCUMENTS])
def test_a_file_lost_after_opening(directory: Path, name: str) -> None:
    train = FeatureCache(directory)["train"]
    (directory / name).unlink()
    with raises(messages.FILE_MISSING, CorruptFileError, path=directory / name):
        train[3]


def test_a_dataset_that_was_never_written(directory: Path) -> None:
    """It would read as zeros, more of them than there is memory."""
    with h5py.File(directory / DOCUMENTS, "r+") as file:
        del file["vocabulary_indptr"]
        file.create_dataset("vocabulary_indptr", (2**40,), "<i8")
    larger = InvalidValueError(messages.LARGER_THAN_FILE, name="vocabulary_indptr")
    refused(directory / DOCUMENTS, words, damaged(messages.DATASET_DAMAGED, name="vocabulary_indptr", error=larger))


def test_bytes_that_the_disk_lost(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk while a document is read is the shard's, and is one line."""

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output\nerror")

    train = FeatureCache(directory)["train"]
    monkeypatch.setattr(os, "preadv", fail)
    with raises(messages.CANNOT_READ, CorruptFileError, path=directory / SHARD, error="Input/output error"):
        train[3]
