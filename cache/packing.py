"""`pack`: copy a finished cache into one HDF5 file."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np

from cache import messages
from cache.documents import Documents, dataset_names, documents_header
from cache.errors import CorruptFileError, OutputError
from cache.files import atomic_path, remove_strays
from cache.hashing import little_endian
from cache.hdf5 import checked_blocks, create_file, open_file, seal
from cache.manifest import MANIFEST_NAME, Manifest, documents_name, manifest_bytes
from cache.packed import open_storage, pack_header
from cache.shard import chunks_of, open_shard, shard_header, stored_bytes
from cache.sources import FolderStorage

__all__ = ["pack"]


def pack(
    cache: str | os.PathLike[str], out: str | os.PathLike[str], *, progress: Callable[[int], None] | None = None
) -> None:
    """Copy a finished cache into one file, and check every byte while copying.

    The same cache gives the same bytes. Memory use is limited to a few blocks of 16 MiB.

    Parameters
    ----------
    cache : str or Path
        The folder of the cache.
    out : str or Path
        The file to create. It must not exist.
    progress : callable, optional
        Called with the size in bytes of each block that was read.

    Raises
    ------
    NotACacheError, FormatVersionError
        If there is no readable cache.
    CorruptFileError
        If the cache is not finished, or one of its files is damaged or missing; the message names it.
    OutputError
        If `cache` is already a packed file, `out` exists or cannot be written, or the disk is too full. No partial file
        is left.

    Examples
    --------
    >>> from elmo_cache import FeatureCache
    >>> pack("imdb.elmo", "imdb.h5")
    >>> FeatureCache("imdb.h5")["train"]
    Split(6 documents, dim 256)
    """
    path, out = Path(cache), Path(out)
    storage = open_storage(path)
    if not isinstance(storage, FolderStorage):
        raise OutputError(messages.ALREADY_PACKED, path=path)
    manifest = storage.manifest
    _check_finished(storage)
    n_bytes = _data_bytes(path, manifest)
    _check_place(path, out, n_bytes)
    try:
        with atomic_path(out, exclusive=True) as temporary, create_file(temporary, n_bytes) as file:
            _write(file, path, manifest, progress)
    except FileExistsError as error:  # it came while this one was written
        raise OutputError(messages.FILE_EXISTS, path=out) from error


def _write(file: h5py.File, path: Path, manifest: Manifest, progress: Callable[[int], None] | None) -> None:
    data = np.frombuffer(manifest_bytes(manifest), np.uint8)
    targets = {MANIFEST_NAME: _Target(file.create_dataset(MANIFEST_NAME, data.shape, data.dtype))}
    targets[MANIFEST_NAME].append(data)
    for split in manifest.splits:
        _create_group(file, split)
        copied = _copy_documents(path, manifest, split, file[split], progress)
        copied |= _copy_rows(path, manifest, split, file[split], progress)
        targets |= {f"{split}/{name}": target for name, target in copied.items()}
    seal(
        file, pack_header(manifest), {name: target.sha256 for name, target in targets.items()}, manifest.format_version
    )


def _check_finished(storage: FolderStorage) -> None:
    for name, plan in storage.manifest.splits.items():
        n_shards = storage.n_finished_shards(name)
        if n_shards < plan.n_shards:
            raise CorruptFileError(
                messages.UNFINISHED, path=storage.path, name=name, found=n_shards, expected=plan.n_shards
            )


def _data_bytes(path: Path, manifest: Manifest) -> int:
    total = len(manifest_bytes(manifest))
    for split, plan in manifest.splits.items():
        documents = path / documents_name(split)
        total += documents.stat().st_size if documents.exists() else 0  # it is missed when it is opened
        total += sum(stored_bytes(plan.n_tokens, dim) for dim in manifest.layers.stored.values())
    return total


def _check_place(path: Path, out: Path, n_bytes: int) -> None:
    if not out.parent.is_dir():
        raise OutputError(messages.NO_FOLDER, path=out, folder=out.parent)
    try:
        remove_strays(out.parent, out.name)  # also beside a file that is whole: the last thing before it is done
    except OSError as error:
        raise OutputError(messages.NOT_WRITABLE, path=out, error=error) from error
    if os.path.lexists(out):
        raise OutputError(messages.FILE_EXISTS, path=out)
    if path.resolve() in out.resolve().parents:
        raise OutputError(messages.INSIDE_CACHE, path=out)
    free = shutil.disk_usage(out.parent).free
    if n_bytes > free:
        raise OutputError(messages.NO_SPACE, path=out, expected=n_bytes, found=free)


def _create_group(file: h5py.File, name: str) -> None:
    settings = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    settings.set_obj_track_times(False)  # h5py's own way keeps the time
    h5py.h5g.create(file.id, name.encode("ascii"), gcpl=settings)


class _Target:
    """A dataset that is written from the first row on, and the hash of what was written so far."""

    def __init__(self, dataset: h5py.Dataset):
        self._dataset, self._n_rows, self._digest = dataset, 0, hashlib.sha256()

    def append(self, block: np.ndarray) -> None:
        self._dataset[self._n_rows : self._n_rows + len(block)] = block
        self._digest.update(little_endian(block))
        self._n_rows += len(block)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _copy(source: h5py.File, targets: Mapping[str, _Target], progress: Callable[[int], None] | None) -> None:
    for name, block in checked_blocks(source):
        if name in targets:
            targets[name].append(block)
        if progress:
            progress(block.nbytes)


def _copy_documents(
    path: Path, manifest: Manifest, split: str, group: h5py.Group, progress: Callable[[int], None] | None
) -> dict[str, _Target]:
    documents = Documents(path, split, manifest)
    documents.check()
    with open_file(documents.path, documents_header(manifest, split)) as source:
        found = {name: source[name] for name in dataset_names(manifest) if name in source}
        targets = {name: _Target(group.create_dataset(name, data.shape, data.dtype)) for name, data in found.items()}
        _copy(source, targets, progress)
    return targets


def _copy_rows(
    path: Path, manifest: Manifest, split: str, group: h5py.Group, progress: Callable[[int], None] | None
) -> dict[str, _Target]:
    plan, targets = manifest.splits[split], {}
    for name, dim in manifest.layers.stored.items():
        if name in dataset_names(manifest):
            raise OutputError(messages.NAME_OF_DOCUMENTS, path=path, name=name)
        shape = (plan.n_tokens, dim)
        targets[name] = _Target(group.create_dataset(name, shape, "<f2", chunks=chunks_of(*shape)))
    for index in range(plan.n_shards):
        datasets = open_shard(path, shard_header(manifest, split, index), manifest.layers.stored)
        with next(iter(datasets.values())).file as source:
            _copy(source, targets, progress)
    return targets
