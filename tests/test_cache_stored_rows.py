"""Rows read by the system from where HDF5 says they are, held against HDF5's own reading."""

import os
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from errors_expected import raises
from hypothesis import given, settings
from hypothesis import strategies as st
from small_cache import DOCUMENTS, expected, write_cache

from cache import CorruptFileError, FeatureCache, messages, pack
from cache.stored_rows import StoredRows

N_ROWS, DIM, CHUNK = 75, 6, 8
ROWS = np.random.default_rng(0).normal(size=(N_ROWS, DIM)).astype(np.float16)


@pytest.fixture(scope="module")
def scattered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose chunks were written in another order, and with something else between."""
    path = tmp_path_factory.mktemp("rows") / "scattered.h5"
    with h5py.File(path, "w", libver=("v110", "v110")) as file:
        rows = file.create_dataset("rows", ROWS.shape, np.float16, chunks=(CHUNK, DIM))
        for k in (4, 5, 6, 0, 1, 9, 8, 7, 3, 2):
            rows[k * CHUNK : (k + 1) * CHUNK] = ROWS[k * CHUNK : (k + 1) * CHUNK]
            if k % 3 == 0:
                file.create_dataset(f"other{k}", data=np.arange(k + 3))
    return path


@given(first=st.integers(0, N_ROWS - 1), n_rows=st.integers(1, N_ROWS))
@settings(max_examples=200, deadline=None)
def test_rows_are_those_of_hdf5(scattered: Path, first: int, n_rows: int) -> None:
    stop = min(N_ROWS, first + n_rows)
    with h5py.File(scattered, "r") as file:
        rows = StoredRows(file["rows"])
        assert rows._places is not None, "or nothing of this is tested"
        found = np.full((stop - first, DIM), 7, np.float16)
        rows.read(first, stop, found)
        np.testing.assert_array_equal(found, file["rows"][first:stop])
        np.testing.assert_array_equal(found, ROWS[first:stop])


def test_where_the_system_cannot_hdf5_reads(scattered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "preadv")
    with h5py.File(scattered, "r") as file:
        found = np.empty((20, DIM), np.float16)
        StoredRows(file["rows"]).read(5, 25, found)
    np.testing.assert_array_equal(found, ROWS[5:25])


def test_rows_that_were_never_written_are_read_by_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w", libver=("v110", "v110")) as file:
        file.create_dataset("rows", (40, DIM), np.float16, chunks=(CHUNK, DIM))[8:16] = 1
    with h5py.File(tmp_path / "x.h5", "r") as file:
        found = np.full((40, DIM), 7, np.float16)
        StoredRows(file["rows"]).read(0, 40, found)
    assert (found[8:16] == 1).all() and (found[:8] == 0).all() and (found[16:] == 0).all()


def test_one_request_a_run_of_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cache(tmp_path / "c")
    pack(tmp_path / "c", tmp_path / "c.h5")
    read, asked = os.preadv, []

    def counted(*arguments: object) -> int:
        asked.append(arguments)
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "preadv", counted)
    vectors = expected(DOCUMENTS["train"])
    with FeatureCache(tmp_path / "c.h5") as features:
        train = features["train"]
        loaded = train.load()
        n_whole, asked[:] = len(asked), []
        some = train[[7, 2, 3, 4, 4, 0]].load()
        n_some, asked[:] = len(asked), []
        batches = list(train.batches(4))
        n_batches = len(asked)
    for i, rows in enumerate(vectors):
        np.testing.assert_array_equal(loaded[i], rows)
        np.testing.assert_array_equal(batches[i // 4][1][i % 4], rows)
    for k, i in enumerate([7, 2, 3, 4, 4, 0]):
        np.testing.assert_array_equal(some[k], vectors[i])
    n_with_words = sum(any(len(rows) for rows in documents) for _, documents in batches)
    assert (n_whole, n_batches) == (1, n_with_words) and n_some <= 4


def test_a_file_cut_while_it_is_open(tmp_path: Path) -> None:
    write_cache(tmp_path / "c")
    with FeatureCache(tmp_path / "c") as features:
        train = features["train"]
        train[0]
        for path in (tmp_path / "c").glob("train-*.h5"):
            os.truncate(path, 2000)
        ends_early = re.compile(re.escape(messages.ENDS_EARLY.partition("{")[0]))
        with raises(messages.CANNOT_READ, CorruptFileError, error=ends_early):
            train.load()
