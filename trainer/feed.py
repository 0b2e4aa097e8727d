"""The batches that the built-in models are trained on: documents end to end, without padding."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cache.epochs import epoch_order
from cache.split import Split
from trainer.convolution import WIDTH

__all__ = ["RaggedBatches"]

_GAP = WIDTH - 1  # rows of zeros behind each document
_START = WIDTH  # rows of zeros before the first one
_BLOCK = 16  # places in a block


class RaggedBatches:
    """Batches of documents that stand end to end, each cut to its last `window` tokens, for `RaggedConvolution`.

    `batches[i]` is a pair of inputs and labels, `len(batches)` the number of batches an epoch. Inputs are a dict of
    arrays, by name:

    - each of `splits`: the documents' vectors, float16 `(n_rows, dim)`, with zeros before, between and behind them;
    - `words`: int32 `(n_words,)`, the distinct token ids plus one; the first is 0, for no token;
    - `word_of_row`: int32 `(n_rows,)`, where in `words` the token of each row stands;
    - `places`: int32 `(n_blocks, 16)`, the places that a convolution sees in a document's padded window: i stands for
      the rows i to i + 2. Padding adds up to two kinds of places to those of the tokens: one that sees the first token
      alone, and those that see none, for which 0 stands. A place may be there more than once.
    - `blocks`: int32 `(n_docs, n)`, which rows of `places` are each document's; some may be there more than once.

    Labels are float32 `(n_docs,)`, None for documents that have none.

    Parameters
    ----------
    splits : Mapping[str, Split]
        Input name to split; several are several layers of the same documents. May be empty.
    documents : Split
        The same documents, for token ids and labels.
    batch_size : int
        Documents a batch; the last one may have fewer.
    window : int
        Tokens a document at most.
    shuffle_seed : tuple of int, optional
        Seed of the order of documents, drawn anew for each epoch from `(*shuffle_seed, epoch)`. Default: as given.
    few_shapes : bool
        Round the numbers of rows, words and blocks up to few values, for a backend that compiles for each shape.
    """

    def __init__(
        self,
        splits: Mapping[str, Split],
        documents: Split,
        *,
        batch_size: int = 16,
        window: int = 500,
        shuffle_seed: tuple[int, ...] | None = None,
        few_shapes: bool = False,
    ):
        self.batch_size = batch_size
        self.labels = None if documents.labels is None else documents.labels.astype(np.float32)
        self._splits = dict(splits)
        self._window = window
        self._few_shapes = few_shapes
        self._shuffle_seed = shuffle_seed
        self._lengths = np.minimum(documents.lengths, window)
        token_ids = [documents.token_ids(i)[-window:] + 1 for i in range(len(documents))]
        # Words are numbered as these documents have them, which makes tables over them small; 0 is no word.
        self._words, word_of_token = np.unique(np.concatenate([[0], *token_ids]), return_inverse=True)
        self._words = self._words.astype(np.int32)
        self._word_of_token = word_of_token[1:].astype(np.int32)
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._number = np.zeros(len(self._words), np.int32)
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Order the documents as an epoch has them, counted from 0, which a new object is at."""
        self._order = epoch_order(len(self._lengths), self._shuffle_seed, epoch)

    def __len__(self) -> int:
        return -(-len(self._lengths) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], Any]:
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        chosen = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        lengths = self._lengths[chosen]
        stops = _START - _GAP + np.cumsum(lengths + _GAP)
        starts = stops - lengths
        n_rows = self._rounded(int(stops[-1]) + _GAP)
        inputs: dict[str, np.ndarray] = {
            name: self._rows(split[chosen], starts, stops, n_rows) for name, split in self._splits.items()
        }
        inputs["words"], inputs["word_of_row"] = self._words_of(chosen, starts, stops, n_rows)
        inputs["places"], inputs["blocks"] = self._places(starts, stops)
        return inputs, None if self.labels is None else self.labels[chosen]

    def _rows(self, documents: Split, starts: np.ndarray, stops: np.ndarray, n_rows: int) -> np.ndarray:
        rows = np.empty((n_rows, documents.dim), np.float16)
        documents.copy_last(rows, starts, stops - starts)
        rows[:_START] = 0
        for stop in stops[:-1].tolist():
            rows[stop : stop + _GAP] = 0
        rows[stops[-1] :] = 0
        return rows

    def _words_of(
        self, chosen: np.ndarray, starts: np.ndarray, stops: np.ndarray, n_rows: int
    ) -> tuple[np.ndarray, np.ndarray]:
        of_row = np.zeros(n_rows, np.int32)
        for start, stop, first in zip(starts.tolist(), stops.tolist(), self._starts[chosen].tolist(), strict=True):
            of_row[start:stop] = self._word_of_token[first : first + stop - start]
        number = self._number
        number[:] = 0
        number[of_row] = 1
        number[0] = 1
        found = np.flatnonzero(number)
        number[found] = np.arange(len(found), dtype=np.int32)
        words = np.zeros(self._rounded(len(found)), np.int32)
        words[: len(found)] = self._words[found]
        return words, number[of_row]

    def _places(self, starts: np.ndarray, stops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lengths = stops - starts
        # The place i has row i + 1 in its middle: one row ahead is where the first token alone is seen.
        first = np.where(lengths < self._window, starts - 2, starts - 1)
        sees_nothing = lengths < self._window - 1
        n_places = stops - 1 - first + sees_nothing
        n_blocks = -(-n_places // _BLOCK)
        ends = np.cumsum(n_blocks)
        of_block = np.repeat(np.arange(len(starts)), n_blocks)
        within = np.arange(ends[-1]) - (ends - n_blocks)[of_block]
        last = stops[of_block] - 2
        places = (first[of_block] + within * _BLOCK)[:, None] + np.arange(_BLOCK)
        filling = np.where(sees_nothing[of_block], 0, last)[:, None]
        places = np.where(places <= last[:, None], places, filling)
        width = -(-(self._window + 1) // _BLOCK) if self._few_shapes else int(n_blocks.max())
        blocks = (ends - n_blocks)[:, None] + np.minimum(np.arange(width), n_blocks[:, None] - 1)
        n_missing = self._rounded(len(places), 64) - len(places)
        return np.pad(places, ((0, n_missing), (0, 0))).astype(np.int32), blocks.astype(np.int32)

    def _rounded(self, n: int, least: int = 1024) -> int:
        if not self._few_shapes:
            return n
        step = max(least, 1 << max(0, n.bit_length() - 3))
        return -(-n // step) * step
