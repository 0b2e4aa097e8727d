"""Rounding to float16 is NumPy's, bit by bit: HDF5's own conversion halves some values just below a power of two."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from cache.shard import ShardHeader, open_shard, write_shard

HEADER = ShardHeader("train", 0, 0, 1, 0, "e" * 64, "c" * 64)


def hard_values() -> np.ndarray:
    """Float32 around every power of two, halfway between float16 neighbours, subnormal, largest, of both signs."""
    powers = 2.0 ** np.arange(-26, 16)
    around = np.concatenate([powers * (1 + k * 2.0**-13) for k in range(-8, 9)])
    halfway = np.concatenate([powers * (1 + (k + 0.5) * 2.0**-10) for k in (0, 1, 2, 1021, 1022)])
    subnormal = np.arange(0, 64) * 2.0**-26
    values = np.concatenate([around, halfway, subnormal, [65504, 65519, 0.49989]])
    values = np.concatenate([values, -values]).astype(np.float32)
    return values[np.abs(values) < 65520]  # from there on NumPy gives infinity, which `elmo_cache` refuses


def written(tmp_path: Path, rows: np.ndarray) -> np.ndarray:
    header = ShardHeader("train", 0, 0, 1, len(rows), "e" * 64, "c" * 64)
    write_shard(tmp_path, header, {"features": rows})
    dataset = open_shard(tmp_path, header, {"features": rows.shape[1]})["features"]
    out = np.empty(rows.shape, np.float16)
    dataset.read_direct(out)
    dataset.file.close()
    return out


def test_what_numpy_rounds_is_what_is_stored(tmp_path: Path) -> None:
    values = hard_values()
    rows = np.resize(values, (len(values) // 4, 4)).astype(np.float16)
    np.testing.assert_array_equal(written(tmp_path, rows).view(np.uint16), rows.view(np.uint16))
    assert rows.max() == 65504 and rows.min() == -65504
    assert ((np.abs(rows) > 0) & (np.abs(rows) < 2.0**-14)).any()


def test_these_values_would_tell(tmp_path: Path) -> None:
    """HDF5's conversion gets values of this set wrong: the tests here are able to fail."""
    values = hard_values()
    with h5py.File(tmp_path / "x.h5", "w") as file:
        dataset = file.create_dataset("x", values.shape, np.float16)
        dataset[:] = values
        wrong = dataset[:] != values.astype(np.float16)
    assert wrong.any() and bool(wrong[values == np.float32(0.49989)].all())


def test_all_65536_patterns(tmp_path: Path) -> None:
    rows = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(-1, 64)
    np.testing.assert_array_equal(written(tmp_path, rows).view(np.uint16), rows.view(np.uint16))


def test_rows_that_do_not_lie_in_order(tmp_path: Path) -> None:
    """Such as the columns of one layer out of three."""
    wide = np.random.default_rng(0).standard_normal((300, 6)).astype(np.float16)
    np.testing.assert_array_equal(written(tmp_path, wide[::-2, 1::2]), wide[::-2, 1::2])


@pytest.mark.parametrize("dtype", ["float32", "float64", ">f2", "uint16", "int8"])
def test_other_types_are_refused(tmp_path: Path, dtype: str) -> None:
    with pytest.raises(ValueError, match=rf"features: {dtype} \(0, 4\), expected float16, 0 rows"):
        write_shard(tmp_path, HEADER, {"features": np.zeros((0, 4), dtype)})
    assert list(tmp_path.iterdir()) == []


def test_another_number_of_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"float16 \(1, 4\), expected float16, 0 rows"):
        write_shard(tmp_path, HEADER, {"features": np.zeros((1, 4), np.float16)})
    assert list(tmp_path.iterdir()) == []
