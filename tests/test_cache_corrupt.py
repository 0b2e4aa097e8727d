"""Files that contradict themselves or keep their data elsewhere: reading refuses them and names them.

What was changed in the data has a hash that fits: it is the checks that are tested. `verify` sees what a reader sees.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy_encoder import ALL_LAYERS
from small_cache import replace_dataset, reseal, write_cache

from cache import CorruptFileError, FeatureCache, FormatVersionError, Split, verify

Change = Callable[[np.ndarray], np.ndarray]
DOCUMENTS, SHARD = "train.documents.h5", "train-00002.h5"  # the shard of document 3, nine times "the"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c")
    return tmp_path / "c"


def refused(path: Path, read: Callable[[Split], object], message: str) -> None:
    """Reading raises one line that names the file and says `message`, again and again; `verify` names it too."""
    with FeatureCache(path.parent) as features:
        for _ in range(2):
            with pytest.raises(CorruptFileError) as caught:
                read(features["train"])
            assert str(path) in str(caught.value) and re.search(message, str(caught.value)), caught.value
            assert "\n" not in str(caught.value)
        if path.name == SHARD:
            assert features["train"][0].shape == (2, 8), "other shards can be read"
    assert [(problem.path, problem.kind) for problem in verify(path.parent)] == [(path, "bad")]


def change_dataset(path: Path, name: str, change: Change) -> None:
    with h5py.File(path) as file:
        data = file[name][:]
    replace_dataset(path, name, change(data))


def put(index: int, value: int) -> Change:
    def change(data: np.ndarray) -> np.ndarray:
        data[index] = value
        return data

    return change


def first_document(split: Split) -> object:
    return split[0]


def words(split: Split) -> object:
    return [split.tokens(i) for i in range(len(split))]


def labels(split: Split) -> object:
    return split.labels


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], r"'features' is float16 \(8, 8\) .* expected <f2 \(9, 8\)"),
        (lambda data: np.repeat(data, 2, axis=0), r"'features' is float16 \(18, 8\)"),
        (lambda data: data[:, :-1], r"'features' is float16 \(9, 7\)"),
        (lambda data: data.reshape(-1), r"'features' is float16 \(72,\)"),
        (lambda data: data.astype(np.float32), "'features' is float32"),
        (lambda data: data.astype(">f2"), "'features' is >f2"),
        (lambda data: data, r"in chunks None, expected .* in chunks \(9, 8\)"),
    ],
)
def test_a_shard_of_another_shape(directory: Path, change: Change, message: str) -> None:
    change_dataset(directory / SHARD, "features", change)
    refused(directory / SHARD, lambda split: split[3], message)


def _missing(file: h5py.File, elsewhere: Path) -> None:
    del file["features"]


def _group(file: h5py.File, elsewhere: Path) -> None:
    del file["features"]
    file.create_group("features")


def _named_type(file: h5py.File, elsewhere: Path) -> None:
    del file["features"]
    file["features"] = np.dtype("f2")


def _soft_link(file: h5py.File, elsewhere: Path) -> None:
    file.move("features", "hidden")
    file["features"] = h5py.SoftLink("/hidden")


def _dangling_link(file: h5py.File, elsewhere: Path) -> None:
    del file["features"]
    file["features"] = h5py.SoftLink("/nowhere")


def _external_link(file: h5py.File, elsewhere: Path) -> None:
    del file["features"]
    file["features"] = h5py.ExternalLink(str(elsewhere), "/features")


def _external_data(file: h5py.File, elsewhere: Path) -> None:
    del file["features"]
    file.create_dataset("features", (9, 8), "<f2", external=[(str(elsewhere), 0, 144)])


def _virtual(file: h5py.File, elsewhere: Path) -> None:
    del file["features"]
    layout = h5py.VirtualLayout((9, 8), "<f2")
    layout[:] = h5py.VirtualSource(str(elsewhere), "features", (9, 8))
    file.create_virtual_dataset("features", layout)


def _with_attribute(file: h5py.File, elsewhere: Path) -> None:
    file["features"].attrs["note"] = 1


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (_missing, "lacks the dataset 'features'"),
        (_dangling_link, "'features' is not a plain dataset"),
        (_group, "'features' is not a plain dataset"),
        (_named_type, "'features' is not a plain dataset"),
        (_soft_link, "'features' is not a plain dataset"),
        (_external_link, "'features' is not a plain dataset"),
        (_external_data, "'features' is not a plain dataset"),
        (_virtual, "'features' is not a plain dataset"),
        (_with_attribute, "'features' is not a plain dataset"),
    ],
)
def test_data_that_lies_elsewhere(directory: Path, tmp_path: Path, tamper: Any, message: str) -> None:
    """A link or a virtual dataset reads well here, and as zeros or something else on another machine."""
    elsewhere = tmp_path / "elsewhere.h5"
    shutil.copy(directory / SHARD, elsewhere)
    with h5py.File(directory / SHARD, "r+") as file:
        tamper(file, elsewhere)
    refused(directory / SHARD, lambda split: split[3], message)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format", "other", "its format is 'other', expected 'elmo-cache'"),
        ("kind", "documents", "its kind is 'documents', expected 'shard'"),
        ("split", "test", "its split is 'test', expected 'train'"),
        ("index", 3, "its index is 3, expected 2"),
        ("start", 2, "its start is 2, expected 3"),
        ("stop", 9, "its stop is 9, expected 4"),
        ("n_tokens", 8, "its n_tokens is 8, expected 9"),
        ("encoding", "0" * 64, "its encoding is '0"),
        ("corpus", "0" * 64, "its corpus is '0"),
        ("corpus", None, "its corpus is None"),
        ("index", "2", "its index is '2', expected 2"),
        ("index", 2.0, "attribute 'index' is neither text nor an integer"),
        ("index", [2, 2], "attribute 'index' is neither text nor an integer"),
        ("index", True, "attribute 'index' is neither text nor an integer"),
        ("note", h5py.Empty("f4"), "attribute 'note' is neither text nor an integer"),
        ("kind", np.bytes_(b"\xff"), "is damaged"),
    ],
)
def test_attributes(directory: Path, name: str, value: Any, message: str) -> None:
    with h5py.File(directory / SHARD, "r+") as file:
        if value is None:
            del file.attrs[name]
        else:
            file.attrs[name] = np.bytes_(value) if isinstance(value, str) else value
    refused(directory / SHARD, lambda split: split[3], message)


def test_a_file_of_a_newer_format(directory: Path) -> None:
    for name, read in ((SHARD, lambda split: split[3]), (DOCUMENTS, labels)):
        with h5py.File(directory / name, "r+") as file:
            file.attrs["format_version"] = 2
        reseal(directory / name)
        with pytest.raises(FormatVersionError, match=rf"{name} has format version 2, .* up to 1: upgrade elmo-cache"):
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


def test_one_of_several_datasets(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", layers=ALL_LAYERS)
    with h5py.File(tmp_path / "c" / SHARD, "r+") as file:
        del file["layer_1"]
    refused(tmp_path / "c" / SHARD, lambda split: split[3], "lacks the dataset 'layer_1'")


def test_bytes_that_the_disk_lost(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk while a document is read is the shard's, and is one line."""

    def fail(self: h5py.Dataset, *_: object) -> None:
        raise OSError("Can't synchronously read data\n(file read failed: errno = 5)")

    train = FeatureCache(directory)["train"]
    monkeypatch.setattr(h5py.Dataset, "read_direct", fail)
    with pytest.raises(CorruptFileError) as caught:
        train[3]
    assert str(directory / SHARD) in str(caught.value) and "\n" not in str(caught.value)
