"""Shards whose new documents are encoded in one call."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from cache.manifest import Manifest
from elmo_cache.extraction.reuse import Reuse

__all__ = ["ShardGroup", "group_n_tokens", "groups_of", "shards_of"]

ShardGroup = tuple[str, tuple[int, ...]]
"""A split, and the indices of shards."""

_MOST_SHARDS = 16  # of a group: the more, the more is encoded again after a build was stopped


def groups_of(reuse: Reuse, lengths: Mapping[tuple[str, int], np.ndarray], shard_tokens: int) -> list[ShardGroup]:
    """Put shards together until what is to be encoded for them is a shard's worth: an encoder is slow on few documents.

    All wanted shards are put together, whichever are there: a build that goes on, or has a share, makes the same calls
    of an encoder as one that makes them all, and so the same bytes.

    Parameters
    ----------
    reuse : Reuse
        Which documents are copied; where none is, each shard is a group.
    lengths : Mapping of (split, index) to ndarray of int64
        The tokens of each document of the shards.
    shard_tokens : int
        Tokens a shard.
    """
    groups: list[tuple[str, list[int]]] = []
    n_tokens = 0
    for (split, index), tokens in lengths.items():
        numbers = reuse.numbers.get((split, index))
        n_new = int(tokens.sum() if numbers is None else tokens[numbers < 0].sum())
        if (
            numbers is not None
            and groups
            and groups[-1][0] == split
            and len(groups[-1][1]) < _MOST_SHARDS
            and n_tokens + n_new <= shard_tokens
        ):
            groups[-1][1].append(index)
            n_tokens += n_new
        else:
            groups.append((split, [index]))
            n_tokens = n_new
    return [(split, tuple(indices)) for split, indices in groups]


def shards_of(groups: Iterable[ShardGroup]) -> Iterator[tuple[str, int]]:
    """Yield the split and index of each shard of some groups."""
    return ((split, index) for split, indices in groups for index in indices)


def group_n_tokens(manifest: Manifest, group: ShardGroup) -> int:
    """Return the tokens of the shards of a group."""
    split, indices = group
    return sum(manifest.splits[split].shard_n_tokens(index) for index in indices)
