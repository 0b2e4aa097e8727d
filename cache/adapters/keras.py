"""A split as padded batches for Keras, on any backend."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from cache.split import Split

__all__ = ["PaddedBatches", "epoch_order"]

_LONGEST = 2**31 - 1
_LENGTH_STEP = 64  # trimmed batches have lengths that are multiples of it: few shapes, few compilations


class PaddedBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of documents, padded in front with zeros and cut to their last `window` tokens.

    `batches[i]` is a pair of inputs and labels, `len(batches)` the number of batches an epoch. Inputs are a dict of
    arrays, by name:

    - each of `splits`: the documents' vectors, `(n_docs, length, dim)` of `dtype`;
    - `token_ids`, if asked for: int32 `(n_docs, length)`, the token ids plus one, so that 0 is padding;
    - `mask`, if asked for: bool `(n_docs, length)`, whether there is a token.

    Labels are float32 `(n_docs,)`. Documents without labels give a tuple of inputs alone, as `predict` takes it. With
    `tags` a batch is a triple: inputs, tags as int32 `(n_docs, length)`, and sample weights as float32
    `(n_docs, length)`, 1 for a token with a tag and 0 for padding and tokens without a tag, whose entry in the tags is
    0 as well. `sparse_categorical_crossentropy` takes both.

    A functional model made from a list, `keras.Model([features], ...)`, takes the inputs that it has names for. Give
    `fit` the argument `shuffle=False`: Keras would put the batches in an order of its own, without a seed.

    Parameters
    ----------
    splits : Split or Mapping[str, Split]
        The documents: batches are then arrays, as `keras.Sequential` and `keras.Model(input, output)` take them, unless
        token ids or masks are asked for. Or input name to split: several are several layers of the same documents. May
        be empty if `documents` is given.
    documents : Split, optional
        Where token ids and labels come from. Default: the first of `splits`.
    batch_size : int
        Documents a batch; the last one may have fewer.
    window : int
        Tokens a document at most.
    shuffle_seed : sequence of int, optional
        Seed of the order of documents, drawn anew for each epoch from `(*shuffle_seed, epoch)`. Default: as given; let
        it be for `predict`, whose results have the order of the batches.
    trim : bool
        Pad a batch only to its longest document and two positions more. A convolution of width 3 followed by a
        global maximum cannot tell: one padded position sees the document's edge, one sees nothing but zeros. Batches
        then differ in length, which `fit` cannot take with Keras on TensorFlow: give it `dataset(batches)` of
        `cache.adapters.tensorflow`.
    masks : bool
        Add the input `mask`.
    token_ids : bool
        Add the input `token_ids`. Without splits it is the only one.
    tags : str, optional
        The name of a set of tags, which become the targets in place of the labels.
    dtype : dtype
        Of the vectors: float16, as they are stored, or float32.

    Raises
    ------
    SelectionError
        If the cache has no such tags.
    ValueError
        If the splits do not hold the same documents, `batch_size` or `window` is below 1, or there are neither splits
        nor documents.
    IndexError
        From `batches[i]`: if an epoch has no such batch.
    CorruptFileError
        From `batches[i]`: if a file of the cache is missing or damaged.

    Examples
    --------
    >>> from cache import FeatureCache
    >>> train = FeatureCache("imdb.elmo")["train"]
    >>> batches = PaddedBatches({"features": train}, batch_size=4, shuffle_seed=(0,), masks=True, token_ids=True)
    >>> inputs, labels = batches[0]
    >>> {name: array.shape for name, array in inputs.items()}
    {'features': (4, 500, 256), 'token_ids': (4, 500), 'mask': (4, 500)}
    """

    def __init__(
        self,
        splits: Split | Mapping[str, Split],
        documents: Split | None = None,
        *,
        batch_size: int = 16,
        window: int = 500,
        shuffle_seed: tuple[int, ...] | None = None,
        trim: bool = False,
        masks: bool = False,
        token_ids: bool = False,
        tags: str | None = None,
        dtype: npt.DTypeLike = np.float16,
    ):
        super().__init__()
        if batch_size < 1 or not 1 <= window <= _LONGEST:
            numbers = [str(n) if abs(n) <= _LONGEST else "out of range" for n in (batch_size, window)]
            raise ValueError(
                f"batch_size is {numbers[0]} and window {numbers[1]}, expected at least 1, and a window of at most "
                f"{_LONGEST:,}"
            )
        self.is_array = isinstance(splits, Split) and not masks and not token_ids
        if isinstance(splits, Split):
            splits = {"features": splits}
        if documents is None and not splits:
            raise ValueError("there are neither splits nor documents, expected at least one of them")
        self.splits = dict(splits)
        self.batch_size = batch_size
        self.window = window
        self.trim = trim
        self.masks = masks
        self.token_ids = token_ids or not splits
        self.dtype = np.dtype(dtype)
        self._shuffle_seed = shuffle_seed
        self._epoch = 0
        documents = next(iter(self.splits.values())) if documents is None else documents
        for name, split in self.splits.items():
            if not np.array_equal(split.doc_ids, documents.doc_ids) or not np.array_equal(
                split.lengths, documents.lengths
            ):
                raise ValueError(
                    f"the split {name!r} holds other documents than the one for token ids and labels: select the same "
                    "ones from each"
                )
        self.labels = None if documents.labels is None else documents.labels.astype(np.float32)
        self._lengths = np.minimum(documents.lengths, window)
        # A few bytes a token, so that an epoch reads nothing but vectors.
        self._token_ids = (
            [documents.token_ids(i)[-window:] + 1 for i in range(len(documents))] if self.token_ids else []
        )
        self.has_tags = tags is not None
        self._tags = [documents.tags(i, tags)[-window:] for i in range(len(documents))] if self.has_tags else []
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Order the documents as an epoch has them.

        Parameters
        ----------
        epoch : int
            From 0, which a new object is at.
        """
        self._epoch = epoch
        self._order = epoch_order(len(self._lengths), self._shuffle_seed, epoch)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's order; `fit` calls it."""
        self.begin_epoch(self._epoch + 1)

    def __len__(self) -> int:
        return -(-len(self._lengths) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        chosen = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        length = self._batch_length(chosen)
        inputs: Any = {name: split[chosen].padded(length, dtype=self.dtype) for name, split in self.splits.items()}
        if self.token_ids:
            token_ids = inputs["token_ids"] = np.zeros((len(chosen), length), np.int32)
            for row, i in zip(token_ids, chosen.tolist(), strict=True):
                row[length - len(self._token_ids[i]) :] = self._token_ids[i]
        if self.masks:
            inputs["mask"] = np.arange(length) >= length - self._lengths[chosen, np.newaxis]
        if self.is_array:
            inputs = inputs["features"]
        if self.has_tags:
            tags = np.full((len(chosen), length), -1, np.int32)
            for row, i in zip(tags, chosen.tolist(), strict=True):
                row[length - len(self._tags[i]) :] = self._tags[i]
            return inputs, np.maximum(tags, 0), (tags >= 0).astype(np.float32)
        return (inputs,) if self.labels is None else (inputs, self.labels[chosen])

    @property
    def num_batches(self) -> int:
        """Number of batches an epoch, as Keras's own loops ask for it.

        Raises
        ------
        ValueError
            With `trim` and Keras on TensorFlow, which would end in an error of a graph, and perhaps never.
        """
        if self.trim and keras.backend.backend() == "tensorflow":
            raise ValueError(
                "batches with trim=True differ in length, which Keras on TensorFlow does not take: give it "
                "cache.adapters.tensorflow.dataset(batches), or use trim=False"
            )
        return len(self)

    def _batch_length(self, chosen: np.ndarray) -> int:
        if not self.trim:
            return self.window
        longest = int(self._lengths[chosen].max()) + 2
        return min(self.window, -(-longest // _LENGTH_STEP) * _LENGTH_STEP)


def epoch_order(n_docs: int, shuffle_seed: tuple[int, ...] | None, epoch: int) -> np.ndarray:
    """Return the order of documents in an epoch, int64 `(n_docs,)`: drawn from seed and epoch, or as given."""
    if shuffle_seed is None:
        return np.arange(n_docs)
    seeds = np.random.SeedSequence([*shuffle_seed, epoch])
    # RandomState, unlike Generator, promises the same stream in every version of NumPy.
    order: np.ndarray = np.random.RandomState(np.random.MT19937(seeds)).permutation(n_docs)
    return order
