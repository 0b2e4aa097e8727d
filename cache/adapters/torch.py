"""Use a split as a PyTorch data set, with a sampler for documents of similar length and collate functions."""
# mypy: allow-subclassing-any

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch.nn.utils.rnn import PackedSequence, pack_sequence, pad_sequence

from cache import messages
from cache.epochs import length_order
from cache.errors import InvalidValueError
from cache.split import Split

__all__ = ["NO_TAG", "LengthBatchSampler", "PaddedBatch", "SplitDataset", "packed", "padded"]

Item = tuple[torch.Tensor] | tuple[torch.Tensor, int | torch.Tensor | None]
NO_TAG = -100
"""The target of padding and of tokens without a tag; PyTorch's losses ignore it by default (`ignore_index`)."""


class SplitDataset(torch.utils.data.Dataset[Item]):
    """A map-style data set: `dataset[i]` is a pair of the vectors and the label of a document.

    The vectors are a new tensor `(n_tokens, dim)`, read on access, and the label is an int. For documents without
    labels, an item is a tuple with only the vectors, which PyTorch's default collate function accepts, as do the ones
    in this module. With `tags`, the second entry is an int64 tensor `(n_tokens,)` with the tag of each token, or
    `NO_TAG` for a token without a tag. The data set can be pickled, and each worker of a `DataLoader` opens its own
    files. Start workers with `multiprocessing_context="spawn"`, because a fork copies the state of HDF5 at an arbitrary
    moment.

    Parameters
    ----------
    split : Split
        The documents.
    tags : str, optional
        Name of a tag set to use instead of the labels.
    dtype : torch.dtype
        Data type of the vectors. float16, as stored, halves the amount of data to send from a worker; `padded` and
        `packed` convert it to float32. With another collate function, use `torch.float32`, which layers expect.

    Raises
    ------
    SelectionError
        If the cache has no such tag set; raised by `dataset[i]`.
    IndexError
        If the index in `dataset[i]` is out of range.
    CorruptFileError
        If a file of the cache is missing or damaged; raised by `dataset[i]`.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> from elmo_cache import FeatureCache
    >>> train = FeatureCache("imdb.elmo")["train"]
    >>> loader = DataLoader(SplitDataset(train), 4, collate_fn=padded)
    >>> [batch.features.shape for batch in loader]
    [torch.Size([4, 12, 256]), torch.Size([2, 14, 256])]
    """

    def __init__(self, split: Split, tags: str | None = None, dtype: torch.dtype = torch.float16):
        self.split = split
        self.tags = tags
        self.dtype = dtype
        self._labels = split.labels

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> Item:
        vectors = torch.from_numpy(self.split[index]).to(self.dtype)
        if self.tags is not None:
            tags = torch.from_numpy(self.split.tags(index, self.tags).astype("int64"))
            return vectors, tags.masked_fill(tags < 0, NO_TAG)
        return (vectors,) if self._labels is None else (vectors, int(self._labels[index]))


class LengthBatchSampler(torch.utils.data.Sampler[list[int]]):
    """Batches of documents of similar length, which need little padding: a `batch_sampler` for a `DataLoader`.

    The batches are the same as those of Keras's `PaddedBatches(split, batch_size=…, by_length=True, …)` with the same
    arguments. Each pass over the sampler is one epoch.

    Parameters
    ----------
    split : Split
        The documents, the same as in the data set.
    batch_size : int
        Number of documents per batch; one batch may have fewer.
    shuffle : bool
        In every epoch, randomise which documents share a batch and the order of the batches. Without `shuffle`, the
        shortest documents come first.
    seed : int
        Random seed, 0 or more.

    Raises
    ------
    ValueError
        If `batch_size` is below 1, or `seed` below 0.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> from elmo_cache import FeatureCache
    >>> train = FeatureCache("imdb.elmo")["train"]
    >>> sampler = LengthBatchSampler(train, 2, shuffle=True)
    >>> loader = DataLoader(SplitDataset(train), batch_sampler=sampler, collate_fn=padded)
    >>> sorted(batch.lengths.tolist() for batch in loader)
    [[3, 5], [11, 12], [12, 14]]
    """

    def __init__(self, split: Split, batch_size: int, *, shuffle: bool = False, seed: int = 0):
        for name, number, least in (("batch_size", batch_size, 1), ("seed", seed, 0)):
            if number < least:
                raise InvalidValueError(messages.OUT_OF_RANGE, name=name, expected=f"at least {least}")
        self.batch_size = batch_size
        self._lengths = split.lengths
        self._shuffle_seed = (seed,) if shuffle else None
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next pass, starting at 0, so that a resumed run continues with the same batches."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-len(self._lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = length_order(self._lengths, self.batch_size, self._shuffle_seed, self._epoch).tolist()
        self._epoch += 1
        return (order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size))


class PaddedBatch(NamedTuple):
    """A batch of documents, as returned by `padded`."""

    features: torch.Tensor
    """`(n_docs, length, dim)`, zeros where there is no token; float32 by default."""
    mask: torch.Tensor
    """bool `(n_docs, length)`, True where there is a token."""
    lengths: torch.Tensor
    """int64 `(n_docs,)`, the number of tokens of each document."""
    labels: torch.Tensor | None
    """int64 `(n_docs,)`, or None without labels. Tags are `(n_docs, length)`, with -100 as padding."""


def padded(items: Sequence[Item], side: str = "right", dtype: torch.dtype = torch.float32) -> PaddedBatch:
    """Pad documents with zeros to the length of the longest: a `collate_fn`.

    `partial(padded, side="left")` pads on the left, like `Split.padded` and Keras's `PaddedBatches`.

    Parameters
    ----------
    items : sequence of tuple
        Items of a `SplitDataset`.
    side : {"right", "left"}
        Where to pad the vectors and tags.
    dtype : torch.dtype
        Data type of the vectors: float32, which layers expect, or float16, as stored, which halves the amount of data
        to send to a GPU.

    Returns
    -------
    PaddedBatch
        The padded documents.

    Raises
    ------
    ValueError
        If `side` is invalid.

    Examples
    --------
    >>> batch = padded([(torch.ones(3, 2), 0), (torch.ones(1, 2), 1)], side="left")
    >>> batch.mask
    tensor([[ True,  True,  True],
            [False, False,  True]])
    >>> batch.lengths, batch.labels
    (tensor([3, 1]), tensor([0, 1]))
    """
    if side not in ("right", "left"):
        raise InvalidValueError(messages.INVALID_VALUE, name="side", found=side, expected="'left' or 'right'")
    vectors = [item[0] for item in items]
    lengths = torch.tensor([len(document) for document in vectors])
    features = pad_sequence(vectors, batch_first=True, padding_side=side).to(dtype)
    places = torch.arange(features.shape[1])
    if side == "left":
        places = places.flip(0)
    return PaddedBatch(features, places < lengths[:, None], lengths, _labels(items, side))


def packed(items: Sequence[Item], dtype: torch.dtype = torch.float32) -> tuple[PackedSequence, torch.Tensor | None]:
    """Pack documents for a recurrent layer, without padding: a `collate_fn`.

    The documents can have any order; the output of the layer has the same order. Tags are padded on the right, like the
    output of the layer after `pad_packed_sequence`.

    Parameters
    ----------
    items : sequence of tuple
        Items of a `SplitDataset`.
    dtype : torch.dtype
        Data type of the vectors: float32, which layers expect, or float16, as stored.

    Returns
    -------
    PackedSequence
        The vectors, with the given `dtype`.
    Tensor or None
        Labels, int64 `(n_docs,)`, or tags, int64 `(n_docs, length)`; None without labels.

    Raises
    ------
    ValueError
        If a document has no tokens, because PyTorch cannot pack it.

    Examples
    --------
    >>> documents, labels = packed([(torch.ones(1, 2), 0), (torch.ones(3, 2), 1)])
    >>> documents.batch_sizes, documents.sorted_indices
    (tensor([2, 1, 1]), tensor([1, 0]))
    """
    vectors = [item[0] for item in items]
    for i, document in enumerate(vectors):
        if not len(document):
            raise InvalidValueError(messages.EMPTY_DOCUMENT, name=i)
    return pack_sequence([document.to(dtype) for document in vectors], enforce_sorted=False), _labels(items)


def _labels(items: Sequence[Item], side: str = "right") -> torch.Tensor | None:
    labels: list[Any] = [item[1] if len(item) == 2 else None for item in items]
    if any(label is None for label in labels):
        return None
    if isinstance(labels[0], torch.Tensor):
        return pad_sequence(labels, batch_first=True, padding_value=NO_TAG, padding_side=side)
    return torch.tensor(labels)
