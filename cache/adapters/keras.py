"""Use a split as padded batches for Keras, on any backend."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cache import messages
from cache.epochs import epoch_order, length_order
from cache.errors import InvalidValueError
from cache.runtime.quiet import quiet_import
from cache.split import Split
from cache.store import FeatureCache

with quiet_import():
    import keras

__all__ = ["PaddedBatches"]

_LONGEST = 2**31 - 1
_MOST_WORKERS = 256
_LENGTH_STEP = 64  # of trimmed batches: few different lengths, few compilations


class PaddedBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of documents, padded on the left with zeros and truncated to their last `window` tokens.

    `batches[i]` is a pair of inputs and labels, and `len(batches)` is the number of batches per epoch. The inputs are a
    dict of arrays:

    - one per entry of `splits`: the vectors of the documents, `(n_docs, length, dim)`, with the given `dtype`;
    - `token_ids`, if requested: int32 `(n_docs, length)`, the token ids plus one, so that 0 means padding;
    - `mask`, if requested: bool `(n_docs, length)`, True where there is a token.

    Labels are `(n_docs,)`: float32 for two classes, as `binary_crossentropy` expects, and int32 for more classes, as
    `sparse_categorical_crossentropy` expects. For documents without labels, a batch is a tuple with only the inputs, as
    `predict` expects. With `tags`, a batch is a triple of inputs, tags as int32 `(n_docs, length)`, and sample weights
    as float32 `(n_docs, length)`. The weight is 1 for a token with a tag. For padding and tokens without a tag, both
    the weight and the tag are 0. `SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")` then averages
    over the tokens with a tag, whereas Keras's default also divides by the other positions.

    A functional model made from a list, `keras.Model([features], ...)`, selects its inputs by name. Pass
    `shuffle=False` to `fit`; otherwise Keras shuffles the batches again, without a seed.

    Parameters
    ----------
    splits : Split or Mapping[str, Split]
        The documents. For a single split, the inputs are one array, as `keras.Sequential` and `keras.Model(input,
        output)` expect, unless you request token ids or masks. A mapping gives the splits by input name, for several
        layers of the same documents; it may be empty if `documents` is given.
    documents : Split, optional
        The split to take token ids and labels from. Default: the first of `splits`.
    batch_size : int
        Number of documents per batch; the last batch may have fewer.
    window : int
        Maximum number of tokens per document.
    shuffle : bool
        Shuffle the documents in every epoch, depending on `seed` and the number of the epoch. Do not use it with
        `predict`, which returns its results in the order of the batches.
    seed : int or tuple of int
        Random seed, 0 or more.
    by_length : bool
        Put documents of similar length into the same batch, so that `trim` leaves little padding. Without `shuffle`,
        the shortest documents come first; see `order`.
    trim : bool or int
        Pad each batch only to the length of its longest document plus two, rounded up to a multiple of 64, or of the
        given number. For a convolution of width 3 followed by a global maximum, this does not change the result: one
        padded position covers the edge of the document, and one sees only zeros. Batches then differ in length. With
        Keras on TensorFlow, `fit` does not accept that; pass it `cache.adapters.tensorflow.dataset(batches)` instead.
        For a model with one output per token, use `predict_on_batch`, because `predict` can only join outputs of equal
        length.
    masks : bool
        Add the input `mask`.
    token_ids : bool
        Add the input `token_ids`. Without splits, it is the only input.
    tags : str, optional
        Name of a tag set to use as targets instead of the labels.
    dtype : dtype
        Data type of the vectors: float16, as stored, or float32.
    workers : int
        Number of threads that read batches ahead during `fit`. They do not change the result, and need Keras on
        TensorFlow.

    Attributes
    ----------
    labels : ndarray of float32 or int32, (n_docs,), or None
        Labels of all documents, in the order of the split.

    Raises
    ------
    SelectionError
        If the cache has no such tag set.
    ValueError
        If `splits` or `documents` are of another type, the splits contain different documents, a number is out of
        range, or there are neither splits nor documents.
    IndexError
        If the index in `batches[i]` is out of range.
    CorruptFileError
        If a file of the cache is missing or damaged; raised by `batches[i]`.

    Examples
    --------
    >>> from elmo_cache import FeatureCache
    >>> train = FeatureCache("imdb.elmo")["train"]
    >>> batches = PaddedBatches({"features": train}, batch_size=4, shuffle=True, masks=True, token_ids=True)
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
        shuffle: bool = False,
        seed: int | tuple[int, ...] = 0,
        by_length: bool = False,
        trim: bool | int = False,
        masks: bool = False,
        token_ids: bool = False,
        tags: str | None = None,
        dtype: npt.DTypeLike = np.float16,
        workers: int = 1,
    ):
        if not 1 <= workers <= _MOST_WORKERS:
            raise InvalidValueError(messages.OUT_OF_RANGE, name="workers", expected=f"1 to {_MOST_WORKERS}")
        if workers > 1 and keras.backend.backend() != "tensorflow":
            # Keras takes a batch to build the model, and the rest of what its threads have read goes into the epoch.
            raise InvalidValueError(messages.THREADS_MIX_EPOCHS, found=workers, name=keras.backend.backend())
        if not 0 <= trim <= _LONGEST:
            raise InvalidValueError(messages.OUT_OF_RANGE, name="trim", expected="True, False or a number of tokens")
        super().__init__(workers=workers)
        if batch_size < 1:
            raise InvalidValueError(messages.OUT_OF_RANGE, name="batch_size", expected="at least 1")
        if not 1 <= window <= _LONGEST:
            raise InvalidValueError(messages.OUT_OF_RANGE, name="window", expected=f"1 to {_LONGEST:,}")
        _check_splits(splits, documents)
        self.is_array = isinstance(splits, Split) and not masks and not token_ids
        if isinstance(splits, Split):
            splits = {"features": splits}
        if documents is None and not splits:
            raise InvalidValueError(messages.NO_INPUTS)
        self.splits = dict(splits)
        self.batch_size = batch_size
        self.window = window
        self.trim = bool(trim)
        self._length_step = _LENGTH_STEP if trim is True else int(trim)
        self.masks = masks
        self.token_ids = token_ids or not splits
        self.dtype = np.dtype(dtype)
        self._shuffle_seed = None if not shuffle else seed if isinstance(seed, tuple) else (seed,)
        self._by_length = by_length
        self._epoch = 0
        documents = next(iter(self.splits.values())) if documents is None else documents
        for name, split in self.splits.items():
            if not np.array_equal(split.doc_ids, documents.doc_ids) or not np.array_equal(
                split.lengths, documents.lengths
            ):
                raise InvalidValueError(messages.OTHER_DOCUMENTS, name=name)
        self.labels = documents.labels
        if self.labels is not None and (documents.n_classes or 0) <= 2:
            self.labels = self.labels.astype(np.float32)
        self._whole_lengths = documents.lengths
        self._lengths = np.minimum(self._whole_lengths, window)
        # A few bytes a token, so that an epoch reads nothing but vectors.
        self._token_ids = (
            [documents.token_ids(i)[-window:] + 1 for i in range(len(documents))] if self.token_ids else []
        )
        self.has_tags = tags is not None
        self._tags = [documents.tags(i, tags)[-window:] for i in range(len(documents))] if self.has_tags else []
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Set the epoch, which determines the order of the documents.

        Parameters
        ----------
        epoch : int
            Number of the epoch. A new object is at epoch 0.
        """
        self._epoch = epoch
        if self._by_length:
            self._order = length_order(self._whole_lengths, self.batch_size, self._shuffle_seed, epoch)
        else:
            self._order = epoch_order(len(self._lengths), self._shuffle_seed, epoch)

    @property
    def order(self) -> np.ndarray:
        """Indices of the documents in the split, `(n_docs,)` int64, in the order of the current epoch.

        Examples
        --------
        >>> from elmo_cache import FeatureCache
        >>> train = FeatureCache("imdb.elmo")["train"]
        >>> batches = PaddedBatches(train, by_length=True)
        >>> train.lengths, batches.order
        (array([12, 11,  3,  5, 14, 12]), array([2, 3, 1, 0, 5, 4]))
        """
        return self._order.copy()

    def on_epoch_end(self) -> None:
        """Advance to the next epoch. `fit` calls this."""
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
        """Number of batches per epoch; Keras's training loops read it.

        Raises
        ------
        ValueError
            If `trim` is used and Keras runs on TensorFlow, where training would fail with a graph error or hang.
        """
        if self.trim and keras.backend.backend() == "tensorflow":
            raise InvalidValueError(messages.LENGTHS_DIFFER)
        return len(self)

    def _batch_length(self, chosen: np.ndarray) -> int:
        if not self.trim:
            return self.window
        longest = int(self._lengths[chosen].max()) + 2
        return min(self.window, -(-longest // self._length_step) * self._length_step)


def _check_splits(splits: Any, documents: Any) -> None:
    """Raise `InvalidValueError` if what should be documents is something else."""
    if documents is not None and not isinstance(documents, Split):
        raise InvalidValueError(messages.DOCUMENTS_TYPE, found=type(documents).__name__)
    if isinstance(splits, Split):
        return
    if isinstance(splits, FeatureCache):
        raise InvalidValueError(messages.CACHE_AS_SPLIT, found=", ".join(splits))
    if not isinstance(splits, Mapping) or not all(isinstance(split, Split) for split in splits.values()):
        raise InvalidValueError(messages.SPLITS_TYPE, found=type(splits).__name__)
