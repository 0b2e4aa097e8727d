"""Weights files: what is read from them, and the fingerprint of what was read."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_elmo import OPTIONS, halved, write_elmo
from weights_file import CELL, read, replace_tensor

from elmo_cache.encoders.bilm.weights import random_weights, tensor_shapes, weights_fingerprint, write_weights


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_elmo(tmp_path) / "weights.hdf5"


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


def test_room_is_made_for_all_weights_before_hdf5_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserved: list[int] = []
    monkeypatch.setattr("cache.hdf5.reserve", lambda path, n_bytes: reserved.append(n_bytes))
    for n_layers in (1, 16):
        write_weights(tmp_path / "w.hdf5", random_weights(replace(OPTIONS, n_layers=n_layers)))
        assert reserved.pop() >= (tmp_path / "w.hdf5").stat().st_size
