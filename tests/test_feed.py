"""`PaddedBatches`, the trainer's feed, against documents read one by one."""

from pathlib import Path

import keras
import numpy as np
import pytest
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder

from cache import FeatureCache
from cache.adapters.keras import PaddedBatches
from elmo_cache import build


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    lengths = [0, 1, 3, 62, 63, 64, 97, 98, 99, 100, 130, 7, 8]
    corpus = MemoryCorpus(
        [("train", "ab"[i % 2], " ".join(f"w{k % 9}" for k in range(n))) for i, n in enumerate(lengths)]
    )
    return build(corpus, HashEncoder(dim=4), tmp_path_factory.mktemp("feed") / "c", shard_tokens=150)


def test_every_document_comes_once_padded_in_front(features: FeatureCache) -> None:
    train = features["train"]
    batches = PaddedBatches({"features": train}, batch_size=5, window=98)
    assert len(batches) == 3
    seen = 0
    for i in range(len(batches)):
        inputs, labels = batches[i]
        assert inputs["features"].dtype == np.float16 and inputs["token_ids"].dtype == np.int32
        assert inputs["features"].shape[1:] == (98, 4) and inputs["token_ids"].shape[1] == 98
        for row in range(len(labels)):
            kept = min(98, len(train[seen]))
            np.testing.assert_array_equal(inputs["features"][row, 98 - kept :], train[seen][len(train[seen]) - kept :])
            np.testing.assert_array_equal(inputs["token_ids"][row, 98 - kept :], train.token_ids(seen)[-98:] + 1)
            assert not inputs["features"][row, : 98 - kept].any() and not inputs["token_ids"][row, : 98 - kept].any()
            assert train.labels is not None and labels[row] == train.labels[seen]
            seen += 1
    assert seen == len(train)


def test_trimmed_batches_have_two_padded_positions_or_the_whole_window(features: FeatureCache) -> None:
    train = features["train"]
    whole = PaddedBatches({"features": train}, batch_size=1, window=98)
    trimmed = PaddedBatches({"features": train}, batch_size=1, window=98, trim=True)
    lengths = set()
    for i in range(len(whole)):
        short, long = trimmed[i][0], whole[i][0]
        n = short["token_ids"].shape[1]
        lengths.add(n)
        assert n == 98 or not short["token_ids"][:, :2].any()
        for name in short:
            np.testing.assert_array_equal(short[name], long[name][:, 98 - n :])
            assert not long[name][:, : 98 - n].any()
    assert lengths == {64, 98}


def test_shuffling_is_seeded_by_epoch_and_keeps_documents_together(features: FeatureCache) -> None:
    train = features["train"]

    def order(batches: PaddedBatches) -> list[bytes]:
        return [batches[i][0]["token_ids"].tobytes() for i in range(len(batches))]

    first = PaddedBatches({"features": train}, batch_size=3, shuffle_seed=(0, 1))
    second = PaddedBatches({"features": train.load()}, batch_size=3, shuffle_seed=(0, 1))
    other = PaddedBatches({"features": train}, batch_size=3, shuffle_seed=(0, 2))
    epochs = [order(first)]
    first.on_epoch_end()
    epochs.append(order(first))
    assert epochs[0] != epochs[1] and order(second) == epochs[0] != order(other)
    second.begin_epoch(1)
    assert order(second) == epochs[1]
    for i in range(len(first)):
        inputs, labels = first[i]
        for row, label in enumerate(labels):
            ids = inputs["token_ids"][row]
            match = [k for k in range(len(train)) if np.array_equal(train.token_ids(k)[-500:] + 1, ids[ids > 0])]
            assert any(train.labels is not None and train.labels[k] == label for k in match)


def test_a_selection_may_stream_and_several_layers_may_be_given(features: FeatureCache) -> None:
    chosen = features["train"][[5, 2, 9]]
    batches = PaddedBatches({"a": chosen, "b": chosen.load()}, batch_size=8, window=20)
    inputs, _ = batches[0]
    np.testing.assert_array_equal(inputs["a"], inputs["b"])
    np.testing.assert_array_equal(inputs["a"], chosen.padded(20))
    assert set(PaddedBatches({}, chosen)[0][0]) == {"token_ids"}
    with pytest.raises(IndexError):
        batches[1]


def test_keras_can_fit_it(features: FeatureCache) -> None:
    inputs = keras.Input((None, 4), dtype="float16", name="features")
    pooled = keras.layers.GlobalMaxPooling1D()(keras.ops.cast(inputs, "float32"))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(pooled))
    model.compile(loss="binary_crossentropy", jit_compile=False)

    class FeaturesAlone(PaddedBatches):
        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[override]
            batch, labels = super().__getitem__(index)
            return batch["features"], labels

    history = model.fit(FeaturesAlone({"features": features["train"]}, batch_size=5, window=50), epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2


def test_documents_without_labels_are_refused(tmp_path: Path) -> None:
    with build(MemoryCorpus([("train", None, "a b")]), HashEncoder(), tmp_path / "c") as unlabelled:
        with pytest.raises(ValueError, match="no labels"):
            PaddedBatches({"features": unlabelled["train"]})
