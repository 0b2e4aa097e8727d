"""Fingerprints: SHA-256 over a canonical form, the same on every machine and in every language."""

import hashlib
import json
import os
import re
from collections.abc import Collection, Generator, Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from cache import messages
from cache.errors import InvalidValueError

__all__ = [
    "HASH_ATTRIBUTE",
    "OBJECT_HEADER",
    "array_sha256",
    "check_plain_group",
    "content_sha256",
    "dataset_facts",
    "differences",
    "fingerprint",
    "in_short",
    "is_sha256",
    "little_endian",
    "plain_dataset",
    "read_attributes",
    "walk",
]

HASH_ATTRIBUTE = "sha256"
OBJECT_HEADER = b"OHDR\x02"
"""How the header of an object begins in the version of HDF5 that has checksums."""
_BLOCK_BYTES = 16 * 2**20


def fingerprint(value: Any) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of a JSON value in canonical form.

    Canonical form: keys sorted, no spaces, everything outside ASCII escaped, numbers as Python's
    `json` writes them; NaN and infinities are refused with `ValueError`.

    Examples
    --------
    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    >>> fingerprint({"a": 1, "b": 2})[:16]
    '43258cff783fe703'
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def differences(
    found: Any, wanted: Any, name: str = "", *, wanted_only: bool = False
) -> Iterator[tuple[str, Any, Any]]:
    """Yield where two JSON values differ, in their own order: what a fingerprint cannot tell.

    Objects are compared key by key, everything else as a whole. A key that is missing counts as None.

    Parameters
    ----------
    found, wanted : JSON
        The two values.
    name : str
        What they are called; the names of what lies in them begin with it.
    wanted_only : bool
        Pass over keys that only `found` has.

    Yields
    ------
    str, JSON, JSON
        The name, as `text.window`, and both values.

    Examples
    --------
    >>> list(differences({"text": {"window": 500}}, {"text": {"window": 20}, "precision": "float32"}))
    [('text.window', 500, 20), ('precision', None, 'float32')]
    """
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in wanted if wanted_only else {**found, **wanted}:
            inner = f"{name}.{key}" if name else str(key)
            yield from differences(found.get(key), wanted.get(key), inner, wanted_only=wanted_only)
    elif found != wanted:
        yield name, found, wanted


def in_short(value: Any) -> str:
    """Return a value as a message shows it: as Python writes it, of a SHA-256 the first digits.

    Examples
    --------
    >>> in_short("keras"), in_short(fingerprint({"a": 1, "b": 2}))
    ("'keras'", "'43258cff783fe703…'")
    """
    return repr(f"{value[:16]}…" if is_sha256(value) else value)


def is_sha256(value: Any) -> bool:
    """Tell whether a value is a SHA-256 in hexadecimal digits."""
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def array_sha256(array: np.ndarray) -> str:
    """Return the SHA-256 of an array's elements: C order, little-endian."""
    return hashlib.sha256(little_endian(array)).hexdigest()


def little_endian(array: np.ndarray) -> memoryview:
    """Return an array's elements as the bytes that are hashed: C order, little-endian."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8).data


def dataset_facts(dtype: np.dtype, shape: tuple[int, ...], sha256: str) -> dict[str, Any]:
    """Return what the walk records of one dataset; `sha256` is that of its elements."""
    return {"dtype": dtype.newbyteorder("<").str, "shape": list(shape), "sha256": sha256}


def content_sha256(attributes: Mapping[str, Any], datasets: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a file's content hash from its root attributes (but the hash) and its datasets' facts."""
    kept = {name: value for name, value in attributes.items() if name != HASH_ATTRIBUTE}
    return fingerprint({"attributes": kept, "datasets": dict(datasets)})


def read_attributes(file: h5py.File) -> dict[str, str | int]:
    """Return the root attributes as plain `str` and `int`; anything else raises `ValueError`."""
    found: dict[str, str | int] = {}
    # One by one: h5py's own iteration turns a Ctrl-C in its callback into a SystemError.
    for index in range(h5py.h5a.get_num_attrs(file.id)):
        name = h5py.h5a.open(file.id, index=index).name.decode("utf-8", "backslashreplace")
        value = file.attrs[name]
        if isinstance(value, str):
            found[name] = value
        elif isinstance(value, bytes):  # text of fixed length, as `seal` writes it
            found[name] = value.decode("utf-8")
        elif isinstance(value, np.integer) and not isinstance(value, np.bool_):
            found[name] = int(value)
        else:
            raise InvalidValueError(messages.ATTRIBUTE_TYPE, name=name)
    return found


def walk(file: h5py.File, groups: Collection[str] = ()) -> Generator[tuple[str, np.ndarray], None, str]:
    """Yield an open file's elements in blocks of 16 MiB, and return its content hash.

    Parameters
    ----------
    file : h5py.File
        The file.
    groups : collection of str
        Groups of the root that may hold datasets.

    Yields
    ------
    str, ndarray
        A dataset's path in the file, and the next of its rows.

    Raises
    ------
    ValueError
        If the file holds anything but datasets without attributes of their own, in its root and in `groups`.
    """
    facts = {}
    for name in _paths(file, groups):
        dataset = plain_dataset(file, name)
        digest = hashlib.sha256()
        row_bytes = max(1, dataset.dtype.itemsize * int(np.prod(dataset.shape[1:], dtype=np.int64)))
        rows = max(1, _BLOCK_BYTES // row_bytes)
        for start in range(0, dataset.shape[0] if dataset.shape else 0, rows):
            block = dataset[start : start + rows]
            digest.update(little_endian(block))
            yield name, block
        facts[name] = dataset_facts(dataset.dtype, dataset.shape, digest.hexdigest())
    return content_sha256(read_attributes(file), facts)


def _paths(file: h5py.File, groups: Collection[str]) -> list[str]:
    paths = []
    for name in file:
        if name in groups:
            check_plain_group(file, name)
            paths += [f"{name}/{inner}" for inner in file[name]]
        else:
            paths.append(name)
    return paths


def check_plain_group(file: h5py.File, name: str) -> None:
    """Check that a group of the root lies in this file and has no attributes; raise `ValueError` if not."""
    if not _is_plain_link(file, name) or not isinstance(group := file[name], h5py.Group) or len(group.attrs):
        raise InvalidValueError(messages.LINK_OR_ATTRIBUTES, name=name, expected="group")


def plain_dataset(file: h5py.Group, name: str) -> h5py.Dataset:
    """Return a dataset after checking that all of it lies in this file; raise `ValueError` if not.

    Soft and external links, virtual and external datasets all read as something else, or as zeros, once the other
    file is gone. What was never written reads as zeros, more of them than any disk holds if the file says so.
    A filter is code that a file chooses, and this format has none.
    """
    dataset = file[name] if _is_plain_link(file, name) else None
    if not isinstance(dataset, h5py.Dataset) or len(dataset.attrs) or dataset.is_virtual or dataset.external:
        raise InvalidValueError(messages.LINK_OR_ATTRIBUTES, name=name, expected="dataset")
    if dataset.nbytes > file.file.id.get_filesize():
        raise InvalidValueError(messages.LARGER_THAN_FILE, name=name)
    if dataset.id.get_create_plist().get_nfilters():
        raise InvalidValueError(messages.FILTERED, name=name)
    return dataset


def _is_plain_link(group: h5py.Group, name: str) -> bool:
    """Tell whether a link leads to an object of this file, whose header is of the version that has a checksum."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        return False
    address = group.id.links.get_info(name.encode()).u
    return _bytes_at(group.file, address, len(OBJECT_HEADER)) == OBJECT_HEADER


def _bytes_at(file: h5py.File, address: int, n_bytes: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file.id.get_vfd_handle(), n_bytes, address)
    with open(file.filename, "rb") as stream:  # Windows
        stream.seek(address)
        return stream.read(n_bytes)
