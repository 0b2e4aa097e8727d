"""Shards made by other processes: what a worker gets, does and reports."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cache.errors import CacheError
from cache.manifest import read_manifest
from cache.runtime.processes import Workers, run_tasks
from elmo_cache.encoders.spec import EncoderSpec
from elmo_cache.extraction.groups import ShardGroup, group_n_tokens
from elmo_cache.extraction.reuse import NOTHING, Reuse
from elmo_cache.extraction.shards import make_shards

__all__ = ["ShardJob", "make_shards_elsewhere"]


@dataclass(frozen=True)
class ShardJob:
    """Shards to make.

    Attributes
    ----------
    directory : str
        The cache; on a cluster, a folder that all workers share.
    group : (split, indices)
        One shard, or several of which little is to be encoded.
    encoder : EncoderSpec
        The driver's encoder.
    reuse : Reuse or None
        Which of their documents are copied; None where none is.
    """

    directory: str
    group: ShardGroup
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
    """Make shards of a cache, whose documents and manifest are written, in other processes: a group in one of them.

    Raises
    ------
    EncoderError
        If other processes cannot load the encoder or load another one, or as `make_shards`.
    WorkersError
        As `run_tasks`.
    """
    path = str(directory.absolute())
    jobs = []
    for split, indices in groups:
        copied = reuse.of_shards((split, index) for index in indices)
        jobs.append(ShardJob(path, (split, indices), spec, copied if copied.numbers else None))
    run_tasks(_make_shards, jobs, workers, advance, check=_check)


def _make_shards(job: ShardJob) -> int:
    """Make shards, and return their number of tokens."""
    directory = Path(job.directory)
    manifest = read_manifest(directory)
    encoder = job.encoder.load()
    if hasattr(encoder, "use_computation"):
        encoder.use_computation(manifest.computation)
    make_shards(directory, manifest, encoder, [job.group], lambda _: None, job.reuse or NOTHING)
    return group_n_tokens(manifest, job.group)


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
        return f"cannot write to {job.directory}: {error.strerror}"
    return None
