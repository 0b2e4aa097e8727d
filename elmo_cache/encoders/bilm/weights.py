"""Weights of a biLM in the public HDF5 format of bilm-tf and AllenNLP: read, checked, written, fingerprinted."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np

from cache.hashing import array_sha256, fingerprint
from cache.hdf5 import create_plain_file, open_for_reading
from elmo_cache import messages
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.errors import EncoderError

__all__ = [
    "Weights",
    "check_size",
    "count_weights",
    "first_row",
    "forget_bias",
    "lstm_name",
    "random_weights",
    "read_weights",
    "tensor_shapes",
    "weights_fingerprint",
    "write_weights",
]

Weights = Mapping[str, np.ndarray]
"""Tensor name in the public format -> float32 array; names, shapes and order are those of `tensor_shapes`."""

N_CHARACTERS = 261
_MOST_NUMBERS = 2**31  # 23 times the original ELMo
_HEADER_BYTES = 2**13  # of a tensor and the groups in its name, at most
_BEST_COMPRESSION = 1100  # of deflate: 1032


def tensor_shapes(options: BiLMOptions) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every tensor that a biLM of these options has, in canonical order.

    With c = `char_dim`, n = `n_filters`, p = `projection_dim` and d = `dim`:

    | tensor | shape |
    |---|---|
    | `char_embed` | `(261, c)`: the character ids from 1 on |
    | `CNN/W_cnn_i`, `CNN/b_cnn_i` | `(1, width, c, count)`, `(count,)` of filter i |
    | `CNN_high_i/W_carry`, `W_transform` | `(n, n)`, input first; each with its `b_…` `(n,)` |
    | `CNN_proj/W_proj`, `b_proj` | `(n, p)`, `(p,)` |
    | `RNN_r/RNN/MultiRNNCell/Cellk/LSTMCell/W_0` | `(2 p, 4 d)`: from input and hidden state |
    | the same with `B`, `W_P_0` | `(4 d,)`, `(d, p)` |

    The 4 d columns are those of the input gate, the candidate, the forget gate and the output gate. Direction r is 0
    forward and 1 backward, k the LSTM layer from 0.

    Parameters
    ----------
    options : BiLMOptions
        The architecture.

    Returns
    -------
    dict of str to tuple of int
        In the order in which `weights_fingerprint` takes them.
    """
    n, size, cells = options.n_filters, options.projection_dim, options.dim
    shapes: dict[str, tuple[int, ...]] = {"char_embed": (N_CHARACTERS, options.char_dim)}
    for i, (width, count) in enumerate(options.filters):
        shapes[f"CNN/W_cnn_{i}"] = (1, width, options.char_dim, count)
        shapes[f"CNN/b_cnn_{i}"] = (count,)
    for i in range(options.n_highway):
        for gate in ("carry", "transform"):
            shapes[f"CNN_high_{i}/W_{gate}"] = (n, n)
            shapes[f"CNN_high_{i}/b_{gate}"] = (n,)
    shapes["CNN_proj/W_proj"] = (n, size)
    shapes["CNN_proj/b_proj"] = (size,)
    for direction in range(2):
        for layer in range(options.n_layers):
            cell = lstm_name(direction, layer)
            shapes[f"{cell}/W_0"] = (2 * size, 4 * cells)
            shapes[f"{cell}/B"] = (4 * cells,)
            shapes[f"{cell}/W_P_0"] = (cells, size)
    return shapes


def count_weights(options: BiLMOptions) -> int:
    """Return how many numbers the tensors of `tensor_shapes` hold."""
    return sum(math.prod(shape) for shape in tensor_shapes(options).values())


def check_size(options: BiLMOptions, where: str) -> None:
    """Raise `EncoderError` if a biLM of these options has more weights than any ELMo; `where` names its file."""
    n_numbers = count_weights(options)
    if n_numbers > _MOST_NUMBERS:
        found, expected = f"options of {n_numbers:,} weights", f"at most {_MOST_NUMBERS:,}"
        raise EncoderError(messages.UNEXPECTED, where=where, found=found, expected=expected)


def lstm_name(direction: int, layer: int) -> str:
    """Return the group of an LSTM layer's tensors; direction 0 reads forward, 1 backward."""
    return f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"


def forget_bias(n_gates: int) -> np.ndarray:
    """Return what is added to the gates' biases at run time and is in no weights file: 1 for the forget gate."""
    return np.repeat(np.array([0, 0, 1, 0], np.float32), n_gates // 4)


def first_row(name: str, found: tuple[int, ...] | None, shape: tuple[int, ...]) -> int | None:
    """Return the row at which a tensor begins in a stored array of the shape `found`.

    It is 1 behind the masking row of zeros that `char_embed` may carry in front, else 0; None if the array is of
    another shape.
    """
    if name == "char_embed" and found == (shape[0] + 1, *shape[1:]):
        return 1
    return 0 if found == shape else None


def read_weights(source: Path | BinaryIO, options: BiLMOptions, where: str) -> Weights:
    """Read a weights file and check it against the options.

    `char_embed` may carry the masking row of zeros in front (262 rows); it is dropped. Nothing is read from any
    other file, whatever links this one holds, nor more memory taken than it can fill.

    Parameters
    ----------
    source : Path or binary file
        The HDF5 file.
    options : BiLMOptions
        What the tensors must fit.
    where : str
        The file's name in errors.

    Returns
    -------
    Weights
        All tensors of `tensor_shapes`, float32, whatever floating point type the file has.

    Raises
    ------
    EncoderError
        If the file is missing, unreadable, truncated, no ELMo, or a tensor has another shape.
    """
    check_size(options, where)
    try:
        with open_for_reading(source) if isinstance(source, Path) else h5py.File(source, "r") as file:
            for surplus in (f"CNN_high_{options.n_highway}", lstm_name(0, options.n_layers)):
                if _find(file, surplus) is not None:
                    expected = f"{options.n_highway} highway and {options.n_layers} LSTM layers as in the options"
                    raise EncoderError(messages.UNEXPECTED, where=where, found=surplus, expected=expected)
            return {name: _tensor(file, name, shape, where) for name, shape in tensor_shapes(options).items()}
    except EncoderError:
        raise
    except FileNotFoundError as error:
        raise EncoderError(messages.CANNOT_READ, path=where, error="no such file") from error
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:  # h5py's, of a damaged file
        raise EncoderError(messages.DAMAGED, where=where, error=error) from error


def _find(file: h5py.File, name: str) -> h5py.Group | h5py.Dataset | None:
    """Return an object of the file by hard links alone: other links may lead to other files."""
    found = file
    for part in name.split("/"):
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
        if not isinstance(link, h5py.HardLink):
            return None
        found = found[part]
    return found


def _tensor(file: h5py.File, name: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    dataset = _find(file, name)
    if dataset is None:
        raise EncoderError(messages.LACKS, where=where, name=f"the tensor {name}")
    if not isinstance(dataset, h5py.Dataset):
        raise _invalid(where, name, f"a {type(dataset).__name__.lower()}", "a tensor")
    found = dataset.shape
    first = first_row(name, found, shape)
    if first is None:
        raise _invalid(where, f"the shape of tensor {name}", found, f"{shape} as by the options")
    if dataset.dtype.kind != "f":
        raise _invalid(where, f"the type of tensor {name}", dataset.dtype, "floating point")
    compressed = dataset.id.get_create_plist().get_nfilters() > 0
    n_most = dataset.id.get_storage_size() * (_BEST_COMPRESSION if compressed else 1)
    if dataset.is_virtual or dataset.external or n_most < dataset.nbytes:
        raise EncoderError(messages.DAMAGED, where=where, error=f"the tensor {name} is not in the file, or not whole")
    with np.errstate(over="ignore"):
        # NumPy converts: HDF5's own conversion of float16 is slow.
        tensor: np.ndarray = dataset[()].astype(np.float32)
    if not np.isfinite(tensor).all():
        raise EncoderError(messages.DAMAGED, where=where, error=f"the tensor {name} has NaN or infinite values")
    return tensor[first:]


def _invalid(where: str, name: str, found: object, expected: str) -> EncoderError:
    return EncoderError(messages.INVALID_ENTRY, where=where, name=name, found=str(found), expected=expected)


def write_weights(target: Path, weights: Weights, dtype: str = "<f4") -> None:
    """Write weights in the public format.

    Parameters
    ----------
    target : Path
        The HDF5 file, replaced.
    weights : Weights
        What to write.
    dtype : str
        What NumPy calls the type of the numbers: `<f4`, or `<f2` for a file of half the size.
    """
    n_bytes = sum(tensor.size * np.dtype(dtype).itemsize + _HEADER_BYTES for tensor in weights.values())
    with create_plain_file(target, n_bytes) as file:
        for name, tensor in weights.items():
            file.create_dataset(name, data=tensor.astype(dtype))


def weights_fingerprint(weights: Weights) -> str:
    """Return the SHA-256 of all tensors as float32, in canonical order; names and files play no part."""
    return fingerprint([[list(tensor.shape), array_sha256(tensor.astype(np.float32))] for tensor in weights.values()])


def random_weights(options: BiLMOptions, seed: int = 0) -> Weights:
    """Return random weights of a given architecture, scaled so that signals neither vanish nor saturate.

    They make no useful vectors; they serve tests and measurements where real weights cannot be had.

    Parameters
    ----------
    options : BiLMOptions
        The architecture.
    seed : int
        The same seed draws the same weights.

    Returns
    -------
    Weights
        Normal, float32; the standard deviation is 1 for characters, `fan_in ** -0.5` for kernels, 0.1 for biases.
    """
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in tensor_shapes(options).items():
        fan_in = int(np.prod(shape[:-1])) if len(shape) > 1 else 100
        scale = 1.0 if name == "char_embed" else fan_in**-0.5
        weights[name] = rng.standard_normal(shape, dtype=np.float32) * np.float32(scale)
    return weights
