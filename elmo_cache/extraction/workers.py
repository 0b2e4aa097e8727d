"""Shards made by other processes: what a worker gets, does and reports."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cache.errors import CacheError
from cache.manifest import read_manifest
from cache.runtime.processes import Workers, run_tasks
from elmo_cache.encoders.spec import EncoderSpec
from elmo_cache.extraction.reuse import NOTHING, Reuse
from elmo_cache.extraction.shards import make_shards

__all__ = ["ShardJob", "make_shards_elsewhere"]


@dataclass(frozen=True)
class ShardJob:
    """One shard to make.

    Attributes
    ----------
    directory : str
        The cache; on a cluster, a folder that all workers share.
    split, index : str, int
        The shard.
    encoder : EncoderSpec
        The driver's encoder.
    reuse : Reuse
        Which of the shard's documents are copied.
    """

    directory: str
    split: str
    index: int
    encoder: EncoderSpec
    reuse: Reuse = NOTHING


def make_shards_elsewhere(
    directory: Path,
    shards: Sequence[tuple[str, int]],
    spec: EncoderSpec,
    workers: Workers,
    advance: Callable[[int], object],
    reuse: Reuse,
) -> None:
    """Make shards of a cache, whose documents and manifest are written, in other processes.

    Raises
    ------
    EncoderError
        If other processes cannot load the encoder or load another one, or as `make_shards`.
    WorkersError
        As `run_tasks`.
    """
    path = str(directory.absolute())
    jobs = [ShardJob(path, split, index, spec, reuse.of_shard(split, index)) for split, index in shards]
    run_tasks(_make_shard, jobs, workers, advance, check=_check)


def _make_shard(job: ShardJob) -> int:
    """Make a shard, and return its number of tokens."""
    directory = Path(job.directory)
    manifest = read_manifest(directory)
    encoder = job.encoder.load()
    if hasattr(encoder, "use_computation"):
        encoder.use_computation(manifest.computation)
    make_shards(directory, manifest, encoder, [(job.split, job.index)], lambda _: None, job.reuse)
    return manifest.splits[job.split].shard_n_tokens(job.index)


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
