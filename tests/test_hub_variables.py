"""A module's variables read by the native engine: what is derived, and what is refused before it can do harm."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import holds
from hub_module import OPTIONS, module_values, write_module, write_variables
from tiny_elmo import refusal

from elmo_cache import EncoderError, load_encoder, messages
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


OTHER_KERNEL = KERNEL.replace("RNN_0", "RNN_1")


def other(error: str) -> EncoderError:
    return EncoderError(messages.OTHER_VARIABLES, path=re.compile("/m$"), error=error)


def shape(variable: str, found: str, expected: str) -> EncoderError:
    where, name = re.compile("/m$"), f"the shape of variable {variable}"
    return EncoderError(messages.INVALID_ENTRY, where=where, name=name, found=found, expected=expected)


def not_finite(variable: str) -> EncoderError:
    error = f"the variable {variable} has NaN or infinite values"
    return EncoderError(messages.DAMAGED, where=re.compile("/m$"), error=error)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"bilm/char_embed": ...}, other("bilm/char_embed is missing (and 38 more such)")),
        ({"bilm/CNN/b_cnn_6": ...}, other("bilm/CNN/b_cnn_6 is missing")),
        ({"bilm/CNN/W_cnn_0": ...}, other("bilm/CNN/W_cnn_0 is missing (and 38 more such)")),
        ({"aggregation/scaling": ...}, other("aggregation/scaling is missing")),
        ({"global_step": np.array(7)}, other("global_step is unknown")),
        ({"bilm/CNN/W_cnn_8": np.zeros((1, 1, 16, 1), "f4")}, other("bilm/CNN/W_cnn_8 is unknown")),
        ({OTHER_KERNEL: ...}, other(f"{OTHER_KERNEL} is missing")),
        ({KERNEL: np.zeros((12, 47), "f4")}, shape(KERNEL, "(12, 47)", "(12, 48) as by the others")),
        (
            {"bilm/char_embed": np.zeros((263, 16), "f4")},
            shape("bilm/char_embed", "(263, 16)", "(261, 16) as by the others"),
        ),
        ({"bilm/char_embed": np.zeros(16, "f4")}, shape("bilm/char_embed", "(16,)", "2 axes")),
        (
            {"bilm/CNN/W_cnn_0": np.zeros((1, 51, 16, 3), "f4")},
            EncoderError(
                messages.INVALID_ENTRY,
                where=re.compile("/m: shapes of the variables$"),
                name="an entry of char_cnn.filters",
                found="[51, 3]",
                expected=re.compile(r"^\[width up to 50"),
            ),
        ),
        (
            {"bilm/CNN_proj/b_proj": np.zeros(6, "i4")},
            EncoderError(
                messages.INVALID_ENTRY,
                where=re.compile("/m$"),
                name="the type of variable bilm/CNN_proj/b_proj",
                found="int32",
                expected="floating point",
            ),
        ),
        ({"bilm/CNN_proj/b_proj": np.full(6, np.nan, "f4")}, not_finite("bilm/CNN_proj/b_proj")),
        ({"aggregation/weights": np.zeros(2, "f4")}, shape("aggregation/weights", "(2,)", "3 numbers")),
        ({"aggregation/scaling": np.zeros(2, "f4")}, shape("aggregation/scaling", "(2,)", "1 number")),
        ({"aggregation/weights": np.array([0, np.inf, 0], "f4")}, not_finite("aggregation/weights")),
        (
            {"aggregation/scaling": np.array(0, "f4")},
            EncoderError(messages.INVALID_VALUE, name="mix", found=[0.0] * 3, expected="3 numbers, not all of them 0"),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_refused(tmp_path: Path, changes: dict[str, Any], expected: EncoderError) -> None:
    holds(refusal(load_encoder, bare_module(tmp_path / "m", **changes)), expected)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    return data[:999] + bytes([data[999] ^ 1]) + data[1000:]


@pytest.mark.parametrize(
    ("name", "damage", "where", "error"),
    [
        ("variables.index", cut, "/m/variables$", "."),
        ("variables.index", lambda _: b"", "/m/variables$", "."),
        ("variables.index", lambda _: b"<html>" * 100, "/m/variables$", "."),
        ("variables.data-00000-of-00001", cut, "/m$", "bytes, expected 70,[0-9]{3}$"),
        ("variables.data-00000-of-00001", lambda _: b"", "/m$", "^the variables have 0 bytes, expected 70,"),
        ("variables.data-00000-of-00001", flip, "/m/variables$", "."),
    ],
    ids=["index-cut", "index-empty", "index-other", "data-cut", "data-empty", "data-flipped"],
)
def test_damaged_files(tmp_path: Path, name: str, damage: Callable[[bytes], bytes], where: str, error: str) -> None:
    path = bare_module(tmp_path / "m") / "variables" / name
    path.write_bytes(damage(path.read_bytes()))

    said = {"where": re.compile(where), "error": re.compile(error)}
    holds(refusal(load_encoder, tmp_path / "m"), messages.DAMAGED, **said)


def test_sizes_are_compared_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # TensorFlow allocates what the index says, and then looks at the data.
    module = bare_module(tmp_path / "m", **{KERNEL: np.zeros((2**12, 2**10), "f4")})
    path = module / "variables" / "variables.data-00000-of-00001"
    path.write_bytes(path.read_bytes()[:1000])
    read: list[str] = []
    monkeypatch.setattr(Checkpoint, "read", lambda _, name: read.append(name))

    error = re.compile("bytes, expected 16,8[0-9,]+$")
    holds(refusal(load_encoder, module), messages.DAMAGED, where=module, error=error)
    assert read == []


@pytest.mark.parametrize(
    "name", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]
)
@pytest.mark.parametrize("engine", ["native", "hub"])
def test_folder_that_is_not_whole(tmp_path: Path, name: str, engine: str) -> None:
    module = bare_module(tmp_path / "m")
    (module / name).unlink()

    holds(refusal(load_encoder, module, engine=engine), messages.MODULE_INCOMPLETE, path=str(module), name=name)


def test_variables_of_many_files(tmp_path: Path) -> None:
    module = bare_module(tmp_path / "m")
    data = module / "variables" / "variables.data-00000-of-00001"
    data.rename(data.with_name("variables.data-00000-of-00002"))

    lacking = "variables/variables.data-00001-of-00002"
    holds(refusal(load_encoder, module), messages.MODULE_INCOMPLETE, name=lacking)


def test_module_that_the_builder_makes_has_what_the_bare_one_has(tmp_path: Path) -> None:
    whole, bare = write_module(tmp_path / "whole", signatures=["tokens"]), bare_module(tmp_path / "bare")

    assert load_encoder(whole).description == load_encoder(bare).description
