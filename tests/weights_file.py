"""A weights file of a tiny ELMo, to be changed and read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from tiny_elmo import OPTIONS

from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import read_weights

WHERE = "folder/weights.hdf5"
CELL = "RNN_1/RNN/MultiRNNCell/Cell1/LSTMCell"


def read(path: Path, options: BiLMOptions = OPTIONS) -> dict[str, np.ndarray]:
    return dict(read_weights(path, options, WHERE))


def replace_tensor(path: Path, name: str, make: Callable[[h5py.File, np.ndarray], Any]) -> None:
    """Take a tensor out of a file and let `make` put something else in its place."""
    with h5py.File(path, "r+") as file:
        tensor = file[name][()]
        del file[name]
        make(file, tensor)
