"""Training, testing and predicting batch by batch, with as little between the batches as each backend allows.

`Model.train_on_batch` and its kin do the same. They trace again for new shapes, though, and spend as long on what
Keras does around a batch as the processor on a small one.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from cache.runtime.quiet import quiet_import
from trainer.convolution import RaggedConvolution
from trainer.models.convolutional import ScalarMix

with quiet_import():
    import keras
    from keras import layers

__all__ = ["Batch", "Steps", "steps_of"]

Batch = tuple[dict[str, np.ndarray], Any]
"""Inputs by name, among them those of the model, and labels, float32 `(n_docs,)`."""


def steps_of(model: keras.Model) -> "Steps":
    """Return the steps of a compiled model, traced once for as long as it keeps its optimiser."""
    found = getattr(model, "_steps", None)
    if found is None or found.model.optimizer is not found.optimizer:
        steps = _BY_BACKEND.get(keras.backend.backend(), Steps)
        if steps is _JaxSteps and not all(type(layer) in _WITHOUT_STATE for layer in model.layers):
            steps = Steps
        found = model._steps = steps(model)
    return found  # type: ignore[no-any-return]


class Steps:
    """What is done with batches, for one compiled model: Keras's own steps, on any backend."""

    def __init__(self, model: keras.Model):
        self.model = model
        self.optimizer = model.optimizer
        self._dtypes = {tensor.name: np.dtype(tensor.dtype) for tensor in model.inputs}
        self.optimizer.build(model.trainable_variables)
        self._train, self._loss, self._predict = model.train_on_batch, model.test_on_batch, model.predict_on_batch

    def train(self, batches: Iterable[Batch]) -> list[float]:
        """Train on each batch in turn; return their losses, each from before its step."""
        return [float(self._train(self._wanted(inputs), self._labels(labels))) for inputs, labels in batches]

    def losses(self, batches: Iterable[Batch]) -> list[float]:
        """Return the loss of each batch."""
        return [float(self._loss(self._wanted(inputs), self._labels(labels))) for inputs, labels in batches]

    def predict(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Return the model's output for one batch, float32 `(n_docs, 1)` or `(n_docs, n_classes)`."""
        return np.asarray(self._predict(self._wanted(inputs)))

    def _wanted(self, inputs: dict[str, np.ndarray]) -> dict[str, Any]:
        return {name: np.asarray(inputs[name], dtype) for name, dtype in self._dtypes.items()}

    def _labels(self, labels: Any) -> Any:
        return labels


class _TensorFlowSteps(Steps):
    """One graph for batches of every size."""

    def __init__(self, model: keras.Model):
        super().__init__(model)
        import tensorflow as tf

        variables = model.trainable_variables
        inputs_spec = {tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in model.inputs}
        labels_spec = tf.TensorSpec((None,), tf.float32)

        @tf.function(input_signature=[inputs_spec, labels_spec])  # type: ignore[untyped-decorator]
        def train(inputs: Any, labels: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = model.compute_loss(inputs, labels, model(inputs, training=True), training=True)
            self.optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        @tf.function(input_signature=[inputs_spec, labels_spec])  # type: ignore[untyped-decorator]
        def loss(inputs: Any, labels: Any) -> Any:
            return model.compute_loss(inputs, labels, model(inputs, training=False), training=False)

        @tf.function(input_signature=[inputs_spec])  # type: ignore[untyped-decorator]
        def predict(inputs: Any) -> Any:
            return model(inputs, training=False)

        # As traced, with tensors for arguments: half of what a call takes otherwise.
        self._train, self._loss, self._predict = (f.get_concrete_function() for f in (train, loss, predict))
        self._tensor = tf.convert_to_tensor

    def _wanted(self, inputs: dict[str, np.ndarray]) -> dict[str, Any]:
        return {name: self._tensor(array) for name, array in super()._wanted(inputs).items()}

    def _labels(self, labels: Any) -> Any:
        return self._tensor(np.asarray(labels, np.float32))


class _JaxSteps(Steps):
    """Compiled functions of the variables' values, which go back into the variables after the last batch.

    For layers alone that change nothing but their weights: no dropout, no running means.
    """

    def __init__(self, model: keras.Model):
        super().__init__(model)
        import jax

        optimizer = self.optimizer

        def loss(trainable: Any, frozen: Any, inputs: Any, labels: Any, training: bool = False) -> Any:
            found, _ = model.stateless_call(trainable, frozen, inputs, training=training)
            return model.compute_loss(inputs, labels, found, training=training)

        def train(trainable: Any, state: Any, frozen: Any, inputs: Any, labels: Any) -> Any:
            value, gradients = jax.value_and_grad(loss)(trainable, frozen, inputs, labels, True)
            return value, *optimizer.stateless_apply(state, gradients, trainable)

        self._train = jax.jit(train, donate_argnums=(0, 1))
        self._loss = jax.jit(loss)
        self._predict = jax.jit(lambda *arguments: model.stateless_call(*arguments, training=False)[0])

    def train(self, batches: Iterable[Batch]) -> list[float]:
        trainable, state = ([v.value for v in vs] for vs in (self.model.trainable_variables, self.optimizer.variables))
        frozen = self._frozen()
        losses = []
        for inputs, labels in batches:
            loss, trainable, state = self._train(trainable, state, frozen, self._wanted(inputs), labels)
            losses.append(loss)
        for variables, values in ((self.model.trainable_variables, trainable), (self.optimizer.variables, state)):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        return [float(loss) for loss in losses]

    def losses(self, batches: Iterable[Batch]) -> list[float]:
        trainable, frozen = [v.value for v in self.model.trainable_variables], self._frozen()
        found = [self._loss(trainable, frozen, self._wanted(inputs), labels) for inputs, labels in batches]
        return [float(loss) for loss in found]

    def predict(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        trainable = [v.value for v in self.model.trainable_variables]
        return np.asarray(self._predict(trainable, self._frozen(), self._wanted(inputs)))

    def _frozen(self) -> list[Any]:
        return [v.value for v in self.model.non_trainable_variables]


_WITHOUT_STATE = (layers.InputLayer, layers.Dense, layers.Embedding, RaggedConvolution, ScalarMix)
_BY_BACKEND: dict[str, type[Steps]] = {"tensorflow": _TensorFlowSteps, "jax": _JaxSteps}
