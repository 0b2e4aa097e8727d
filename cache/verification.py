"""Check every byte of a cache against the hashes in its files."""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import h5py

from cache import messages
from cache.documents import Documents
from cache.errors import CacheError, CorruptFileError, FormatVersionError, OutputError
from cache.files import is_temporary
from cache.hdf5 import checked_blocks, open_file
from cache.manifest import MANIFEST_NAME, Manifest, documents_name, read_manifest, shard_name
from cache.packed import PackedStorage
from cache.shard import open_shard, shard_header
from cache.sources import Storage

__all__ = ["Problem", "check_runs", "verify"]

_OURS = re.compile(r"[A-Za-z0-9_-]{1,64}(-[0-9]{5,}|\.documents)\.h5")


@dataclass(frozen=True)
class Problem:
    """A problem that `verify` found with a file.

    Attributes
    ----------
    path : Path
        The file.
    kind : {"bad", "missing", "foreign"}
        "bad" means damaged or in the wrong place, "missing" planned but absent, "foreign" present but not planned.
    error : CacheError
        What is wrong; its text is one line.
    discarded : bool
        Whether `verify(discard=True)` removed the file.
    """

    path: Path
    kind: str
    error: CacheError
    discarded: bool = False

    @property
    def message(self) -> str:
        """The text of the error, one line."""
        return str(self.error)


def verify(
    directory: str | os.PathLike[str], *, discard: bool = False, progress: Callable[[int], None] | None = None
) -> list[Problem]:
    """Recompute the hash of every file of a cache.

    Temporary files of a running build are ignored.

    Parameters
    ----------
    directory : str or Path
        The cache, a folder or a packed file.
    discard : bool
        Remove bad files, and files that are named like a shard or a documents file but are not in the plan. The same
        build command then creates what is missing. Files with other names, files that the system cannot open, and files
        of a newer format are reported but not removed. Not available for packed files.
    progress : callable, optional
        Called with the size in bytes of each file after it was checked or, for a packed file, of each block.

    Returns
    -------
    list of Problem
        Empty if the cache is complete and all checksums match.

    Raises
    ------
    NotACacheError, FormatVersionError, CorruptFileError
        If the manifest is missing or cannot be read.
    OutputError
        If a file cannot be removed, or `discard` is used with a packed file.

    Examples
    --------
    >>> verify("imdb.elmo")
    []
    """
    directory = Path(directory)
    if os.path.isfile(directory):
        return _verify_packed(directory, discard, progress)
    manifest = read_manifest(directory)
    problems = []
    for name, check in _checks(directory, manifest).items():
        path = directory / name
        if not path.exists():
            problems.append(Problem(path, "missing", CorruptFileError(messages.FILE_MISSING, path=name)))
            continue
        size = path.stat().st_size
        if unreadable := _why_unreadable(path):
            problems.append(Problem(path, "bad", unreadable))
        else:
            try:
                check()
            except FormatVersionError as error:
                problems.append(Problem(path, "bad", error))
            except CacheError as error:
                problems.append(_discarded(Problem(path, "bad", error), discard))
        if progress:
            progress(size)
    present = sorted(directory.iterdir())
    # A build may have extended the plan meanwhile: what was there at the listing is in the plan of now.
    planned = {MANIFEST_NAME, *_checks(directory, read_manifest(directory))}
    for path in present:
        if path.name not in planned and not is_temporary(path.name):
            problem = Problem(path, "foreign", CorruptFileError(messages.FOREIGN_FILE, path=path.name))
            problems.append(_discarded(problem, discard and path.is_file() and bool(_OURS.fullmatch(path.name))))
    return problems


def check_runs(
    storage: Storage, runs: Iterable[tuple[str, int]], progress: Callable[[int], None] | None = None
) -> None:
    """Recompute the hashes of the files that contain some runs of rows, and of the documents files of their splits.

    Parameters
    ----------
    storage : Storage
        The cache.
    runs : iterable of (split, run)
        The runs, as for `Storage.datasets`. In a packed cache, everything is checked.
    progress : callable, optional
        As for `verify`.

    Raises
    ------
    CorruptFileError
        If anything is wrong.
    """
    if isinstance(storage, PackedStorage):
        storage.check(progress)
        return
    runs, manifest = sorted(runs), storage.manifest
    for split in sorted({split for split, _ in runs}):
        _check_documents(storage.path, split, manifest)
        if progress:
            progress((storage.path / documents_name(split)).stat().st_size)
    for split, index in runs:
        _check_shard(storage.path, split, index, manifest)
        if progress:
            progress(storage.file_of(split, index).stat().st_size)


def _verify_packed(path: Path, discard: bool, progress: Callable[[int], None] | None) -> list[Problem]:
    if discard:
        raise OutputError(messages.PACKED_DISCARD, path=path, repair=messages.FETCH_AGAIN)
    storage = PackedStorage(path)
    try:
        storage.check(progress)
    except CacheError as error:
        return [Problem(path, "bad", error)]
    finally:
        storage.close()
    return []


def _checks(directory: Path, manifest: Manifest) -> dict[str, Callable[[], None]]:
    """Return a function that checks each planned file, by file name."""
    checks: dict[str, Callable[[], None]] = {}
    for split, plan in manifest.splits.items():
        checks[documents_name(split)] = partial(_check_documents, directory, split, manifest)
        for index in range(plan.n_shards):
            checks[shard_name(split, index)] = partial(_check_shard, directory, split, index, manifest)
    return checks


def _why_unreadable(path: Path) -> CacheError | None:
    """Return why an existing file cannot be opened, which does not mean that its content is bad; None if it can."""
    if not path.is_file():
        return CorruptFileError(messages.NOT_A_FILE, path=path)
    try:
        path.open("rb").close()
    except OSError as error:
        return CorruptFileError(messages.CANNOT_OPEN, path=path, error=error)
    return None


def _check_shard(directory: Path, split: str, index: int, manifest: Manifest) -> None:
    datasets = open_shard(directory, shard_header(manifest, split, index), manifest.layers.stored)
    with next(iter(datasets.values())).file as file:
        _check_hash(file)


def _check_documents(directory: Path, split: str, manifest: Manifest) -> None:
    documents = Documents(directory, split, manifest)
    with open_file(documents.path, {"kind": "documents"}) as file:
        _check_hash(file)
    documents.check()  # the hash cannot know that its writer made sense


def _check_hash(file: h5py.File) -> None:
    for _ in checked_blocks(file):
        pass


def _discarded(problem: Problem, discard: bool) -> Problem:
    if not discard:
        return problem
    try:
        problem.path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(messages.CANNOT_REMOVE, path=problem.path, error=error) from error
    return replace(problem, discarded=True)
