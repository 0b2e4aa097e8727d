"""What the resident encoders of JAX and TensorFlow have in common: a base class, and the weights they take."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import Weights, forget_bias, lstm_name

__all__ = ["Arrays", "Program", "convolved", "input_type", "load_arrays"]

Arrays = dict[str, Any]
"""Arrays on the device, by name."""


class Program(ABC):
    """The functions that run on a device; all arrays but those of `put` and `fetch` are the device's.

    Parameters
    ----------
    options : BiLMOptions
        The architecture.
    mix : sequence of float or None
        Weights of the layers 0 to n_layers: a token's vector is their sum. None: it is all layers side by side, layer
        0 not doubled.
    precision : {"float32", "tf32", "float16", "bfloat16"}
        Of the products' inputs; sums and states are float32.
    unroll : int
        Steps in one turn of the loop over time.

    Attributes
    ----------
    n_parts : int
        Parts of a vector, each `projection_dim` wide.
    n_traced : int
        How often `advance` was traced, to be compiled.
    """

    zero_table: Callable[[int], Any]
    """From a number of words: their vectors, all zero, `(n_words, projection_dim)`."""

    fill_table: Callable[[Arrays, Any, Any, Any, Any], Any]
    """Write the vectors of words into rows of the table, which is used up.

    Takes the weights, the table, the first row, `text` `(n_words, max_characters - 2)` uint8 with the words' UTF-8,
    and `lengths` `(n_words,)` int32 with its bytes; -1 and -2 are the marks at a document's beginning and end, -3 is
    no word and its vector zero.
    """

    zeros: Callable[[int, int, str], tuple[Arrays, Any, Any]]
    """From `n_streams`, `n_rows` and a type: the states before the first step, no rows, and a flag, not set."""

    advance: Callable[[Arrays, Any, Arrays, Any, Any, Any, Any], tuple[Arrays, Any, Any]]
    """Run a chunk of steps; return the new states, the rows so far, and whether any is not finite.

    Takes the weights, the table, what the last call returned, which is used up, and `forward` and `backward`
    `(2, time, n_streams)` int32: word numbers, and the row that a word's vector goes to, or -1. The backward direction
    runs from the last step to the first.
    """

    cut: Callable[[Any, Any, int], Any]
    """From rows, a first row and a number: that many rows."""

    def __init__(self, options: BiLMOptions, mix: Sequence[float] | None, precision: str, unroll: int):
        self.options, self.precision, self.unroll = options, precision, unroll
        self.mix = None if mix is None else [float(weight) for weight in mix]
        self.n_parts = 2 if mix is not None else 1 + 2 * options.n_layers
        self.n_traced = 0

    @abstractmethod
    def put(self, arrays: Any) -> Any:
        """Copy an array of the host, or a dict of some, to the device."""

    @abstractmethod
    def start_fetch(self, array: Any) -> Any:
        """Begin to copy an array to the host; return what `fetch` takes."""

    @abstractmethod
    def fetch(self, started: Any) -> np.ndarray:
        """Wait for an array, or for a copy that has been begun, and return it on the host."""

    @abstractmethod
    def wait(self, array: Any) -> None:
        """Wait until an array is computed."""


def input_type(precision: str) -> str:
    """Return the name of the type that products take in a precision."""
    return precision if precision in ("float16", "bfloat16") else "float32"


def convolved(precision: str) -> str:
    """Return the precision of the convolutions: as in the Keras model, which convolves in float32 for bfloat16."""
    return "float32" if precision == "bfloat16" else precision


def load_arrays(weights: Weights, options: BiLMOptions, precision: str) -> Arrays:
    """Return the tensors of the public format as the program takes them, still on the host.

    With k = 2 `n_layers`, layer by layer and in each the forward direction first: `kernel (k, 2 p, 4 d)`, `bias
    (k, 1, 4 d)` with the forget gate's 1 added, `projection (k, d, p)`; the character network's under the names of the
    public format, kernels of convolutions as `(width * char_dim, count)`. Kernels are of the type that products take.
    """
    names = [lstm_name(direction, layer) for layer in range(options.n_layers) for direction in range(2)]
    # NumPy knows bfloat16 from JAX or TensorFlow: whoever has a program has imported one of them.
    dtype = np.dtype(input_type(precision))
    forget = forget_bias(4 * options.dim)
    arrays = {
        "kernel": np.stack([weights[f"{name}/W_0"].astype(dtype) for name in names]),
        "bias": np.stack([weights[f"{name}/B"] + forget for name in names])[:, None],
        "projection": np.stack([weights[f"{name}/W_P_0"].astype(dtype) for name in names]),
        # Id 0 marks a row that is no word.
        "char_embed": np.pad(weights["char_embed"], ((1, 0), (0, 0))),
    }
    for name, tensor in weights.items():
        if name.startswith("CNN/W"):
            _, width, n_in, count = tensor.shape
            arrays[name] = tensor.reshape(width * n_in, count).astype(input_type(convolved(precision)))
        elif name.startswith("CNN"):
            arrays[name] = tensor.astype(dtype) if tensor.ndim == 2 else tensor
    return arrays
