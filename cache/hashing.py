"""Fingerprints: SHA-256 over a canonical form, the same on every machine and in every language."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

__all__ = ["array_sha256", "content_sha256", "dataset_facts", "fingerprint", "plain_dataset"]

HASH_ATTRIBUTE = "sha256"
_BLOCK_BYTES = 16 * 2**20


def fingerprint(value: Any) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of a JSON value in canonical form.

    Canonical form: keys sorted, no spaces, everything outside ASCII escaped, numbers as Python's
    `json` writes them; NaN and infinities are refused with `ValueError`.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def array_sha256(array: np.ndarray) -> str:
    """Return the SHA-256 of an array's elements: C order, little-endian."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return hashlib.sha256(little.reshape(-1).view(np.uint8).data).hexdigest()


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
    for name, value in file.attrs.items():
        if isinstance(value, str):
            found[name] = value
        elif isinstance(value, bytes):  # text of fixed length, as `seal` writes it
            found[name] = value.decode("utf-8")
        elif isinstance(value, np.integer) and not isinstance(value, np.bool_):
            found[name] = int(value)
        else:
            raise ValueError(f"attribute {name!r} is neither text nor an integer")
    return found


def walk_sha256(file: h5py.File) -> str:
    """Recompute the content hash of an open file, reading it in blocks of 16 MiB.

    Raises
    ------
    ValueError
        If the file holds anything but flat datasets without attributes of their own.
    """
    facts = {}
    for name in file:
        dataset = plain_dataset(file, name)
        digest = hashlib.sha256()
        row_bytes = max(1, dataset.dtype.itemsize * int(np.prod(dataset.shape[1:], dtype=np.int64)))
        rows = max(1, _BLOCK_BYTES // row_bytes)
        for start in range(0, dataset.shape[0] if dataset.shape else 0, rows):
            block = dataset[start : start + rows]
            digest.update(np.ascontiguousarray(block, block.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data)
        facts[name] = dataset_facts(dataset.dtype, dataset.shape, digest.hexdigest())
    return content_sha256(read_attributes(file), facts)


def plain_dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """Return a dataset of the root after checking that all of it lies in this file; raise `ValueError` if not.

    Soft and external links, virtual and external datasets all read as something else, or as zeros, once the other
    file is gone.
    """
    linked = isinstance(file.get(name, getlink=True), h5py.HardLink)
    dataset = file[name] if linked else None
    if not isinstance(dataset, h5py.Dataset) or len(dataset.attrs) or dataset.is_virtual or dataset.external:
        raise ValueError(f"{name!r} is not a plain dataset")
    return dataset
