"""The layer over documents end to end, and its feed, against Keras's layers on documents padded to the window.

All in float64. It runs on the backend that `KERAS_BACKEND` names; `test_backends.py` runs it again with JAX.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops
from padded_model import padded_arrays
from small_cache import write_cache

from cache import FeatureCache, Layers, Split
from cache.adapters.keras import PaddedBatches
from trainer.convolution import RaggedConvolution
from trainer.feed import RaggedBatches

EDGES = [0, 1, 2, 498, 499, 500, 501]
SHORT = list(range(10))
FILTERS, DIM, STATIC_DIM = 8, 6, 5
PARTS = ["rows", "words", "both"]
WORDS = [f"w{k}" for k in range(30)]


def static_of(train: Split) -> np.ndarray:
    # Keras takes its inputs as float32, whatever the layers' type: values that it holds exactly.
    static = np.random.default_rng(1).standard_normal((len(train.vocabulary) + 1, STATIC_DIM)).astype(np.float16)
    static = static.astype(np.float64)
    static[0] = 0
    return static


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """Documents of the edges' lengths and of 0 to 9 words, all of them twice."""
    rng = np.random.default_rng(0)
    lengths = [*EDGES, *SHORT, *SHORT, *EDGES]
    documents = [[WORDS[k] for k in rng.integers(0, len(WORDS), n)] for n in lengths]
    directory = tmp_path_factory.mktemp("ragged") / "c"
    write_cache(directory, {"train": documents, "test": []}, shard_tokens=2000, layers=Layers.single(DIM))
    return FeatureCache(directory)["train"].load()


def feed(documents: Split, **options: Any) -> RaggedBatches:
    return RaggedBatches({"features": documents}, documents, **{"batch_size": len(documents), **options})


def inputs_of(batch: dict[str, np.ndarray], static: np.ndarray, parts: str) -> dict[str, Any]:
    """What the layer takes of a batch."""
    inputs = {"places": batch["places"], "blocks": batch["blocks"]}
    if parts != "words":
        inputs["rows"] = batch["features"].astype(np.float64)
    if parts != "rows":
        inputs |= {"words": static[batch["words"]], "word_of_row": batch["word_of_row"]}
    return inputs


def padded_of(documents: Split, static: np.ndarray, parts: str, window: int) -> np.ndarray:
    """The same documents as one array."""
    arrays = padded_arrays({"features": documents}, documents, static, window)
    wanted = {"rows": ["features"], "words": ["static"], "both": ["features", "static"]}[parts]
    return np.concatenate([arrays[name] for name in wanted], axis=-1)


def layers_alike(dim: int, inputs: dict[str, Any], gamma: float = 1.0, **options: Any) -> tuple[Any, Any]:
    """Our layer and Keras's two, of the same random weights."""
    ours = RaggedConvolution(FILTERS, dtype="float64", **options)
    convolution = layers.Conv1D(FILTERS, 3, padding="same", activation="relu", dtype="float64")
    ours.build({name: array.shape for name, array in inputs.items()})
    ours.gamma.assign(gamma)
    convolution.build((None, None, dim))
    assert [v.shape for v in ours.trainable_weights] == [v.shape for v in convolution.weights]
    assert [v.name for v in ours.trainable_weights] == [v.name for v in convolution.weights]
    rng = np.random.default_rng(2)
    for one, other in zip(ours.trainable_weights, convolution.weights, strict=True):
        value = rng.standard_normal(one.shape) * 0.3
        one.assign(value)
        other.assign(value)
    return ours, keras.Sequential([convolution, layers.GlobalMaxPooling1D(dtype="float64")])


def gradients(function: Callable[..., Any], values: list[Any]) -> list[np.ndarray]:
    """Of a function of arrays with one number as its value, on either backend."""
    if keras.backend.backend() == "jax":
        import jax

        found = jax.grad(function, argnums=tuple(range(len(values))))(*values)
    else:
        import tensorflow as tf

        values = [tf.convert_to_tensor(value) for value in values]
        with tf.GradientTape() as tape:
            tape.watch(values)
            loss = function(*values)
        found = tape.gradient(loss, values)
    return [np.asarray(array) for array in found]


def with_weights(function: Any, layer: Any, values: list[Any], x: Any) -> Any:
    """What a function gives with other values for the weights of a layer in it."""
    with keras.StatelessScope(state_mapping=list(zip(layer.trainable_weights, values, strict=True))):
        return function(x)


@pytest.mark.parametrize("few_shapes", [False, True])
@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("window", [500, 20, 2, 1])
def test_it_is_keras_convolution_and_maximum(train: Split, parts: str, window: int, few_shapes: bool) -> None:
    static = static_of(train)
    batch, _ = feed(train, window=window, few_shapes=few_shapes)[0]
    x = padded_of(train, static, parts, window)
    inputs = inputs_of(batch, static, parts)
    ours, theirs = layers_alike(x.shape[-1], inputs)
    np.testing.assert_allclose(ours(inputs), theirs(x), atol=1e-11)


@pytest.mark.parametrize("n", EDGES)
def test_a_document_alone(train: Split, n: int) -> None:
    static, one = static_of(train), train[[EDGES.index(n)]]
    assert one.lengths.tolist() == [n]
    inputs = inputs_of(feed(one)[0][0], static, "both")
    x = padded_of(one, static, "both", 500)
    ours, theirs = layers_alike(x.shape[-1], inputs)
    np.testing.assert_allclose(ours(inputs), theirs(x), atol=1e-11)


def test_a_batch_of_empty_documents(train: Split) -> None:
    static, empty = static_of(train), train[train.lengths == 0]
    assert len(empty) == 4
    inputs = inputs_of(feed(empty)[0][0], static, "both")
    ours, _ = layers_alike(DIM + STATIC_DIM, inputs)
    right = np.maximum(np.asarray(ours.bias), 0)
    np.testing.assert_array_equal(ours(inputs), np.stack([right] * 4))
    kernel, bias = gradients(
        lambda *w: ops.sum(with_weights(ours, ours, list(w), inputs)), [np.asarray(v) for v in ours.trainable_weights]
    )
    assert not kernel.any()
    np.testing.assert_array_equal(bias, 4.0 * (right > 0))


@settings(max_examples=60, deadline=None)
@given(
    chosen=st.lists(st.integers(len(EDGES), len(EDGES) + 2 * len(SHORT) - 1), min_size=1, max_size=6),
    window=st.integers(1, 9),
    parts=st.sampled_from(PARTS),
    few_shapes=st.booleans(),
)
def test_any_batch_and_window(train: Split, chosen: list[int], window: int, parts: str, few_shapes: bool) -> None:
    """Values, and gradients of the weights."""
    documents, static = train[chosen], static_of(train)
    inputs = inputs_of(feed(documents, window=window, few_shapes=few_shapes)[0][0], static, parts)
    x = padded_of(documents, static, parts, window)
    ours, theirs = layers_alike(x.shape[-1], inputs)
    np.testing.assert_allclose(ours(inputs), theirs(x), atol=1e-11)
    compare_gradients(ours, theirs, inputs, x)


def compare_gradients(ours: Any, theirs: Any, inputs: dict[str, Any], x: np.ndarray) -> None:
    upstream = np.random.default_rng(3).standard_normal((len(x), FILTERS))
    weights = [np.asarray(v) for v in ours.trainable_weights]
    convolution = theirs.layers[0]
    found = gradients(lambda *w: ops.sum(upstream * with_weights(ours, ours, list(w), inputs)), weights)
    right = gradients(lambda *w: ops.sum(upstream * with_weights(theirs, convolution, list(w), x)), weights)
    for one, other in zip(found, right, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.parametrize("parts", PARTS)
def test_gradients_of_the_weights_are_keras_own(train: Split, parts: str) -> None:
    static = static_of(train)
    inputs = inputs_of(feed(train)[0][0], static, parts)
    x = padded_of(train, static, parts, 500)
    ours, theirs = layers_alike(x.shape[-1], inputs, gamma=1.0)
    compare_gradients(ours, theirs, inputs, x)


def test_gamma_multiplies_the_rows_alone(train: Split) -> None:
    static = static_of(train)
    inputs = inputs_of(feed(train)[0][0], static, "both")
    x = padded_of(train, static, "both", 500)
    x[..., :DIM] *= 0.25
    ours, theirs = layers_alike(x.shape[-1], inputs, gamma=0.25)
    np.testing.assert_allclose(ours(inputs), theirs(x), atol=1e-11)
    compare_gradients(ours, theirs, inputs, x)


@pytest.mark.parametrize("gamma", [1.0, 0.5])
def test_gradients_by_finite_differences(train: Split, gamma: float) -> None:
    """Of the kernel, the bias and the rows, each along a random direction."""
    documents = train[: len(EDGES) + len(SHORT)]
    static = static_of(train)
    inputs = inputs_of(feed(documents)[0][0], static, "both")
    layer, _ = layers_alike(DIM + STATIC_DIM, inputs, gamma=gamma, rows_need_gradient=True)
    rng = np.random.default_rng(4)
    upstream = rng.standard_normal((len(documents), FILTERS))

    def loss(kernel: Any, bias: Any, rows: Any) -> Any:
        return ops.sum(upstream * with_weights(layer, layer, [kernel, bias], {**inputs, "rows": rows}))

    values = [*(np.asarray(v) for v in layer.trainable_weights), inputs["rows"]]
    found = gradients(loss, values)
    for i, gradient in enumerate(found):
        for _ in range(5):
            step = rng.standard_normal(values[i].shape) * 1e-6
            if i == 2:  # the rows between documents are no variables: what they are is what pads
                step *= inputs["word_of_row"][:, None] > 0
            after, before = (float(loss(*values[:i], values[i] + sign * step, *values[i + 1 :])) for sign in (1, -1))
            assert (after - before) / 2 == pytest.approx(float((gradient * step).sum()), rel=1e-6)


def test_the_gradient_of_rows_is_keras_own(train: Split) -> None:
    static = static_of(train)
    inputs = inputs_of(feed(train)[0][0], static, "rows")
    x = padded_of(train, static, "rows", 500)
    ours, theirs = layers_alike(DIM, inputs, rows_need_gradient=True)
    (found,) = gradients(lambda rows: ops.sum(ops.square(ours({**inputs, "rows": rows}))), [inputs["rows"]])
    (right,) = gradients(lambda x: ops.sum(ops.square(theirs(x))), [x])
    start = 3
    for length, document in zip(np.minimum(train.lengths, 500).tolist(), right, strict=True):
        np.testing.assert_allclose(found[start : start + length], document[500 - length :], atol=1e-9)
        start += length + 2


def test_the_feed_has_the_order_and_the_labels_of_padded_batches(train: Split) -> None:
    ours = RaggedBatches({}, train, batch_size=4, shuffle_seed=(3, 1))
    padded = PaddedBatches({}, train, batch_size=4, shuffle=True, seed=(3, 1))
    assert len(ours) == len(padded)
    for epoch in (0, 1, 5):
        for batches in (ours, padded):
            batches.begin_epoch(epoch)
        for i in range(len(ours)):
            (inputs, labels), (right, right_labels) = ours[i], padded[i]
            np.testing.assert_array_equal(labels, right_labels)
            ids = inputs["words"][inputs["word_of_row"]]
            np.testing.assert_array_equal(ids[ids > 0], right["token_ids"][right["token_ids"] > 0])
    with pytest.raises(IndexError):
        ours[len(ours)]


def test_a_feed_has_few_shapes_if_asked(train: Split) -> None:
    batches = feed(train, batch_size=3, shuffle_seed=(1,), few_shapes=True)
    shapes = set()
    for epoch in range(8):
        batches.begin_epoch(epoch)
        for i in range(len(batches)):
            inputs, _ = batches[i]
            assert len(inputs["features"]) == len(inputs["word_of_row"])
            assert len(inputs["features"]) % 1024 == len(inputs["words"]) % 1024 == 0
            assert len(inputs["places"]) % 64 == 0 and inputs["blocks"].shape[1] == 32
            shapes.add(tuple(array.shape for array in inputs.values()))
    assert len(shapes) <= 4, "1,024 and 2,048 rows, for 3 documents and for the last one"


def test_vectors_are_read_from_files_as_from_memory(train: Split, tmp_path: Path) -> None:
    documents = [[WORDS[k] for k in range(n)] for n in (0, 3, 9)]
    write_cache(tmp_path / "c", {"train": documents, "test": []}, layers=Layers.single(DIM))
    with FeatureCache(tmp_path / "c") as features:
        stored = features["train"]
        for window in (500, 2):
            one, other = feed(stored, window=window)[0][0], feed(stored.load(), window=window)[0][0]
            for name, array in one.items():
                np.testing.assert_array_equal(array, other[name])
            assert np.abs(one["features"]).sum() > 0
