"""The biLM with a softmax on top: what is trained, and what measures perplexity.

Both are Keras models around the very layers that extraction runs (`elmo_cache.encoders.bilm.model`), for any backend.
"""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from elmo_cache.encoders.bilm.model import BidirectionalLSTM, CharacterCNN
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import Weights, tensor_shapes
from elmo_cache.encoders.devices import find_device
from elmo_cache.errors import PretrainingError
from elmo_cache.pretraining.settings import Settings

__all__ = ["LanguageModel", "Perplexity", "initial_weights"]

_NEVER = -1e30  # a score; not infinity, whose gradient may be NaN


def initial_weights(options: BiLMOptions, seed: int) -> Weights:
    """Return the weights that training starts from, much as bilm-tf draws them.

    Kernels are normal with standard deviation `fan_in ** -0.5`, those of the LSTMs Glorot-uniform, characters
    uniform in ±1, biases 0; the highway's gates begin at sigmoid(-2), nearly open.
    """
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in tensor_shapes(options).items():
        if name == "char_embed":
            tensor = rng.uniform(-1, 1, shape)
        elif len(shape) == 1:
            tensor = np.full(shape, -2.0 if name.endswith("b_carry") else 0.0)
        elif "LSTMCell" in name:
            bound = (6 / sum(shape)) ** 0.5
            tensor = rng.uniform(-bound, bound, shape)
        else:
            tensor = rng.normal(0, np.prod(shape[:-1]) ** -0.5, shape)
        weights[name] = tensor.astype(np.float32)
    return weights


class LanguageModel(keras.Model):
    """Next-word prediction in both directions; `call` returns the mean loss of a batch, in nats a word.

    The loss is that of a sampled softmax (Jean et al. 2015, arXiv:1412.2007), a target against the batch's negatives.

    A batch (`batches.Batches`) is a dict of arrays:

    * `characters_short`, `characters_long` `(n, columns)` int32: ids of its distinct words, in two lengths;
    * for each direction d `words_d`, `targets_d` `(time, n_streams)` int32: rows of the words above, and of
      `candidates`; `keep_d` `(time, n_streams, 1)`: 0 where a document starts; `weights_d` `(time, n_streams)`: 0 where
      there is no next word;
    * `candidates (n_candidates,)` int32: the softmax rows in use, the `n_negatives` sampled ones first;
    * `corrections (n_candidates,)`: logarithm of each one's expected count in a sample, subtracted from its score;
    * `dropout_seed (2,)` uint32: decides what dropout keeps of the inputs of each LSTM layer and of the last one's
      output.

    The states of the LSTMs are weights of the model that are not trained: each batch goes on from the last one.

    Parameters
    ----------
    settings : Settings
        Architecture, sizes of a batch, and how to step.
    n_vocabulary : int
        Words of the softmax.
    """

    def __init__(self, settings: Settings, n_vocabulary: int):
        options, precision = settings.options, _set_precision(settings.precision)
        dtype = "float64" if precision == "float64" else "float32"
        super().__init__(name="language_model", dtype=dtype)
        self.n_negatives, self.n_layers = settings.negatives, options.n_layers
        self.dropout, self.unroll = settings.dropout, settings.unroll
        self.seeds = keras.random.SeedGenerator(0)
        self.character_cnn = CharacterCNN(options, precision, kernel_dtype=dtype)
        top = [0.0] * options.n_layers + [1.0]
        self.lstm = BidirectionalLSTM(options, top, precision, kernel_dtype=dtype)
        size = options.projection_dim
        self.softmax_kernel = self.add_weight(shape=(n_vocabulary, size), name="softmax_kernel")
        self.softmax_bias = self.add_weight(shape=(n_vocabulary,), initializer="zeros", name="softmax_bias")
        self.states = {
            name: self.add_weight(shape=zeros.shape, initializer="zeros", trainable=False, name=name)
            for name, zeros in self.lstm.zero_states(settings.streams).items()
        }
        self.built = True
        self._jax_steps = _JaxSteps(self) if keras.backend.backend() == "jax" else None
        optimizer = DenseAdam(settings.learning_rate, global_clipnorm=settings.clip_norm)
        # XLA is slower than TensorFlow on a CPU, and the only way on JAX.
        self.compile(optimizer=optimizer, jit_compile=keras.backend.backend() == "jax")
        optimizer.build(self.trainable_variables)

    def call(self, batch: dict[str, Any], training: bool = False) -> Any:
        """Return the loss; see the class."""
        masks = self.masks(batch["dropout_seed"])
        outputs, states = self.run(batch, self.states, masks)
        for name, state in states.items():
            self.states[name].assign(state)
        kernel = ops.take(self.softmax_kernel, batch["candidates"], axis=0)
        bias = ops.take(self.softmax_bias, batch["candidates"]) - batch["corrections"]
        n_negatives = self.n_negatives
        total, n_words = 0.0, 0.0
        for direction, x in enumerate(outputs):
            mask = masks.get(f"mask_{direction}_{self.n_layers}")
            if mask is not None:
                x = x * ops.swapaxes(mask, -1, -2)
            x, targets, weights = _flat(x, batch, direction)
            scores = ops.matmul(x, ops.transpose(kernel[:n_negatives])) + bias[:n_negatives]
            # A target that was drawn as a negative too ("accidental hit") counts once.
            is_target = targets[:, None] == ops.arange(n_negatives, dtype=targets.dtype)
            scores = ops.where(is_target, _NEVER, scores)
            own = ops.sum(x * ops.take(kernel, targets, axis=0), axis=-1) + ops.take(bias, targets)
            # log(exp(own) + sum(exp(scores))) - own
            losses = ops.softplus(ops.logsumexp(scores, axis=-1) - own)
            total = total + ops.sum(weights * losses)
            n_words = n_words + ops.sum(weights)
        return total / n_words

    def masks(self, seed: Any) -> dict[str, Any]:
        """Return what the inputs of each LSTM layer, and the output, are multiplied by: 0 or 1 / (1 - dropout).

        `mask_d_l` is that of direction d and layer l, `(time, projection_dim, n_streams)`; the output counts as the
        layer after the last one. There are none without dropout.
        """
        if not self.dropout:
            return {}
        self.seeds.state.assign(ops.cast(seed, self.seeds.state.dtype))
        shape = (self.unroll, *self.states["hidden_0_0"].shape)
        return {
            f"mask_{direction}_{layer}": ops.cast(
                keras.random.uniform(shape, dtype="float32", seed=self.seeds) >= self.dropout, self.compute_dtype
            )
            / (1 - self.dropout)
            for direction in range(2)
            for layer in range(self.n_layers + 1)
        }

    def run(
        self, batch: dict[str, Any], states: dict[str, Any], masks: dict[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return the top layer `(time, n_streams, projection_dim)` of each direction, and the new states."""
        # The characters of a batch's distinct words are read once, as in extraction.
        table = ops.concatenate([self.character_cnn(batch[f"characters_{kind}"]) for kind in ("short", "long")])
        chunk = {name: ops.convert_to_tensor(states[name]) for name in self.states} | masks
        for direction in range(2):
            chunk[f"inputs_{direction}"] = ops.take(table, batch[f"words_{direction}"], axis=0)
            chunk[f"keep_{direction}"] = batch[f"keep_{direction}"]
        results = self.lstm(chunk)
        return [results[f"features_{d}"][0] for d in range(2)], {name: results[name] for name in self.states}

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
        """Return what `call` returned: it is the loss."""
        return y_pred

    def step(self, batch: dict[str, np.ndarray], learning_rate: float) -> Any:
        """Learn from a batch; return its loss before that, a number that JAX may still be computing."""
        if self._jax_steps is not None:
            return self._jax_steps.step(batch, learning_rate)
        self.optimizer.learning_rate = learning_rate
        self.reset_metrics()  # Keras averages over steps otherwise
        return float(self.train_on_batch(batch))

    def synchronise(self) -> None:
        """Give the variables the values that steps have come to: to be called before they are read."""
        if self._jax_steps is not None:
            self._jax_steps.synchronise()

    def start(self, weights: Weights, seed: int) -> None:
        """Take over the biLM's weights from the public format, and draw the softmax's."""
        self.character_cnn.load(weights)
        self.lstm.load(weights)
        shape = self.softmax_kernel.shape
        self.softmax_kernel.assign(np.random.default_rng(seed).normal(0, shape[1] ** -0.5, shape))

    def tensors(self) -> Weights:
        """Return the biLM's weights in the public format."""
        return {**self.character_cnn.tensors(), **self.lstm.tensors()}


def _set_precision(precision: str) -> str:
    """Make products what their precision says, and return the type of their factors."""
    refusal = find_device().refusal(precision)
    if refusal:
        raise PretrainingError(refusal.message, **refusal.data)
    if keras.backend.backend() == "jax":
        import jax

        # Left alone, JAX takes TF32 for float32 on a GPU.
        products = "highest" if precision in ("float32", "float64") else "tensorfloat32"
        jax.config.update("jax_default_matmul_precision", products)
    return "float32" if precision == "tf32" else precision


class _JaxSteps:
    """Steps under JAX that wait for nothing; Keras's own `train_on_batch` waits for the result of each."""

    def __init__(self, model: LanguageModel):
        self.model = model
        self.function: Any = None
        self.state: list[list[Any]] | None = None

    def variables(self) -> tuple[list[Any], ...]:
        return self.model.trainable_variables, self.model.non_trainable_variables, self.model.optimizer.variables

    def step(self, batch: dict[str, np.ndarray], learning_rate: float) -> Any:
        if self.function is None:
            self.function = self._compile()
        if self.state is None:  # copies, since a step uses up what it is given
            self.state = [[ops.copy(variable.value) for variable in part] for part in self.variables()]
        loss, self.state = self.function(self.state, batch, np.float32(learning_rate))
        return loss

    def synchronise(self) -> None:
        if self.state is not None:
            for variables, values in zip(self.variables(), self.state, strict=True):
                for variable, value in zip(variables, values, strict=True):
                    variable.assign(value)
            self.state = None

    def _compile(self) -> Any:
        import jax

        model, optimizer = self.model, self.model.optimizer
        rate_at = [variable is optimizer.learning_rate for variable in optimizer.variables].index(True)

        def loss_of(trainable: list[Any], frozen: list[Any], batch: dict[str, Any]) -> tuple[Any, list[Any]]:
            loss, frozen = model.stateless_call(trainable, frozen, batch, training=True)
            return loss, frozen

        def step(state: list[list[Any]], batch: dict[str, Any], learning_rate: Any) -> tuple[Any, list[list[Any]]]:
            trainable, frozen, moments = state
            (loss, frozen), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable, frozen, batch)
            moments[rate_at] = learning_rate
            trainable, moments = optimizer.stateless_apply(moments, gradients, trainable)
            return loss, [trainable, frozen, moments]

        return jax.jit(step, donate_argnums=0)


class DenseAdam(keras.optimizers.Adam):
    """Adam that sees the gradient of a table's row as one.

    TensorFlow hands over a part for each use of the row, and Keras squares them one by one.
    """

    def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
        """Take a step; to give a gradient its variable's shape makes one array of its parts."""
        variables = trainable_variables or self._trainable_variables
        grads = [ops.reshape(gradient, variable.shape) for gradient, variable in zip(grads, variables, strict=True)]
        super().apply(grads, trainable_variables)


class Perplexity(keras.Model):
    """The summed loss of a batch by full softmax; changes nothing.

    `call` takes what `Batches.held_out` yields, with `targets_d` in the whole vocabulary, and the states by name. It
    returns `losses (2,)`, a direction each, and the new states.
    """

    def __init__(self, model: LanguageModel):
        super().__init__(name="perplexity", dtype=model.dtype_policy)
        self.model = model
        self.built = True
        self.jit_compile = keras.backend.backend() == "jax"

    def call(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return losses and states; see the class."""
        model = self.model
        outputs, states = model.run(batch, batch, {})
        losses = []
        for direction, x in enumerate(outputs):
            x, targets, weights = _flat(x, batch, direction)
            scores = ops.matmul(x, ops.transpose(model.softmax_kernel)) + model.softmax_bias
            own = ops.take_along_axis(scores, targets[:, None], axis=-1)[:, 0]
            losses.append(ops.sum(weights * (ops.logsumexp(scores, axis=-1) - own)))
        return {"losses": ops.stack(losses), **states}

    def measure(self, batches: Iterable[dict[str, np.ndarray]]) -> tuple[float, float]:
        """Return the perplexity of batches that follow each other, forward and backward."""
        states: dict[str, np.ndarray] = {}
        losses, n_words = np.zeros(2), np.zeros(2)
        for batch in batches:
            states = states or self.model.lstm.zero_states(batch["words_0"].shape[1])
            results = self.predict_on_batch({**batch, **states})
            states = {name: results[name] for name in states}
            losses += results["losses"]
            n_words += [batch["weights_0"].sum(), batch["weights_1"].sum()]
        with np.errstate(over="ignore"):
            forward, backward = np.exp(losses / n_words)
        return float(forward), float(backward)


def _flat(x: Any, batch: dict[str, Any], direction: int) -> tuple[Any, Any, Any]:
    """Return a direction's outputs `(n, projection_dim)`, targets `(n,)` and weights `(n,)`, all steps end to end."""
    targets, weights = (ops.reshape(batch[f"{name}_{direction}"], (-1,)) for name in ("targets", "weights"))
    return ops.reshape(x, (-1, x.shape[-1])), targets, weights
