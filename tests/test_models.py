"""The classifiers: sizes, what padding they can tell, how a trial starts."""

import keras
import numpy as np
import pytest
from small_trials import learned

from trainer.models.convolutional import build_model, set_gamma
from trainer.models.starting import compile_model, reinitialise
from trainer.steps import steps_of

STATIC = np.concatenate([np.zeros((1, 300)), np.random.default_rng(0).standard_normal((40, 300))]).astype(np.float32)


def compiled(kind: str = "elmo", dims: dict[str, int] | None = None, static: np.ndarray = STATIC) -> keras.Model:
    model = build_model(kind, static, {"features": 1024} if dims is None else dims)
    compile_model(model, 1e-3)
    return model


def n_trainable(model: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize(("kind", "n"), [("basic", 74_165), ("elmo", 270_773), ("elmo-only", 213_173)])
def test_trainable_parameters_at_the_notebooks_dimensions(kind: str, n: int) -> None:
    assert n_trainable(compiled(kind)) == n


def test_a_mix_of_three_layers_adds_four_parameters() -> None:
    dims = {f"layer_{k}": 1024 for k in range(3)}
    assert n_trainable(compiled("elmo", dims)) == 270_773 + 4


def test_static_vectors_are_frozen_and_found_by_token_id() -> None:
    model = compiled("basic")
    embedding = model.get_layer("static")
    assert embedding.trainable_variables == []
    np.testing.assert_array_equal(embedding(np.array([[0, 3]]))[0], STATIC[[0, 3]])


def batch(n_docs: int, length: int, dim: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Documents of one length, as `RaggedBatches` lays them out."""
    rng = np.random.default_rng(seed)
    n_rows = 3 + n_docs * (length + 2)
    starts = 3 + np.arange(n_docs) * (length + 2)
    of_documents = (starts[:, None] + np.arange(length)).ravel()
    features, word_of_row = np.zeros((n_rows, dim), np.float16), np.zeros(n_rows, np.int32)
    features[of_documents] = rng.standard_normal((n_docs * length, dim))
    word_of_row[of_documents] = rng.integers(1, len(STATIC), n_docs * length)
    places = np.concatenate([starts[:, None] - 2 + np.arange(length + 1), np.zeros((n_docs, 1), int)], axis=1)
    return {
        "features": features,
        "words": np.arange(len(STATIC), dtype=np.int32),
        "word_of_row": word_of_row,
        "places": places.astype(np.int32),
        "blocks": np.arange(n_docs, dtype=np.int32)[:, None],
    }


def reference(model: keras.Model, inputs: dict[str, np.ndarray], gamma: float = 1.0) -> np.ndarray:
    """The classifier with ELMo vectors in NumPy float64, from its weights."""
    weights = {variable.path: np.asarray(variable.numpy(), np.float64) for variable in model.trainable_variables}
    x = gamma * inputs["features"].astype(np.float64)
    if model.name == "elmo":
        x = np.concatenate([x, STATIC.astype(np.float64)[inputs["words"]][inputs["word_of_row"]]], axis=-1)
    kernel, n = weights["convolution/kernel"], len(x) - 2
    convolved = sum(x[k : k + n] @ kernel[k] for k in range(3)) + weights["convolution/bias"]
    maxima = np.maximum(convolved, 0)[inputs["places"]].max(axis=1)
    hidden = maxima @ weights["hidden/kernel"] + weights["hidden/bias"]
    logit = np.maximum(hidden, 0) @ weights["probability/kernel"] + weights["probability/bias"]
    return 1 / (1 + np.exp(-logit))


def test_the_model_is_what_the_notebook_describes() -> None:
    model = compiled("elmo", {"features": 24})
    reinitialise(model, 0, 1)
    inputs = batch(3, 17, 24)
    np.testing.assert_allclose(model.predict_on_batch(inputs), reference(model, inputs), atol=1e-6)


@pytest.mark.parametrize("kind", ["elmo", "elmo-only"])
def test_gamma_scales_the_elmo_vectors_alone_and_is_not_trained(kind: str) -> None:
    model = compiled(kind, {"features": 24})
    inputs, labels = batch(3, 17, 24), np.array([0, 1, 1], np.float32)
    wanted = {tensor.name: inputs[tensor.name] for tensor in model.inputs}
    for gamma in (0.05, 8.0):  # the one compiled model
        set_gamma(model, gamma)
        reinitialise(model, 0, 1)
        for _ in range(3):
            model.train_on_batch(wanted, labels)
        np.testing.assert_allclose(model.predict_on_batch(wanted), reference(model, inputs, gamma), atol=1e-6)


def test_a_trial_starts_from_weights_of_its_own() -> None:
    model = compiled("elmo", {"features": 8})

    def start(seed: int, trial: int) -> list[np.ndarray]:
        reinitialise(model, seed, trial)
        return [np.array(variable.numpy()) for variable in model.trainable_variables]

    first, second, other_seed, again = start(0, 1), start(0, 2), start(1, 1), start(0, 1)
    for variable, a, b, c, d in zip(model.trainable_variables, first, second, other_seed, again, strict=True):
        np.testing.assert_array_equal(a, d)
        if variable.name == "kernel":
            assert not np.array_equal(a, b) and not np.array_equal(a, c)
            limit = np.sqrt(6 / (np.prod(a.shape[:-1]) + np.prod(a.shape[:-2], initial=1) * a.shape[-1]))
            assert 0.9 * limit < np.abs(a).max() <= limit, "Glorot-uniform, as Keras starts these layers"
        else:
            assert not a.any()
    kernels = [a for variable, a in zip(model.trainable_variables, first, strict=True) if variable.name == "kernel"]
    assert not np.array_equal(kernels[1].ravel()[:50], kernels[2].ravel()[:50]), "each layer has its own seed"


def test_a_trial_starts_with_a_fresh_optimiser() -> None:
    model = compiled("elmo", {"features": 8})
    labels = np.array([0, 1, 0, 1], np.float32)

    def train() -> list[float]:
        reinitialise(model, 0, 1)
        return steps_of(model).train([(batch(4, 9, 8), labels)] * 4)

    assert train() == train()
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)


def test_the_scalar_mix_starts_from_gamma_in_every_trial_and_trains_it() -> None:
    model = compiled("elmo", {"layer_0": 6, "layer_1": 6})
    mix = model.get_layer("scalar_mix")
    set_gamma(model, 0.25)
    inputs = batch(2, 5, 6) | {f"layer_{k}": batch(2, 5, 6, k)["features"] for k in (0, 1)}
    inputs = {tensor.name: inputs[tensor.name] for tensor in model.inputs}
    for trial in (1, 2):
        reinitialise(model, 0, trial)
        assert learned(mix) == {"shares": [0.5, 0.5], "gamma": 0.25}
        for _ in range(3):
            model.train_on_batch(inputs, np.array([0, 1], np.float32))
        assert learned(mix)["gamma"] not in (0.25, 1.0)


def test_the_scalar_mix_starts_as_a_mean_and_learns() -> None:
    model = compiled("elmo-only", {"layer_0": 6, "layer_1": 6})
    reinitialise(model, 0, 1)
    mix = model.get_layer("scalar_mix")
    a, b = (np.random.default_rng(k).standard_normal((2, 5, 6)).astype(np.float32) for k in (0, 1))
    np.testing.assert_allclose(mix([a, b]), (a + b) / 2, atol=1e-6)
    assert learned(mix) == {"shares": [0.5, 0.5], "gamma": 1.0}
    inputs = {"layer_0": batch(2, 5, 6)["features"], "layer_1": batch(2, 5, 6, seed=1)["features"]}
    inputs |= {name: batch(2, 5, 6)[name] for name in ("places", "blocks")}
    for _ in range(5):
        model.train_on_batch(inputs, np.array([0, 1], np.float32))
    found = learned(mix)
    assert found["gamma"] != 1.0 and found["shares"] != [0.5, 0.5]
    assert sum(found["shares"]) == pytest.approx(1)
