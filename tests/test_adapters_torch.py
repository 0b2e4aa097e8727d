"""`SplitDataset` and what makes batches of it, against documents read one by one."""

import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import raises
from numpy_encoder import build_small
from small_cache import write_cache

from cache import FeatureCache, Split, messages
from cache.errors import InvalidValueError

torch = pytest.importorskip("torch")

from torch.nn.utils.rnn import pad_packed_sequence  # noqa: E402
from torch.utils.data import DataLoader, Dataset  # noqa: E402

from cache.adapters.torch import LengthBatchSampler, PaddedBatch, SplitDataset, packed, padded  # noqa: E402

SPAWN: dict[int, dict[str, Any]] = {0: {}, 2: {"multiprocessing_context": "spawn"}}


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    return build_small(tmp_path_factory.mktemp("torch") / "c")


def labels_of(split: Split) -> list[int]:
    assert split.labels is not None
    return split.labels.tolist()


def check_padded(batch: Any, split: Split, start: int, side: str) -> None:
    """`batch` holds the documents from `start` on."""
    assert isinstance(batch, PaddedBatch)
    n_docs, length, dim = batch.features.shape
    documents = [split[start + i] for i in range(n_docs)]
    assert length == max(map(len, documents)) and dim == split.dim
    assert batch.features.dtype == torch.float32 and batch.mask.dtype == torch.bool
    assert batch.lengths.dtype == batch.labels.dtype == torch.int64
    assert batch.lengths.tolist() == [len(rows) for rows in documents]
    assert batch.labels.tolist() == labels_of(split)[start : start + n_docs]
    for rows, mask, document in zip(batch.features.numpy(), batch.mask.numpy(), documents, strict=True):
        place = slice(0, len(document)) if side == "right" else slice(length - len(document), length)
        np.testing.assert_array_equal(rows[place], document)
        np.testing.assert_array_equal(np.flatnonzero(mask), np.arange(length)[place])
        assert not rows[~mask].any()


def test_round_trip(features: FeatureCache) -> None:
    train = features["train"]
    for split in (train, train[[8, 9, 0]], train.load()):
        dataset = SplitDataset(split)
        assert isinstance(dataset, Dataset) and len(dataset) == len(split)
        for i in range(len(split)):
            vectors, label = dataset[i]
            assert vectors.dtype == torch.float16 and label == labels_of(split)[i]
            np.testing.assert_array_equal(vectors.numpy(), split[i])
    with pytest.raises(IndexError):
        dataset[len(split)]


def test_a_loader_in_float32_needs_no_collate_function(features: FeatureCache) -> None:
    train = features["train"]
    layer = torch.nn.Linear(train.dim, 2)
    for vectors, labels in DataLoader(SplitDataset(train, dtype=torch.float32), batch_size=1):
        assert vectors.dtype == torch.float32 and labels.dtype == torch.int64
        assert layer(vectors).shape == (1, vectors.shape[1], 2)


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_of_like_lengths(features: FeatureCache, shuffle: bool) -> None:
    from cache.adapters.keras import PaddedBatches

    train = features["train"]
    sampler = LengthBatchSampler(train, 4, shuffle=shuffle, seed=3)
    loader = DataLoader(SplitDataset(train), batch_sampler=sampler, collate_fn=padded)
    in_keras = PaddedBatches(train, batch_size=4, by_length=True, shuffle=shuffle, seed=3)
    assert len(loader) == len(sampler) == len(in_keras) == 8
    epochs = []
    for epoch in range(3):
        epochs.append(list(sampler))
        in_keras.begin_epoch(epoch)
        assert np.concatenate(epochs[-1]).tolist() == in_keras.order.tolist()
        assert [len(batch) for batch in epochs[-1]] == [4] * 7 + [2]
    assert (epochs[0] != epochs[1]) == (epochs[1] != epochs[2]) == shuffle

    sampler.set_epoch(1)
    batches = list(loader)
    assert [batch.lengths.tolist() for batch in batches] == [train.lengths[chosen].tolist() for chosen in epochs[1]]
    plain = DataLoader(SplitDataset(train), 4, collate_fn=padded)
    assert sum(b.mask.numel() for b in batches) < 0.7 * sum(b.mask.numel() for b in plain)
    for name, settings in (("batch_size", {"batch_size": 0}), ("seed", {"batch_size": 4, "seed": -1})):
        with raises(messages.OUT_OF_RANGE, InvalidValueError, name=name):
            LengthBatchSampler(train, **settings)


def test_what_is_done_to_an_item_stays_there(features: FeatureCache) -> None:
    for split in (features["test"], features["test"].load()):
        dataset = SplitDataset(split)
        dataset[0][0].fill_(7)
        np.testing.assert_array_equal(dataset[0][0].numpy(), features["test"][0])


@pytest.mark.parametrize("side", ["right", "left"])
def test_padded_batches(features: FeatureCache, side: str) -> None:
    train = features["train"]
    assert 0 in train.lengths
    loader = DataLoader(SplitDataset(train), batch_size=7, collate_fn=partial(padded, side=side))

    batches = list(loader)

    assert [len(batch.labels) for batch in batches] == [7, 7, 7, 7, 2]
    for k, batch in enumerate(batches):
        check_padded(batch, train, 7 * k, side)


def test_packed_batches(features: FeatureCache) -> None:
    train = features["train"]
    train = train[train.lengths > 0]
    assert train.lengths.tolist() != sorted(train.lengths)
    start = 0
    for documents, labels in DataLoader(SplitDataset(train), batch_size=7, collate_fn=packed):
        rows, lengths = pad_packed_sequence(documents, batch_first=True)
        for i in range(len(lengths)):
            np.testing.assert_array_equal(rows[i, : lengths[i]].numpy(), train[start + i])
        assert labels.tolist() == labels_of(train)[start : start + len(lengths)]
        start += len(lengths)
    assert start == len(train)


def test_a_recurrent_layer_keeps_the_order_of_documents(features: FeatureCache) -> None:
    train = features["train"]
    train = train[train.lengths > 0][:6]
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(train.dim, 3, batch_first=True)
    dataset = SplitDataset(train)
    documents, _ = packed([dataset[i] for i in range(6)])

    _, (last, _) = lstm(documents)
    halves, _ = packed([dataset[i] for i in range(6)], torch.float16)
    assert (documents.data.dtype, halves.data.dtype) == (torch.float32, torch.float16)

    for i in range(6):
        _, (alone, _) = lstm(dataset[i][0].float()[None])
        torch.testing.assert_close(last[:, i], alone[:, 0])


def test_documents_without_words_cannot_be_packed(features: FeatureCache) -> None:
    train = features["train"]
    dataset = SplitDataset(train[[0, 9, 1]])
    assert dataset[1][0].shape == (0, 8)
    with raises(messages.EMPTY_DOCUMENT, InvalidValueError, name=1):
        packed([dataset[i] for i in range(3)])


def test_two_workers_under_spawn(features: FeatureCache) -> None:
    train = features["train"]
    train[0]  # opens a file that must not travel
    loader = DataLoader(
        SplitDataset(train), batch_size=10, collate_fn=padded, num_workers=2, multiprocessing_context="spawn"
    )

    batches = list(loader)

    assert len(batches) == 3
    for k, batch in enumerate(batches):
        check_padded(batch, train, 10 * k, "right")


def test_pickled(features: FeatureCache) -> None:
    copied = pickle.loads(pickle.dumps(SplitDataset(features["test"])))
    np.testing.assert_array_equal(copied[0][0].numpy(), features["test"][0])


def test_documents_without_labels(tmp_path_factory: pytest.TempPathFactory) -> None:
    with build_small(tmp_path_factory.mktemp("bare") / "c", labels=False) as features:
        dataset = SplitDataset(features["train"])
        items = [dataset[0], dataset[1]]
        assert [len(item) for item in items] == [1, 1]
        for entries in (items, [(*item, None) for item in items]):
            assert padded(entries).labels is None and packed(entries)[1] is None
        loaders = [DataLoader(dataset, 4, collate_fn=padded, num_workers=n, **SPAWN[n]) for n in (0, 2)]
        for batches in zip(*loaders, strict=True):
            assert [batch.labels for batch in batches] == [None, None]
            torch.testing.assert_close(batches[0].features, batches[1].features, rtol=0, atol=0)
        # PyTorch's own collate function, and no collation at all.
        for size in (1, None):
            for i, (vectors,) in enumerate(DataLoader(dataset, size)):
                np.testing.assert_array_equal(vectors.numpy().reshape(-1, 8), features["train"][i])


def test_a_side_that_there_is_not() -> None:
    with raises(messages.INVALID_VALUE, InvalidValueError, name="side", found="both", expected="'left' or 'right'"):
        padded([(torch.zeros(1, 2), 0)], side="both")


@pytest.mark.parametrize("side", ["right", "left"])
def test_tags_are_padded_with_what_losses_ignore(tmp_path: Path, side: str) -> None:
    write_cache(tmp_path / "c", tag_names={"upos": ("", "one", "two")})
    train = FeatureCache(tmp_path / "c")["train"]
    (batch,) = DataLoader(SplitDataset(train, tags="upos"), len(train), collate_fn=partial(padded, side=side))
    assert batch.labels.dtype == torch.int64 and batch.labels.shape == batch.mask.shape
    for i, (row, mask) in enumerate(zip(batch.labels, batch.mask, strict=True)):
        assert row[mask].tolist() == [tag if tag >= 0 else -100 for tag in train.tags(i, "upos")]
        assert (row[~mask] == -100).all()
    scores = torch.zeros(*batch.labels.shape, 3)
    loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), batch.labels.flatten())
    assert loss.item() == pytest.approx(np.log(3), rel=1e-5)
