"""Shards that contradict the plan or keep their data elsewhere: reading refuses them and names them."""

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from corrupt_cache import SHARD, Change, change_dataset, refused
from numpy_encoder import ALL_LAYERS
from small_cache import write_cache


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c")
    return tmp_path / "c"


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


def test_one_of_several_datasets(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", layers=ALL_LAYERS)
    with h5py.File(tmp_path / "c" / SHARD, "r+") as file:
        del file["layer_1"]
    refused(tmp_path / "c" / SHARD, lambda split: split[3], "lacks the dataset 'layer_1'")
