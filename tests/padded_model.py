"""The classifiers in Keras's own layers, on padded float32 arrays in memory: what the built-in ones must equal."""

from collections.abc import Mapping

import keras
import numpy as np
from keras import layers

from cache import Split
from trainer.models.convolutional import N_FILTERS, N_HIDDEN, ScalarMix
from trainer.models.starting import compile_model


def padded_model(window: int, dims: Mapping[str, int], static_dim: int, rate: float = 1e-3) -> keras.Model:
    """A compiled classifier from `dims` (of ELMo's layers, none for static vectors alone) and `static` (0: none)."""
    inputs = {name: keras.Input((window, dim), name=name) for name, dim in dims.items()}
    parts = list(inputs.values())
    if len(parts) > 1:
        parts = [ScalarMix(name="scalar_mix")(parts)]
    if static_dim:
        inputs["static"] = keras.Input((window, static_dim), name="static")
        parts.append(inputs["static"])
    x = layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    x = layers.Conv1D(N_FILTERS, 3, padding="same", activation="relu", name="convolution")(x)
    x = layers.GlobalMaxPooling1D()(x)
    x = layers.Dense(N_HIDDEN, activation="relu", name="hidden")(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid", name="probability")(x))
    compile_model(model, rate)
    return model


def padded_arrays(
    splits: Mapping[str, Split], documents: Split, static: np.ndarray, window: int
) -> dict[str, np.ndarray]:
    """Inputs of a `padded_model` for all documents, `(n_docs, window, dim)`; `static` has zeros in row 0."""
    arrays = {name: split.padded(window).astype(static.dtype) for name, split in splits.items()}
    ids = np.zeros((len(documents), window), np.int32)
    for i in range(len(documents)):
        kept = documents.token_ids(i)[-window:] + 1
        ids[i, window - len(kept) :] = kept
    return {**arrays, "static": static[ids]}
