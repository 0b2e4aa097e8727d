"""Arrays in the `.npz` files of others: bounded before they are read, and never unpickled."""

import math
import zipfile
from typing import IO

import numpy as np

from cache import messages
from cache.errors import InvalidValueError

__all__ = ["BOUNDED_METHODS", "array_dtype", "array_names", "read_array", "skip_header"]

_MAX_ARRAY_BYTES = 2**30  # fifty times the largest of Keras's IMDB, ten times that of a trained model
# zipfile decodes the other methods without a bound on what comes out.
BOUNDED_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of the arrays in an `.npz`."""
    return [name.removesuffix(".npy") for name in archive.namelist()]


def array_dtype(archive: zipfile.ZipFile, name: str) -> np.dtype:
    """Return the type of an array, having checked that as much comes as its header says.

    Raises
    ------
    ValueError
        If more would come than 1 GiB, or it is no array. A damaged file makes `zipfile` raise nearly anything else.
    """
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > _MAX_ARRAY_BYTES:
        raise InvalidValueError(messages.ARRAY_TOO_LARGE, found=member.file_size, expected=_MAX_ARRAY_BYTES)
    if member.compress_type not in BOUNDED_METHODS:
        raise InvalidValueError(messages.ARRAY_METHOD)
    with archive.open(member) as stream:
        shape, dtype = skip_header(stream)
        n_left = member.file_size - stream.tell()
    # What is no plain number is a pickle behind the header, of any length.
    if not dtype.hasobject and (min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != n_left):
        raise InvalidValueError(messages.ARRAY_LENGTH, expected=f"{dtype} {shape}", found=n_left)
    return dtype


def read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Return an array of plain numbers; raise as `array_dtype` does, and `ValueError` also of objects."""
    array_dtype(archive, name)
    with archive.open(f"{name}.npy") as stream:
        array: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def skip_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Read the header of an array, up to where its elements begin, and return the shape and type that it states."""
    version = np.lib.format.read_magic(stream)
    # Version 3 differs from 2 only in the header's text encoding, and NumPy has no public reader for it.
    read = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype
