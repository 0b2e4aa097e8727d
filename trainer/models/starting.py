"""What a Keras model needs before a training: a loss and an optimiser, and the weights that a trial starts with."""

from collections.abc import Callable

import numpy as np

from cache.runtime.quiet import quiet_import
from trainer.learners.base import seeded

with quiet_import():
    import keras

__all__ = ["compile_model", "reinitialise", "start_as_built"]


def compile_model(model: keras.Model, learning_rate: float) -> None:
    """Make a model ready to train: cross-entropy, and Adam (Kingma and Ba 2015) with this step size.

    The output is one probability, that of class 1, or one for each class.
    """
    binary = model.output_shape[-1] == 1
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy",
        # XLA gains nothing on TensorFlow's CPU and compiles for 15 s; JAX is nothing without it.
        jit_compile=keras.backend.backend() == "jax",
    )


def reinitialise(model: keras.Model, seed: int, trial: int) -> None:
    """Give a built-in convolution the trainable weights that it starts a trial with, and a fresh optimiser.

    Weights depend on the seed, the trial and the layer alone. Kernels are uniform within `sqrt(6 / (fan_in + fan_out))`
    (Glorot and Bengio 2010) and biases zero, Keras's defaults for these layers; each is drawn by an initialiser of its
    own, since one gives the same values each time. A `ScalarMix` starts with equal shares and its `initial_gamma`.

    Parameters
    ----------
    model : keras.Model
        As `trainer.models.convolutional.build_model` returns it, compiled.
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
    _reset_optimiser(model)


def start_as_built(model: keras.Model, build: Callable[[], keras.Model], seed: int, trial: int) -> None:
    """Give any compiled model the weights and state of one built just now, and a fresh optimiser.

    Layers draw their first weights as they were told to. What they draw depends on seed and trial alone.

    Parameters
    ----------
    model : keras.Model
        Compiled, as `build` returns it.
    build : callable
        Builds the same model.
    seed, trial : int
        Of the run, and the trial's number; neither below 0.
    """
    with seeded(seed, trial) as number:
        keras.utils.set_random_seed(number)
        fresh = build()
    for variable, value in zip(model.variables, fresh.variables, strict=True):
        variable.assign(value)
    _reset_optimiser(model)


def _reset_optimiser(model: keras.Model) -> None:
    for variable in model.optimizer.variables:
        if variable.name != "learning_rate":
            variable.assign(np.zeros(variable.shape, variable.dtype))
