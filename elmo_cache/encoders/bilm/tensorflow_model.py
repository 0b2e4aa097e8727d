"""The biLM in plain TensorFlow, for an encoder that lives on its device: `jax_model`, statement for statement.

Imports TensorFlow. XLA compiles each function once; where it cannot, TensorFlow runs the same operations one by one.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from cache.errors import CacheWarning
from elmo_cache import messages
from elmo_cache.encoders.bilm.characters import BOS, BOW, EOW, PAD
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.program import Arrays, Program, convolved, input_type
from elmo_cache.encoders.bilm.streams import BEGIN, END

__all__ = ["BiLMProgram"]

_COPIES = 32
"""Copies to the host that may be begun and not done."""


class BiLMProgram(Program):
    """By TensorFlow, on its first device.

    TensorFlow keeps int32 arrays in the host's memory and copies them for every call. Ours go to the device as
    float32 arrays of the same bits, and are read as int32 there.

    Attributes
    ----------
    compiled : bool
        Whether XLA compiles the functions; false once it could not.
    """

    def __init__(self, options: BiLMOptions, mix: Sequence[float] | None, precision: str, unroll: int):
        super().__init__(options, mix, precision, unroll)
        self.device = "GPU:0" if tf.config.list_logical_devices("GPU") else "CPU:0"
        self.compiled = True
        self._copies = ThreadPoolExecutor(_COPIES, "rows-to-host")
        self.fill_table = self._function(self._fill_table)
        self.advance = self._function(self._advance)
        self.zeros = self._function(self._zeros)
        self.zero_table = self._function(lambda n: tf.zeros((n, options.projection_dim)))
        self.cut = self._function(_cut)

    def _function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        compiled, plain = tf.function(function, jit_compile=True), tf.function(function)

        def call(*arguments: Any) -> Any:
            with tf.device(self.device), _tf32_is(self.precision == "tf32"):
                if self.compiled:
                    try:
                        return compiled(*arguments)
                    except tf.errors.ResourceExhaustedError:
                        raise
                    except tf.errors.OpError as error:
                        self.compiled = False
                        warnings.warn(CacheWarning(messages.NO_XLA, error=error), stacklevel=2)
                return plain(*arguments)

        return call

    def put(self, arrays: Any) -> Any:
        """Copy an array of the host, or a dict of some, to the device."""
        if isinstance(arrays, dict):
            return {name: self.put(array) for name, array in arrays.items()}
        with tf.device(self.device):
            return tf.constant(arrays.view(np.float32) if arrays.dtype == np.int32 else arrays)

    def start_fetch(self, array: Any) -> "Future[np.ndarray]":
        """Begin to copy an array to the host; return what `fetch` takes."""
        # Each by a thread: a copy waits for all that the device was told before it was asked for, not more.
        return self._copies.submit(array.numpy)

    def fetch(self, started: Any) -> np.ndarray:
        """Wait for an array, or for a copy that has been begun, and return it on the host."""
        return np.asarray(started.result() if isinstance(started, Future) else started.numpy())

    def wait(self, array: Any) -> None:
        """Wait until an array, a small one, is computed."""
        self.fetch(array)

    def _product(self, x: Any, kernel: Any, precision: str) -> Any:
        """Multiply the last axis of `(…, n, a)` with `(…, a, b)`; the sum is float32."""
        dtype = tf.as_dtype(input_type(precision))
        if dtype == tf.float32:
            return tf.matmul(x, kernel)
        x = tf.cast(x, dtype)
        if self.compiled:
            return tf.raw_ops.BatchMatMulV3(x=x, y=kernel, Tout=tf.float32)
        # TensorFlow's own products of such inputs are rounded to their type.
        return tf.matmul(tf.cast(x, tf.float32), tf.cast(kernel, tf.float32))

    def _fill_table(self, arrays: Arrays, table: Any, start: Any, text: Any, lengths: Any) -> Any:
        """Write the vectors of words into rows of the table; see `Program`."""
        start, lengths = (tf.bitcast(x, tf.int32) for x in (start, lengths))
        n_words, n_bytes = text.shape
        mark = lengths < 0
        characters = tf.cast(text, tf.int32) + 1
        first = tf.where(mark, BOS - lengths, characters[:, 0])[:, None]
        blank = tf.zeros((n_words, 1), tf.int32)
        ids = tf.concat([blank, first, characters[:, 1:], blank], axis=1)
        length = tf.where(mark, 1, lengths)[:, None]
        place = tf.range(n_bytes + 2)[None]
        ids = tf.where(place == length + 1, EOW + 1, tf.where(place > length + 1, PAD + 1, ids))
        ids = tf.concat([blank + BOW + 1, ids[:, 1:]], axis=1)
        vectors = tf.where((lengths == -3)[:, None], 0.0, self._word_vectors(arrays, ids))
        return tf.tensor_scatter_nd_update(table, (start + tf.range(n_words))[:, None], vectors)

    def _word_vectors(self, arrays: Arrays, ids: Any) -> Any:
        options, precision = self.options, self.precision
        characters = tf.gather(arrays["char_embed"], ids)
        activation = tf.nn.relu if options.activation == "relu" else tf.tanh
        found = []
        for i, (width, count) in enumerate(options.filters):
            n_places = ids.shape[1] - width + 1
            windows = tf.concat([characters[:, k : k + n_places] for k in range(width)], axis=-1)
            windows = tf.reshape(windows, (-1, windows.shape[-1]))
            values = self._product(windows, arrays[f"CNN/W_cnn_{i}"], convolved(precision))
            highest = tf.reduce_max(tf.reshape(values, (-1, n_places, count)), axis=1)
            found.append(activation(highest + arrays[f"CNN/b_cnn_{i}"]))
        x = tf.concat(found, axis=-1)
        for i in range(options.n_highway):
            carry, transform = (
                self._product(x, arrays[f"CNN_high_{i}/W_{gate}"], precision) + arrays[f"CNN_high_{i}/b_{gate}"]
                for gate in ("carry", "transform")
            )
            gate = tf.sigmoid(carry)
            x = gate * tf.nn.relu(transform) + (1.0 - gate) * x
        return self._product(x, arrays["CNN_proj/W_proj"], precision) + arrays["CNN_proj/b_proj"]

    def _zeros(self, n_streams: int, n_rows: int, dtype: str) -> tuple[Arrays, Any, Any]:
        """Return the states before the first step, no rows, and the flag that something is not finite."""
        n_layers, size, cells = self.options.n_layers, self.options.projection_dim, self.options.dim
        states = {
            "hidden": tf.zeros((n_layers, 2, n_streams, size)),
            "cell": tf.zeros((n_layers, 2, n_streams, cells)),
            "below": tf.zeros((n_layers - 1, 2, n_streams, size)),
            "mixed": tf.zeros((n_layers - 1, 2, n_streams, size)),
            # int32, as float32 of the same bits
            "words": tf.zeros((n_layers - 1, 2, n_streams)),
            "rows": tf.bitcast(tf.fill((n_layers - 1, 2, n_streams), -1), tf.float32),
        }
        # The last row is where vectors go that belong to none: TensorFlow drops nothing.
        return states, tf.zeros((n_rows + 1, self.n_parts, size), dtype), tf.zeros((), tf.bool)

    def _advance(
        self, arrays: Arrays, table: Any, states: Arrays, out: Any, bad: Any, forward: Any, backward: Any
    ) -> tuple[Arrays, Any, Any]:
        """Run a chunk of steps; see `Program`."""
        self.n_traced += 1
        n_layers = self.options.n_layers
        both = tf.stack([forward, backward[:, ::-1]], axis=2)  # (2, time, 2, n_streams)
        n_steps = both.shape[1]
        behind = {name: tf.concat([states[name], both[i]], axis=0) for i, name in enumerate(("words", "rows"))}
        # (time, n_layers, 2, n_streams): each layer a step behind the one below.
        words_of, rows_of = (
            tf.bitcast(tf.stack([x[k : k + n_steps] for k in reversed(range(n_layers))], axis=1), tf.int32)
            for x in behind.values()
        )
        resets = (words_of == tf.constant([BEGIN, END])[:, None])[..., None]
        x = tf.gather(table, words_of[:, 0])
        flow = {name: states[name] for name in ("hidden", "cell", "below", "mixed")}
        flow, vectors = self._scan(arrays, flow, x, resets)
        states = {**flow, **{name: x[n_steps:] for name, x in behind.items()}}
        if self.mix is not None:
            rows_of, parts = rows_of[:, -1], tf.range(2)[:, None]
        else:
            parts = 1 + tf.reshape(tf.range(2 * n_layers), (n_layers, 2, 1))
            forward_rows = tf.bitcast(forward[1], tf.int32)
            out, bad = _put(out, bad, forward_rows, tf.zeros((), tf.int32), x[:, 0])
        out, bad = _put(out, bad, rows_of, parts, vectors)
        return states, out, bad

    def _scan(self, arrays: Arrays, flow: Arrays, x: Any, resets: Any) -> tuple[Arrays, Any]:
        """Run the steps in turn; return the last states and the vectors of all steps."""
        n_steps = x.shape[0]
        unroll = self.unroll if n_steps % self.unroll == 0 else 1
        names = list(flow)

        def body(t: Any, now: list[Any], found: Any) -> tuple[Any, list[Any], Any]:
            states = dict(zip(names, now, strict=True))
            for k in range(unroll):
                states, vectors = self._step(arrays, states, tf.gather(x, t + k), tf.gather(resets, t + k))
                found = found.write(t + k, vectors)
            return t + unroll, [states[name] for name in names], found

        _, last, found = tf.while_loop(
            lambda t, *_: t < n_steps,
            body,
            (tf.constant(0), list(flow.values()), tf.TensorArray(tf.float32, n_steps)),
            maximum_iterations=n_steps // unroll,
        )
        vectors = found.stack()
        shape = x.shape if self.mix is not None else (n_steps, self.options.n_layers, *x.shape[1:])
        return dict(zip(names, last, strict=True)), tf.ensure_shape(vectors, shape)

    def _step(self, arrays: Arrays, flow: Arrays, x: Any, reset: Any) -> tuple[Arrays, Any]:
        """Run one step of all layers and both directions, `(n_layers, 2, n_streams, …)`."""
        options = self.options
        inputs = tf.concat([x[None], flow["below"]], axis=0)
        # Not times zero: what a broken document left may be infinite.
        hidden, cell = (tf.where(reset, 0.0, flow[name]) for name in ("hidden", "cell"))
        shape = inputs.shape[:-1]
        both = tf.reshape(tf.concat([inputs, hidden], axis=-1), (-1, shape[2], 2 * inputs.shape[-1]))
        gates = self._product(both, arrays["kernel"], self.precision) + arrays["bias"]
        i, j, f, o = tf.split(gates, 4, axis=-1)
        cell = tf.sigmoid(f) * tf.reshape(cell, i.shape) + tf.sigmoid(i) * tf.tanh(j)
        cell = _clip(cell, options.cell_clip)
        hidden = self._product(tf.sigmoid(o) * tf.tanh(cell), arrays["projection"], self.precision)
        hidden = tf.reshape(_clip(hidden, options.proj_clip), inputs.shape)
        outputs = hidden
        if options.use_skip_connections:
            outputs = tf.concat([hidden[:1], hidden[1:] + inputs[1:]], axis=0)
        flow = {**flow, "hidden": hidden, "cell": tf.reshape(cell, (*shape, options.dim)), "below": outputs[:-1]}
        if self.mix is None:
            return flow, outputs
        # Of a layer's weight 0 nothing is added: not even that of NaN.
        mixed = tf.concat([(x * self.mix[0] if self.mix[0] else tf.zeros_like(x))[None], flow["mixed"]], axis=0)
        mixed = tf.stack(
            [mixed[k] + weight * outputs[k] if weight else mixed[k] for k, weight in enumerate(self.mix[1:])]
        )
        return {**flow, "mixed": mixed[:-1]}, mixed[-1]


def _clip(x: Any, bound: float | None) -> Any:
    return x if bound is None else tf.clip_by_value(x, -bound, bound)


def _put(out: Any, bad: Any, rows: Any, parts: Any, vectors: Any) -> tuple[Any, Any]:
    """Round vectors and write them into their rows and parts; those of row -1 go to the last row, which is none."""
    rounded = tf.cast(vectors, out.dtype)
    here = rows >= 0
    # Of what is rounded: a large number may be infinite only then.
    finite = tf.reduce_all(tf.math.is_finite(rounded), axis=-1)
    bad |= tf.reduce_any(here & ~finite)
    places = tf.stack([tf.where(here, rows, out.shape[0] - 1), tf.broadcast_to(parts, rows.shape)], axis=-1)
    return tf.tensor_scatter_nd_update(out, places, rounded), bad


def _cut(out: Any, start: Any, size: int) -> Any:
    return tf.gather(out, tf.bitcast(start, tf.int32) + tf.range(size))


@contextmanager
def _tf32_is(allowed: bool) -> Iterator[None]:
    """Within, products of float32 are computed in TF32 or not; TensorFlow has one switch for the whole process."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(allowed)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
