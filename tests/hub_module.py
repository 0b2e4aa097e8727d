"""Stand-ins for google/elmo: modules in the TF1-Hub format whose own graph computes ELMo, of any size.

The graph is a third implementation beside the product's and the oracle's, in TensorFlow 1's terms: characters from
strings, one batch padded with "", directions turned by `reverse_sequence`, a `while` loop over time.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import Weights, random_weights

tf1 = tf.compat.v1

ORIGINAL_FILTERS = ((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024))
MIX_NAMES = ("aggregation/weights", "aggregation/scaling")
FORMAT_V3 = b"\x08\x03"
"""`tfhub_module.pb`: the message ModuleDef with its field 1, `format`, FORMAT_V3."""


def original_options(dim: int = 4096, projection_dim: int = 512, filters: Any = ORIGINAL_FILTERS) -> BiLMOptions:
    """Return the architecture of google/elmo, in its own size or another."""
    return BiLMOptions(
        filters=filters,
        n_highway=2,
        activation="relu",
        char_dim=16,
        max_characters=50,
        dim=dim,
        projection_dim=projection_dim,
        n_layers=2,
        cell_clip=3.0,
        proj_clip=3.0,
        use_skip_connections=True,
    )


OPTIONS = original_options(12, 6, tuple((width, width + 2) for width in range(1, 8)))


def original_names(name: str) -> str:
    """Return google/elmo's name of a tensor of the public format."""
    for public, module in (("W_0", "kernel"), ("B", "bias"), ("W_P_0", "projection/kernel")):
        name = name.replace(f"LSTMCell/{public}", f"rnn/lstm_cell/{module}")
    return f"bilm/{name}"


def write_module(
    directory: Path,
    options: BiLMOptions = OPTIONS,
    *,
    weights: Weights | None = None,
    mask_row: bool = True,
    mix_weights: Sequence[float] = (0.0, 0.0, 0.0),
    gamma: float = 1.0,
    names: Callable[[str], str] = original_names,
    signatures: Sequence[str] = ("default", "tokens"),
    outputs: Sequence[str] = ("default", "elmo", "lstm_outputs1", "lstm_outputs2", "word_emb"),
    swap: Mapping[str, str] = MappingProxyType({}),
    mix_names: tuple[str, str] = MIX_NAMES,
    noise: float = 0.0,
) -> Path:
    """Write a module and return its directory.

    Parameters
    ----------
    mask_row : bool
        Whether `char_embed` has 262 rows, the first for masking, or 261.
    mix_weights, gamma : floats
        The variables `aggregation/weights` and `aggregation/scaling`.
    names : callable
        Gives a variable's name for a tensor's name in the public format.
    swap : mapping
        Outputs, and which others stand in their place.
    mix_names : pair of str
        What the variables of the mix are called.
    noise : float
        A random number up to this is added to the first LSTM layer, as if the module kept some state.
    """
    weights = random_weights(options) if weights is None else weights
    values = module_values(
        weights, mask_row=mask_row, mix_weights=mix_weights, gamma=gamma, names=names, mix_names=mix_names
    )
    loops = tf1.control_flow_v2_enabled()
    tf1.disable_control_flow_v2()  # as when the original was made
    try:
        with tf.Graph().as_default():
            with tf1.variable_scope("", use_resource=True):
                variables = {
                    name: tf1.get_variable(name, value.shape, tf.float32, tf1.zeros_initializer())
                    for name, value in values.items()
                }
            mix = variables[mix_names[1]] * tf.nn.softmax(variables[mix_names[0]])
            graph = _Graph(options, {name: variables[names(name)] for name in weights}, mix, noise)
            sources = {name: swap.get(name, name) for name in outputs}
            definitions = {name: _signature(*getattr(graph, name)(), sources) for name in signatures}
            meta_graph = tf1.train.export_meta_graph(strip_default_attrs=True)
    finally:
        if loops:
            tf1.enable_control_flow_v2()
    for name, definition in definitions.items():
        meta_graph.signature_def[name].CopyFrom(definition)
    model = saved_model_pb2.SavedModel(saved_model_schema_version=1, meta_graphs=[meta_graph])
    (directory / "variables").mkdir(parents=True)
    (directory / "assets").mkdir()
    (directory / "saved_model.pb").write_bytes(model.SerializeToString(deterministic=True))
    (directory / "tfhub_module.pb").write_bytes(FORMAT_V3)
    write_variables(directory, values)
    return directory


def module_values(
    weights: Weights,
    *,
    mask_row: bool = True,
    mix_weights: Sequence[float] = (0.0, 0.0, 0.0),
    gamma: float = 1.0,
    names: Callable[[str], str] = original_names,
    mix_names: tuple[str, str] = MIX_NAMES,
) -> dict[str, np.ndarray]:
    """Return the variables of a module by name; see `write_module`."""
    values = {names(name): tensor for name, tensor in weights.items()}
    if mask_row:
        values[names("char_embed")] = np.pad(weights["char_embed"], ((1, 0), (0, 0)))
    mix = (np.array(mix_weights, np.float32), np.array(gamma, np.float32))
    return {**values, **dict(zip(mix_names, mix, strict=True))}


def write_variables(directory: Path, values: dict[str, np.ndarray]) -> None:
    """Write a module's checkpoint."""
    tf.raw_ops.SaveV2(
        prefix=str(directory / "variables" / "variables"),
        tensor_names=list(values),
        shape_and_slices=[""] * len(values),
        tensors=[tf.constant(value) for value in values.values()],
    )


def _signature(inputs: dict[str, Any], outputs: dict[str, Any], sources: Mapping[str, str]) -> Any:
    info = tf1.saved_model.build_tensor_info
    return tf1.saved_model.build_signature_def(
        {name: info(tensor) for name, tensor in inputs.items()},
        {name: info(outputs[source]) for name, source in sources.items()},
    )


class _Graph:
    def __init__(self, options: BiLMOptions, weights: dict[str, Any], mix: Any, noise: float):
        self.options, self.weights, self.mix, self.noise = options, weights, mix, noise

    def tokens(self) -> tuple[dict[str, Any], dict[str, Any]]:
        tokens = tf1.placeholder(tf.string, [None, None])
        lengths = tf1.placeholder(tf.int32, [None])
        return {"tokens": tokens, "sequence_len": lengths}, self.outputs(tokens, lengths)

    def default(self) -> tuple[dict[str, Any], dict[str, Any]]:
        texts = tf1.placeholder(tf.string, [None])
        words = tf1.string_split(texts, " ")
        tokens = tf.sparse.to_dense(words, default_value="")
        lengths = tf.reduce_sum(tf.cast(tf.not_equal(tokens, ""), tf.int32), axis=1)
        return {"strings": texts}, self.outputs(tokens, lengths)

    def outputs(self, tokens: Any, lengths: Any) -> dict[str, Any]:
        """tokens (batch, time), lengths (batch) -> outputs (batch, time, width)."""
        n_docs, n_steps = tf.unstack(tf.shape(tokens))
        edge = tf.fill([n_docs, 1], "")
        marked = tf.concat([edge, tokens, edge], axis=1)
        steps = tf.range(n_steps + 2)[None]
        marked = tf.where(tf.equal(steps, 0), "<S>", tf.where(tf.equal(steps, lengths[:, None] + 1), "</S>", marked))
        ids = self.character_ids(tf.reshape(marked, [-1]))
        mask = tf.cast(tf.less(steps, lengths[:, None] + 2), tf.int32)
        ids = ids * tf.reshape(mask, [-1, 1])
        size = self.options.projection_dim
        words = tf.reshape(self.character_cnn(ids), [n_docs, n_steps + 2, size])
        forward = self.direction(words, 0)
        turned = tf.reverse_sequence(words, lengths + 2, seq_axis=1, batch_axis=0)
        backward = [tf.reverse_sequence(x, lengths + 2, seq_axis=1) for x in self.direction(turned, 1)]
        layers = [tf.concat(pair, axis=-1) for pair in zip(forward, backward, strict=True)]
        inside = tf.cast(tf.sequence_mask(lengths, n_steps), tf.float32)[..., None]
        word_emb, first, second = [x[:, 1:-1] * inside for x in [words, *layers]]
        if self.noise:
            first += tf.random.uniform([], maxval=self.noise)
        elmo = sum(
            weight * x
            for weight, x in zip(tf.unstack(self.mix), [tf.concat([word_emb] * 2, axis=-1), first, second], strict=True)
        )
        mean = tf.reduce_sum(elmo, axis=1) / tf.cast(tf.maximum(lengths, 1), tf.float32)[:, None]
        return {
            "word_emb": word_emb,
            "lstm_outputs1": first,
            "lstm_outputs2": second,
            "elmo": elmo,
            "default": mean,
        }

    def character_ids(self, words: Any) -> Any:
        """words (n) -> ids (n, 50) from 1 to 261."""
        most = self.options.max_characters - 2
        n_bytes = tf.minimum(tf.strings.length(words), most)[:, None]
        data = tf.cast(tf.io.decode_raw(words, tf.uint8, fixed_length=most), tf.int32)
        mark = {"<S>": 256, "</S>": 257}
        for text, number in mark.items():
            is_mark = tf.equal(words, text)[:, None]
            data = tf.where(is_mark, tf.fill(tf.shape(data), number), data)
            n_bytes = tf.where(is_mark, tf.ones_like(n_bytes), n_bytes)
        data = tf.pad(data, [[0, 0], [1, 1]])
        position = tf.range(self.options.max_characters)[None]
        ids = tf.where(tf.less_equal(position, n_bytes), data, 260 * tf.ones_like(data))
        ids = tf.where(tf.equal(position, n_bytes + 1), 259 * tf.ones_like(data), ids)
        return tf.where(tf.equal(position, 0) | tf.zeros_like(ids, tf.bool), 258 * tf.ones_like(data), ids) + 1

    def character_cnn(self, ids: Any) -> Any:
        """ids (n, 50) -> vectors (n, projection_dim)."""
        table = self.weights["char_embed"]
        if table.shape[0] == 261:
            table = tf.pad(table, [[1, 0], [0, 0]])
        characters = tf.gather(table, ids)[:, None]
        activation = {"relu": tf.nn.relu, "tanh": tf.tanh}[self.options.activation]
        found = []
        for i in range(len(self.options.filters)):
            kernel, bias = self.weights[f"CNN/W_cnn_{i}"], self.weights[f"CNN/b_cnn_{i}"]
            at_positions = tf.nn.conv2d(characters, kernel, strides=1, padding="VALID") + bias
            found.append(activation(tf.reduce_max(at_positions, axis=[1, 2])))
        x = tf.concat(found, axis=-1)
        for k in range(self.options.n_highway):
            high = {gate: self._affine(x, f"CNN_high_{k}", gate) for gate in ("carry", "transform")}
            carry = tf.sigmoid(high["carry"])
            x = carry * tf.nn.relu(high["transform"]) + (1 - carry) * x
        return self._affine(x, "CNN_proj", "proj")

    def _affine(self, x: Any, group: str, name: str) -> Any:
        return tf.matmul(x, self.weights[f"{group}/W_{name}"]) + self.weights[f"{group}/b_{name}"]

    def direction(self, x: Any, direction: int) -> list[Any]:
        """x (batch, time, projection_dim) -> the output of each layer, likewise."""
        layers: list[Any] = []
        for k in range(self.options.n_layers):
            y = self.lstm(x, f"RNN_{direction}/RNN/MultiRNNCell/Cell{k}/LSTMCell")
            x = y + x if k and self.options.use_skip_connections else y
            layers.append(x)
        return layers

    def lstm(self, x: Any, cell: str) -> Any:
        kernel, bias, projection = (self.weights[f"{cell}/{name}"] for name in ("W_0", "B", "W_P_0"))
        cell_clip, proj_clip = self.options.cell_clip or np.inf, self.options.proj_clip or np.inf
        steps = tf.transpose(x, [1, 0, 2])
        n_steps, n_docs = tf.shape(steps)[0], tf.shape(steps)[1]
        inputs = tf.TensorArray(tf.float32, n_steps).unstack(steps)
        kernel, bias, projection = kernel.read_value(), bias.read_value(), projection.read_value()

        def step(t: Any, state: Any, output: Any, outputs: Any) -> tuple[Any, Any, Any, Any]:
            gates = tf.matmul(tf.concat([inputs.read(t), output], axis=1), kernel) + bias
            i, j, f, o = tf.split(gates, 4, axis=1)
            state = tf.sigmoid(f + 1.0) * state + tf.sigmoid(i) * tf.tanh(j)
            state = tf.clip_by_value(state, -cell_clip, cell_clip)
            output = tf.matmul(tf.sigmoid(o) * tf.tanh(state), projection)
            output = tf.clip_by_value(output, -proj_clip, proj_clip)
            return t + 1, state, output, outputs.write(t, output)

        start = (
            tf.constant(0),
            tf.zeros([n_docs, self.options.dim]),
            tf.zeros([n_docs, self.options.projection_dim]),
            tf.TensorArray(tf.float32, n_steps),
        )
        *_, outputs = tf1.while_loop(lambda t, *_: t < n_steps, step, start)
        y = tf.transpose(outputs.stack(), [1, 0, 2])
        y.set_shape([None, None, self.options.projection_dim])
        return y
