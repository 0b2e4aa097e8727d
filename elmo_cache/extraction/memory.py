"""A guard against encoders that return the same memory for two shards."""

import weakref
from threading import Lock

import numpy as np

from cache.shard import ShardHeader
from elmo_cache.errors import EncoderError

__all__ = ["RowMemory"]


class RowMemory:
    """Whose memory the rows of shards are in: an encoder that gives the same twice has overwritten the earlier rows.

    Attributes
    ----------
    spoiled : list of ShardHeader
        The shards of such rows, written or not.
    """

    def __init__(self, encoder_name: str) -> None:
        self.spoiled: list[ShardHeader] = []
        self._name = encoder_name
        self._lock = Lock()
        self._taken: list[tuple[weakref.ref[np.ndarray], ShardHeader]] = []

    def take(self, rows: np.ndarray, header: ShardHeader) -> None:
        """Note whose the rows are; raise `EncoderError` if they are an earlier shard's, or not of an array's own."""
        while isinstance(rows.base, np.ndarray):
            rows = rows.base
        with self._lock:
            # What only earlier rows were in, is gone by now; what the encoder keeps is still there.
            self._taken = [(owner, other) for owner, other in self._taken if owner() is not None]
            earlier = [other for owner, other in self._taken if owner() is rows]
            self._taken.append((weakref.ref(rows), header))
            if earlier:
                self.spoiled += [*earlier, header]
        if earlier or not rows.flags.owndata:
            raise EncoderError(
                f"{self._name} must return a new array for each call of `begin`, and keep none of it: return "
                f"rows.copy(); shard {header.index} of {header.split} was not written"
            )
