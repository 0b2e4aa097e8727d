"""`PaddedBatches`, the feed of the trainer and of Keras's own loops, against documents read one by one."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from errors_expected import raises
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder
from small_cache import write_cache

from cache import FeatureCache, SelectionError, messages
from cache.adapters.keras import PaddedBatches
from cache.errors import InvalidValueError
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
    batches = PaddedBatches({"features": train}, token_ids=True, batch_size=5, window=98)
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
    whole = PaddedBatches({"features": train}, token_ids=True, batch_size=1, window=98)
    trimmed = PaddedBatches({"features": train}, token_ids=True, batch_size=1, window=98, trim=True)
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

    first = PaddedBatches({"features": train}, token_ids=True, batch_size=3, shuffle=True, seed=(0, 1))
    second = PaddedBatches({"features": train.load()}, token_ids=True, batch_size=3, shuffle=True, seed=(0, 1))
    other = PaddedBatches({"features": train}, token_ids=True, batch_size=3, shuffle=True, seed=(0, 2))
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
    batches = PaddedBatches({"a": chosen, "b": chosen.load()}, token_ids=True, batch_size=8, window=20)
    inputs, _ = batches[0]
    np.testing.assert_array_equal(inputs["a"], inputs["b"])
    np.testing.assert_array_equal(inputs["a"], chosen.padded(20))
    assert set(PaddedBatches({}, chosen)[0][0]) == {"token_ids"}
    with pytest.raises(IndexError):
        batches[1]


def test_masks_are_true_where_a_token_is(features: FeatureCache) -> None:
    train = features["train"]
    for trim in (False, True):
        batches = PaddedBatches(
            {"features": train}, token_ids=True, batch_size=4, window=98, shuffle=True, trim=trim, masks=True
        )
        for i in range(len(batches)):
            inputs, _ = batches[i]
            assert inputs["mask"].dtype == bool
            np.testing.assert_array_equal(inputs["mask"], inputs["token_ids"] > 0)
    assert "mask" not in PaddedBatches({"features": train}, token_ids=True)[0][0]


def masked_mean() -> keras.Model:
    """A model that does what `Pooled("mean")` does, and a logistic regression on it."""
    features = keras.Input((None, 4), dtype="float16", name="features")
    mask = keras.Input((None,), dtype="bool", name="mask")
    mean = keras.layers.GlobalAveragePooling1D(name="mean")(keras.ops.cast(features, "float32"), mask=mask)
    model = keras.Model([mask, features], keras.layers.Dense(1, activation="sigmoid")(mean))
    model.compile(loss="binary_crossentropy", jit_compile=False)
    return model


@pytest.mark.filterwarnings("error")
def test_a_mask_keeps_padding_out_of_a_mean(features: FeatureCache) -> None:
    train = features["train"]
    train = train[train.lengths > 0]
    model = masked_mean()
    means = keras.Model(model.inputs, model.get_layer("mean").output)

    found = means.predict(PaddedBatches({"features": train}, batch_size=5, window=130, masks=True), verbose=0)

    expected = [train[i].astype(np.float64).mean(axis=0) for i in range(len(train))]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_fit_sees_the_same_in_every_run(features: FeatureCache) -> None:
    train = features["train"]
    train = train[train.lengths > 0]  # Keras's masked mean of nothing is not a number

    def losses(**options: Any) -> list[float]:
        model = masked_mean()
        for variable in model.trainable_variables:
            variable.assign(np.full(variable.shape, 0.1))
        batches = PaddedBatches({"features": train}, batch_size=5, window=130, masks=True, **options)
        found: list[float] = model.fit(batches, epochs=3, shuffle=False, verbose=0).history["loss"]
        return found

    first = losses(shuffle=True, seed=3)
    assert len(first) == 3
    workers = 4 if keras.backend.backend() == "tensorflow" else 1
    assert losses(shuffle=True, seed=3) == losses(shuffle=True, seed=(3,), workers=workers) == first
    assert losses() != first and losses(shuffle=True) != first


@pytest.mark.filterwarnings("error")
def test_documents_without_labels_are_for_prediction(tmp_path: Path) -> None:
    documents: list[tuple[str, str | None, str]] = [("train", None, "a b"), ("train", None, "c"), ("train", None, "d")]
    with build(MemoryCorpus(documents), HashEncoder(dim=4), tmp_path / "c") as unlabelled:
        batches = PaddedBatches({"features": unlabelled["train"]}, token_ids=True, batch_size=2, window=3, masks=True)
        assert batches.labels is None
        (inputs,) = batches[1]
        np.testing.assert_array_equal(inputs["features"][0, 2:], unlabelled["train"][2])
        assert masked_mean().predict(batches, verbose=0).shape == (3, 1)


def test_what_is_refused(features: FeatureCache) -> None:
    train = features["train"]
    for name, expected in (("batch_size", "at least 1"), ("window", "1 to 2,147,483,647")):
        with raises(messages.OUT_OF_RANGE, InvalidValueError, name=name, expected=expected):
            PaddedBatches({"features": train}, token_ids=True, **{name: 0})
    for other in (train[1:], train[::-1]):
        with raises(messages.OTHER_DOCUMENTS, InvalidValueError, name="b"):
            PaddedBatches({"a": train, "b": other}, token_ids=True)
    with raises(messages.DOCUMENTS_TYPE, InvalidValueError, found="int"):
        PaddedBatches(features["train"], 32)  # type: ignore[arg-type]
    with raises(messages.CACHE_AS_SPLIT, InvalidValueError):
        PaddedBatches(features)
    for given in ("imdb.elmo", [features["train"]], {"features": features["train"][0]}):
        with raises(messages.SPLITS_TYPE, InvalidValueError, found=type(given).__name__):
            PaddedBatches(given)  # type: ignore[arg-type]
    with raises(messages.NO_INPUTS, InvalidValueError):
        PaddedBatches({})


@pytest.mark.parametrize("kind", ["sequential", "model", "named"])
def test_a_model_gets_what_it_expects(features: FeatureCache, kind: str) -> None:
    train = features["train"]
    head = [keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(1, activation="sigmoid")]
    source = keras.Input((None, 4), name="features")
    model = keras.Sequential(head) if kind == "sequential" else None
    model = model or keras.Model([source] if kind == "named" else source, head[1](head[0](source)))
    model.compile(loss="binary_crossentropy", jit_compile=False)
    batches = PaddedBatches({"features": train} if kind == "named" else train, window=20, dtype="float32")
    inputs = batches[0][0]
    assert set(inputs) == {"features"} if kind == "named" else inputs.dtype == np.float32
    model.fit(batches, shuffle=False, verbose=0)
    assert model.predict(batches, verbose=0).shape == (len(train), 1)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends take batches of any length")
def test_fit_refuses_trimmed_batches(features: FeatureCache) -> None:
    model = keras.Sequential([keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(loss="binary_crossentropy", jit_compile=False)
    with raises(messages.LENGTHS_DIFFER, InvalidValueError):
        model.fit(PaddedBatches(features["train"], batch_size=1, trim=True), verbose=0)


def test_numbers_of_many_digits(features: FeatureCache) -> None:
    train = features["train"]
    for name, number in (("window", 10**30), ("batch_size", -(10**5000)), ("window", 10**5000)):
        with raises(messages.OUT_OF_RANGE, InvalidValueError, name=name):
            PaddedBatches(train, **{name: number})
    assert len(PaddedBatches(train, batch_size=10**30)) == 1
    for index in (10**30, 10**5000, [10**30], [0, -(10**30)]):
        with pytest.raises(IndexError):
            train[index]
    for length in (-1, 10**30, 10**5000):
        with raises(messages.OUT_OF_RANGE, InvalidValueError, name="length"):
            train.padded(length)
    assert len(list(train.batches(10**30))) == 1


def test_vectors_in_float32(features: FeatureCache) -> None:
    train = features["train"]
    for side in ("left", "right"):
        wide = train.padded(70, side, "float32")
        assert wide.dtype == np.float32
        np.testing.assert_array_equal(wide, train.padded(70, side))
    assert all(rows.dtype == np.float32 for _, documents in train.batches(4, "float32") for rows in documents)
    expected = "a floating point type such as float32"
    with raises(messages.INVALID_VALUE, InvalidValueError, name="dtype", found="int32", expected=expected):
        train.padded(3, dtype=np.int32)


@pytest.mark.parametrize("trim", [False, True])
def test_tags_are_targets_with_weights(tmp_path: Path, trim: bool) -> None:
    write_cache(tmp_path / "c", tag_names={"upos": ("", "one", "two"), "ner": ("O", "B", "I")})
    train = FeatureCache(tmp_path / "c")["train"]
    batches = PaddedBatches(train, batch_size=4, window=8, shuffle=True, seed=1, trim=trim, tags="ner")
    seen = 0
    for k in range(len(batches)):
        inputs, tags, weights = batches[k]
        assert tags.dtype == np.int32 and weights.dtype == np.float32
        assert tags.shape == weights.shape == inputs.shape[:2]
        order = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([1, 0]))).permutation(len(train))
        for row, i in enumerate(order[4 * k : 4 * k + 4].tolist()):
            own = train.tags(i, "ner")[-8:]
            start = tags.shape[1] - len(own)
            assert weights[row].tolist() == [0] * start + [float(tag >= 0) for tag in own]
            assert tags[row].tolist() == [0] * start + [max(tag, 0) for tag in own]
            seen += 1
    assert seen == len(train)
    with raises(messages.NO_TAG_SET, SelectionError, name="xpos"):
        PaddedBatches(train, tags="xpos")


@pytest.mark.filterwarnings("error")
def test_fit_learns_tags_and_ignores_padding(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", tag_names={"upos": ("", "one", "two")})
    train = FeatureCache(tmp_path / "c")["train"]
    model = keras.Sequential([keras.Input((None, 8)), keras.layers.Dense(3, activation="softmax")])
    model.compile(loss="sparse_categorical_crossentropy", jit_compile=False)
    batches = PaddedBatches(train, batch_size=len(train), window=9, dtype="float32", tags="upos")
    inputs, tags, weights = batches[0]
    probability = np.take_along_axis(model.predict(inputs, verbose=0), tags[..., None], axis=2)[..., 0]
    expected = float((-np.log(probability) * weights).sum() / weights.size)
    assert model.evaluate(batches, verbose=0) == pytest.approx(expected, rel=1e-4)
    model.fit(batches, shuffle=False, verbose=0)


def test_batches_of_like_lengths(features: FeatureCache) -> None:
    train = features["train"]

    def rows_of(batches: PaddedBatches) -> int:
        return sum(int(np.prod(batches[k][0].shape[:2])) for k in range(len(batches)))

    alike = PaddedBatches(train, batch_size=4, by_length=True, trim=8)
    assert train.lengths[alike.order].tolist() == sorted(train.lengths)
    assert rows_of(alike) < 0.7 * rows_of(PaddedBatches(train, batch_size=4, trim=8))
    lengths = [alike[k][0].shape[1] for k in range(len(alike))]
    assert lengths == [16, 72, 104, 136], "3, 64, 99 and 130 tokens, and two positions"
    drawn = PaddedBatches(train, batch_size=3, window=200, by_length=True, shuffle=True, seed=5)
    orders = []
    for epoch in range(3):
        drawn.begin_epoch(epoch)
        orders.append(drawn.order.tolist())
        assert sorted(orders[-1]) == list(range(len(train)))
        place_of = np.argsort(np.argsort(np.delete(train.lengths, orders[-1][12]), kind="stable"), kind="stable")
        for k in range(4):
            inputs, labels = drawn[k]
            chosen = orders[-1][3 * k : 3 * k + 3]
            np.testing.assert_array_equal(inputs, train[chosen].padded(200))
            assert train.labels is not None and labels.tolist() == train.labels[chosen].tolist()
            places = sorted(place_of[[i - (i > orders[-1][12]) for i in chosen]].tolist())
            assert places == list(range(places[0], places[0] + 3)), "neighbours among the sorted lengths"
    assert orders[0] != orders[1] != orders[2]


def test_labels_are_integers_where_there_are_more_than_two_classes(tmp_path: Path) -> None:
    documents = [("train", "abc"[i % 3], f"w{i} " * (i + 1)) for i in range(7)]
    with build(MemoryCorpus(documents), HashEncoder(dim=4), tmp_path / "c") as many:
        train = many["train"]
        assert train.n_classes == 3 and train.labels is not None
        part = train[train.labels < 2]  # the corpus decides, not the selection
        batches = PaddedBatches(part, batch_size=9, window=8, dtype="float32")
        _, labels = batches[0]
        assert labels.dtype == np.int32 and labels.tolist() == part.labels.tolist()  # type: ignore[union-attr]
        model = keras.Sequential([keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(3, activation="softmax")])
        model.compile(loss="sparse_categorical_crossentropy", jit_compile=False)
        model.fit(batches, shuffle=False, verbose=0)


def test_settings_out_of_range(features: FeatureCache) -> None:
    train = features["train"]
    for name, expected, numbers in (
        ("workers", "1 to 256", (0, 10**5000)),
        ("trim", "True, False or a number of tokens", (-1, 10**5000)),
    ):
        for number in numbers:
            with raises(messages.OUT_OF_RANGE, InvalidValueError, name=name, expected=expected):
                PaddedBatches(train, **{name: number})


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_threads_need_tensorflow(features: FeatureCache, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keras.backend.backend", lambda: backend)
    with raises(messages.THREADS_MIX_EPOCHS, InvalidValueError, name=backend, found=2):
        PaddedBatches(features["train"], workers=2)
    assert len(PaddedBatches(features["train"], workers=1)) == 1
