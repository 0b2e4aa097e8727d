"""A module's variables read by the native engine: what is derived, and what is refused before it can do harm."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hub_module import OPTIONS, module_values, write_module, write_variables
from tiny_elmo import refusal

from elmo_cache import load_encoder
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import random_weights
from elmo_cache.encoders.hub.variables import Checkpoint, read_module

KERNEL = "bilm/RNN_0/RNN/MultiRNNCell/Cell0/rnn/lstm_cell/kernel"


def bare_module(folder: Path, options: BiLMOptions = OPTIONS, **changes: Any) -> Path:
    """A module without a graph, which the native engine does not look at; `...` leaves a variable out."""
    values = {**module_values(random_weights(options)), **changes}
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").touch()
    write_variables(folder, {name: value for name, value in values.items() if value is not ...})
    return folder


def test_nothing_of_the_graph_runs(tmp_path: Path) -> None:
    assert read_module(bare_module(tmp_path / "bare")).options == OPTIONS


@pytest.mark.parametrize(
    "options",
    [
        replace(OPTIONS, n_highway=0),
        replace(OPTIONS, n_highway=3, n_layers=1),
        replace(OPTIONS, n_layers=3, filters=((3, 2),), char_dim=5),
        replace(OPTIONS, filters=tuple((1 + k % 4, 1) for k in range(12)), dim=3, projection_dim=8),
    ],
    ids=["0_highway", "1_layer", "3_layers-1_filter", "12_filters"],
)
def test_options_are_those_of_the_shapes(tmp_path: Path, options: BiLMOptions) -> None:
    n_layers = options.n_layers + 1
    module = read_module(bare_module(tmp_path / "m", options, **{"aggregation/weights": np.zeros(n_layers, "f4")}))

    assert module.options == options
    assert module.mix == [1 / n_layers] * n_layers


@pytest.mark.parametrize("n_rows", [261, 262])
def test_rows_of_the_character_table(tmp_path: Path, n_rows: int) -> None:
    table = random_weights(OPTIONS)["char_embed"]
    # A masking row need not be zero: no character ever reads it.
    rows = np.concatenate([np.full((n_rows - 261, 16), 9, np.float32), table])

    module = read_module(bare_module(tmp_path / "m", **{"bilm/char_embed": rows}))

    assert module.n_character_rows == n_rows
    assert np.array_equal(module.weights["char_embed"], table)


@pytest.mark.parametrize(
    ("weights", "gamma", "expected"),
    [
        ([0, 0, 0], 1, [1 / 3, 1 / 3, 1 / 3]),
        ([7, 7, 7], 1, [1 / 3, 1 / 3, 1 / 3]),
        ([0, 0, 0], 2, [2 / 3, 2 / 3, 2 / 3]),
        ([3000, 0, -3000], -0.5, [-0.5, 0, 0]),
    ],
    ids=str,
)
def test_mix(tmp_path: Path, weights: list[float], gamma: float, expected: list[float]) -> None:
    changes = {"aggregation/weights": np.array(weights, "f4"), "aggregation/scaling": np.array([gamma], "f4")}

    assert read_module(bare_module(tmp_path / "m", **changes)).mix == expected


@pytest.mark.parametrize("dtype", ["f2", "f8"])
def test_other_precisions(tmp_path: Path, dtype: str) -> None:
    values = {name: value.astype(dtype) for name, value in module_values(random_weights(OPTIONS)).items()}

    weights = read_module(bare_module(tmp_path / "m", **values)).weights

    assert all(tensor.dtype == np.float32 for tensor in weights.values())
    assert np.array_equal(weights["CNN_proj/b_proj"], random_weights(OPTIONS)["CNN_proj/b_proj"].astype(dtype))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"bilm/char_embed": ...}, "google/elmo: bilm/char_embed is missing (and 38 more such); engine='hub' runs"),
        ({"bilm/CNN/b_cnn_6": ...}, "google/elmo: bilm/CNN/b_cnn_6 is missing; engine='hub' runs"),
        ({"bilm/CNN/W_cnn_0": ...}, "google/elmo: bilm/CNN/W_cnn_0 is missing (and 38 more such); engine='hub'"),
        ({"aggregation/scaling": ...}, "google/elmo: aggregation/scaling is missing; engine='hub'"),
        ({"global_step": np.array(7)}, "google/elmo: global_step is unknown; engine='hub' runs"),
        ({"bilm/CNN/W_cnn_8": np.zeros((1, 1, 16, 1), "f4")}, "google/elmo: bilm/CNN/W_cnn_8 is unknown; engine='hub'"),
        ({KERNEL.replace("RNN_0", "RNN_1"): ...}, "is missing; engine='hub'"),
        ({KERNEL: np.zeros((12, 47), "f4")}, f"variable {KERNEL} has shape (12, 47), the others make it (12, 48)"),
        ({"bilm/char_embed": np.zeros((263, 16), "f4")}, "has shape (263, 16), the others make it (261, 16)"),
        ({"bilm/char_embed": np.zeros(16, "f4")}, "variable bilm/char_embed has shape (16,), expected 2 axes"),
        (
            {"bilm/CNN/W_cnn_0": np.zeros((1, 51, 16, 3), "f4")},
            "char_cnn.filters has [51, 3], expected [width up to 50",
        ),
        (
            {"bilm/CNN_proj/b_proj": np.zeros(6, "i4")},
            "variable bilm/CNN_proj/b_proj is int32, expected floating point",
        ),
        ({"bilm/CNN_proj/b_proj": np.full(6, np.nan, "f4")}, "bilm/CNN_proj/b_proj holds NaN or infinite values"),
        ({"aggregation/weights": np.zeros(2, "f4")}, "aggregation/weights has shape (2,), expected 3 numbers"),
        ({"aggregation/scaling": np.zeros(2, "f4")}, "aggregation/scaling has shape (2,), expected 1 number"),
        ({"aggregation/weights": np.array([0, np.inf, 0], "f4")}, "aggregation/weights holds NaN or infinite values"),
        ({"aggregation/scaling": np.array(0, "f4")}, "mix is [0.0, 0.0, 0.0], expected 3 numbers, not all of them 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_refused(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    assert expected in refusal(load_encoder, bare_module(tmp_path / "m", **changes))


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    return data[:999] + bytes([data[999] ^ 1]) + data[1000:]


@pytest.mark.parametrize(
    ("name", "damage", "expected"),
    [
        ("variables.index", cut, "cannot be read: "),
        ("variables.index", lambda _: b"", "cannot be read: "),
        ("variables.index", lambda _: b"<html>" * 100, "cannot be read: "),
        ("variables.data-00000-of-00001", cut, "the variables should take 70,"),
        ("variables.data-00000-of-00001", lambda _: b"", "their files have 0; get the module again"),
        ("variables.data-00000-of-00001", flip, "cannot be read: "),
    ],
    ids=["index-cut", "index-empty", "index-other", "data-cut", "data-empty", "data-flipped"],
)
def test_damaged_files(tmp_path: Path, name: str, damage: Callable[[bytes], bytes], expected: str) -> None:
    path = bare_module(tmp_path / "m") / "variables" / name
    path.write_bytes(damage(path.read_bytes()))

    message = refusal(load_encoder, tmp_path / "m")

    assert expected in message and str(tmp_path / "m") in message


def test_sizes_are_compared_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # TensorFlow allocates what the index says, and then looks at the data.
    module = bare_module(tmp_path / "m", **{KERNEL: np.zeros((2**12, 2**10), "f4")})
    path = module / "variables" / "variables.data-00000-of-00001"
    path.write_bytes(path.read_bytes()[:1000])
    read: list[str] = []
    monkeypatch.setattr(Checkpoint, "read", lambda _, name: read.append(name))

    assert "the variables should take 16,8" in refusal(load_encoder, module)
    assert read == []


@pytest.mark.parametrize(
    "name", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]
)
@pytest.mark.parametrize("engine", ["native", "hub"])
def test_folder_that_is_not_whole(tmp_path: Path, name: str, engine: str) -> None:
    module = bare_module(tmp_path / "m")
    (module / name).unlink()

    assert refusal(load_encoder, module, engine=engine) == (
        f"{module} is no whole TF-Hub module, it lacks {name}: unpack its archive again"
    )


def test_variables_of_many_files(tmp_path: Path) -> None:
    module = bare_module(tmp_path / "m")
    data = module / "variables" / "variables.data-00000-of-00001"
    data.rename(data.with_name("variables.data-00000-of-00002"))

    assert "it lacks variables/variables.data-00001-of-00002: " in refusal(load_encoder, module)


def test_module_that_the_builder_makes_has_what_the_bare_one_has(tmp_path: Path) -> None:
    whole, bare = write_module(tmp_path / "whole", signatures=["tokens"]), bare_module(tmp_path / "bare")

    assert load_encoder(whole).description == load_encoder(bare).description
