"""`elmo-lstm`: a bidirectional LSTM over ELMo's vectors."""

import numpy as np

from cache.runtime.quiet import quiet_import
from trainer.models.convolutional import ScalarMix

with quiet_import():
    import keras
    from keras import layers, ops

__all__ = ["N_UNITS", "elmo_lstm"]

N_UNITS = 64
"""In each direction."""


def elmo_lstm(static: np.ndarray, feature_dims: dict[str, int], n_classes: int) -> keras.Model:
    """Return a classifier that reads a document in both directions and judges by where each of them ends.

    Padding is masked. Several layers of ELMo get a trainable mix.

    Parameters
    ----------
    static : ndarray
        Not used.
    feature_dims : dict of str to int
        Feature inputs and their dimension.
    n_classes : int
        How many classes it tells apart, at least 2.

    Returns
    -------
    keras.Model
        From the inputs of `cache.adapters.keras.PaddedBatches`, with a mask, to the probability of class 1, float32
        `(n_docs, 1)`, or of each of more than two classes, float32 `(n_docs, n_classes)`.
    """
    mask = keras.Input((None,), dtype="bool", name="mask")
    features = {name: keras.Input((None, dim), dtype="float16", name=name) for name, dim in feature_dims.items()}
    rows = [ops.cast(tensor, "float32") for tensor in features.values()]
    x = rows[0] if len(rows) == 1 else ScalarMix(name="scalar_mix")(rows)
    x = layers.Bidirectional(layers.LSTM(N_UNITS), name="lstm")(x, mask=mask)
    width, activation = (1, "sigmoid") if n_classes == 2 else (n_classes, "softmax")
    probability = layers.Dense(width, activation=activation, name="probability")(x)
    return keras.Model({**features, "mask": mask}, probability, name="elmo_lstm")
