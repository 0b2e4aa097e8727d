"""The variables of a TF-Hub module as the weights, options and mix of our own biLM: nothing of its graph runs.

Imports TensorFlow.
"""

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cache.runtime.console import human_count
from cache.runtime.quiet import quiet_import
from elmo_cache import messages
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import Weights, first_row, lstm_name, tensor_shapes
from elmo_cache.errors import EncoderError

with quiet_import():
    import tensorflow as tf

__all__ = ["MIX_SCALE", "MIX_WEIGHTS", "Checkpoint", "ModuleWeights", "read_mix", "read_module"]

# What no shape tells, as in the options published with the weights that google/elmo was made of.
# `elmo-cache encoders --check` compares the result with what a module's own graph makes.
ORIGINAL_LSTM = {"cell_clip": 3, "proj_clip": 3, "use_skip_connections": True}
ORIGINAL_CHAR_CNN = {"activation": "relu", "max_characters_per_token": 50, "n_characters": 262}

MIX_WEIGHTS, MIX_SCALE = "aggregation/weights", "aggregation/scaling"
_CELL_TENSORS = {"W_0": "kernel", "B": "bias", "W_P_0": "projection/kernel"}


@dataclass(frozen=True)
class ModuleWeights:
    """What a module's variables make.

    Attributes
    ----------
    weights : Weights
        In the public format.
    options : BiLMOptions
        Derived from the shapes.
    mix : list of float
        Weight of each layer in the module's `elmo` output, gamma included.
    n_character_rows : int
        Rows of `char_embed` in the module: 261, or 262 with the masking row first, which is dropped.
    """

    weights: Weights
    options: BiLMOptions
    mix: list[float]
    n_character_rows: int


class Checkpoint:
    """The variables of a module's folder, by name.

    Parameters
    ----------
    directory : Path
        A module's folder, with all its files.

    Raises
    ------
    EncoderError
        If the files cannot be read, or hold less than the variables are said to.

    Attributes
    ----------
    directory : Path
        The folder.
    shapes : dict of str to tuple of int
        Of all variables.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self._reader = self._ask(tf.train.load_checkpoint, str(directory / "variables" / "variables"))
        found = self._ask(self._reader.get_variable_to_shape_map)
        self.shapes = {name: tuple(shape) for name, shape in sorted(found.items())}
        dtypes = self._reader.get_variable_to_dtype_map()
        n_said = sum(math.prod(shape) * dtypes[name].size for name, shape in self.shapes.items())
        n_bytes = sum(path.stat().st_size for path in (directory / "variables").glob("variables.data-*"))
        if n_said > n_bytes:  # nothing is allocated before
            error = f"the variables have {n_bytes:,} bytes, expected {n_said:,}"
            raise EncoderError(messages.DAMAGED, where=directory, error=error)

    def read(self, name: str) -> np.ndarray:
        """Return a variable; raise `EncoderError` if its bytes are not those that were written."""
        return np.asarray(self._ask(self._reader.get_tensor, name))

    def read_floats(self, name: str) -> np.ndarray:
        """Return a variable of numbers; raise `EncoderError` also if they are of another kind or not finite."""
        tensor = self.read(name)
        if tensor.dtype.kind != "f":
            raise _invalid(self, f"the type of variable {name}", tensor.dtype, "floating point")
        if not np.isfinite(tensor).all():
            error = f"the variable {name} has NaN or infinite values"
            raise EncoderError(messages.DAMAGED, where=self.directory, error=error)
        return tensor

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return question(*arguments)
        except (tf.errors.OpError, RuntimeError, ValueError, TypeError) as error:  # all kinds, of a damaged file
            raise EncoderError(messages.DAMAGED, where=f"{self.directory}/variables", error=error) from error


def read_module(directory: Path) -> ModuleWeights:
    """Read the variables of a module that are named as google/elmo's.

    Parameters
    ----------
    directory : Path
        A module's folder, with all its files.

    Returns
    -------
    ModuleWeights
        What our own model needs to make the module's vectors.

    Raises
    ------
    EncoderError
        If variables are missing, unknown, of the wrong shape or kind, or not finite.
    """
    checkpoint = Checkpoint(directory)
    options = _options(checkpoint)
    shapes = {_variable_name(name): (name, shape) for name, shape in tensor_shapes(options).items()}
    _require(checkpoint, [*shapes, MIX_WEIGHTS, MIX_SCALE])
    weights = {}
    for variable, (name, shape) in shapes.items():
        found = checkpoint.shapes[variable]
        first = first_row(name, found, shape)
        if first is None:
            raise _invalid(checkpoint, f"the shape of variable {variable}", found, f"{shape} as by the others")
        weights[name] = checkpoint.read_floats(variable).astype(np.float32)[first:]
    return ModuleWeights(
        weights=weights,
        options=options,
        mix=read_mix(checkpoint, options.n_layers + 1),
        n_character_rows=checkpoint.shapes[_variable_name("char_embed")][0],
    )


def read_mix(checkpoint: Checkpoint, n_layers: int) -> list[float]:
    """Return the weight of each layer in a module's `elmo` output, in float64.

    It is gamma times the softmax of the module's layer weights: equation 1 of Peters et al. (2018, arXiv:1802.05365).

    Parameters
    ----------
    checkpoint : Checkpoint
        The module's variables, `MIX_WEIGHTS` and `MIX_SCALE` among them.
    n_layers : int
        How many layers the mix is of, layer 0 included.

    Returns
    -------
    list of float
        `n_layers` weights.

    Raises
    ------
    EncoderError
        If a variable has another number of numbers, or they are not finite.
    """
    for name, n_numbers in ((MIX_WEIGHTS, n_layers), (MIX_SCALE, 1)):
        if math.prod(checkpoint.shapes[name]) != n_numbers:
            expected = human_count(n_numbers, "number")
            raise _invalid(checkpoint, f"the shape of variable {name}", checkpoint.shapes[name], expected)
    weights, gamma = (checkpoint.read_floats(name).astype(np.float64).reshape(-1) for name in (MIX_WEIGHTS, MIX_SCALE))
    exponentials = np.exp(weights - weights.max())
    return [float(weight) for weight in gamma * (exponentials / exponentials.sum())]


def _options(checkpoint: Checkpoint) -> BiLMOptions:
    """Derive the options from the shapes of some of the variables."""

    def shape(name: str, n_axes: int) -> tuple[int, ...]:
        variable = _variable_name(name)
        if variable not in checkpoint.shapes:
            _require(checkpoint, [variable])
        found = checkpoint.shapes[variable]
        if len(found) != n_axes:
            raise _invalid(checkpoint, f"the shape of variable {variable}", found, f"{n_axes} axes")
        return found

    def count(name_of: Callable[[int], str]) -> int:
        return next(k for k in itertools.count() if _variable_name(name_of(k)) not in checkpoint.shapes)

    dim, projection_dim = shape(f"{lstm_name(0, 0)}/W_P_0", 2)
    n_kernels = max(1, count(lambda k: f"CNN/W_cnn_{k}"))
    kernels = [shape(f"CNN/W_cnn_{k}", 4) for k in range(n_kernels)]
    options = {
        "lstm": {
            **ORIGINAL_LSTM,
            "dim": dim,
            "projection_dim": projection_dim,
            "n_layers": count(lambda k: f"{lstm_name(0, k)}/W_P_0"),
        },
        "char_cnn": {
            **ORIGINAL_CHAR_CNN,
            "embedding": {"dim": shape("char_embed", 2)[1]},
            "filters": [[width, n_filters] for _, width, _, n_filters in kernels],
            "n_highway": count(lambda k: f"CNN_high_{k}/W_carry"),
        },
    }
    return BiLMOptions.parse(json.dumps(options), f"{checkpoint.directory}: shapes of the variables")


def _variable_name(name: str) -> str:
    """Return the module's name of a tensor of the public format."""
    group, _, tensor = name.rpartition("LSTMCell/")
    return f"bilm/{group}rnn/lstm_cell/{_CELL_TENSORS[tensor]}" if group else f"bilm/{name}"


def _require(checkpoint: Checkpoint, expected: list[str]) -> None:
    """Raise `EncoderError` unless a module's variables are the expected ones."""
    faults = [f"{name} is missing" for name in expected if name not in checkpoint.shapes]
    faults += [f"{name} is unknown" for name in checkpoint.shapes if name not in expected]
    if faults:
        more = f" (and {len(faults) - 1:,} more such)" if len(faults) > 1 else ""
        raise EncoderError(messages.OTHER_VARIABLES, path=checkpoint.directory, error=faults[0] + more)


def _invalid(checkpoint: Checkpoint, name: str, found: object, expected: str) -> EncoderError:
    where = checkpoint.directory
    return EncoderError(messages.INVALID_ENTRY, where=where, name=name, found=str(found), expected=expected)
