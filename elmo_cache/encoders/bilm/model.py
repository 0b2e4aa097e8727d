"""The biLM of Peters et al. (2018, arXiv:1802.05365) as Keras 3 models in `keras.ops`, for any backend.

Two models, because they run on different things: `CharacterCNN` once for each distinct word, `BidirectionalLSTM`
once for each token, on streams of documents packed end to end (`elmo_cache.encoders.bilm.streams`).
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import Weights, forget_bias, lstm_name
from elmo_cache.encoders.devices import find_device

__all__ = ["BidirectionalLSTM", "CharacterCNN"]


def _compiled(model: keras.Model) -> None:
    # One traced graph is fastest on TensorFlow (XLA on a CPU is a quarter slower and compiles for 15 s),
    # and jit is the only way on JAX.
    model.jit_compile = keras.backend.backend() == "jax"


class CharacterCNN(keras.Model):
    """Words to vectors: character embedding, convolutions, maximum over positions, highway layers, projection.

    Each filter gives one number, `activation(max over positions of (convolution) + bias)` (Kim et al. 2016,
    arXiv:1508.06615). A highway layer then makes `g * relu(W_transform x + b_transform) + (1 - g) * x` of x with the
    gate g = `sigmoid(W_carry x + b_carry)` (Srivastava et al. 2015, arXiv:1505.00387; the names are bilm-tf's).

    `call` takes character ids `(n_words, max_characters)` int32 (`characters.character_ids`) and returns
    `(n_words, projection_dim)` float32. The parameters are those of `BidirectionalLSTM`.
    """

    def __init__(self, options: BiLMOptions, precision: str = "float32", kernel_dtype: str | None = None):
        super().__init__(name="character_cnn", dtype=_sum_dtype(precision))
        self.options = options
        n = options.n_filters
        self.embedding = self.add_weight(shape=(262, options.char_dim), name="char_embed")
        self.convolutions = [
            (
                self.add_weight(shape=(width, options.char_dim, count), name=f"W_cnn_{i}"),
                self.add_weight(shape=(count,), name=f"b_cnn_{i}"),
            )
            for i, (width, count) in enumerate(options.filters)
        ]
        self.highways = [
            [_Affine(n, n, precision, kernel_dtype, name=f"highway_{i}_{gate}") for gate in ("carry", "transform")]
            for i in range(options.n_highway)
        ]
        self.projection = _Affine(n, options.projection_dim, precision, kernel_dtype, name="projection")
        self.built = True
        _compiled(self)

    def call(self, character_ids: Any) -> Any:
        """Return the vectors of words; see the class."""
        characters = ops.take(self.embedding, character_ids, axis=0)
        activation = ops.relu if self.options.activation == "relu" else ops.tanh
        # The maximum over positions commutes with the bias and with the activation, and comes first: less to do.
        x = ops.concatenate(
            [
                activation(ops.max(ops.conv(characters, kernel, padding="valid"), axis=1) + bias)
                for kernel, bias in self.convolutions
            ],
            axis=-1,
        )
        for carry, transform in self.highways:
            gate = ops.sigmoid(carry(x))
            x = gate * ops.relu(transform(x)) + (1.0 - gate) * x
        return self.projection(x)

    def load(self, weights: Weights) -> None:
        """Take over the weights of a public file; those of the LSTMs are not looked at."""
        # Id 0 marks a row that is no word: its vector is zero.
        self.embedding.assign(np.pad(weights["char_embed"], ((1, 0), (0, 0))))
        for i, (kernel, bias) in enumerate(self.convolutions):
            kernel.assign(weights[f"CNN/W_cnn_{i}"][0])
            bias.assign(weights[f"CNN/b_cnn_{i}"])
        for i, (carry, transform) in enumerate(self.highways):
            carry.load(weights[f"CNN_high_{i}/W_carry"], weights[f"CNN_high_{i}/b_carry"])
            transform.load(weights[f"CNN_high_{i}/W_transform"], weights[f"CNN_high_{i}/b_transform"])
        self.projection.load(weights["CNN_proj/W_proj"], weights["CNN_proj/b_proj"])

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the weights as a public file has them: the inverse of `load`."""
        tensors = {"char_embed": _array(self.embedding)[1:]}
        for i, (kernel, bias) in enumerate(self.convolutions):
            tensors[f"CNN/W_cnn_{i}"], tensors[f"CNN/b_cnn_{i}"] = _array(kernel)[None], _array(bias)
        affines = {
            f"CNN_high_{i}/{{}}_{gate}": affine
            for i, pair in enumerate(self.highways)
            for gate, affine in zip(("carry", "transform"), pair, strict=True)
        }
        for name, affine in {**affines, "CNN_proj/{}_proj": self.projection}.items():
            tensors[name.format("W")], tensors[name.format("b")] = _array(affine.kernel), _array(affine.bias)
        return tensors


class BidirectionalLSTM(keras.Model):
    """A chunk of packed streams through both directions' LSTM layers, from state to state.

    `call` takes a dict of float32 arrays: for each direction d (0 forward, 1 backward) `inputs_d`
    `(time, n_streams, projection_dim)`, `keep_d` `(time, n_streams, 1)` (0 where the state is set to zero before the
    step, else 1), and for each layer l the states `hidden_d_l` `(projection_dim, n_streams)` and `cell_d_l`
    `(dim, n_streams)`. Direction 1 runs from the last step to the first. For dropout there may be `mask_d_l`
    `(time, projection_dim, n_streams)`, by which the inputs of a layer are multiplied. It returns the new states under
    the same names, and `features_d`: `(n_features, time, n_streams, projection_dim)`.

    Parameters
    ----------
    options : BiLMOptions
        The architecture.
    mix : sequence of float or None
        Weights of the layers 0 to n_layers: the only feature is then their sum. None: the features are the
        outputs of the LSTM layers.
    precision : {"float32", "bfloat16", "float64"}
        Of the matrix products; states and sums are float32 in the first two cases.
    kernel_dtype : str, optional
        What the kernels are kept in, by default `precision`. Training keeps them in float32, where small steps add up.
    """

    def __init__(
        self,
        options: BiLMOptions,
        mix: Sequence[float] | None,
        precision: str = "float32",
        kernel_dtype: str | None = None,
    ):
        super().__init__(name="bidirectional_lstm", dtype=_sum_dtype(precision))
        self.options = options
        self.mix = None if mix is None else [float(weight) for weight in mix]
        self.lstms = [
            [ProjectedLSTM(options, precision, kernel_dtype, direction, layer) for layer in range(options.n_layers)]
            for direction in range(2)
        ]
        self.built = True
        _compiled(self)

    def call(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """Return features and new states; see the class."""
        if keras.backend.backend() == "jax":
            return self._side_by_side(chunk)
        results = {}
        for direction, lstms in enumerate(self.lstms):
            # Inside, streams are columns: see `ProjectedLSTM`.
            x, keep = _swapped(chunk[f"inputs_{direction}"]), _swapped(chunk[f"keep_{direction}"])
            layers = [x]
            for layer, lstm in enumerate(lstms):
                key = f"{direction}_{layer}"
                if f"mask_{key}" in chunk:
                    x = x * chunk[f"mask_{key}"]
                y, hidden, cell = lstm(x, keep, chunk[f"hidden_{key}"], chunk[f"cell_{key}"])
                if layer and self.options.use_skip_connections:
                    y = y + x
                results[f"hidden_{key}"], results[f"cell_{key}"] = hidden, cell
                layers.append(y)
                x = y
            results[f"features_{direction}"] = _swapped(self._features(layers))
        return results

    def _side_by_side(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """Compute both directions in the same steps, as batched products: half as many steps for a GPU to start."""

        def both(name: str) -> Any:
            forward, backward = (_swapped(chunk[f"{name}_{direction}"]) for direction in range(2))
            return ops.stack([forward, ops.flip(backward, axis=0)], axis=1)

        results = {}
        x, keep = both("inputs"), both("keep")
        layers = [x]
        for layer, pair in enumerate(zip(*self.lstms, strict=True)):
            if f"mask_0_{layer}" in chunk:
                masks = [chunk[f"mask_{direction}_{layer}"] for direction in range(2)]
                x = x * ops.stack([masks[0], ops.flip(masks[1], axis=0)], axis=1)
            hidden, cell = (
                ops.stack([chunk[f"{name}_{direction}_{layer}"] for direction in range(2)])
                for name in ("hidden", "cell")
            )
            parameters = [
                ops.stack([getattr(lstm, name) for lstm in pair]) for name in ("kernel", "bias", "projection")
            ]
            y, hidden, cell = _scan(pair[0].step(*parameters), hidden, cell, x, keep, reverse=False)
            if layer and self.options.use_skip_connections:
                y = y + x
            for direction in range(2):
                results[f"hidden_{direction}_{layer}"] = hidden[direction]
                results[f"cell_{direction}_{layer}"] = cell[direction]
            layers.append(y)
            x = y
        features = _swapped(self._features(layers))
        results["features_0"], results["features_1"] = features[:, :, 0], ops.flip(features[:, :, 1], axis=1)
        return results

    def _features(self, layers: list[Any]) -> Any:
        if self.mix is None:
            return ops.stack(layers[1:])
        weighted = [weight * layer for weight, layer in zip(self.mix, layers, strict=True) if weight]
        return sum(weighted[1:], start=weighted[0])[None]

    def zero_states(self, n_streams: int) -> dict[str, np.ndarray]:
        """Return the states before the first chunk: zeros, float32, by the names that `call` takes."""
        sizes = {"hidden": self.options.projection_dim, "cell": self.options.dim}
        return {
            f"{name}_{direction}_{layer}": np.zeros((size, n_streams), np.float32)
            for direction in range(2)
            for layer in range(self.options.n_layers)
            for name, size in sizes.items()
        }

    def load(self, weights: Weights) -> None:
        """Take over the weights of a public file; those of the character network are not looked at."""
        for direction, lstms in enumerate(self.lstms):
            for layer, lstm in enumerate(lstms):
                name = lstm_name(direction, layer)
                lstm.load(weights[f"{name}/W_0"], weights[f"{name}/B"], weights[f"{name}/W_P_0"])

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the weights as a public file has them: the inverse of `load`."""
        tensors = {}
        for direction, lstms in enumerate(self.lstms):
            for layer, lstm in enumerate(lstms):
                name, bias = lstm_name(direction, layer), _array(lstm.bias)[:, 0]
                tensors[f"{name}/W_0"] = _array(lstm.kernel).T
                tensors[f"{name}/B"] = bias - forget_bias(len(bias))
                tensors[f"{name}/W_P_0"] = _array(lstm.projection).T
        return tensors


class ProjectedLSTM(keras.layers.Layer):
    """An LSTM layer with projection and clipping, without peepholes (Sak et al. 2014, arXiv:1402.1128).

    From the input x and the hidden state h, both `projection_dim` long, and the cell state c, `dim` long, a step makes

        i, j, f, o = split(W [x; h] + b, 4), with 1 added to f
        c = clip(sigmoid(f) * c + sigmoid(i) * tanh(j), cell_clip)
        h = clip(P (sigmoid(o) * tanh(c)), proj_clip)

    Streams are columns: the kernels stand on the left of each product, where a CPU's matrix product reads them as they
    are. On the right they would be repacked in every time step, 67 MB of them in the original ELMo, for a few rows.
    """

    def __init__(self, options: BiLMOptions, precision: str, kernel_dtype: str | None, direction: int, layer: int):
        super().__init__(name=f"lstm_{direction}_{layer}", dtype=_sum_dtype(precision))
        self.options, self.precision, self.reverse = options, precision, bool(direction)
        size, cells, dtype = options.projection_dim, options.dim, kernel_dtype or precision
        self.kernel = self.add_weight(shape=(4 * cells, 2 * size), name="kernel", dtype=dtype)
        self.bias = self.add_weight(shape=(4 * cells, 1), name="bias")
        self.projection = self.add_weight(shape=(size, cells), name="projection", dtype=dtype)
        self.built = True

    def call(self, inputs: Any, keep: Any, hidden: Any, cell: Any) -> tuple[Any, Any, Any]:
        """Return the outputs `(time, projection_dim, n_streams)`, the last hidden state and the last cell state."""
        step = self.step(self.kernel, self.bias, self.projection)
        return _scan(step, hidden, cell, inputs, keep, reverse=self.reverse)

    def step(self, kernel: Any, bias: Any, projection: Any) -> Callable[[Any, Any, Any, Any], tuple[Any, Any]]:
        """Return the function from `(hidden, cell, inputs, keep)` to the new hidden and cell state.

        The parameters are a layer's own, or those of several layers with one axis in front, which all arrays then have.
        """
        # Once, not in every step.
        kernel, projection = ops.cast(kernel, self.precision), ops.cast(projection, self.precision)

        def step(hidden: Any, cell: Any, inputs: Any, keep: Any) -> tuple[Any, Any]:
            gates = _product(kernel, ops.concatenate([inputs, hidden * keep], axis=-2), self.precision) + bias
            input_gate, candidate, forget_gate, output_gate = ops.split(gates, 4, axis=-2)
            cell = ops.sigmoid(forget_gate) * (cell * keep) + ops.sigmoid(input_gate) * ops.tanh(candidate)
            cell = _clip(cell, self.options.cell_clip)
            hidden = _product(projection, ops.sigmoid(output_gate) * ops.tanh(cell), self.precision)
            return _clip(hidden, self.options.proj_clip), cell

        return step

    def load(self, kernel: np.ndarray, bias: np.ndarray, projection: np.ndarray) -> None:
        """Take over a layer's tensors as the public format has them."""
        self.bias.assign((bias + forget_bias(len(bias)))[:, None])
        self.kernel.assign(kernel.T)
        self.projection.assign(projection.T)


class _Affine(keras.layers.Layer):
    def __init__(self, n_in: int, n_out: int, precision: str, kernel_dtype: str | None, name: str):
        super().__init__(name=name, dtype=_sum_dtype(precision))
        self.precision = precision
        self.kernel = self.add_weight(shape=(n_in, n_out), name="kernel", dtype=kernel_dtype or precision)
        self.bias = self.add_weight(shape=(n_out,), name="bias")
        self.built = True

    def call(self, x: Any) -> Any:
        return _product(x, self.kernel, self.precision) + self.bias

    def load(self, kernel: np.ndarray, bias: np.ndarray) -> None:
        self.kernel.assign(kernel)
        self.bias.assign(bias)


def _sum_dtype(precision: str) -> str:
    return "float64" if precision == "float64" else "float32"


def _product(x: Any, y: Any, precision: str) -> Any:
    return ops.cast(ops.matmul(ops.cast(x, precision), ops.cast(y, precision)), _sum_dtype(precision))


def _array(variable: keras.Variable) -> np.ndarray:
    return ops.convert_to_numpy(variable).astype(np.float32)


def _swapped(x: Any) -> Any:
    """Return an array with its last two axes swapped: `(…, n_streams, n)` to `(…, n, n_streams)` and back."""
    return ops.swapaxes(x, -1, -2)


def _clip(x: Any, bound: float | None) -> Any:
    return x if bound is None else ops.clip(x, -bound, bound)


def _scan(step: Any, hidden: Any, cell: Any, inputs: Any, keep: Any, *, reverse: bool) -> tuple[Any, Any, Any]:
    if keras.backend.backend() == "jax":

        def body(carry: tuple[Any, Any], now: tuple[Any, Any]) -> tuple[tuple[Any, Any], Any]:
            carry = step(*carry, *now)
            return carry, carry[0]

        # A GPU takes as long to begin a round of the loop as to compute a step.
        unroll = 1 if find_device().kind == "cpu" else 4
        (hidden, cell), outputs = ops.scan(body, (hidden, cell), (inputs, keep), reverse=reverse, unroll=unroll)
        return outputs, hidden, cell
    # Elsewhere the loop is unrolled: TensorFlow's own runs no two steps side by side, and `ops.scan` wants outputs
    # shaped like every part of the carry there (keras#19681).
    n_steps = inputs.shape[0]
    steps_in, steps_keep = ops.unstack(inputs, n_steps), ops.unstack(keep, n_steps)
    outputs = [None] * n_steps
    for t in reversed(range(n_steps)) if reverse else range(n_steps):
        hidden, cell = step(hidden, cell, steps_in[t], steps_keep[t])
        outputs[t] = hidden
    return ops.stack(outputs), hidden, cell
