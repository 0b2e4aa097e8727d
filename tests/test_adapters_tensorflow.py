"""`dataset` against the batches it is made of, and in Keras's `fit`."""

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from errors_expected import said
from numpy_encoder import build_small
from small_cache import write_cache

from cache import FeatureCache, messages
from cache.adapters.keras import PaddedBatches
from cache.adapters.tensorflow import dataset


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    return build_small(tmp_path_factory.mktemp("tensorflow") / "c")


def test_round_trip(features: FeatureCache) -> None:
    train = features["train"]
    seen = 0
    for inputs, labels in dataset(
        PaddedBatches({"features": train}, token_ids=True, batch_size=7, window=200, masks=True)
    ):
        for rows, ids, mask, label in zip(
            *(inputs[name].numpy() for name in ("features", "token_ids", "mask")), labels.numpy(), strict=True
        ):
            np.testing.assert_array_equal(rows[mask], train[seen])
            np.testing.assert_array_equal(ids[mask], train.token_ids(seen) + 1)
            assert not rows[~mask].any() and not ids[~mask].any()
            assert train.labels is not None and label == train.labels[seen]
            seen += 1
    assert seen == len(train)


def test_the_specification_says_what_is_fixed(features: FeatureCache) -> None:
    train = features["train"]
    (inputs, labels) = dataset(PaddedBatches({"features": train}, token_ids=True, window=9)).element_spec
    assert inputs == {
        "features": tf.TensorSpec((None, 9, 8), tf.float16),
        "token_ids": tf.TensorSpec((None, 9), tf.int32),
    }
    assert labels == tf.TensorSpec((None,), tf.float32)

    (inputs, _) = dataset(PaddedBatches({"a": train, "b": train}, token_ids=True, trim=True, masks=True)).element_spec
    assert inputs == {
        "a": tf.TensorSpec((None, None, 8), tf.float16),
        "b": tf.TensorSpec((None, None, 8), tf.float16),
        "token_ids": tf.TensorSpec((None, None), tf.int32),
        "mask": tf.TensorSpec((None, None), tf.bool),
    }


def ids_of(batches: Any) -> list[bytes]:
    return [np.asarray(inputs["token_ids"]).tobytes() for inputs, _ in batches]


def test_every_pass_is_the_next_epoch(features: FeatureCache) -> None:
    feed = PaddedBatches({"features": features["train"]}, token_ids=True, batch_size=4, shuffle=True, seed=1, trim=True)
    epochs = []
    for epoch in range(3):
        feed.begin_epoch(epoch)
        epochs.append(ids_of(feed[i] for i in range(len(feed))))
    assert len({tuple(epoch) for epoch in epochs}) == 3

    found = dataset(feed)
    assert len(found) == len(feed) == 8
    assert [ids_of(found) for _ in range(3)] == epochs
    assert ids_of(dataset(feed).repeat(3)) == sum(epochs, [])
    assert ids_of(feed[i] for i in range(len(feed))) == epochs[2], "the feed itself stays where it was"


def test_passes_may_overlap(features: FeatureCache) -> None:
    feed = PaddedBatches({"features": features["train"]}, token_ids=True, batch_size=4, shuffle=True, seed=1)
    one_by_one = dataset(feed)
    expected = [ids_of(one_by_one), ids_of(one_by_one)]

    both = dataset(feed)
    first, second = iter(both), iter(both)
    found = [ids_of(half) for half in zip(*((next(first), next(second)) for _ in range(len(feed))), strict=True)]

    assert sorted(found) == sorted(expected), "read ahead, so either may be the first"


@pytest.mark.filterwarnings("error")
def test_fit_takes_batches_that_differ_in_length(features: FeatureCache) -> None:
    train = features["train"]
    feed = PaddedBatches({"features": train}, token_ids=True, batch_size=3, shuffle=True, trim=True)
    assert {feed[i][0]["token_ids"].shape[1] for i in range(len(feed))} == {64, 192}

    def losses() -> list[float]:
        inputs = keras.Input((None, 8), dtype="float16", name="features")
        pooled = keras.layers.GlobalMaxPooling1D()(keras.ops.cast(inputs, "float32"))
        output = keras.layers.Dense(1, activation="sigmoid", kernel_initializer="zeros")(pooled)
        model = keras.Model([inputs], output)
        model.compile(loss="binary_crossentropy", jit_compile=False)
        found: list[float] = model.fit(dataset(feed), epochs=3, shuffle=False, verbose=0).history["loss"]
        return found

    assert len(losses()) == 3
    assert losses() == losses()


def test_documents_without_labels(tmp_path_factory: pytest.TempPathFactory) -> None:
    with build_small(tmp_path_factory.mktemp("bare") / "c", labels=False) as features:
        train = features["train"]
        found = dataset(PaddedBatches({"features": train}, token_ids=True, batch_size=30, window=150))
        assert len(found.element_spec) == 1
        ((inputs,),) = list(found)
        np.testing.assert_array_equal(inputs["features"].numpy(), train.padded(150))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with build_small(tmp_path / "c") as features:
        (tmp_path / "c" / "train-00001.h5").unlink()
        missing = said(messages.FILE_MISSING, path=tmp_path / "c" / "train-00001.h5")
        with pytest.raises(tf.errors.UnknownError, match=re.escape(f"CorruptFileError: {missing}")):
            list(dataset(PaddedBatches({"features": features["train"]}, token_ids=True, batch_size=4)))


@pytest.mark.parametrize("trim", [False, True])
def test_tags_and_their_weights(tmp_path: Path, trim: bool) -> None:
    write_cache(tmp_path / "c", tag_names={"upos": ("", "one", "two")})
    batches = PaddedBatches(
        FeatureCache(tmp_path / "c")["train"], batch_size=4, window=9, trim=trim, tags="upos", dtype="float32"
    )
    found = dataset(batches)
    for k, batch in enumerate(found):
        for tensor, array in zip(batch, batches[k], strict=True):
            np.testing.assert_array_equal(tensor, array)
    model = keras.Sequential([keras.Input((None, 8)), keras.layers.Dense(3, activation="softmax")])
    model.compile(loss="sparse_categorical_crossentropy", jit_compile=False)
    model.fit(found, verbose=0)
