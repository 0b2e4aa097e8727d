"""Early stopping, best weights, and the same losses as Keras's own `fit` on padded arrays in memory.

It runs on the backend that `KERAS_BACKEND` names; `test_backends.py` runs it again with JAX.
"""

from typing import Any

import keras
import numpy as np
import pytest
from memory_corpus import MemoryCorpus
from numpy_encoder import ALL_LAYERS, HashEncoder
from padded_model import padded_arrays, padded_model

from cache import FeatureCache
from cache.adapters.keras import PaddedBatches
from cache.epochs import epoch_order
from elmo_cache import build
from trainer.feed import RaggedBatches
from trainer.fitting import Fit, assign_weights, fit, predict, trainable_weights
from trainer.models.convolutional import build_model
from trainer.models.starting import compile_model, reinitialise

WINDOW, STATIC_DIM = 60, 10
FEATURES = {"features": None, "layer_1": "1", "layer_2": "2"}
JAX = keras.backend.backend() == "jax"
MODELS = {
    "basic": ("basic", []),
    "elmo": ("elmo", ["features"]),
    "elmo-only": ("elmo-only", ["features"]),
    "elmo-scalar-mix": ("elmo", ["layer_1", "layer_2"]),
    "elmo-only-scalar-mix": ("elmo-only", ["layer_1", "layer_2"]),
}


class SmallVectors(HashEncoder):
    """Vectors about as long as real ones, so that losses are about 0.6."""

    def encode(self, *arguments: Any, **options: Any) -> list[np.ndarray]:
        return [rows / 10 for rows in super().encode(*arguments, **options)]


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    """Documents that a classifier can tell apart, but not at once."""
    rng = np.random.default_rng(0)
    documents: list[tuple[str, str | None, str]] = []
    for i in range(90):
        words = [f"w{k}" for k in rng.integers(0, 30, size=rng.integers(3, 80))]
        if rng.random() < 0.8:
            words.insert(int(rng.integers(0, len(words))), ("bad", "good")[i % 2])
        documents.append(("train", ("neg", "pos")[i % 2], " ".join(words)))
    return build(MemoryCorpus(documents), SmallVectors(layers=ALL_LAYERS), tmp_path_factory.mktemp("fit") / "c")


def static_of(features: FeatureCache) -> np.ndarray:
    rng = np.random.default_rng(1)
    static = rng.standard_normal((len(features.vocabulary) + 1, STATIC_DIM)).astype(np.float32)
    static[0] = 0
    return static / 10


def compiled(features: FeatureCache, name: str, rate: float = 1e-3) -> keras.Model:
    kind, wanted = MODELS[name]
    model = build_model(kind, static_of(features), dict.fromkeys(wanted or FEATURES, 8))
    compile_model(model, rate)
    return model


def feed(features: FeatureCache, chosen: slice | list[int], **options: Any) -> RaggedBatches:
    splits = {name: features.split("train", view)[chosen] for name, view in FEATURES.items()}
    return RaggedBatches(splits, features["train"][chosen], window=WINDOW, few_shapes=JAX, **options)


def feeds(features: FeatureCache) -> tuple[RaggedBatches, RaggedBatches]:
    return feed(features, slice(50), shuffle_seed=(0, 1)), feed(features, slice(50, None), batch_size=64)


# The mix of layers has every gradient that there is.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "elmo-scalar-mix" else pytest.mark.slow) for name in MODELS]
)
def test_the_losses_are_those_of_keras_on_padded_arrays_in_memory(features: FeatureCache, name: str) -> None:
    kind, wanted = MODELS[name]
    ours = compiled(features, name)
    theirs = padded_model(WINDOW, dict.fromkeys(wanted, 8), STATIC_DIM if kind != "elmo-only" else 0)
    assert [v.path for v in ours.trainable_variables] == [v.path for v in theirs.trainable_variables]
    assert [v.shape for v in ours.trainable_variables] == [v.shape for v in theirs.trainable_variables]
    for model in (ours, theirs):
        reinitialise(model, 0, 1)
    found = fit(ours, *feeds(features), max_epochs=4, patience=99)

    train = features["train"]
    arrays = padded_arrays(
        {name: features.split("train", FEATURES[name]) for name in wanted}, train, static_of(features), WINDOW
    )
    inputs = {tensor.name: arrays[tensor.name] for tensor in theirs.inputs}
    labels = np.asarray(train.labels, np.float32)
    training_losses, validation_losses = [], []
    for epoch in range(1, 5):
        order = epoch_order(50, (0, 1), epoch)
        history = theirs.fit(
            {name: array[:50][order] for name, array in inputs.items()},
            labels[:50][order],
            validation_data=({name: array[50:] for name, array in inputs.items()}, labels[50:]),
            batch_size=16,
            shuffle=False,
            epochs=1,
            verbose=0,
        ).history
        training_losses += history["loss"]
        validation_losses += history["val_loss"]
    np.testing.assert_allclose(found.training_losses, training_losses, atol=1e-6)
    np.testing.assert_allclose(found.validation_losses, validation_losses, atol=1e-6)
    assign_weights(theirs, trainable_weights(ours))
    predicted = predict(ours, feed(features, slice(None), batch_size=64))[:, 1]
    np.testing.assert_allclose(predicted, theirs.predict(inputs, verbose=0)[:, 0], atol=1e-5)


def test_a_model_of_ones_own_trains_on_padded_batches(features: FeatureCache) -> None:
    """And batches of other lengths, with an input that it has no name for, give what Keras's steps give."""
    x = inputs = keras.Input((None, 8), dtype="float16", name="features")
    x = keras.layers.Conv1D(4, 3, padding="same", activation="relu")(keras.ops.cast(x, "float32"))
    x = keras.layers.GlobalMaxPooling1D()(x)
    model = keras.Model([inputs], keras.layers.Dense(1, activation="sigmoid")(x))
    compile_model(model, 1e-2)
    train = features["train"]
    training, validation = (
        PaddedBatches({"features": documents}, window=WINDOW, trim=True) for documents in (train[:50], train[50:])
    )

    reinitialise(model, 0, 1)
    found = fit(model, training, validation, max_epochs=2)
    reinitialise(model, 0, 1)
    losses = []
    for _ in range(2):
        batches = [training[i] for i in range(len(training))]
        batch_losses = [float(model.train_on_batch([inputs["features"]], labels)) for inputs, labels in batches]
        losses.append(np.average(batch_losses, weights=[len(labels) for _, labels in batches]))
    np.testing.assert_allclose(found.training_losses, losses, atol=1e-6)
    assert losses[1] < losses[0]


def test_the_best_weights_are_left_in_the_model(features: FeatureCache) -> None:
    model = compiled(features, "elmo", rate=3e-2)
    reinitialise(model, 0, 1)
    training, validation = feeds(features)
    seen: list[tuple[int, float]] = []
    found = fit(model, training, validation, max_epochs=50, patience=2, on_epoch=lambda e, v: seen.append((e, v)))
    losses = found.validation_losses
    assert found.best_epoch == int(np.argmin(losses)) + 1
    assert found.validation_loss == min(losses)
    assert found.n_epochs == found.best_epoch + 2 < 50, "two epochs without improvement end it"
    assert seen == list(enumerate(losses, 1))
    weights = trainable_weights(model)
    reinitialise(model, 0, 1)
    fit(model, *feeds(features), max_epochs=found.best_epoch, patience=99)
    for name, value in trainable_weights(model).items():
        np.testing.assert_array_equal(weights[name], value)


def test_fitting_again_gives_the_same_digits(features: FeatureCache) -> None:
    model = compiled(features, "elmo")

    def once() -> tuple[Fit, dict[str, np.ndarray]]:
        reinitialise(model, 3, 2)
        return fit(model, *feeds(features), max_epochs=3), trainable_weights(model)

    (first, weights), (second, again) = once(), once()
    assert first == second
    assert weights.keys() == again.keys()
    for name, value in weights.items():
        np.testing.assert_array_equal(value, again[name])


def test_a_loss_that_is_nan_from_the_start_ends_early(features: FeatureCache) -> None:
    model = compiled(features, "basic")
    reinitialise(model, 0, 1)
    model.get_layer("hidden").bias.assign(np.full(250, np.nan, np.float32))
    assert fit(model, *feeds(features), max_epochs=50).n_epochs == 3


def test_a_loss_that_is_nan_at_first_does_not_stay_the_best(features: FeatureCache) -> None:
    model = compiled(features, "basic")
    reinitialise(model, 0, 1)
    model.get_layer("hidden").bias.assign(np.full(250, np.nan, np.float32))
    kept: dict[int, dict[str, np.ndarray]] = {}

    def recover(epoch: int, loss: float) -> None:
        if epoch == 1:
            assert np.isnan(loss)
            reinitialise(model, 0, 1)
        kept[epoch] = trainable_weights(model)

    found = fit(model, *feeds(features), max_epochs=20, on_epoch=recover)
    assert np.isnan(found.validation_losses[0]) and not np.isnan(found.validation_losses[1:]).any()
    assert found.best_epoch == int(np.nanargmin(found.validation_losses)) + 1 > 1
    assert found.validation_loss == np.nanmin(found.validation_losses)
    for name, value in trainable_weights(model).items():
        np.testing.assert_array_equal(value, kept[found.best_epoch][name])


@pytest.mark.parametrize(("patience", "min_epochs"), [(1, 1), (2, 1), (4, 1), (2, 15), (1, 20)])
def test_when_training_ends(features: FeatureCache, patience: int, min_epochs: int) -> None:
    model = compiled(features, "elmo", rate=3e-2)
    reinitialise(model, 0, 1)
    found = fit(model, *feeds(features), max_epochs=20, patience=patience, min_epochs=min_epochs)
    losses = found.validation_losses
    ends = [n for n in range(min_epochs, 20) if n - int(np.argmin(losses[:n])) - 1 >= patience]
    assert found.n_epochs == len(losses) == (ends or [20])[0]
    assert found.best_epoch == int(np.argmin(losses)) + 1


def test_predictions_come_in_the_order_of_the_documents(features: FeatureCache) -> None:
    model = compiled(features, "elmo")
    reinitialise(model, 0, 1)
    together = predict(model, feed(features, slice(20), batch_size=7))
    alone = [predict(model, feed(features, [i]))[0] for i in range(20)]
    np.testing.assert_allclose(together, alone, atol=1e-6)
