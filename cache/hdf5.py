"""HDF5 files of the cache: written once under a temporary name, with their own hash, and opened with care."""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cache import messages
from cache.errors import CorruptFileError, FormatVersionError, InvalidValueError
from cache.files import is_special, reserve
from cache.hashing import (
    HASH_ATTRIBUTE,
    OBJECT_HEADER,
    content_sha256,
    dataset_facts,
    plain_dataset,
    read_attributes,
    walk,
)
from cache.manifest import FORMAT, check_version

__all__ = [
    "checked_blocks",
    "create_file",
    "create_plain_file",
    "dataset_of",
    "open_file",
    "open_for_reading",
    "seal",
]

_METADATA_BYTES = 2**16
# Signature, version 3, sizes of offsets and lengths; behind a byte of flags the base address, and no extension.
_SUPERBLOCK_START = b"\x89HDF\r\n\x1a\n\x03\x08\x08"
_SUPERBLOCK_ADDRESSES = bytes(8) + b"\xff" * 8


@contextmanager
def create_file(path: Path, data_bytes: int) -> Iterator[h5py.File]:
    """Turn an empty file into an HDF5 file to be written; it holds no times, and its metadata carry checksums.

    Parameters
    ----------
    path : Path
        The empty file.
    data_bytes : int
        What its datasets will take. The space is reserved at once, so that a full disk is noticed here: HDF5 tries a
        write that failed again when the file is closed and when the process ends, and there it crashes.

    Notes
    -----
    The metadata of HDF5's default, its oldest format, have no checksums: one flipped bit can make the library crash,
    or search for ever, instead of reporting damage. The format of HDF5 1.10 has them.
    """
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    access.set_file_locking(False, True)
    creation = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    creation.set_obj_track_times(False)
    creation.set_attr_phase_change(32, 16)  # all attributes in the one header that opening reads anyway
    name = os.fsencode(path)
    h5py.h5f.create(name, h5py.h5f.ACC_TRUNC, creation, access).close()
    reserve(path, data_bytes + _METADATA_BYTES)
    # Opened for the second time it keeps what is reserved, and when it is closed it gives back what it did not use.
    with h5py.File(h5py.h5f.open(name, h5py.h5f.ACC_RDWR, access)) as file:
        yield file


@contextmanager
def create_plain_file(path: Path, data_bytes: int) -> Iterator[h5py.File]:
    """Make or replace an HDF5 file for other tools, in the library's default format.

    `data_bytes` is what datasets and their headers will take at most; it is reserved as in `create_file`.
    """
    h5py.File(path, "w", locking=False).close()  # not every file system has locks
    reserve(path, data_bytes + _METADATA_BYTES)
    with h5py.File(path, "r+", locking=False) as file:
        yield file


def seal(
    file: h5py.File, attributes: Mapping[str, str | int], data_sha256: Mapping[str, str], version: int = 1
) -> None:
    """Give a file that is about to be closed its root attributes and its content hash.

    `data_sha256` holds the SHA-256 of the elements of every dataset in the file, by its path; `version` is the lowest
    version of the format that has room for all of them.
    """
    header: dict[str, Any] = {"format": FORMAT, "format_version": version, **attributes}
    for name, value in header.items():
        _set_attribute(file, name, value)
    facts = {name: dataset_facts(file[name].dtype, file[name].shape, data_sha256[name]) for name in data_sha256}
    _set_attribute(file, HASH_ATTRIBUTE, content_sha256(header, facts))


def _set_attribute(file: h5py.File, name: str, value: str | int) -> None:
    if isinstance(value, int):
        file.attrs[name] = np.int64(value)
    else:  # of fixed length: text of variable length lies in a heap that has no checksum
        file.attrs.create(name, value, dtype=h5py.string_dtype("utf-8", len(value.encode("utf-8"))))


def open_file(path: Path, expected: Mapping[str, str | int], repair: str = messages.REPAIR) -> h5py.File:
    """Open a file of the cache for reading and check that it is the one that belongs in this place.

    Parameters
    ----------
    path : Path
        The file.
    expected : Mapping
        Root attributes and the values they must have.
    repair : str
        What to do about a damaged file.

    Raises
    ------
    CorruptFileError
        If the file is missing, cannot be opened, is not HDF5, or has other attributes.
    FormatVersionError
        If it was written in a newer format.
    """
    if is_special(path):
        raise CorruptFileError(messages.NOT_A_FILE, path=path)
    try:
        _check_format(path)
        file = open_for_reading(path, rdcc_nbytes=0)
    except FileNotFoundError as error:
        raise CorruptFileError(messages.FILE_MISSING, path=path) from error
    except (OSError, InvalidValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's refusal, not the file's content
            raise CorruptFileError(messages.CANNOT_OPEN, path=path, error=os.strerror(error.errno)) from error
        if "locking flag" in str(error):
            raise CorruptFileError(messages.OPEN_OTHERWISE, path=path) from error
        raise CorruptFileError(messages.CANNOT_READ, path=path, error=error, repair=repair) from error
    try:
        found = read_attributes(file)
        version = found.get("format_version")
        if isinstance(version, int):
            check_version(path, version)
        for name, value in {"format": FORMAT, **expected}.items():
            if found.get(name) != value:
                raise CorruptFileError(
                    messages.WRONG_FILE, path=path, name=name, found=found.get(name), expected=value, repair=repair
                )
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        file.close()
        if isinstance(error, CorruptFileError | FormatVersionError):
            raise
        raise CorruptFileError(messages.DAMAGED, path=path, error=error, repair=repair) from error
    return file


def open_for_reading(path: Path, **settings: Any) -> h5py.File:
    """Open an HDF5 file as `h5py.File(path)` does; without locks where the file system has none, or someone holds one.

    HDF5 opens a file twice in a process only with the same flags for locks: with its defaults, a file that is open here
    can be opened by others, and the other way round.

    Raises
    ------
    OSError
        As `h5py.File`.
    """
    try:
        return h5py.File(path, "r", **settings)
    except OSError as error:
        if isinstance(error, FileNotFoundError) or "lock" not in str(error):
            raise
    return h5py.File(path, "r", locking=False, **settings)


def _check_format(path: Path) -> None:
    """Raise `InvalidValueError` for a file of another version of HDF5 than `create_file` writes, which has checksums.

    Older ones have none: one damaged byte can make the library crash, or search for ever.
    """
    with path.open("rb") as file:
        start = file.read(44)
        if start[:8] != _SUPERBLOCK_START[:8]:
            raise InvalidValueError(messages.NO_SIGNATURE)
        if start[:11] != _SUPERBLOCK_START or start[12:28] != _SUPERBLOCK_ADDRESSES or len(start) < 44:
            raise InvalidValueError(messages.OTHER_SUPERBLOCK, found=start[8:9].hex(), expected="03")
        file.seek(min(int.from_bytes(start[36:], "little"), 2**62))
        if file.read(5) != OBJECT_HEADER:
            raise InvalidValueError(messages.OTHER_ROOT)


def dataset_of(
    group: h5py.Group,
    name: str,
    dtype: str,
    shape: tuple[int | None, ...],
    chunks: tuple[int, ...] | None = None,
    repair: str = messages.REPAIR,
) -> h5py.Dataset:
    """Return a dataset of an open file, or of a group in one, after checking type, shape (None: any length) and chunks.

    Raises
    ------
    CorruptFileError
        If it is missing, has another dtype, shape or chunks, or does not have all its data in the file.
    """
    path, shown = group.file.filename, f"{group.name}/{name}".strip("/")
    try:
        if name not in group:
            raise CorruptFileError(messages.DATASET_MISSING, path=path, name=shown, repair=repair)
        found = plain_dataset(group, name)
        fits = len(found.shape) == len(shape) and all(
            wanted in (None, length) for wanted, length in zip(shape, found.shape, strict=True)
        )
        if found.dtype != np.dtype(dtype) or not fits or found.chunks != chunks:
            raise CorruptFileError(
                messages.DATASET_INVALID,
                path=path,
                name=shown,
                found=f"{found.dtype} {found.shape} in chunks {found.chunks}",
                expected=f"{dtype} {shape} in chunks {chunks}",
                repair=repair,
            )
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        if isinstance(error, CorruptFileError):
            raise
        raise CorruptFileError(messages.DATASET_DAMAGED, path=path, name=shown, error=error, repair=repair) from error
    return found


def checked_blocks(
    file: h5py.File, groups: Collection[str] = (), repair: str = messages.REPAIR
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what `cache.hashing.walk` yields, and at the end hold the file's content against the hash it states.

    Raises
    ------
    CorruptFileError
        If they differ, or something in the file cannot be read or has no place there.
    """
    try:
        stated = read_attributes(file).get(HASH_ATTRIBUTE)
        found = yield from walk(file, groups)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise CorruptFileError(messages.DAMAGED, path=file.filename, error=error, repair=repair) from error
    if stated != found:
        raise CorruptFileError(messages.WRONG_CHECKSUM, path=file.filename, found=found, expected=stated, repair=repair)
