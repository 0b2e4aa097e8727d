"""Files of older versions of HDF5, whose metadata have no checksums, are refused before the library parses them."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from errors_expected import raises
from small_cache import write_cache

from cache import CacheError, CorruptFileError, FeatureCache, messages, verify
from cache.errors import InvalidValueError

SHARD = "train-00000.h5"

# Reads every variant; a crash or a hang of the library ends this process, and so the test.
READ_VARIANTS = """
import sys
from pathlib import Path
from cache import CorruptFileError, FeatureCache, verify

path = Path(sys.argv[1])
whole = path.read_bytes()
step = max(1, len(whole) // 60)
n_refused = 0
for place in range(0, 60 * step, step):
    variant = bytearray(whole)
    variant[place] ^= 0xFF
    path.write_bytes(variant)
    with FeatureCache(path.parent) as features:
        try:
            features["train"][0]
        except CorruptFileError as error:
            n_refused += "\\n" not in str(error)
    assert [problem.path for problem in verify(path.parent)] == [path]
print(n_refused)
"""


def small(folder: Path) -> Path:
    """A small cache in a folder."""
    write_cache(folder / "c")
    return folder / "c"


def rewritten(path: Path, libver: object) -> None:
    """Write what a file holds again, in another version of HDF5."""
    with h5py.File(path) as file:
        data = {name: (file[name][:], file[name].chunks) for name in file}
        attributes = dict(file.attrs)
    with h5py.File(path, "w", libver=libver) as file:
        for name, (rows, chunks) in data.items():
            file.create_dataset(name, data=rows, chunks=chunks)
        file.attrs.update(attributes)


def refused(path: Path, error: CacheError) -> None:
    expected = error if isinstance(error, CorruptFileError) else CorruptFileError(messages.CANNOT_READ, error=error)
    with FeatureCache(path.parent) as features, raises(expected, path=path, repair=messages.REPAIR):
        features["train"][0]
    assert [problem.path for problem in verify(path.parent)] == [path]


def test_an_older_superblock(tmp_path: Path) -> None:
    path = small(tmp_path) / SHARD
    rewritten(path, "earliest")
    refused(path, InvalidValueError(messages.OTHER_SUPERBLOCK, found="00", expected="03"))


@pytest.mark.slow
def test_one_flipped_byte_in_an_older_file_neither_hangs_nor_crashes(tmp_path: Path) -> None:
    path = small(tmp_path) / SHARD
    rewritten(path, "earliest")
    command = [sys.executable, "-c", READ_VARIANTS, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "60\n", "")


def test_a_file_behind_a_block_of_something_else(tmp_path: Path) -> None:
    path = small(tmp_path) / SHARD
    path.write_bytes(bytes(512) + path.read_bytes())
    refused(path, InvalidValueError(messages.NO_SIGNATURE))


OTHER_SIZES = InvalidValueError(messages.OTHER_SUPERBLOCK, found="03")
OTHER_ROOT = InvalidValueError(messages.OTHER_ROOT)


@pytest.mark.parametrize(
    ("place", "error"),
    [(9, OTHER_SIZES), (10, OTHER_SIZES), (12, OTHER_SIZES), (20, OTHER_SIZES), (36, OTHER_ROOT), (37, OTHER_ROOT)],
)
def test_superblock_of_other_sizes_and_addresses(tmp_path: Path, place: int, error: InvalidValueError) -> None:
    path = small(tmp_path) / SHARD
    content = bytearray(path.read_bytes())
    content[place] ^= 0x07
    path.write_bytes(content)
    refused(path, error)


def test_a_dataset_with_an_older_header(tmp_path: Path) -> None:
    path = small(tmp_path) / SHARD
    with h5py.File(path) as file:
        place = file.id.links.get_info(b"features").u
    content = bytearray(path.read_bytes())
    assert content[place : place + 5] == b"OHDR\x02"
    content[place : place + 5] = b"\x01\x00\x04\x00\x01"
    path.write_bytes(content)
    not_plain = InvalidValueError(messages.LINK_OR_ATTRIBUTES, name="features", expected="dataset")
    refused(path, CorruptFileError(messages.DATASET_DAMAGED, name="features", error=not_plain))


def test_what_the_cache_writes_is_read(tmp_path: Path) -> None:
    path = small(tmp_path)
    assert verify(path) == []
    with FeatureCache(path) as features:
        assert np.isfinite(features["train"][0]).all()
