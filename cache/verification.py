"""Checking every byte of a cache against the hashes in its files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cache.documents import Documents
from cache.errors import CacheError, CorruptFileError
from cache.files import is_temporary
from cache.hashing import HASH_ATTRIBUTE, walk_sha256
from cache.hdf5 import open_file
from cache.manifest import MANIFEST_NAME, Manifest, documents_name, read_manifest, shard_name
from cache.shard import open_shard, shard_header

__all__ = ["Problem", "verify"]


@dataclass(frozen=True)
class Problem:
    """A file that is not as it should be.

    Attributes
    ----------
    path : Path
        The file.
    kind : {"bad", "missing", "foreign"}
        Damaged or out of place; planned but not there; there but not planned.
    message : str
        What is wrong, in one line.
    discarded : bool
        Whether `verify(discard=True)` removed it.
    """

    path: Path
    kind: str
    message: str
    discarded: bool = False


def verify(directory: Path, *, discard: bool = False, progress: Callable[[int], None] | None = None) -> list[Problem]:
    """Recompute the hash of every file of a cache.

    Temporary files of a build that is running are passed over.

    Parameters
    ----------
    directory : Path
        The cache.
    discard : bool
        Remove bad files, and files named like a shard or documents file that the plan does not have, so that
        the same build makes them again. Files of other names are reported and left.
    progress : callable, optional
        Called with the bytes of each file once it is checked.

    Returns
    -------
    list of Problem
        Empty if the cache is complete and sound.

    Raises
    ------
    NotACacheError, FormatVersionError, CorruptFileError
        If there is no manifest that can be read.
    """
    manifest = read_manifest(directory)
    problems = []
    checks: dict[str, Callable[[], None]] = {}
    for split, plan in manifest.splits.items():
        checks[documents_name(split)] = lambda split=split: _check_documents(directory, split, manifest)  # type: ignore[misc]
        for index in range(plan.n_shards):
            checks[shard_name(split, index)] = lambda split=split, index=index: _check_shard(  # type: ignore[misc]
                directory, split, index, manifest
            )
    for name, check in checks.items():
        path = directory / name
        if not path.exists():
            problems.append(Problem(path, "missing", f"{name} is missing; the same build makes it"))
            continue
        try:
            check()
        except CacheError as error:
            problems.append(_discarded(Problem(path, "bad", str(error)), discard))
        if progress:
            progress(path.stat().st_size if path.exists() else 0)
    for path in sorted(directory.iterdir()):
        if path.name in checks or path.name == MANIFEST_NAME or is_temporary(path.name):
            continue
        ours = path.suffix == ".h5" and path.is_file()
        problem = Problem(path, "foreign", f"{path.name} is not part of this cache")
        problems.append(_discarded(problem, discard and ours))
    return problems


def _check_shard(directory: Path, split: str, index: int, manifest: Manifest) -> None:
    datasets = open_shard(directory, shard_header(manifest, split, index), manifest.layers.stored)
    with next(iter(datasets.values())).file as file:
        _check_hash(directory / shard_name(split, index), file)


def _check_documents(directory: Path, split: str, manifest: Manifest) -> None:
    documents = Documents(directory, split, manifest)
    with open_file(documents.path, {"kind": "documents"}) as file:
        _check_hash(documents.path, file)
    try:
        documents.token_ids(0, 0), documents.labels, documents.doc_ids, documents.truncated
    finally:
        documents.close()


def _check_hash(path: Path, file) -> None:  # type: ignore[no-untyped-def]
    try:
        stated, found = file.attrs.get(HASH_ATTRIBUTE), walk_sha256(file)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise CorruptFileError(f"{path} is damaged: {' '.join(str(error).split())}") from error
    if stated != found:
        raise CorruptFileError(f"{path} is damaged: its hash is {stated}, its content gives {found}")


def _discarded(problem: Problem, discard: bool) -> Problem:
    if not discard:
        return problem
    problem.path.unlink()
    return Problem(problem.path, problem.kind, problem.message, discarded=True)
