"""Where an encoder's time goes: word table and model in place, and the parts of the model each on its own.

The parts are timed at the encoder's own shapes, with as many different weights as it has, so that they come from memory
as they do there. Alone, a part has all cores to itself; in the model others run beside it, and calls, copies and
transpositions come on top: the sum of the parts is not exactly the whole.
"""

import statistics
from collections.abc import Callable
from typing import Any
from unittest import mock

import click
import tensorflow as tf
from common import timed

from elmo_cache.encoders.bilm.encoder import BiLMEncoder


def profile(encoder: BiLMEncoder, documents: list[list[str]]) -> None:
    """Print the seconds of each part of encoding some documents, and its share."""
    spent = {"word table": 0.0, "model": 0.0}
    shapes: list[tuple[int, int]] = []

    def clocked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(argument: Any) -> Any:
            result: list[Any] = []
            spent[name] += timed(lambda: result.append(function(argument)))
            if name == "model":
                shapes.append(argument["keep_0"].shape[:2])
            return result[0]

        return call

    encoder.encode(documents)  # traces the graph
    model = encoder._lstm
    with (
        mock.patch.object(encoder, "_word_vectors", clocked("word table", encoder._word_vectors)),
        mock.patch.object(encoder, "_lstm", mock.Mock(wraps=model)) as wrapped,
    ):
        wrapped.predict_on_batch = clocked("model", model.predict_on_batch)
        total = timed(lambda: encoder.encode(documents))
    n_steps, n_streams = shapes[0]
    parts = {name: seconds * len(shapes) for name, seconds in _parts(encoder, n_steps, n_streams).items()}
    rows = {
        "word table": spent["word table"],
        "model": spent["model"],
        **{f"  {name}, alone": seconds for name, seconds in parts.items()},
        "  the rest of the model": spent["model"] - sum(parts.values()),
        "packing, gathering, scattering": total - sum(spent.values()),
        "all": total,
    }
    click.echo(f"  {len(shapes)} chunks of {n_steps} steps x {n_streams} streams, {encoder.precision}")
    for name, seconds in rows.items():
        click.echo(f"  {name:36}{seconds:8.2f} s{seconds / total:8.1%}")


def _parts(encoder: BiLMEncoder, n_steps: int, n_streams: int) -> dict[str, float]:
    """Return the median seconds of each part of the model over one chunk: all directions and layers."""
    options, precision = encoder.options, encoder.precision
    size, cells, n_lstms = options.projection_dim, options.dim, 2 * options.n_layers
    kernels = [tf.cast(tf.random.normal((4 * cells, 2 * size), stddev=0.02), precision) for _ in range(n_lstms)]
    projections = [tf.cast(tf.random.normal((size, cells), stddev=0.02), precision) for _ in range(n_lstms)]
    rows, outputs = tf.random.normal((2 * size, n_streams)), tf.random.normal((cells, n_streams))
    gates = tf.random.normal((4 * cells, n_streams))
    bias, keep = tf.zeros((4 * cells, 1)), tf.ones((1, n_streams))

    def product(kernel: Any, x: Any) -> Any:
        return tf.cast(tf.matmul(kernel, tf.cast(x, precision)), tf.float32)

    # Each step depends on the one before, as in an LSTM, and no two are the same: nothing can be left out.
    def gate_products() -> list[Any]:
        states = [rows] * n_lstms
        for _ in range(n_steps):
            states = [product(k, x)[: 2 * size] for k, x in zip(kernels, states, strict=True)]
        return states

    def projection_products() -> list[Any]:
        states = [outputs] * n_lstms
        for _ in range(n_steps):
            states = [x + product(p, x)[:1] for p, x in zip(projections, states, strict=True)]
        return states

    def elementwise() -> list[Any]:
        states = [outputs + float(i) for i in range(n_lstms)]
        for _ in range(n_steps):
            for i, state in enumerate(states):
                a, b, c, d = tf.split(gates + (bias + state[0, 0]), 4)
                cell = tf.sigmoid(c) * (state * keep) + tf.sigmoid(a) * tf.tanh(b)
                cell = tf.clip_by_value(cell, -3.0, 3.0)
                states[i] = tf.sigmoid(d) * tf.tanh(cell)
        return states

    parts = {
        "gate products": gate_products,
        "projections": projection_products,
        "gates, elementwise": elementwise,
    }
    return {name: _median(tf.function(part)) for name, part in parts.items()}


def _median(function: Callable[[], list[Any]]) -> float:
    def finished() -> None:
        for result in function():
            result[0, 0].numpy()

    finished()
    return statistics.median(timed(finished) for _ in range(7))
