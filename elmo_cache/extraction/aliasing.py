"""A guard against encoders that return the same memory for two shards."""

import weakref
from collections.abc import Sequence
from threading import Lock

import numpy as np

from cache.shard import ShardHeader
from elmo_cache import messages
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
        self._taken: list[tuple[weakref.ref[np.ndarray], Sequence[ShardHeader]]] = []

    def take(self, rows: np.ndarray, headers: Sequence[ShardHeader]) -> None:
        """Note which shards, at least one, the rows are for.

        Raises
        ------
        EncoderError
            If the rows are those of earlier shards, or not of an array's own.
        """
        while isinstance(rows.base, np.ndarray):
            rows = rows.base
        with self._lock:
            # What only earlier rows were in, is gone by now; what the encoder keeps is still there.
            self._taken = [(owner, others) for owner, others in self._taken if owner() is not None]
            earlier = [header for owner, others in self._taken if owner() is rows for header in others]
            self._taken.append((weakref.ref(rows), headers))
            if earlier:
                self.spoiled += [*earlier, *headers]
        if earlier or not rows.flags.owndata:
            first = headers[0]
            raise EncoderError(messages.ARRAY_USED_AGAIN, name=self._name, n=first.index, split=first.split)
