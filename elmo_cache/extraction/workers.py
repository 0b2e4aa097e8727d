"""Shards made by other processes: what a worker gets, does and reports."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cache.errors import CacheError
from cache.manifest import read_manifest
from cache.runtime.processes import Workers, run_tasks
from elmo_cache import messages
from elmo_cache.encoders.spec import EncoderSpec
from elmo_cache.errors import DeviceMemoryError
from elmo_cache.extraction.groups import ShardGroup, group_n_tokens, shards_of
from elmo_cache.extraction.reuse import NOTHING, Reuse
from elmo_cache.extraction.shards import make_shards

__all__ = ["ShardJob", "make_shards_elsewhere"]

_LONGEST_RUN, _RUNS_A_WORKER = 4, 4


@dataclass(frozen=True)
class ShardJob:
    """Shards to make.

    Attributes
    ----------
    directory : str
        The cache; on a cluster, a folder that all workers share.
    groups : tuple of (split, indices)
        One after the other: the next ones are encoded while the first is written.
    encoder : EncoderSpec
        The driver's encoder.
    reuse : Reuse or None
        Which of their documents are copied; None where none is.
    """

    directory: str
    groups: tuple[ShardGroup, ...]
    encoder: EncoderSpec
    reuse: Reuse | None = None


def make_shards_elsewhere(
    directory: Path,
    groups: Sequence[ShardGroup],
    spec: EncoderSpec,
    workers: Workers,
    advance: Callable[[int], object],
    reuse: Reuse,
) -> None:
    """Make shards of a cache, whose documents and manifest are written, in other processes.

    A worker gets a group of shards, or some that follow each other if there are many.

    Raises
    ------
    EncoderError
        If other processes cannot load the encoder or load another one, or as `make_shards`.
    WorkersError
        As `run_tasks`.
    """
    path = str(directory.absolute())
    jobs = []
    for run in _runs(groups, workers.count):
        copied = reuse.of_shards(shards_of(run))
        jobs.append(ShardJob(path, run, spec, copied if copied.numbers else None))
    try:
        run_tasks(_make_shards, jobs, workers, advance, check=_check)
    except DeviceMemoryError as error:
        # Others may still be at work with as many streams as this one had.
        raise DeviceMemoryError(messages.MEMORY_FULL_IN_WORKER, error=error) from error


def _runs(groups: Sequence[ShardGroup], n_workers: int) -> Iterator[tuple[ShardGroup, ...]]:
    """Yield groups that follow each other; `n_workers` is 0 where it is not known, as of a cluster."""
    # In the end workers wait for the last run: each has several, and none is long.
    length = max(1, min(_LONGEST_RUN, len(groups) // (_RUNS_A_WORKER * n_workers))) if n_workers else 1
    for start in range(0, len(groups), length):
        yield tuple(groups[start : start + length])


def _make_shards(job: ShardJob) -> int:
    """Make shards, and return their number of tokens."""
    directory = Path(job.directory)
    manifest = read_manifest(directory)
    encoder = job.encoder.load()
    if hasattr(encoder, "use_computation"):
        encoder.use_computation(manifest.computation)
    make_shards(directory, manifest, encoder, job.groups, lambda _: None, job.reuse or NOTHING)
    return sum(group_n_tokens(manifest, group) for group in job.groups)


def _check(job: ShardJob) -> str | None:
    """Say what keeps a worker from making shards."""
    try:
        read_manifest(Path(job.directory))
        job.encoder.load()
    except CacheError as error:
        return str(error)
    try:
        tempfile.TemporaryFile(dir=job.directory).close()
    except OSError as error:
        return str(CacheError(messages.CANNOT_WRITE, path=job.directory, error=error))
    return None
