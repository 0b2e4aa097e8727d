"""Shards made by other processes: what a worker gets, does and reports."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cache.errors import CacheError
from cache.manifest import read_manifest
from cache.runtime.processes import Workers, run_tasks
from elmo_cache.encoders import Encoder, encoder_json
from elmo_cache.encoders.devices import check_precision
from elmo_cache.errors import EncoderError
from elmo_cache.extraction.plan import BuildPlan
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
    encoder : callable
        Loads the encoder.
    """

    directory: str
    split: str
    index: int
    encoder: Callable[[], Encoder]


def make_shards_elsewhere(plan: BuildPlan, workers: Workers, advance: Callable[[int], object]) -> None:
    """Make the pending shards of a plan, whose documents and manifest are written, in other processes.

    Raises
    ------
    EncoderError
        If other processes cannot load the encoder, or as `make_shards`.
    WorkersError
        As `run_tasks`.
    """
    source = getattr(plan.encoder, "source", None)
    if source is None:
        raise EncoderError(
            f"{plan.encoder.name} cannot be loaded by other processes: workers need an encoder of `load_encoder`"
        )
    jobs = [ShardJob(str(plan.directory.absolute()), split, index, source) for split, index in plan.pending]
    run_tasks(_make_shard, jobs, workers, advance, check=_check)


def _make_shard(job: ShardJob) -> int:
    """Make a shard, and return its number of tokens."""
    directory = Path(job.directory)
    manifest = read_manifest(directory)
    encoder = _encoder(job.encoder)
    if hasattr(encoder, "use_computation"):
        encoder.use_computation(manifest.computation)
    make_shards(directory, manifest, encoder, [(job.split, job.index)], lambda _: None)
    return manifest.splits[job.split].shard_n_tokens(job.index)


def _check(job: ShardJob) -> str | None:
    """Say what keeps a worker from making shards."""
    try:
        manifest = read_manifest(Path(job.directory))
        encoder = _encoder(job.encoder)
        check_precision(encoder)
    except CacheError as error:
        return str(error)
    if encoder_json(encoder) != manifest.encoding["encoder"]:
        return f"{encoder.name} is another encoder there than the one that {job.directory} is made with"
    try:
        tempfile.TemporaryFile(dir=job.directory).close()
    except OSError as error:
        return f"cannot write to {job.directory}: {error.strerror}"
    return None


@lru_cache(maxsize=1)
def _encoder(source: Callable[[], Encoder]) -> Encoder:
    return source()
