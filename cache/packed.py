"""Reading a cache that `elmo-cache pack` put into one HDF5 file."""

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cache import messages
from cache.documents import Documents
from cache.errors import CorruptFileError, NotACacheError
from cache.hashing import check_plain_group
from cache.hdf5 import checked_blocks, dataset_of, open_file
from cache.manifest import MANIFEST_NAME, MAX_MANIFEST_BYTES, Manifest, not_a_cache, parse_manifest
from cache.shard import row_datasets
from cache.sources import FolderStorage, Storage, stored_rows
from cache.stored_rows import StoredRows

__all__ = ["SIGNATURE", "PackedStorage", "open_storage", "pack_header"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_REPAIR = messages.FETCH_AGAIN


def open_storage(path: str | os.PathLike[str]) -> Storage:
    """Open the files of a cache, a folder or a packed file.

    Raises `NotACacheError`, `FormatVersionError` and `CorruptFileError` as `FeatureCache` does.
    """
    return (PackedStorage if os.path.isfile(path) else FolderStorage)(Path(path))


def pack_header(manifest: Manifest) -> dict[str, str]:
    """Return the root attributes that a packed cache must have."""
    return {"kind": "pack", "encoding": manifest.encoding_fingerprint, "corpus": manifest.corpus_fingerprint}


class PackedStorage(Storage):
    """A packed cache: all rows of a split are one run."""

    repair = _REPAIR

    def __init__(self, path: Path):
        self.path = path
        with _open(path) as file:
            self.manifest = _manifest_of(file)
        self._begin()

    def _begin(self) -> None:
        self._rows: dict[str, dict[str, StoredRows]] = {}
        self._renew_lock()

    @cached_property
    def _file(self) -> h5py.File:
        return _open(self.path, self.manifest)

    def n_finished_shards(self, split: str) -> int:
        """Return how many shards were planned: the file has the rows of all."""
        return self.manifest.splits[split].n_shards

    def documents(self, split: str) -> Documents:
        """Return the documents of a split."""
        return _PackedDocuments(self.path, split, self.manifest)

    def stops(self, split: str) -> np.ndarray:
        """Return the number of documents: one run ends there."""
        return np.asarray([self.manifest.splits[split].n_documents], np.int64)

    def rows(self, split: str, run: int) -> Mapping[str, StoredRows]:
        """Return the rows of a split."""
        if split not in self._rows:
            n_tokens, stored = self.manifest.splits[split].n_tokens, self.manifest.layers.stored
            self._rows[split] = stored_rows(row_datasets(self._file[split], n_tokens, stored, _REPAIR))
        return self._rows[split]

    def file_of(self, split: str, run: int) -> Path:
        """Return the one file."""
        return self.path

    def check(self, progress: Callable[[int], None] | None = None) -> None:
        """Read everything and hold it against the file's hash; `progress` is called with the bytes of each block.

        Raises
        ------
        CorruptFileError
            If anything is not as it should be.
        """
        with self.lock:
            for split in self.manifest.splits:
                self._check_places(split)
            for _, block in checked_blocks(self._file, self.manifest.splits, _REPAIR):
                if progress:
                    progress(block.nbytes)
        for split in self.manifest.splits:
            self.documents(split).check()

    def _check_places(self, split: str) -> None:
        try:
            self.rows(split, 0)
        except CorruptFileError:
            raise
        except (OSError, RuntimeError) as error:  # the index of chunks
            raise CorruptFileError(messages.DAMAGED, path=self.path, error=error, repair=_REPAIR) from error

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._rows.clear()
            file = self.__dict__.pop("_file", None)
            if file is not None:
                file.close()

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path, "manifest": self.manifest}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()


class _PackedDocuments(Documents):
    """The documents in a group of a packed cache; the place it is given is the file."""

    _repair = _REPAIR

    @property
    def path(self) -> Path:
        return self._directory

    @cached_property
    def _file(self) -> h5py.Group:
        return _open(self.path, self._manifest)[self._split]


def _open(path: Path, manifest: Manifest | None = None) -> h5py.File:
    """Open a packed cache, and check that it is the one that a manifest is of."""
    try:
        with path.open("rb") as stream:
            if stream.read(len(SIGNATURE)) != SIGNATURE:
                raise not_a_cache(path)
    except NotACacheError:
        raise
    except OSError as error:
        raise CorruptFileError(messages.CANNOT_OPEN, path=path, error=error) from error
    file = open_file(path, pack_header(manifest) if manifest else {"kind": "pack"}, _REPAIR)
    try:
        for split in manifest.splits if manifest else ():
            check_plain_group(file, split)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        file.close()
        raise CorruptFileError(messages.DAMAGED, path=path, error=error, repair=_REPAIR) from error
    return file


def _manifest_of(file: h5py.File) -> Manifest:
    where = f"{MANIFEST_NAME} in {file.filename}"
    dataset = dataset_of(file, MANIFEST_NAME, "|u1", (None,), repair=_REPAIR)
    if dataset.nbytes > MAX_MANIFEST_BYTES:
        raise CorruptFileError(
            messages.MANIFEST_TOO_LARGE, path=where, found=dataset.nbytes, expected=MAX_MANIFEST_BYTES, repair=_REPAIR
        )
    try:
        data = dataset[:].tobytes()
    except (OSError, RuntimeError, ValueError) as error:
        raise CorruptFileError(messages.CANNOT_READ, path=where, error=error, repair=_REPAIR) from error
    return parse_manifest(data, where, _REPAIR)
