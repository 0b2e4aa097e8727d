"""The biLM in plain JAX, for an encoder that lives on its device: see `elmo_cache.encoders.bilm.resident`.

Imports JAX. The arithmetic is that of `elmo_cache.encoders.bilm.model`; what differs is the order of the work.
LSTM layer l runs l steps behind layer 0 (a wavefront), so that in one step of the loop all layers of both directions
are independent: one batched product makes the gates of all of them, and another one their projections.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import SingleDeviceSharding

from elmo_cache.encoders.bilm.characters import BOS, BOW, EOW, PAD
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.program import Arrays, Program, convolved, input_type
from elmo_cache.encoders.bilm.streams import BEGIN, END

__all__ = ["BiLMProgram", "pinned_memory"]


def _product(x: Any, kernel: Any, precision: str) -> Any:
    """Multiply the last axis of `(…, n, a)` with `(…, a, b)`; the sum is float32."""
    batch = tuple(range(kernel.ndim - 2))
    how: Any = {"float32": lax.Precision.HIGHEST, "tf32": lax.DotAlgorithmPreset.TF32_TF32_F32}.get(precision)
    return lax.dot_general(
        x.astype(input_type(precision)),
        kernel,
        (((x.ndim - 1,), (kernel.ndim - 2,)), (batch, batch)),
        precision=how,
        preferred_element_type=jnp.float32,
    )


def pinned_memory(device: Any) -> SingleDeviceSharding | None:
    """Return where a device copies to at the speed of the bus: the host's pinned memory; None where there is none.

    To other memory of the host, a GPU copies through a small buffer, bit by bit.
    """
    if all(memory.kind != "pinned_host" for memory in device.addressable_memories()):
        return None
    return SingleDeviceSharding(device, memory_kind="pinned_host")


def _clip(x: Any, bound: float | None) -> Any:
    return x if bound is None else jnp.clip(x, -bound, bound)


class BiLMProgram(Program):
    """By JAX, on its first device."""

    def __init__(self, options: BiLMOptions, mix: Sequence[float] | None, precision: str, unroll: int):
        super().__init__(options, mix, precision, unroll)
        self.device = jax.devices()[0]
        self._pinned = pinned_memory(self.device)
        self.fill_table = jax.jit(self._fill_table, donate_argnames="table")
        self.advance = jax.jit(self._advance, donate_argnames=("states", "out"))
        self.zeros = self._bound(jax.jit(self._zeros, static_argnums=(0, 1, 2)))
        self.zero_table = self._bound(
            jax.jit(lambda n: jnp.zeros((n, options.projection_dim), jnp.float32), static_argnums=0)
        )
        self.cut = jax.jit(lax.dynamic_slice_in_dim, static_argnums=2)

    def _bound(self, function: Callable[..., Any]) -> Callable[..., Any]:
        # To `jit` arrays that are bound to a device are of another kind: unbound ones would compile everything twice.
        return lambda *sizes: jax.device_put(function(*sizes), self.device)

    def put(self, arrays: Any) -> Any:
        """Copy an array of the host, or a dict of some, to the device."""
        return jax.device_put(arrays, self.device)

    def start_fetch(self, array: Any) -> Any:
        """Begin to copy an array to the host; return what `fetch` takes."""
        if self._pinned is not None:
            return jax.device_put(array, self._pinned)
        array.copy_to_host_async()
        return array

    def fetch(self, started: Any) -> np.ndarray:
        """Wait for an array, or for a copy that has been begun, and return it on the host."""
        return np.asarray(jax.device_get(started))

    def wait(self, array: Any) -> None:
        """Wait until an array is computed."""
        array.block_until_ready()

    def _fill_table(self, arrays: Arrays, table: Any, start: Any, text: Any, lengths: Any) -> Any:
        """Write the vectors of words into rows of the table; see `Program`."""
        ids = jnp.pad(text.astype(jnp.int32) + 1, ((0, 0), (1, 1)))
        mark = lengths < 0
        ids = ids.at[:, 1].set(jnp.where(mark, BOS - lengths, ids[:, 1]))
        length = jnp.where(mark, 1, lengths)[:, None]
        place = jnp.arange(ids.shape[1])[None]
        ids = jnp.where(place == length + 1, EOW + 1, jnp.where(place > length + 1, PAD + 1, ids)).at[:, 0].set(BOW + 1)
        vectors = jnp.where((lengths == -3)[:, None], 0.0, self._word_vectors(arrays, ids))
        return lax.dynamic_update_slice_in_dim(table, vectors, start, 0)

    def _word_vectors(self, arrays: Arrays, ids: Any) -> Any:
        options, precision = self.options, self.precision
        characters = arrays["char_embed"][ids]
        activation = jax.nn.relu if options.activation == "relu" else jnp.tanh
        found = []
        for i, (width, _) in enumerate(options.filters):
            n_places = ids.shape[1] - width + 1
            windows = jnp.concatenate([characters[:, k : k + n_places] for k in range(width)], axis=-1)
            highest = _product(windows, arrays[f"CNN/W_cnn_{i}"], convolved(precision)).max(axis=1)
            found.append(activation(highest + arrays[f"CNN/b_cnn_{i}"]))
        x = jnp.concatenate(found, axis=-1)
        for i in range(options.n_highway):
            carry, transform = (
                _product(x, arrays[f"CNN_high_{i}/W_{gate}"], precision) + arrays[f"CNN_high_{i}/b_{gate}"]
                for gate in ("carry", "transform")
            )
            gate = jax.nn.sigmoid(carry)
            x = gate * jax.nn.relu(transform) + (1.0 - gate) * x
        return _product(x, arrays["CNN_proj/W_proj"], precision) + arrays["CNN_proj/b_proj"]

    def _zeros(self, n_streams: int, n_rows: int, dtype: str) -> tuple[Arrays, Any, Any]:
        """Return the states before the first step, no rows, and the flag that something is not finite."""
        n_layers, size, cells = self.options.n_layers, self.options.projection_dim, self.options.dim
        states = {
            "hidden": jnp.zeros((n_layers, 2, n_streams, size)),
            "cell": jnp.zeros((n_layers, 2, n_streams, cells)),
            # What goes from a layer to the next one, which takes it in the next step.
            "below": jnp.zeros((n_layers - 1, 2, n_streams, size)),
            "mixed": jnp.zeros((n_layers - 1, 2, n_streams, size)),
            # The last words and rows, which the layers above the first have still to come to.
            "words": jnp.zeros((n_layers - 1, 2, n_streams), jnp.int32),
            "rows": jnp.full((n_layers - 1, 2, n_streams), -1, jnp.int32),
        }
        return states, jnp.zeros((n_rows, self.n_parts, size), dtype), jnp.zeros((), bool)

    def _advance(
        self, arrays: Arrays, table: Any, states: Arrays, out: Any, bad: Any, forward: Any, backward: Any
    ) -> tuple[Arrays, Any, Any]:
        """Run a chunk of steps; see `Program`."""
        self.n_traced += 1
        n_layers = self.options.n_layers
        (words, rows) = jnp.stack([forward, backward[:, ::-1]], axis=2)  # (time, 2, n_streams)
        n_steps = words.shape[0]
        behind = {name: jnp.concatenate([states[name], now]) for name, now in {"words": words, "rows": rows}.items()}
        # (time, n_layers, 2, n_streams): each layer a step behind the one below.
        words_of, rows_of = (
            jnp.stack([lax.slice_in_dim(x, k, k + n_steps) for k in reversed(range(n_layers))], axis=1)
            for x in behind.values()
        )
        resets = (words_of == jnp.array([BEGIN, END])[:, None])[..., None]
        x = table[words]
        flow = {name: states[name] for name in ("hidden", "cell", "below", "mixed")}
        flow, vectors = lax.scan(partial(self._step, arrays), flow, (x, resets), unroll=min(self.unroll, n_steps))
        states = {**flow, **{name: lax.slice_in_dim(x, n_steps, None) for name, x in behind.items()}}
        if self.mix is not None:
            rows_of, parts = rows_of[:, -1], jnp.arange(2)[:, None]
        else:
            parts = 1 + jnp.arange(2 * n_layers).reshape(n_layers, 2, 1)
            out, bad = _put(out, bad, rows[:, 0], jnp.zeros((), int), x[:, 0])
        out, bad = _put(out, bad, rows_of, parts, vectors)
        return states, out, bad

    def _step(self, arrays: Arrays, flow: Arrays, now: tuple[Any, Any]) -> tuple[Arrays, Any]:
        """Run one step of all layers and both directions, `(n_layers, 2, n_streams, …)`."""
        (x, reset), options = now, self.options
        inputs = jnp.concatenate([x[None], flow["below"]])
        # Not times zero: what a broken document left may be infinite.
        hidden, cell = (jnp.where(reset, 0.0, flow[name]) for name in ("hidden", "cell"))
        shape = inputs.shape[:-1]
        both = jnp.concatenate([inputs, hidden], axis=-1).reshape(-1, shape[2], 2 * inputs.shape[-1])
        gates = _product(both, arrays["kernel"], self.precision) + arrays["bias"]
        i, j, f, o = jnp.split(gates, 4, axis=-1)
        cell = jax.nn.sigmoid(f) * cell.reshape(i.shape) + jax.nn.sigmoid(i) * jnp.tanh(j)
        cell = _clip(cell, options.cell_clip)
        hidden = _product(jax.nn.sigmoid(o) * jnp.tanh(cell), arrays["projection"], self.precision)
        hidden = _clip(hidden, options.proj_clip).reshape(inputs.shape)
        outputs = hidden
        if options.use_skip_connections:
            outputs = jnp.concatenate([hidden[:1], hidden[1:] + inputs[1:]])
        flow = {**flow, "hidden": hidden, "cell": cell.reshape(*shape, -1), "below": outputs[:-1]}
        if self.mix is None:
            return flow, outputs
        # Of a layer's weight 0 nothing is added: not even that of NaN.
        mixed = jnp.concatenate([(x * self.mix[0] if self.mix[0] else jnp.zeros_like(x))[None], flow["mixed"]])
        mixed = jnp.stack(
            [mixed[k] + weight * outputs[k] if weight else mixed[k] for k, weight in enumerate(self.mix[1:])]
        )
        return {**flow, "mixed": mixed[:-1]}, mixed[-1]


def _put(out: Any, bad: Any, rows: Any, parts: Any, vectors: Any) -> tuple[Any, Any]:
    """Round vectors and write them into their rows and parts; a row of -1 is none."""
    rounded = vectors.astype(out.dtype)
    here = rows >= 0
    bad |= jnp.any(here & ~jnp.isfinite(rounded).all(axis=-1))
    # Rows beyond the end are dropped; each is another one, as the indices are promised to differ.
    beyond = out.shape[0] + jnp.arange(rows.size, dtype=jnp.int32).reshape(rows.shape)
    places = (jnp.where(here, rows, beyond), jnp.broadcast_to(parts, rows.shape))
    return out.at[places].set(rounded, mode="drop", unique_indices=True), bad
