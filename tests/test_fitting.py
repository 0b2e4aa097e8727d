"""Early stopping, best weights, and the same losses as Keras's own `fit` on padded arrays in memory."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder

from cache import FeatureCache
from cache.adapters.keras import PaddedBatches
from elmo_cache import build
from trainer.fitting import Fit, fit, predict, trainable_weights
from trainer.models import build_model, compile_model, reinitialise

WINDOW = 60


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
    return build(MemoryCorpus(documents), HashEncoder(dim=12), tmp_path_factory.mktemp("fit") / "c")


def static_of(features: FeatureCache) -> np.ndarray:
    rng = np.random.default_rng(1)
    static = rng.standard_normal((len(features.vocabulary) + 1, 10)).astype(np.float32)
    static[0] = 0
    return static


def compiled(features: FeatureCache, kind: str, rate: float = 1e-3) -> keras.Model:
    model = build_model(kind, static_of(features), {"features": 12})
    compile_model(model, rate)
    return model


def feeds(features: FeatureCache) -> tuple[PaddedBatches, PaddedBatches]:
    train = features["train"]
    options: dict[str, Any] = {"batch_size": 16, "window": WINDOW, "trim": True}
    return (
        PaddedBatches({"features": train[:50]}, shuffle_seed=(0, 1), **options),
        PaddedBatches({"features": train[50:]}, **options),
    )


@pytest.mark.parametrize("kind", ["basic", "elmo", "elmo-only"])
def test_the_losses_are_those_of_keras_on_padded_arrays_in_memory(features: FeatureCache, kind: str) -> None:
    model = compiled(features, kind)
    reinitialise(model, 0, 1)
    training, validation = feeds(features)
    found = fit(model, training, validation, max_epochs=4, patience=99)

    train = features["train"]
    static = static_of(features)
    wanted = [tensor.name for tensor in model.inputs]
    arrays = {"features": train.padded(WINDOW), "token_ids": np.zeros((len(train), WINDOW), np.int32)}
    for i in range(len(train)):
        ids = train.token_ids(i)[-WINDOW:] + 1
        arrays["token_ids"][i, WINDOW - len(ids) :] = ids
    labels = np.asarray(train.labels, np.float32)
    assert static.shape[0] == len(features.vocabulary) + 1
    reinitialise(model, 0, 1)
    training_losses, validation_losses = [], []
    for epoch in range(1, 5):
        training.begin_epoch(epoch)
        order = training._order
        history = model.fit(
            {name: arrays[name][:50][order] for name in wanted},
            labels[:50][order],
            validation_data=({name: arrays[name][50:] for name in wanted}, labels[50:]),
            batch_size=16,
            shuffle=False,
            epochs=1,
            verbose=0,
        ).history
        training_losses += history["loss"]
        validation_losses += history["val_loss"]
    np.testing.assert_allclose(found.training_losses, training_losses, rtol=2e-5)
    np.testing.assert_allclose(found.validation_losses, validation_losses, rtol=2e-5)


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


def test_predictions_come_in_the_order_of_the_documents(features: FeatureCache, tmp_path: Path) -> None:
    model = compiled(features, "elmo")
    reinitialise(model, 0, 1)
    train = features["train"]
    together = predict(model, PaddedBatches({"features": train[:20]}, batch_size=7, window=WINDOW, trim=True))
    alone = [predict(model, PaddedBatches({"features": train[[i]]}, window=WINDOW, trim=True))[0] for i in range(20)]
    np.testing.assert_allclose(together, alone, atol=1e-6)
