"""A device whose memory is full: a new cache is made with fewer streams, one that has shards cannot be."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cache.errors import CacheWarning
from cache.files import locked, others_at_work
from cache.manifest import Manifest, shard_name, write_manifest
from elmo_cache import messages
from elmo_cache.errors import DeviceMemoryError
from elmo_cache.extraction.folder import find_cache

__all__ = ["LEAST_STREAMS", "with_fewer_streams"]

LEAST_STREAMS = 16
"""Below that it is not the streams that take the memory."""


def with_fewer_streams(
    directory: Path, manifest: Manifest, mark: Path, make_shards: Callable[[Manifest], object]
) -> None:
    """Make the shards of a cache; if the memory is full before there is any, write half the streams into its manifest.

    Parameters
    ----------
    directory : Path
        The cache.
    manifest : Manifest
        What it says.
    mark : Path
        This process's, of those that work in the folder.
    make_shards : callable
        Makes the shards of a manifest.

    Raises
    ------
    DeviceMemoryError
        If there are shards, which others of the same cache have to be like, or fewer streams are of no use.

    Warns
    -----
    CacheWarning
        When the cache goes on with fewer streams.
    """
    while True:
        try:
            make_shards(manifest)
            return
        except DeviceMemoryError as error:
            reason = DeviceMemoryError(error.message, **error.data)
        # Here, where nothing holds on to what the error came from.
        n_streams = manifest.computation.get("n_streams", 0)
        fewer = n_streams // 2
        if fewer < LEAST_STREAMS:
            raise DeviceMemoryError(messages.MEMORY_FULL_FOR_FEW_STREAMS, error=reason)
        with locked(directory):
            if _has_shards(directory, manifest) or others_at_work(directory, mark) or find_cache(directory) != manifest:
                raise DeviceMemoryError(
                    messages.MEMORY_FULL_WITH_SHARDS, error=reason, path=directory, n=n_streams, fewer=fewer
                )
            manifest = replace(manifest, computation={**manifest.computation, "n_streams": fewer})
            write_manifest(directory, manifest)
        warnings.warn(CacheWarning(messages.FEWER_STREAMS, error=reason, path=directory, n=fewer), stacklevel=3)


def _has_shards(directory: Path, manifest: Manifest) -> bool:
    return any(
        (directory / shard_name(split, index)).exists()
        for split, plan in manifest.splits.items()
        for index in range(plan.n_shards)
    )
