"""Weights files: what is read from them, and what is wrong with the others."""

import hashlib
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from tiny_elmo import OPTIONS, halved, refusal, write_elmo

from elmo_cache.bilm.options import BiLMOptions
from elmo_cache.bilm.weights import (
    random_weights,
    read_weights,
    tensor_shapes,
    weights_fingerprint,
    write_weights,
)

WHERE = "folder/weights.hdf5"
CELL = "RNN_1/RNN/MultiRNNCell/Cell1/LSTMCell"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_elmo(tmp_path) / "weights.hdf5"


def read(path: Path, options: BiLMOptions = OPTIONS) -> dict[str, np.ndarray]:
    return dict(read_weights(path, options, WHERE))


def replace_tensor(path: Path, name: str, make: Callable[[h5py.File, np.ndarray], Any]) -> None:
    """Take a tensor out of a file and let `make` put something else in its place."""
    with h5py.File(path, "r+") as file:
        tensor = file[name][()]
        del file[name]
        make(file, tensor)


@contextmanager
def no_large_arrays(most_bytes: int = 2**22) -> Iterator[None]:
    """Fail if Python or NumPy takes more memory than that."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most_bytes
    finally:
        tracemalloc.stop()


def test_names_and_shapes_of_the_public_format() -> None:
    options = replace(OPTIONS, n_highway=2, dim=4096, projection_dim=512, char_dim=16, filters=((1, 32), (7, 1024)))

    assert tensor_shapes(options) == {
        "char_embed": (261, 16),
        "CNN/W_cnn_0": (1, 1, 16, 32),
        "CNN/b_cnn_0": (32,),
        "CNN/W_cnn_1": (1, 7, 16, 1024),
        "CNN/b_cnn_1": (1024,),
        **{f"CNN_high_{k}/W_{gate}": (1056, 1056) for k in (0, 1) for gate in ("carry", "transform")},
        **{f"CNN_high_{k}/b_{gate}": (1056,) for k in (0, 1) for gate in ("carry", "transform")},
        "CNN_proj/W_proj": (1056, 512),
        "CNN_proj/b_proj": (512,),
        **{
            f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell/{name}": shape
            for direction in (0, 1)
            for layer in (0, 1)
            for name, shape in {"W_0": (1024, 16384), "B": (16384,), "W_P_0": (4096, 512)}.items()
        },
    }


def test_round_trip(path: Path) -> None:
    written, found = random_weights(OPTIONS), read(path)

    assert list(found) == list(written) == list(tensor_shapes(OPTIONS))
    for name, tensor in found.items():
        assert tensor.dtype == np.float32
        assert np.array_equal(tensor, written[name])


def test_random_weights_are_the_same_again_and_differ_by_seed() -> None:
    first, again, other = (weights_fingerprint(random_weights(OPTIONS, seed)) for seed in (1, 1, 2))

    assert first == again != other


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8"])
def test_any_floating_point(tmp_path: Path, dtype: str) -> None:
    weights = halved(random_weights(OPTIONS))
    write_weights(tmp_path / "weights.hdf5", weights, dtype)

    found = read(tmp_path / "weights.hdf5")

    assert all(np.array_equal(found[name], weights[name]) for name in weights)
    assert all(tensor.dtype == np.float32 for tensor in found.values())
    assert weights_fingerprint(found) == weights_fingerprint(weights)


def test_embedding_with_its_masking_row(path: Path) -> None:
    plain = read(path)
    replace_tensor(
        path, "char_embed", lambda file, rows: file.create_dataset("char_embed", data=np.pad(rows, ((1, 0), (0, 0))))
    )

    found = read(path)

    assert found["char_embed"].shape == (261, 4)
    assert weights_fingerprint(found) == weights_fingerprint(plain)


@pytest.mark.parametrize("settings", [{"chunks": (2, 8)}, {"chunks": True, "compression": "gzip"}], ids=str)
def test_any_layout(path: Path, settings: dict[str, Any]) -> None:
    plain, name = read(path), f"{CELL}/W_0"
    replace_tensor(path, name, lambda file, tensor: file.create_dataset(name, data=tensor, **settings))

    assert weights_fingerprint(read(path)) == weights_fingerprint(plain)


def test_constant_tensor_compressed_well(tmp_path: Path) -> None:
    options = replace(OPTIONS, dim=2000, projection_dim=100)
    path = write_elmo(tmp_path, options) / "weights.hdf5"
    name = f"{CELL}/W_0"
    replace_tensor(
        path, name, lambda file, tensor: file.create_dataset(name, data=tensor * 0, compression="gzip", chunks=True)
    )

    assert not read(path, options)[name].any()


def test_missing(tmp_path: Path) -> None:
    assert refusal(read, tmp_path / "weights.hdf5") == f"{WHERE} does not exist"


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "weights.hdf5").touch()

    assert refusal(read, tmp_path / "weights.hdf5").startswith(f"{WHERE} cannot be read as HDF5: ")


def test_folder(tmp_path: Path) -> None:
    assert refusal(read, tmp_path).startswith(f"{WHERE} cannot be read as HDF5: ")


@pytest.mark.parametrize("kept", [1, 8, 96, 800, 0.25, 0.5, 0.75, 0.99, -1], ids=str)
def test_truncated(path: Path, kept: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])

    message = refusal(read, path)

    assert message.startswith(f"{WHERE} cannot be read as HDF5: ")
    assert message.endswith("it may be cut short: get it again")


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04" + b"\0" * 99, b"{}", b"<html>404</html>" * 99], ids=["zip", "json", "html"]
)
def test_not_hdf5(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    assert refusal(read, path).startswith(f"{WHERE} cannot be read as HDF5: ")


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

    assert refusal(read, path).startswith(f"{WHERE} lacks the tensor {name}: not the weights of an ELMo")


def test_another_models_file(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["model_weights/dense/kernel"] = np.zeros((3, 3), np.float32)

    assert "lacks the tensor char_embed: not the weights of an ELMo" in refusal(read, path)


@pytest.mark.parametrize("name", tensor_shapes(OPTIONS))
def test_tensor_of_another_shape(path: Path, name: str) -> None:
    expected = tensor_shapes(OPTIONS)[name]
    found = (*expected[:-1], expected[-1] + 1)
    replace_tensor(path, name, lambda file, tensor: file.create_dataset(name, data=np.zeros(found, np.float32)))

    assert refusal(read, path) == f"{WHERE}: tensor {name} has shape {found}, the options expect {expected}"


@pytest.mark.parametrize("rows", [256, 260, 263])
def test_embedding_of_another_length(path: Path, rows: int) -> None:
    replace_tensor(
        path, "char_embed", lambda file, _: file.create_dataset("char_embed", data=np.zeros((rows, 4), "f4"))
    )

    assert refusal(read, path).endswith(f"tensor char_embed has shape ({rows}, 4), the options expect (261, 4)")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dim": 13}, "Cell0/LSTMCell/W_0 has shape (12, 48), the options expect (12, 52)"),
        ({"projection_dim": 7}, "tensor CNN_proj/W_proj has shape (16, 6), the options expect (16, 7)"),
        ({"char_dim": 5}, "tensor char_embed has shape (261, 4), the options expect (261, 5)"),
        ({"filters": ((1, 4), (2, 5))}, "tensor CNN_high_0/W_carry has shape (16, 16), the options expect (9, 9)"),
        ({"filters": ((1, 4), (3, 5))}, "CNN/W_cnn_1 has shape (1, 2, 4, 5), the options expect (1, 3, 4, 5)"),
        ({"n_highway": 2}, "lacks the tensor CNN_high_1/W_carry"),
        ({"n_layers": 3}, "lacks the tensor RNN_0/RNN/MultiRNNCell/Cell2/LSTMCell/W_0"),
        ({"n_highway": 0}, "has CNN_high_0, which the options do not: they have 0 highway and 2 LSTM layers"),
        ({"n_layers": 1}, "Cell1/LSTMCell, which the options do not: they have 1 highway and 1 LSTM layers"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_options_of_another_model(path: Path, changes: dict[str, Any], expected: str) -> None:
    assert expected in refusal(read, path, replace(OPTIONS, **changes))


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "complex64", "S4"])
def test_tensor_of_another_type(path: Path, dtype: str) -> None:
    name = "CNN_proj/W_proj"
    replace_tensor(path, name, lambda file, tensor: file.create_dataset(name, data=np.zeros(tensor.shape, dtype)))

    message = refusal(read, path)

    assert message.startswith(f"{WHERE}: tensor {name} is ")
    assert message.endswith(", expected floating point")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_tensor_with_a_number_that_is_none(path: Path, value: float) -> None:
    with h5py.File(path, "r+") as file:
        file[f"{CELL}/B"][7] = value

    assert refusal(read, path).startswith(f"{WHERE}: tensor {CELL}/B holds NaN or infinite values")


def test_tensor_beyond_float32(path: Path) -> None:
    name = f"{CELL}/B"
    replace_tensor(path, name, lambda file, tensor: file.create_dataset(name, data=np.full(tensor.shape, 1e300)))

    assert refusal(read, path).startswith(f"{WHERE}: tensor {name} holds NaN or infinite values")


def test_group_in_a_tensors_place(path: Path) -> None:
    replace_tensor(path, "CNN_proj/W_proj", lambda file, _: file.create_group("CNN_proj/W_proj"))

    assert refusal(read, path) == f"{WHERE}: CNN_proj/W_proj is a group, expected a tensor"


def test_tensor_in_a_groups_place(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["CNN_proj"]
        file["CNN_proj"] = np.zeros(3, np.float32)

    assert f"{WHERE} lacks the tensor CNN_proj/W_proj" in refusal(read, path)


def test_dataset_without_data(path: Path) -> None:
    replace_tensor(
        path, "CNN_proj/b_proj", lambda file, _: file.create_dataset("CNN_proj/b_proj", data=h5py.Empty("f4"))
    )

    assert "tensor CNN_proj/b_proj has shape None, the options expect (6,)" in refusal(read, path)


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

    assert refusal(read, path).startswith(f"{WHERE} lacks the tensor {name}")


def test_virtual_tensor(tmp_path: Path, path: Path) -> None:
    # HDF5 gives zeros, silently, for a virtual source that is missing.
    name = "CNN_proj/W_proj"
    layout = h5py.VirtualLayout((16, 6), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "missing.hdf5"), name, (16, 6))
    replace_tensor(path, name, lambda file, _: file.create_virtual_dataset(name, layout))

    assert f"{WHERE}: tensor {name} is not in the file" in refusal(read, path)


def test_tensor_in_an_external_file(tmp_path: Path, path: Path) -> None:
    name = "CNN_proj/W_proj"
    (tmp_path / "secret").write_bytes(b"\0" * 384)
    external = [(str(tmp_path / "secret"), 0, 384)]
    replace_tensor(path, name, lambda file, _: file.create_dataset(name, (16, 6), "f4", external=external))

    assert f"{WHERE}: tensor {name} is not in the file" in refusal(read, path)


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
        assert f"{WHERE}: tensor {name} is not in the file, or not all of it" in refusal(read, path, options)


def test_options_of_an_impossible_size(path: Path) -> None:
    with no_large_arrays():
        message = refusal(read, path, replace(OPTIONS, dim=2**16, projection_dim=2**14, n_layers=16))

    assert message.startswith(f"{WHERE}: the options describe 309,2")
    assert message.endswith("weights, at most 2,147,483,648 expected")


@pytest.mark.parametrize("name", tensor_shapes(OPTIONS))
def test_fingerprint_sees_every_tensor(name: str) -> None:
    weights = random_weights(OPTIONS)
    changed = {**weights, name: weights[name].copy()}
    changed[name].reshape(-1)[-1] += 1e-3

    assert weights_fingerprint(changed) != weights_fingerprint(weights)


def test_fingerprint_sees_tensors_that_changed_places() -> None:
    weights, pair = random_weights(OPTIONS), ("CNN_high_0/W_carry", "CNN_high_0/W_transform")
    changed = {**weights, pair[0]: weights[pair[1]], pair[1]: weights[pair[0]]}

    assert weights_fingerprint(changed) != weights_fingerprint(weights)


def test_fingerprint_stays() -> None:
    # Caches already made are found again by it: SHA-256 over JSON of every tensor's shape and SHA-256.
    weights = {name: np.full(shape, i, np.float32) for i, (name, shape) in enumerate(tensor_shapes(OPTIONS).items())}
    hashes = [
        [list(shape), hashlib.sha256(weights[name].astype("<f4").tobytes()).hexdigest()]
        for name, shape in tensor_shapes(OPTIONS).items()
    ]
    expected = hashlib.sha256(json.dumps(hashes, separators=(",", ":")).encode()).hexdigest()

    assert weights_fingerprint(weights) == expected
    assert expected == "2ba06d99badf2c06b0d4c7b26d53f8b62499251b98ea6b65bc5cabd68778383a"
