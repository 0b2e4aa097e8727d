"""File systems without locks, locks that others hold, and files that h5py has open as well."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from errors_expected import raises
from small_cache import write_cache
from tiny_elmo import OPTIONS, write_elmo

from cache import FeatureCache, OutputError, messages
from cache.files import atomic_path, remove_strays
from elmo_cache.encoders.bilm.files import read_folder
from elmo_cache.encoders.bilm.weights import random_weights

SHARD = "train-00000.h5"


def small(folder: Path) -> Path:
    """A small cache in a folder."""
    write_cache(folder / "c")
    return folder / "c"


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, 524])
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(fcntl, "flock", _failing(code))
    with atomic_path(tmp_path / "a") as temporary:
        temporary.write_bytes(b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"
    stray = tmp_path / ".a.0123456789ab.tmp"  # as earlier versions named them: whose it is, nobody knows
    stray.touch()
    assert remove_strays(tmp_path) == 0
    os.utime(stray, (0, 0))
    assert remove_strays(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_lock_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", _failing(errno.EIO))
    with raises(messages.CANNOT_WRITE, OutputError, path=tmp_path / "a"), atomic_path(tmp_path / "a"):
        pass
    assert list(tmp_path.iterdir()) == []


def _failing(code: int) -> Callable[..., None]:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(code, "no locks here")

    return flock


def test_weights_whose_lock_cannot_be_had(tmp_path: Path) -> None:
    folder = write_elmo(tmp_path / "elmo")
    with (folder / "weights.hdf5").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # HDF5 fails as it does where there are no locks
        with pytest.raises(OSError, match="unable to lock file"):
            h5py.File(folder / "weights.hdf5")
        weights, _ = read_folder(folder)
    assert {name: tensor.tolist() for name, tensor in weights.items()} == {
        name: tensor.tolist() for name, tensor in random_weights(OPTIONS, 0).items()
    }


def test_a_cache_whose_locks_cannot_be_had(tmp_path: Path) -> None:
    expected = _first_document(small(tmp_path))
    with (tmp_path / "c" / SHARD).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        np.testing.assert_array_equal(_first_document(tmp_path / "c"), expected)


def _first_document(path: Path) -> np.ndarray:
    with FeatureCache(path) as features:
        return features["train"][0]


# Other flags than those that a file was opened with are refused by HDF5.
@pytest.mark.parametrize(("first", "settings"), [("cache", {}), ("h5py", {}), ("h5py", {"locking": False})], ids=str)
def test_h5py_and_a_cache_have_a_shard_open_at_once(tmp_path: Path, first: str, settings: dict[str, Any]) -> None:
    path = small(tmp_path)
    with FeatureCache(path) as features:
        if first == "cache":
            features["train"][0]
        with h5py.File(path / SHARD, **settings) as file:
            rows = features["train"][0]
            np.testing.assert_array_equal(file["features"][: len(rows)], rows)
        np.testing.assert_array_equal(features["train"][0], rows)
