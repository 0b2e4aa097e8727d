"""The classifiers of the experiment, in plain Keras."""

from typing import Any

import numpy as np

from cache.runtime.quiet import quiet_import

with quiet_import():
    import keras
    from keras import layers, ops

__all__ = ["ScalarMix", "Scale", "build_model", "compile_model", "reinitialise", "set_gamma"]

N_FILTERS, WIDTH, N_HIDDEN = 64, 3, 250


def build_model(kind: str, static: np.ndarray, feature_dims: dict[str, int]) -> keras.Model:
    """Return a classifier of two classes, not compiled yet.

    Parameters
    ----------
    kind : {"basic", "elmo", "elmo-only"}
        Static vectors alone; ELMo's and static vectors, in this order; ELMo's alone.
    static : ndarray of float32, (n_vocabulary + 1, dim)
        Static vectors by token id plus one; row 0 is padding. Frozen, and the same for all trials.
    feature_dims : dict of str to int
        Feature inputs and their dimension. One is scaled by a constant, gamma; several are ELMo's layers, and get a
        trainable mix. Gamma is 1 until `set_gamma` is called.

    Returns
    -------
    keras.Model
        From the inputs of `cache.adapters.keras.PaddedBatches`, features float16 `(n_docs, length, dim)` and
        `token_ids` int32 `(n_docs, length)`, as far as the kind has them, to the probability of class 1, float32
        `(n_docs, 1)`.
    """
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    features = {name: keras.Input((None, dim), dtype="float16", name=name) for name, dim in feature_dims.items()}
    parts = []
    if kind != "basic":
        elmo = [ops.cast(feature, "float32") for feature in features.values()]
        parts.append(Scale(name="scale")(elmo[0]) if len(elmo) == 1 else ScalarMix(name="scalar_mix")(elmo))
    if kind != "elmo-only":
        embedding = layers.Embedding(*static.shape, trainable=False, name="static")
        parts.append(embedding(token_ids))
        embedding.set_weights([static])
    x = layers.Concatenate(name="concatenate")(parts) if len(parts) > 1 else parts[0]
    x = layers.Conv1D(N_FILTERS, WIDTH, padding="same", activation="relu", name="convolution")(x)
    # The same function as MaxPooling1D over the whole window and Flatten, whatever the window.
    x = layers.GlobalMaxPooling1D(name="maximum")(x)
    x = layers.Dense(N_HIDDEN, activation="relu", name="hidden")(x)
    probability = layers.Dense(1, activation="sigmoid", name="probability")(x)
    inputs: dict[str, Any] = {} if kind == "basic" else dict(features)
    if kind != "elmo-only":
        inputs["token_ids"] = token_ids
    return keras.Model(inputs, probability, name=kind.replace("-", "_"))


def compile_model(model: keras.Model, learning_rate: float) -> None:
    """Make a model ready to train: binary cross-entropy, and Adam (Kingma and Ba 2015) with this step size."""
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="binary_crossentropy",
        # XLA gains nothing on TensorFlow's CPU and compiles for 15 s; JAX is nothing without it.
        jit_compile=keras.backend.backend() == "jax",
    )


def set_gamma(model: keras.Model, gamma: float) -> None:
    """Set the factor on the ELMo vectors: that of a `Scale` for good, that of a `ScalarMix` to start training from."""
    for layer in model.layers:
        if isinstance(layer, Scale | ScalarMix):
            layer.gamma.assign(np.float32(gamma))
        if isinstance(layer, ScalarMix):
            layer.initial_gamma = gamma


class Scale(layers.Layer):
    """Multiplies float32 vectors `(..., dim)` by `gamma`, float32 `()`, which is not trained.

    A variable and not a number, so that one compiled model serves for all values.
    """

    def build(self, _: tuple[int | None, ...]) -> None:
        """Create the weight: one, which leaves the vectors as they are."""
        self.gamma = self.add_weight(shape=(), initializer="ones", trainable=False, name="gamma")

    def call(self, inputs: Any) -> Any:
        """Return the scaled vectors, float32 `(..., dim)`."""
        return self.gamma * inputs


class ScalarMix(layers.Layer):
    """ELMo's task-specific mix: `gamma * sum(softmax(w)[k] * layer[k])` (Peters et al. 2018, equation 1).

    It takes a list of `n_layers` arrays float32 `(n_docs, length, dim)` and gives one of the same shape. Its weights
    are `w`, float32 `(n_layers,)`, and `gamma`, float32 `()`. A training starts with `w` zero, which mixes equally, and
    with `initial_gamma`.
    """

    initial_gamma = 1.0

    def build(self, shapes: list[tuple[int | None, ...]]) -> None:
        """Create the weights for inputs of these shapes."""
        self.weights_before_softmax = self.add_weight(shape=(len(shapes),), initializer="zeros", name="w")
        self.gamma = self.add_weight(shape=(), initializer="ones", name="gamma")

    def call(self, inputs: list[Any]) -> Any:
        """Return the mixed vectors, float32 `(n_docs, length, dim)`."""
        shares = ops.softmax(self.weights_before_softmax)
        total = shares[0] * inputs[0]
        for k, layer in enumerate(inputs[1:], 1):
            total = total + shares[k] * layer
        return self.gamma * total


def reinitialise(model: keras.Model, seed: int, trial: int) -> None:
    """Give a compiled model the trainable weights that it starts a trial with, and a fresh optimiser.

    Weights depend on the seed, the trial and the layer alone. Kernels are uniform within `sqrt(6 / (fan_in + fan_out))`
    (Glorot and Bengio 2010) and biases zero, Keras's defaults for these layers; each is drawn by an initialiser of its
    own, since one gives the same values each time. A `ScalarMix` starts with equal shares and its `initial_gamma`.

    Parameters
    ----------
    model : keras.Model
        As `build_model` returns it, compiled.
    seed, trial : int
        Of the run, and the trial's number; neither below 0.
    """
    for i, variable in enumerate(model.trainable_variables):
        if variable.name == "kernel":
            words = np.random.SeedSequence([seed, trial, i]).generate_state(1)
            initialiser = keras.initializers.GlorotUniform(seed=int(words[0]) % 2**31)
            variable.assign(initialiser(variable.shape, variable.dtype))
        else:
            start = model.get_layer("scalar_mix").initial_gamma if variable.name == "gamma" else 0.0
            variable.assign(np.full(variable.shape, start, variable.dtype))
    for variable in model.optimizer.variables:
        if variable.name != "learning_rate":
            variable.assign(np.zeros(variable.shape, variable.dtype))
