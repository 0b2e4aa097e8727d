"""Weights files that are refused: damaged, of another model, or hostile."""

import re
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from errors_expected import holds
from tiny_elmo import OPTIONS, refusal, write_elmo
from weights_file import CELL, WHERE, read, replace_tensor

from elmo_cache import EncoderError, messages
from elmo_cache.encoders.bilm.weights import tensor_shapes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_elmo(tmp_path) / "weights.hdf5"


@contextmanager
def no_large_arrays(most_bytes: int = 2**22) -> Iterator[None]:
    """Fail if Python or NumPy takes more memory than that."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most_bytes
    finally:
        tracemalloc.stop()


def test_missing(tmp_path: Path) -> None:
    error = "no such file"
    holds(refusal(read, tmp_path / "weights.hdf5"), messages.CANNOT_READ, path=WHERE, error=error)


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "weights.hdf5").touch()

    holds(refusal(read, tmp_path / "weights.hdf5"), messages.DAMAGED, where=WHERE)


def test_folder(tmp_path: Path) -> None:
    holds(refusal(read, tmp_path), messages.DAMAGED, where=WHERE)


@pytest.mark.parametrize("kept", [1, 8, 96, 800, 0.25, 0.5, 0.75, 0.99, -1], ids=str)
def test_truncated(path: Path, kept: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])

    holds(refusal(read, path), messages.DAMAGED, where=WHERE)


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04" + b"\0" * 99, b"{}", b"<html>404</html>" * 99], ids=["zip", "json", "html"]
)
def test_not_hdf5(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    holds(refusal(read, path), messages.DAMAGED, where=WHERE)


def test_damaged_anywhere(path: Path) -> None:
    # Nothing but our own error may come out, whatever HDF5 stumbles over.
    data, random = path.read_bytes(), np.random.default_rng(0)
    n_refused = 0
    for _ in range(300):
        damaged = bytearray(data)
        for position in random.integers(0, len(data), 3):
            damaged[position] = random.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read(path)
        except Exception:
            refusal(read, path)
            n_refused += 1

    assert n_refused > 30


@pytest.mark.parametrize("name", tensor_shapes(OPTIONS))
def test_tensor_is_missing(path: Path, name: str) -> None:
    replace_tensor(path, name, lambda file, tensor: None)

    holds(refusal(read, path), messages.LACKS, where=WHERE, name=f"the tensor {name}")


def test_another_models_file(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["model_weights/dense/kernel"] = np.zeros((3, 3), np.float32)

    holds(refusal(read, path), messages.LACKS, where=WHERE, name="the tensor char_embed")


def other_shape(name: str, found: object, expected: object) -> EncoderError:
    name, by_options = f"the shape of tensor {name}", f"{expected} as by the options"
    return EncoderError(messages.INVALID_ENTRY, where=WHERE, name=name, found=str(found), expected=by_options)


def lacks(name: str) -> EncoderError:
    return EncoderError(messages.LACKS, where=WHERE, name=f"the tensor {name}")


def surplus(name: str, layers: str) -> EncoderError:
    expected = f"{layers} layers as in the options"
    return EncoderError(messages.UNEXPECTED, where=WHERE, found=name, expected=expected)


@pytest.mark.parametrize("name", tensor_shapes(OPTIONS))
def test_tensor_of_another_shape(path: Path, name: str) -> None:
    expected = tensor_shapes(OPTIONS)[name]
    found = (*expected[:-1], expected[-1] + 1)
    replace_tensor(path, name, lambda file, tensor: file.create_dataset(name, data=np.zeros(found, np.float32)))

    holds(refusal(read, path), other_shape(name, found, expected))


@pytest.mark.parametrize("rows", [256, 260, 263])
def test_embedding_of_another_length(path: Path, rows: int) -> None:
    replace_tensor(
        path, "char_embed", lambda file, _: file.create_dataset("char_embed", data=np.zeros((rows, 4), "f4"))
    )

    holds(refusal(read, path), other_shape("char_embed", (rows, 4), (261, 4)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dim": 13}, other_shape("RNN_0/RNN/MultiRNNCell/Cell0/LSTMCell/W_0", (12, 48), (12, 52))),
        ({"projection_dim": 7}, other_shape("CNN_proj/W_proj", (16, 6), (16, 7))),
        ({"char_dim": 5}, other_shape("char_embed", (261, 4), (261, 5))),
        ({"filters": ((1, 4), (2, 5))}, other_shape("CNN_high_0/W_carry", (16, 16), (9, 9))),
        ({"filters": ((1, 4), (3, 5))}, other_shape("CNN/W_cnn_1", (1, 2, 4, 5), (1, 3, 4, 5))),
        ({"n_highway": 2}, lacks("CNN_high_1/W_carry")),
        ({"n_layers": 3}, lacks("RNN_0/RNN/MultiRNNCell/Cell2/LSTMCell/W_0")),
        ({"n_highway": 0}, surplus("CNN_high_0", "0 highway and 2 LSTM")),
        ({"n_layers": 1}, surplus("RNN_0/RNN/MultiRNNCell/Cell1/LSTMCell", "1 highway and 1 LSTM")),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_options_of_another_model(path: Path, changes: dict[str, Any], expected: EncoderError) -> None:
    holds(refusal(read, path, replace(OPTIONS, **changes)), expected)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "complex64", "S4"])
def test_tensor_of_another_type(path: Path, dtype: str) -> None:
    name = "CNN_proj/W_proj"
    replace_tensor(path, name, lambda file, tensor: file.create_dataset(name, data=np.zeros(tensor.shape, dtype)))

    said = {"name": f"the type of tensor {name}", "expected": "floating point"}
    holds(refusal(read, path), messages.INVALID_ENTRY, where=WHERE, **said)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_tensor_with_a_number_that_is_none(path: Path, value: float) -> None:
    with h5py.File(path, "r+") as file:
        file[f"{CELL}/B"][7] = value

    error = f"the tensor {CELL}/B has NaN or infinite values"
    holds(refusal(read, path), messages.DAMAGED, where=WHERE, error=error)


def test_tensor_beyond_float32(path: Path) -> None:
    name = f"{CELL}/B"
    replace_tensor(path, name, lambda file, tensor: file.create_dataset(name, data=np.full(tensor.shape, 1e300)))

    holds(refusal(read, path), messages.DAMAGED, where=WHERE, error=f"the tensor {name} has NaN or infinite values")


def test_group_in_a_tensors_place(path: Path) -> None:
    replace_tensor(path, "CNN_proj/W_proj", lambda file, _: file.create_group("CNN_proj/W_proj"))

    said = {"name": "CNN_proj/W_proj", "found": "a group", "expected": "a tensor"}
    holds(refusal(read, path), messages.INVALID_ENTRY, where=WHERE, **said)


def test_tensor_in_a_groups_place(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["CNN_proj"]
        file["CNN_proj"] = np.zeros(3, np.float32)

    holds(refusal(read, path), lacks("CNN_proj/W_proj"))


def test_dataset_without_data(path: Path) -> None:
    replace_tensor(
        path, "CNN_proj/b_proj", lambda file, _: file.create_dataset("CNN_proj/b_proj", data=h5py.Empty("f4"))
    )

    holds(refusal(read, path), other_shape("CNN_proj/b_proj", None, (6,)))


@pytest.mark.parametrize("name", ["char_embed", "CNN", "CNN_proj/W_proj"])
@pytest.mark.parametrize("kind", ["external", "soft", "dangling", "device"])
def test_link_in_a_tensors_place(tmp_path: Path, path: Path, name: str, kind: str) -> None:
    # The other file would do: it is not looked at. /dev/zero would never end.
    other = write_elmo(tmp_path / "other") / "weights.hdf5"
    links = {
        "external": h5py.ExternalLink(str(other), name),
        "soft": h5py.SoftLink("/elsewhere"),
        "dangling": h5py.ExternalLink("missing.hdf5", name),
        "device": h5py.ExternalLink("/dev/zero", name),
    }
    with h5py.File(path, "r+") as file:
        file.move(name, "elsewhere")
        file[name] = links[kind]

    holds(refusal(read, path), messages.LACKS, where=WHERE, name=re.compile(f"^the tensor {name}"))


def not_whole(name: str) -> EncoderError:
    return EncoderError(messages.DAMAGED, where=WHERE, error=f"the tensor {name} is not in the file, or not whole")


def test_virtual_tensor(tmp_path: Path, path: Path) -> None:
    # HDF5 gives zeros, silently, for a virtual source that is missing.
    name = "CNN_proj/W_proj"
    layout = h5py.VirtualLayout((16, 6), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "missing.hdf5"), name, (16, 6))
    replace_tensor(path, name, lambda file, _: file.create_virtual_dataset(name, layout))

    holds(refusal(read, path), not_whole(name))


def test_tensor_in_an_external_file(tmp_path: Path, path: Path) -> None:
    name = "CNN_proj/W_proj"
    (tmp_path / "secret").write_bytes(b"\0" * 384)
    external = [(str(tmp_path / "secret"), 0, 384)]
    replace_tensor(path, name, lambda file, _: file.create_dataset(name, (16, 6), "f4", external=external))

    holds(refusal(read, path), not_whole(name))


@pytest.mark.parametrize(
    "settings",
    [{}, {"chunks": (64, 64)}, {"chunks": (64, 64), "compression": "gzip"}],
    ids=["contiguous", "chunked", "compressed"],
)
def test_declared_shape_takes_no_memory(path: Path, settings: dict[str, Any]) -> None:
    # 1.6 GB of zeros that the file does not hold.
    options, name = replace(OPTIONS, dim=50_000, projection_dim=1000), "RNN_0/RNN/MultiRNNCell/Cell0/LSTMCell/W_0"
    with h5py.File(path, "w") as file:
        for tensor_name, shape in tensor_shapes(replace(options, dim=12)).items():
            if not tensor_name.startswith("RNN"):
                file[tensor_name] = np.zeros(shape, np.float32)
        tensor = file.create_dataset(name, (2000, 200_000), "f4", **settings)
        if settings:
            tensor[:64, :64] = 1.0

    with no_large_arrays():
        holds(refusal(read, path, options), not_whole(name))


def test_options_of_an_impossible_size(path: Path) -> None:
    with no_large_arrays():
        error = refusal(read, path, replace(OPTIONS, dim=2**16, projection_dim=2**14, n_layers=16))

    said = {"found": re.compile("^options of 309,2[0-9,]+ weights$"), "expected": "at most 2,147,483,648"}
    holds(error, messages.UNEXPECTED, where=WHERE, **said)
