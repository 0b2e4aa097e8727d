"""A split as a PyTorch data set, a sampler of like lengths, and functions that make batches of documents."""
# mypy: allow-subclassing-any

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch.nn.utils.rnn import PackedSequence, pack_sequence, pad_sequence

from cache.epochs import length_order
from cache.split import Split

__all__ = ["NO_TAG", "LengthBatchSampler", "PaddedBatch", "SplitDataset", "packed", "padded"]

Item = tuple[torch.Tensor] | tuple[torch.Tensor, int | torch.Tensor | None]
NO_TAG = -100
"""What PyTorch's losses leave out (`ignore_index`): padding, and tokens without a tag."""


class SplitDataset(torch.utils.data.Dataset[Item]):
    """A split as a map-style data set: `dataset[i]` is a document's vectors and its label.

    The vectors are a tensor `(n_tokens, dim)` of its own, read when asked for; the label is an int. Documents without
    labels give a tuple of the vectors alone, which PyTorch's own collate function takes as well as those here. With
    `tags` the second entry is an int64 tensor `(n_tokens,)`, the tag of each token, `NO_TAG` for a token without one.
    The data set can be pickled: each worker of a `DataLoader` opens its own files, and is best started with
    `multiprocessing_context="spawn"`, because a fork copies HDF5 in the middle of whatever it was doing.

    Parameters
    ----------
    split : Split
        The documents.
    tags : str, optional
        The name of a set of tags, which take the place of the label.
    dtype : torch.dtype
        Of the vectors. Float16, as they are stored, is half as much to send from a worker, and what `padded` and
        `packed` make float32 of; a loader without them needs `torch.float32`, which layers take.

    Raises
    ------
    SelectionError
        From `dataset[i]`: if the cache has no such tags.
    IndexError
        From `dataset[i]`: if there is no such document.
    CorruptFileError
        From `dataset[i]`: if a file of the cache is missing or damaged.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> from cache import FeatureCache
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
    """Batches of documents of like lengths, so that little is padded: the `batch_sampler` of a `DataLoader`.

    The batches are those of `PaddedBatches(split, batch_size=…, by_length=True, …)` for Keras with the same numbers.
    Each pass over it is the next epoch.

    Parameters
    ----------
    split : Split
        The documents, as the data set has them.
    batch_size : int
        Documents per batch; one batch may have fewer.
    shuffle : bool
        Draw for each epoch which documents share a batch, and the order of the batches. Without it, the shortest
        documents come first.
    seed : int
        Decides the orders; 0 or more.

    Raises
    ------
    ValueError
        If `batch_size` is below 1, or `seed` below 0.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> from cache import FeatureCache
    >>> train = FeatureCache("imdb.elmo")["train"]
    >>> sampler = LengthBatchSampler(train, 2, shuffle=True)
    >>> loader = DataLoader(SplitDataset(train), batch_sampler=sampler, collate_fn=padded)
    >>> sorted(batch.lengths.tolist() for batch in loader)
    [[3, 5], [11, 12], [12, 14]]
    """

    def __init__(self, split: Split, batch_size: int, *, shuffle: bool = False, seed: int = 0):
        if batch_size < 1 or seed < 0:
            raise ValueError("batch_size or seed is out of range: expected at least 1, and a seed of 0 or more")
        self.batch_size = batch_size
        self._lengths = split.lengths
        self._shuffle_seed = (seed,) if shuffle else None
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be an epoch, counted from 0: a run that is resumed then goes on as it would have."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-len(self._lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = length_order(self._lengths, self.batch_size, self._shuffle_seed, self._epoch).tolist()
        self._epoch += 1
        return (order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size))


class PaddedBatch(NamedTuple):
    """Documents in one tensor; what `padded` returns."""

    features: torch.Tensor
    """`(n_docs, length, dim)`, zeros where there is no token; float32 unless asked otherwise."""
    mask: torch.Tensor
    """Bool `(n_docs, length)`: whether there is a token."""
    lengths: torch.Tensor
    """Int64 `(n_docs,)`: tokens of each document."""
    labels: torch.Tensor | None
    """Int64 `(n_docs,)`, or None if the documents have none; tags are `(n_docs, length)`, `NO_TAG` where padded."""


def padded(items: Sequence[Item], side: str = "right", dtype: torch.dtype = torch.float32) -> PaddedBatch:
    """Return documents padded at the right with zeros to the longest: a `collate_fn`.

    `partial(padded, side="left")` pads in front, as `Split.padded` and Keras's `PaddedBatches` do.

    Parameters
    ----------
    items : sequence of tuple
        Items of a `SplitDataset`.
    side : {"right", "left"}
        Where the zeros go, and what tags are padded with.
    dtype : torch.dtype
        Of the vectors. Float32 is what layers take; float16, as they are stored, halves what goes to a GPU.

    Returns
    -------
    PaddedBatch

    Raises
    ------
    ValueError
        If `side` is something else.

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
        raise ValueError(f"side is {side!r}, expected 'right' or 'left'")
    vectors = [item[0] for item in items]
    lengths = torch.tensor([len(document) for document in vectors])
    features = pad_sequence(vectors, batch_first=True, padding_side=side).to(dtype)
    places = torch.arange(features.shape[1])
    if side == "left":
        places = places.flip(0)
    return PaddedBatch(features, places < lengths[:, None], lengths, _labels(items, side))


def packed(items: Sequence[Item], dtype: torch.dtype = torch.float32) -> tuple[PackedSequence, torch.Tensor | None]:
    """Return documents packed for a recurrent layer, without padding, and their labels: a `collate_fn`.

    Documents may come in any order; the layer's output has the order that they came in. Tags are padded at the right,
    as `pad_packed_sequence` pads the layer's output.

    Parameters
    ----------
    items : sequence of tuple
        Items of a `SplitDataset`.
    dtype : torch.dtype
        Of the vectors. Float32 is what layers take.

    Returns
    -------
    PackedSequence
        Of `dtype`.
    Tensor or None
        Labels, int64 `(n_docs,)`, or tags, int64 `(n_docs, length)`.

    Raises
    ------
    ValueError
        If a document has no tokens: PyTorch cannot pack it.

    Examples
    --------
    >>> documents, labels = packed([(torch.ones(1, 2), 0), (torch.ones(3, 2), 1)])
    >>> documents.batch_sizes, documents.sorted_indices
    (tensor([2, 1, 1]), tensor([1, 0]))
    """
    vectors = [item[0] for item in items]
    for i, document in enumerate(vectors):
        if not len(document):
            raise ValueError(
                f"document {i} of the batch has no tokens and cannot be packed: leave such documents out, "
                "split[split.lengths > 0], or use `padded`"
            )
    return pack_sequence([document.to(dtype) for document in vectors], enforce_sorted=False), _labels(items)


def _labels(items: Sequence[Item], side: str = "right") -> torch.Tensor | None:
    labels: list[Any] = [item[1] if len(item) == 2 else None for item in items]
    if any(label is None for label in labels):
        return None
    if isinstance(labels[0], torch.Tensor):
        return pad_sequence(labels, batch_first=True, padding_value=NO_TAG, padding_side=side)
    return torch.tensor(labels)
