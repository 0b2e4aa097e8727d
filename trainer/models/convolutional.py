"""The classifiers of the experiment: a convolution over static vectors, ELMo's, or both side by side."""

from functools import partial
from typing import Any

import numpy as np

from cache.runtime.quiet import quiet_import
from trainer.convolution import RaggedConvolution

with quiet_import():
    import keras
    from keras import layers, ops

__all__ = ["ScalarMix", "basic", "build_model", "elmo", "elmo_only", "set_gamma"]

N_FILTERS, N_HIDDEN = 64, 250


def build_model(kind: str, static: np.ndarray, feature_dims: dict[str, int], n_classes: int = 2) -> keras.Model:
    """Return a classifier, not compiled yet.

    Parameters
    ----------
    kind : {"basic", "elmo", "elmo-only"}
        Static vectors alone; ELMo's and static vectors, in this order; ELMo's alone.
    static : ndarray of float32, (n_vocabulary + 1, dim)
        Static vectors by token id plus one; row 0 is padding. Frozen, and the same for all trials.
    feature_dims : dict of str to int
        Feature inputs and their dimension. One is scaled by a constant, gamma; several are ELMo's layers, and get a
        trainable mix. Gamma is 1 until `set_gamma` is called.
    n_classes : int
        How many classes it tells apart, at least 2.

    Returns
    -------
    keras.Model
        From the inputs of `trainer.feed.RaggedBatches` that the kind has a use for to the probability of class 1,
        float32 `(n_docs, 1)`, or of each of more than two classes, float32 `(n_docs, n_classes)`.
    """
    inputs: dict[str, Any] = {
        "places": keras.Input((None,), dtype="int32", name="places"),
        "blocks": keras.Input((None,), dtype="int32", name="blocks"),
    }
    parts = dict(inputs)
    mixed = kind != "basic" and len(feature_dims) > 1
    if kind != "basic":
        features = {name: keras.Input((dim,), dtype="float16", name=name) for name, dim in feature_dims.items()}
        inputs |= features
        first, *others = features.values()
        parts["rows"] = ScalarMix(name="scalar_mix")([first, *others]) if others else first
    if kind != "elmo-only":
        inputs |= {name: keras.Input((), dtype="int32", name=name) for name in ("words", "word_of_row")}
        embedding = layers.Embedding(*static.shape, trainable=False, name="static")
        parts |= {"words": embedding(inputs["words"]), "word_of_row": inputs["word_of_row"]}
        embedding.set_weights([static])
    x = RaggedConvolution(N_FILTERS, rows_need_gradient=mixed, name="convolution")(parts)
    x = layers.Dense(N_HIDDEN, activation="relu", name="hidden")(x)
    width, activation = (1, "sigmoid") if n_classes == 2 else (n_classes, "softmax")
    probability = layers.Dense(width, activation=activation, name="probability")(x)
    return keras.Model(inputs, probability, name=kind.replace("-", "_"))


basic, elmo, elmo_only = (partial(build_model, kind) for kind in ("basic", "elmo", "elmo-only"))


def set_gamma(model: keras.Model, gamma: float) -> None:
    """Set the factor on the ELMo vectors: a constant, or what the gamma of a `ScalarMix` starts training from."""
    mixes = [layer for layer in model.layers if isinstance(layer, ScalarMix)]
    for mix in mixes:
        mix.initial_gamma = gamma
    for layer in mixes or [model.get_layer("convolution")]:
        layer.gamma.assign(np.float32(gamma))


class ScalarMix(layers.Layer):
    """ELMo's task-specific mix: `gamma * sum(softmax(w)[k] * layer[k])` (Peters et al. 2018, equation 1).

    It takes a list of `n_layers` arrays float32 `(..., dim)`, what float16 is cast to, and gives one of the same shape.
    Its weights are `w`, float32 `(n_layers,)`, and `gamma`, float32 `()`. A training starts with `w` zero, which mixes
    equally, and with `initial_gamma`.
    """

    initial_gamma = 1.0

    def build(self, shapes: list[tuple[int | None, ...]]) -> None:
        """Create the weights for inputs of these shapes."""
        self.weights_before_softmax = self.add_weight(shape=(len(shapes),), initializer="zeros", name="w")
        self.gamma = self.add_weight(shape=(), initializer="ones", name="gamma")

    def call(self, inputs: list[Any]) -> Any:
        """Return the mixed vectors, float32 `(..., dim)`."""
        shares = ops.softmax(self.weights_before_softmax)
        total = shares[0] * inputs[0]
        for k, layer in enumerate(inputs[1:], 1):
            total = total + shares[k] * layer
        return self.gamma * total
