"""Loss against NumPy, gradients against finite differences, steps against Adam, JAX against TensorFlow."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import raises
from oracle import _read_weights, _run_direction, _word_ids, _word_vector, _zero_states
from tiny_elmo import write_elmo
from tiny_pretraining import SETTINGS, first_losses, make_model, masked_vectors, settings, write_text

from elmo_cache import messages
from elmo_cache.errors import PretrainingError
from elmo_cache.pretraining.batches import Batches, Streams
from elmo_cache.pretraining.text import Text, read_text

ROOT = Path(__file__).resolve().parents[1]

TIGHT = replace(SETTINGS.options, cell_clip=0.05, proj_clip=0.01)
"""Clips that many states meet."""


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Text:
    return read_text([write_text(tmp_path_factory.mktemp("model") / "text.txt")], "whitespace", show=False)


def outputs_of(ids: list[int], text: Text, direction: int, options: dict[str, Any], weights: Any) -> np.ndarray:
    """Return the oracle's last layer `(n, projection)` for word indices read in the order given, from zero state."""
    vectors = [_word_vector(_word_ids(text.words[i], 50), options, weights) for i in ids]
    return _run_direction(np.stack(vectors), direction, _zero_states(options), options, weights)[-1]


def segments(words: np.ndarray, starts: np.ndarray) -> Iterator[tuple[int, int]]:
    bounds = [*np.flatnonzero(starts), len(words)]
    yield from zip(bounds[:-1], bounds[1:], strict=True)


@pytest.mark.parametrize("options", [SETTINGS.options, TIGHT], ids=["plain", "clipped"])
def test_sampled_loss_is_that_of_numpy(text: Text, tmp_path: Path, options: Any) -> None:
    chosen = settings(options=options, dropout=0.0, unroll=12)
    model, batches = make_model(chosen), Batches(text, chosen, 40)
    batch = next(batches.training(0))
    folder = write_elmo(tmp_path / "elmo", options, weights=model.tensors())
    weights, facts = _read_weights(folder / "weights.hdf5"), json.loads((folder / "options.json").read_text())
    kernel, bias = np.asarray(model.softmax_kernel, np.float64), np.asarray(model.softmax_bias, np.float64)
    negatives, expected = (
        batch["candidates"][:8],
        dict(zip(batch["candidates"], np.exp(batch["corrections"]), strict=True)),
    )
    streams: Streams = batches._epoch(0)
    losses = []
    for direction in range(2):
        # The backward direction's first batch is the end of the streams, read from the end.
        words, fresh = (
            (streams.words, streams.is_first) if direction == 0 else (streams.words[::-1], streams.is_last[::-1])
        )
        for stream in range(4):
            here, following = words[:12, stream], words[1:13, stream]
            for begin, end in segments(here, fresh[:12, stream]):
                outputs = outputs_of(here[begin:end].tolist(), text, direction, facts, weights)
                for output, after in zip(outputs, following[begin:end], strict=True):
                    if after == (1 if direction == 0 else 2):
                        continue  # the next document: nothing to predict
                    target = after - 1 if after <= 40 else 2
                    own = output @ kernel[target] + bias[target] - np.log(expected[target])
                    others = [
                        output @ kernel[k] + bias[k] - np.log(expected[k]) for k in negatives.tolist() if k != target
                    ]
                    losses.append(np.log(np.exp([own, *others]).sum()) - own)

    loss = float(model(batch, training=True))

    assert len(losses) == batch["weights_0"].sum() + batch["weights_1"].sum()
    assert set(negatives.tolist()) & {0, 1, 2}  # or accidental hits are hardly tested
    assert loss == pytest.approx(np.mean(losses), rel=1e-5)


def test_perplexity_is_that_of_numpy(text: Text, tmp_path: Path) -> None:
    from elmo_cache.pretraining.model import Perplexity

    model = make_model(SETTINGS)
    folder = write_elmo(tmp_path / "elmo", SETTINGS.options, weights=model.tensors())
    weights, facts = _read_weights(folder / "weights.hdf5"), json.loads((folder / "options.json").read_text())
    kernel, bias = np.asarray(model.softmax_kernel, np.float64), np.asarray(model.softmax_bias, np.float64)
    losses: list[list[float]] = [[], []]
    for document in text.held_out:
        ids = [1, *document.tolist(), 2]
        for direction, order in enumerate((ids, ids[::-1])):
            scores = outputs_of(order[:-1], text, direction, facts, weights) @ kernel.T + bias
            for row, after in zip(scores, order[1:], strict=True):
                losses[direction].append(np.log(np.exp(row).sum()) - row[after - 1 if after <= 40 else 2])

    found = Perplexity(model).measure(Batches(text, SETTINGS, 40).held_out())

    assert found == pytest.approx(tuple(np.exp(np.mean(part)) for part in losses), rel=1e-5)


def test_gradients_are_finite_differences(text: Text) -> None:
    import tensorflow as tf

    chosen = settings(options=TIGHT, dropout=0.25, precision="float64")
    model, rng = make_model(chosen), np.random.default_rng(0)
    states = {name: 0.03 * rng.standard_normal(state.shape) for name, state in model.states.items()}
    # Somewhere in the middle of documents, and over their bounds.
    batch = next(
        batch
        for batch in Batches(text, chosen, 40).training(0)
        if all((batch[f"keep_{d}"][0] == 1).all() and (batch[f"keep_{d}"] == 0).any() for d in range(2))
    )
    batch = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in batch.items()}

    @tf.function
    def loss() -> Any:
        for name, state in states.items():
            model.states[name].assign(state)
        return model(batch, training=True)

    with tf.GradientTape() as tape:
        value = loss()
    gradients = tape.gradient(value, [variable.value for variable in model.trainable_variables])

    n_checked = 0
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        gradient, before = tf.convert_to_tensor(gradient).numpy(), np.array(variable)
        places = rng.permutation(np.argwhere(gradient != 0))[:3]
        assert len(places), variable.path
        for place in map(tuple, places):
            ends = []
            for step in (1e-6, -1e-6):
                changed = before.copy()
                changed[place] += step
                variable.assign(changed)
                ends.append(float(loss()))
            variable.assign(before)
            assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(gradient[place], rel=1e-4, abs=1e-9), variable.path
            n_checked += 1
    assert n_checked > 60
    clipped = [np.mean(np.abs(model.states[f"hidden_{d}_0"]) >= 0.01) for d in range(2)]
    assert all(0.02 < share < 0.98 for share in clipped)


def test_a_precision_that_the_device_lacks_is_refused() -> None:
    with raises(messages.NO_TF32, PretrainingError, found="CPU"):
        make_model(settings(precision="tf32"))


def test_dropout_drops_the_share_asked_for_and_keeps_the_mean() -> None:
    model = make_model(settings(dropout=0.25, streams=8))

    masks = model.masks(np.array([1, 2], np.uint32))
    again = model.masks(np.array([1, 2], np.uint32))
    other = model.masks(np.array([1, 3], np.uint32))

    assert [tuple(mask.shape) for mask in masks.values()] == [(5, 8, 8)] * 6
    values = np.stack([np.asarray(mask) for mask in masks.values()])
    assert np.unique(values) == pytest.approx([0, 4 / 3])
    assert np.mean(values) == pytest.approx(1, abs=0.07)
    assert len({mask.tobytes() for mask in values}) == 6
    assert all((np.asarray(again[name]) == np.asarray(mask)).all() for name, mask in masks.items())
    assert any((np.asarray(other[name]) != np.asarray(mask)).any() for name, mask in masks.items())
    assert make_model(settings(dropout=0.0)).masks(np.array([1, 2], np.uint32)) == {}


@pytest.mark.slow
def test_steps_are_those_of_adam(text: Text) -> None:
    import tensorflow as tf

    chosen = settings(clip_norm=0.5, dropout=0.0, precision="float64")
    model = make_model(chosen)
    variables = model.trainable_variables
    expected = [np.asarray(variable, np.float64) for variable in variables]
    moments = [[np.zeros_like(array), np.zeros_like(array)] for array in expected]
    norms = []
    for k, batch in enumerate([*Batches(text, chosen, 40).training(0)][:3], 1):
        states = {name: np.array(state) for name, state in model.states.items()}
        with tf.GradientTape() as tape:
            loss = model(batch, training=True)
        found = tape.gradient(loss, [variable.value for variable in variables])
        gradients = [tf.convert_to_tensor(gradient).numpy().astype(np.float64) for gradient in found]
        norms.append(np.sqrt(sum((gradient**2).sum() for gradient in gradients)))
        for gradient, array, (first, second) in zip(gradients, expected, moments, strict=True):
            gradient = gradient * min(1.0, 0.5 / norms[-1])
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            # "Epsilon hat" of the paper's section 2, as in Keras.
            array -= 0.02 * np.sqrt(1 - 0.999**k) / (1 - 0.9**k) * first / (np.sqrt(second) + 1e-7)
        for name, state in states.items():
            model.states[name].assign(state)
        model.step(batch, chosen.learning_rate)

    assert max(norms) > 0.5
    for variable, array in zip(variables, expected, strict=True):
        assert np.abs(np.asarray(variable) - array).max() < 1e-6, variable.path


JAX = """
import json, sys
class NoTensorFlow:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "tf_keras"):
            raise ModuleNotFoundError(f"no {name} here")
sys.meta_path.insert(0, NoTensorFlow())
from tiny_pretraining import first_losses, masked_vectors
losses = first_losses(sys.argv[1])
import keras
print(json.dumps({"backend": keras.backend.backend(), "losses": losses, "masked": masked_vectors()}))
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed (extra `jax`)")
def test_jax_without_tensorflow(tmp_path: Path) -> None:
    path = str(write_text(tmp_path / "text.txt"))
    folders = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": folders}
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # most of the time goes into compiling

    result = subprocess.run(
        [sys.executable, "-c", JAX, path], capture_output=True, env=environment, text=True, timeout=300
    )

    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout.splitlines()[-1])
    assert answer["backend"] == "jax"
    # The first is of the same weights, those after it of as many steps.
    expected = first_losses(path)
    assert answer["losses"][0] == pytest.approx(expected[0], rel=1e-6)
    assert answer["losses"] == pytest.approx(expected, rel=1e-3)
    np.testing.assert_allclose(answer["masked"], masked_vectors(), atol=1e-6)
