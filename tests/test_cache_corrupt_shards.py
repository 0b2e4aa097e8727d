"""Shards that contradict the plan or keep their data elsewhere: reading refuses them and names them."""

import re
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from corrupt_cache import SHARD, Change, change_dataset, refused
from numpy_encoder import ALL_LAYERS
from small_cache import write_cache

from cache import CacheError, CorruptFileError, messages
from cache.errors import InvalidValueError


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c")
    return tmp_path / "c"


def damaged(message: str, **data: object) -> CorruptFileError:
    return CorruptFileError(message, repair=messages.REPAIR, **data)


def wrong(name: str, found: object, expected: object = re.compile("^[0-9a-f]{64}$")) -> CorruptFileError:
    return damaged(messages.WRONG_FILE, name=name, found=found, expected=expected)


def attribute(name: str) -> CorruptFileError:
    return damaged(messages.DAMAGED, error=InvalidValueError(messages.ATTRIBUTE_TYPE, name=name))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda data: data[:-1], "float16 (8, 8) in chunks None"),
        (lambda data: np.repeat(data, 2, axis=0), "float16 (18, 8) in chunks None"),
        (lambda data: data[:, :-1], "float16 (9, 7) in chunks None"),
        (lambda data: data.reshape(-1), "float16 (72,) in chunks None"),
        (lambda data: data.astype(np.float32), "float32 (9, 8) in chunks None"),
        (lambda data: data.astype(">f2"), ">f2 (9, 8) in chunks None"),
        (lambda data: data, "float16 (9, 8) in chunks None"),
    ],
)
def test_a_shard_of_another_shape(directory: Path, change: Change, found: str) -> None:
    change_dataset(directory / SHARD, "features", change)
    expected = "<f2 (9, 8) in chunks (9, 8)"
    refused(
        directory / SHARD,
        lambda split: split[3],
        damaged(messages.DATASET_INVALID, name="features", found=found, expected=expected),
    )


NOT_PLAIN = damaged(
    messages.DATASET_DAMAGED,
    name="features",
    error=InvalidValueError(messages.LINK_OR_ATTRIBUTES, name="features", expected="dataset"),
)


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
    ("tamper", "expected"),
    [
        (_missing, damaged(messages.DATASET_MISSING, name="features")),
        (_dangling_link, NOT_PLAIN),
        (_group, NOT_PLAIN),
        (_named_type, NOT_PLAIN),
        (_soft_link, NOT_PLAIN),
        (_external_link, NOT_PLAIN),
        (_external_data, NOT_PLAIN),
        (_virtual, NOT_PLAIN),
        (_with_attribute, NOT_PLAIN),
    ],
)
def test_data_that_lies_elsewhere(directory: Path, tmp_path: Path, tamper: Any, expected: CacheError) -> None:
    """A link or a virtual dataset reads well here, and as zeros or something else on another machine."""
    elsewhere = tmp_path / "elsewhere.h5"
    shutil.copy(directory / SHARD, elsewhere)
    with h5py.File(directory / SHARD, "r+") as file:
        tamper(file, elsewhere)
    refused(directory / SHARD, lambda split: split[3], expected)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("format", "other", wrong("format", "other", "elmo-cache")),
        ("kind", "documents", wrong("kind", "documents", "shard")),
        ("split", "test", wrong("split", "test", "train")),
        ("index", 3, wrong("index", 3, 2)),
        ("start", 2, wrong("start", 2, 3)),
        ("stop", 9, wrong("stop", 9, 4)),
        ("n_tokens", 8, wrong("n_tokens", 8, 9)),
        ("encoding", "0" * 64, wrong("encoding", "0" * 64)),
        ("corpus", "0" * 64, wrong("corpus", "0" * 64)),
        ("corpus", None, wrong("corpus", None)),
        ("index", "2", wrong("index", "2", 2)),
        ("index", 2.0, attribute("index")),
        ("index", [2, 2], attribute("index")),
        ("index", True, attribute("index")),
        ("note", h5py.Empty("f4"), attribute("note")),
        ("kind", np.bytes_(b"\xff"), damaged(messages.DAMAGED)),
    ],
)
def test_attributes(directory: Path, name: str, value: Any, expected: CacheError) -> None:
    with h5py.File(directory / SHARD, "r+") as file:
        if value is None:
            del file.attrs[name]
        else:
            file.attrs[name] = np.bytes_(value) if isinstance(value, str) else value
    refused(directory / SHARD, lambda split: split[3], expected)


def test_one_of_several_datasets(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", layers=ALL_LAYERS)
    with h5py.File(tmp_path / "c" / SHARD, "r+") as file:
        del file["layer_1"]
    refused(tmp_path / "c" / SHARD, lambda split: split[3], damaged(messages.DATASET_MISSING, name="layer_1"))
