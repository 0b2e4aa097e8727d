"""A split as padded batches for Keras, on any backend."""

from collections.abc import Mapping

import keras
import numpy as np

from cache.store import Split

__all__ = ["PaddedBatches"]

_LENGTH_STEP = 64
"""Trimmed batches have lengths that are multiples of it: few shapes, few compilations."""


class PaddedBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of documents, padded in front with zeros and cut to their last `window` tokens.

    `batches[i]` is a pair of inputs and labels. Inputs are a dict: for each given split its vectors, float16
    `(n_docs, length, dim)`, and `token_ids`, int32 `(n_docs, length)`, the token ids plus one, so that 0 is padding.
    Labels are float32 `(n_docs,)`.

    Parameters
    ----------
    splits : Mapping[str, Split]
        Input name to split; several are several layers of the same documents. May be empty if `documents` is given.
    documents : Split, optional
        Where token ids and labels come from. Default: the first of `splits`.
    batch_size, window : int
        Documents a batch, tokens a document at most.
    shuffle_seed : sequence of int, optional
        Seed of the order of documents, drawn anew for each epoch from `(*shuffle_seed, epoch)`. Default: as given.
    trim : bool
        Pad a batch only to its longest document and two positions more. A convolution of width 3 followed by a
        global maximum cannot tell: one padded position sees the document's edge, one sees nothing but zeros. Batches
        then differ in length, which `fit` cannot take and `train_on_batch` can.

    Raises
    ------
    ValueError
        If the documents have no labels.
    """

    def __init__(
        self,
        splits: Mapping[str, Split],
        documents: Split | None = None,
        *,
        batch_size: int = 16,
        window: int = 500,
        shuffle_seed: tuple[int, ...] | None = None,
        trim: bool = False,
    ):
        super().__init__()
        self.splits = dict(splits)
        self.batch_size = batch_size
        self.window = window
        self.trim = trim
        self._shuffle_seed = shuffle_seed
        self._epoch = 0
        documents = next(iter(self.splits.values())) if documents is None else documents
        labels = documents.labels
        if labels is None:
            raise ValueError("the documents have no labels: build the cache from a corpus that has them")
        self.labels = labels.astype(np.float32)
        self._lengths = np.minimum(documents.lengths, window)
        # A few bytes a token, so that an epoch reads nothing but vectors.
        self._token_ids = [documents.token_ids(i)[-window:] + 1 for i in range(len(documents))]
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Order the documents as that epoch has them."""
        self._epoch = epoch
        n_docs = len(self.labels)
        if self._shuffle_seed is None:
            self._order = np.arange(n_docs)
        else:
            seeds = np.random.SeedSequence([*self._shuffle_seed, epoch])
            # RandomState, unlike Generator, promises the same stream in every version of NumPy.
            self._order = np.random.RandomState(np.random.MT19937(seeds)).permutation(n_docs)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's order; `fit` calls it."""
        self.begin_epoch(self._epoch + 1)

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        chosen = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        length = self._batch_length(chosen)
        inputs = {name: split[chosen].padded(length) for name, split in self.splits.items()}
        token_ids = np.zeros((len(chosen), length), np.int32)
        for row, i in zip(token_ids, chosen.tolist(), strict=True):
            row[length - len(self._token_ids[i]) :] = self._token_ids[i]
        inputs["token_ids"] = token_ids
        return inputs, self.labels[chosen]

    def _batch_length(self, chosen: np.ndarray) -> int:
        if not self.trim:
            return self.window
        longest = int(self._lengths[chosen].max()) + 2
        return min(self.window, -(-longest // _LENGTH_STEP) * _LENGTH_STEP)
