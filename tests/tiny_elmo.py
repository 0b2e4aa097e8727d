"""Tiny random ELMos of any architecture in the public format, and what the oracle makes of them."""

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache as memoize
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracle import oracle_layers

from cache import CacheError
from elmo_cache import EncoderError, build, load_encoder
from elmo_cache.encoders.bilm.encoder import BiLMEncoder
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import Weights, random_weights, read_weights, write_weights

GOLDEN = Path(__file__).resolve().parent / "golden"
FIXTURES = Path(__file__).resolve().parents[2] / "shared" / "data" / "elmo_fixtures"

TOLERANCE = 2e-5
"""How far float32 may be from the oracle and the golden files."""

OPTIONS = BiLMOptions(
    filters=((1, 4), (2, 5), (3, 7)),
    n_highway=1,
    activation="relu",
    char_dim=4,
    max_characters=50,
    dim=12,
    projection_dim=6,
    n_layers=2,
    cell_clip=3.0,
    proj_clip=3.0,
    use_skip_connections=True,
)
SMALL = replace(OPTIONS, filters=((1, 4), (2, 8)), projection_dim=4)

WORDS: list[list[str]] = [
    ["a", "slow", "start", ",", "but", "what", "a", "finish", "!"],
    ["one"],
    [],
    ["<S>", "inside", "</S>", "", " ", "<s>", "<UNK>", "<PAD>"],
    ["x" * 47, "x" * 48, "x" * 49, "y" * 300, "é" * 24, "é" * 25, "x" + "é" * 24],
    ["😀", "👍🏽👍🏽", "👩\u200d👩\u200d👧", "nai\u0308ve", "日本語", "\x00", "a\x00b", "\x1b[0m", "\u00a0", "\r\n"],
    ["the", "film", "the", "film", "the", "film", "was", "not", "the", "film"],
    ["one"],
    [f"word{i}" for i in range(21)],
]
"""Documents with everything that a word can be."""


def write_elmo(
    folder: Path,
    options: BiLMOptions = OPTIONS,
    *,
    weights: Weights | None = None,
    seed: int = 0,
    dtype: str = "<f4",
    options_json: Any = None,
) -> Path:
    """Write `options.json` and `weights.hdf5` into a folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_options(folder, options.to_json() if options_json is None else options_json)
    write_weights(folder / "weights.hdf5", random_weights(options, seed) if weights is None else weights, dtype)
    return folder


def write_options(folder: Path, value: Any) -> None:
    (folder / "options.json").write_text(json.dumps(value), encoding="ascii")


def zipped(folder: Path, path: Path, prefix: str = "", compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write an archive of the files in a folder, their names after a prefix, and return its path."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, prefix + file.name)
    return path


def changed_options(section: str, **changes: Any) -> dict[str, Any]:
    """Return the JSON of `OPTIONS` with entries of a section replaced, or dropped where the new value is `...`."""
    value = OPTIONS.to_json()
    value[section] = {key: new for key, new in {**value[section], **changes}.items() if new is not ...}
    return value


def open_elmo(folder: Path, *, weights_name: str = "weights.hdf5", **settings: Any) -> BiLMEncoder:
    """Make an encoder that is quick to trace from a folder, with settings that `load_encoder` does not take."""
    options = BiLMOptions.parse((folder / "options.json").read_bytes(), "options.json")
    weights = read_weights(folder / weights_name, options, weights_name)
    return tiny_encoder(options, weights=weights, **settings)


def tiny_encoder(options: BiLMOptions = OPTIONS, *, weights: Weights | None = None, **settings: Any) -> BiLMEncoder:
    """Make an encoder that is quick to trace."""
    weights = random_weights(options) if weights is None else weights
    return BiLMEncoder(weights, options, **{"name": "tiny", "n_streams": 8, "time_chunk": 4, **settings})


def build_all_layers(corpus: str | Path, elmo: str | Path, out: str | Path) -> None:
    """Build a cache of every layer with whatever backend Keras has in this process."""
    encoder = load_encoder(elmo, layers="all")
    encoder.n_streams, encoder.time_chunk = 4, 4
    build(str(corpus), encoder, out).close()


@memoize
def shared_encoder(layers: str = "all") -> BiLMEncoder:
    """Return the one encoder of `OPTIONS` that tests share, because tracing takes time. Do not change it."""
    return tiny_encoder(layers=layers)


def louder(weights: Weights) -> Weights:
    """Return weights whose states grow past ±3: larger biases and projections, but kernels that forgive rounding."""
    factors = {"LSTMCell/B": 20, "LSTMCell/W_P_0": 5, "LSTMCell/W_0": 0.2}
    return {
        name: tensor * next((factor for end, factor in factors.items() if name.endswith(end)), 1)
        for name, tensor in weights.items()
    }


def halved(weights: Weights) -> Weights:
    """Return weights rounded to float16, as float32."""
    return {name: tensor.astype(np.float16).astype(np.float32) for name, tensor in weights.items()}


def expected_layers(
    folder: Path, documents: Sequence[Sequence[str]], weights_name: str = "weights.hdf5"
) -> list[np.ndarray]:
    """Return the oracle's layers `(1 + n_layers, n_tokens, 2 * projection)` of each document."""
    documents = [list(document) for document in documents]
    return list(oracle_layers(folder / "options.json", folder / weights_name, documents))


def as_encoded(layers: np.ndarray, kind: str, mix: Sequence[float] | None = None) -> np.ndarray:
    """Return what an encoder makes of a document whose layers are given: `(n_tokens, dim)`."""
    if kind == "top":
        return np.asarray(layers[-1])
    if kind == "mix":
        weights = np.full(len(layers), 1 / len(layers)) if mix is None else np.asarray(mix)
        return np.tensordot(weights, layers, axes=1)
    size = layers.shape[-1] // 2
    return np.concatenate([layers[0][:, :size], *layers[1:]], axis=-1)


def largest_difference(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> float:
    """Return the largest absolute difference between two lists of arrays, shape by shape the same."""
    assert [a.shape for a in found] == [b.shape for b in expected]
    return max(float(np.abs(a - b).max(initial=0.0)) for a, b in zip(found, expected, strict=True))


def assert_close(found: Sequence[np.ndarray], expected: Sequence[np.ndarray], tolerance: float = TOLERANCE) -> None:
    difference = largest_difference(found, expected)
    assert difference <= tolerance, f"differ by {difference:.2g}, more than {tolerance:.2g}"


def refusal(call: Callable[..., Any], *arguments: Any, **settings: Any) -> EncoderError:
    """Return the error that a call ends in: of the kind that all encoders raise, with a message of one line."""
    with pytest.raises(EncoderError) as caught:
        call(*arguments, **settings)
    assert isinstance(caught.value, CacheError)
    assert isinstance(caught.value, ValueError)
    message = str(caught.value)
    assert message == message.strip()
    assert len(message.splitlines()) == 1
    assert len(message) < 600
    return caught.value


ARCHITECTURES: Mapping[str, BiLMOptions] = {
    "skip-relu-1_highway": OPTIONS,
    "no_skip-tanh-0_highway": replace(OPTIONS, use_skip_connections=False, activation="tanh", n_highway=0),
    "skip-tanh-2_highway": replace(OPTIONS, activation="tanh", n_highway=2),
    "no_skip-relu-3_highway": replace(OPTIONS, use_skip_connections=False, n_highway=3),
    "1_layer": replace(OPTIONS, n_layers=1),
    "3_layers-skip": replace(OPTIONS, n_layers=3),
    "3_layers-no_skip": replace(OPTIONS, n_layers=3, use_skip_connections=False),
    "no_clips": replace(OPTIONS, cell_clip=None, proj_clip=None),
    "clips_tight": replace(OPTIONS, cell_clip=0.1, proj_clip=0.03),
    "cell_clip_alone": replace(OPTIONS, cell_clip=0.1, proj_clip=None),
    "proj_clip_alone": replace(OPTIONS, cell_clip=None, proj_clip=0.03),
    "20_characters-wide_filter": replace(OPTIONS, max_characters=20, filters=((20, 3), (1, 4))),
    "more_inputs_than_cells": replace(OPTIONS, dim=5, projection_dim=9, char_dim=1),
}
LOUD_ARCHITECTURES = {f"{name}-loud": ARCHITECTURES[name] for name in ("skip-relu-1_highway", "no_clips")}
"""For `louder` weights, which reach clips of 3."""
