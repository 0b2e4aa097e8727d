"""The biLM's vectors against the NumPy oracle, simple-elmo's golden files, and the public fixtures."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from tiny_elmo import (
    ARCHITECTURES,
    FIXTURES,
    GOLDEN,
    LOUD_ARCHITECTURES,
    OPTIONS,
    TOLERANCE,
    WORDS,
    as_encoded,
    assert_close,
    expected_layers,
    largest_difference,
    louder,
    open_elmo,
    tiny_encoder,
    write_elmo,
)

from elmo_cache import load_encoder
from elmo_cache.encoders.bilm.weights import Weights, random_weights

ALL_ARCHITECTURES = {**ARCHITECTURES, **LOUD_ARCHITECTURES}
EMBEDDED = Path(__file__).resolve().parents[1] / "elmo_cache" / "encoders" / "embedded" / "imdb-v3"

needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"no ELMo fixtures at {FIXTURES}")


def weights_for(name: str) -> Weights:
    weights = random_weights(ALL_ARCHITECTURES[name], 3)
    return louder(weights) if name in LOUD_ARCHITECTURES else weights


@pytest.mark.parametrize("name", ALL_ARCHITECTURES)
def test_every_layer_of_every_architecture(tmp_path: Path, name: str) -> None:
    folder = write_elmo(tmp_path, ALL_ARCHITECTURES[name], weights=weights_for(name))
    expected = expected_layers(folder, WORDS)

    found = open_elmo(folder, layers="all").encode(WORDS)

    assert_close(found, [as_encoded(layers, "all") for layers in expected])
    assert all(vectors.dtype == np.float32 for vectors in found)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("skip-relu-1_highway-loud", {"cell_clip": None}),
        ("skip-relu-1_highway-loud", {"proj_clip": None}),
        ("clips_tight", {"cell_clip": None}),
        ("clips_tight", {"proj_clip": None}),
        ("skip-relu-1_highway", {"use_skip_connections": False}),
        ("skip-relu-1_highway", {"activation": "tanh"}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_the_architectures_would_notice(tmp_path: Path, name: str, changes: dict[str, Any]) -> None:
    options = ALL_ARCHITECTURES[name]
    as_is, changed = (
        expected_layers(write_elmo(tmp_path / which, o, weights=weights_for(name)), WORDS)
        for which, o in {"as_is": options, "changed": replace(options, **changes)}.items()
    )

    assert largest_difference(as_is, changed) > 100 * TOLERANCE


@pytest.mark.parametrize("kind", ["mix", "top"])
@pytest.mark.parametrize("name", ["skip-relu-1_highway", pytest.param("3_layers-no_skip", marks=pytest.mark.slow)])
def test_mix_and_top(tmp_path: Path, name: str, kind: str) -> None:
    folder = write_elmo(tmp_path, ARCHITECTURES[name], seed=4)

    found = open_elmo(folder, layers=kind).encode(WORDS)

    assert_close(found, [as_encoded(layers, kind) for layers in expected_layers(folder, WORDS)])


def test_mix_is_the_mean_of_all_layers_unless_told() -> None:
    encoder = tiny_encoder()

    assert encoder.layers.default == "mix"
    assert encoder.description["mix"] == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("mix", [[0.2, -0.5, 1.7], [0.0, 1.0, 0.0]], ids=str)
def test_mix_of_ones_own(tmp_path: Path, mix: list[float]) -> None:
    folder = write_elmo(tmp_path, seed=5)

    found = open_elmo(folder, mix=mix).encode(WORDS)

    assert_close(found, [as_encoded(layers, "mix", mix) for layers in expected_layers(folder, WORDS)])


def test_mix_with_gamma_and_softmax(tmp_path: Path) -> None:
    # As a trained scalar mix has it: gamma times the softmax of the layers' weights.
    folder, gamma = write_elmo(tmp_path, seed=5), 2.5
    softmax = np.exp([0.3, -1.0, 2.0]) / np.exp([0.3, -1.0, 2.0]).sum()

    found = open_elmo(folder, mix=gamma * softmax).encode(WORDS)

    expected = [gamma * np.tensordot(softmax, layers, axes=1) for layers in expected_layers(folder, WORDS)]
    assert_close(found, expected)


def test_stored_layers_offer_the_mix_and_each_layer(tmp_path: Path) -> None:
    mix = [0.2, -0.5, 1.7]
    folder = write_elmo(tmp_path, seed=5)
    encoder = open_elmo(folder, layers="all", mix=mix)
    (vectors,) = encoder.encode(WORDS[:1])
    (layers,) = expected_layers(folder, WORDS[:1])
    parts = {name: part.astype(np.float16) for name, part in encoder.layers.split_columns(vectors).items()}
    # Half a float16 step of numbers below 2, in each of the summands.
    rounding = 3e-3

    assert {name: part.shape[1] for name, part in parts.items()} == {"layer_0": 6, "layer_1": 12, "layer_2": 12}
    assert_close([encoder.layers.combine("mix", parts)], [as_encoded(layers, "mix", mix)], rounding)
    assert_close([encoder.layers.combine("top", parts)], [layers[2]], rounding)
    for k in range(3):  # layer 0 is as wide as the others again
        assert_close([encoder.layers.combine(str(k), parts)], [layers[k]], rounding)


def test_bias_in_every_place(tmp_path: Path) -> None:
    # Biases as large as what they are added to: none can be forgotten or added twice.
    weights = {name: tensor * 10 if tensor.ndim == 1 else tensor for name, tensor in random_weights(OPTIONS, 6).items()}
    folder = write_elmo(tmp_path, weights=weights)

    found = open_elmo(folder, layers="all").encode(WORDS)

    assert_close(found, [as_encoded(layers, "all") for layers in expected_layers(folder, WORDS)])


@pytest.mark.parametrize("n_words", [30, 253, *(pytest.param(n, marks=pytest.mark.slow) for n in (29, 254, 300))])
def test_any_number_of_distinct_words(tmp_path: Path, n_words: int) -> None:
    # Words are encoded in batches of 32 or 256; three places are the marks'.
    folder = write_elmo(tmp_path, replace(OPTIONS, n_layers=1), seed=7)
    documents = [[f"w{i}" for i in range(n_words)]]

    found = open_elmo(folder, layers="all").encode(documents)

    assert_close(found, [as_encoded(layers, "all") for layers in expected_layers(folder, documents)])


@pytest.mark.parametrize("kind", ["all", "mix", "top"])
@pytest.mark.parametrize("name", ["skip_relu", "noskip_tanh"])
def test_golden(name: str, kind: str) -> None:
    folder = GOLDEN / name
    documents = json.loads((folder / "sentences.json").read_text(encoding="ascii"))
    with np.load(folder / "layers.npz") as file:
        expected = [file[f"sentence_{i}"] for i in range(len(file.files))]

    found = open_elmo(folder, layers=kind).encode(documents)

    assert_close(found, [as_encoded(layers, kind) for layers in expected])


@needs_fixtures
@pytest.mark.parametrize("name", ["bilm_tf", "allennlp"])
def test_public_fixtures(name: str) -> None:
    # They were made with a stateful encoder: only the first sentence of each stream is from zero state.
    folder = FIXTURES / name
    streams = json.loads((folder / "sentences.json").read_text(encoding="utf-8"))
    expected = []
    for stream in range(3):
        with h5py.File(folder / f"lm_embeddings_{stream}.hdf5", "r") as file:
            expected.append(np.concatenate(file["0"][()], axis=-1))

    encoder = open_elmo(folder, layers="top", weights_name="lm_weights.hdf5")
    found = encoder.encode([stream[0].split() for stream in streams])

    assert_close(found, expected)


def test_embedded_encoder() -> None:
    encoder = load_encoder("imdb-v3", layers="all")
    encoder.n_streams, encoder.time_chunk = 4, 4
    documents = [
        ["this", "movie", "was", "not", "bad", "at", "all", "in", "fact", "i'd", "call", "it", "great"],
        [],
        ["worst", "film", "ever", "br", "br", "i", "want", "my", "two", "hours", "back"],
        *WORDS[3:7],
    ]

    found = encoder.encode(documents)

    assert_close(found, [as_encoded(layers, "all") for layers in expected_layers(EMBEDDED, documents)])


def test_bfloat16() -> None:
    encoder = load_encoder("imdb-v3", precision="bfloat16")
    encoder.n_streams, encoder.time_chunk = 4, 4
    documents = [["a", "dull", "film", "with", "one", "great", "scene"], ["😀", "x" * 60], ["so", "so"] * 20]
    expected = np.concatenate([as_encoded(layers, "mix") for layers in expected_layers(EMBEDDED, documents)])

    found = np.concatenate(encoder.encode(documents))

    relative = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert found.dtype == np.float32
    # Eight bits of mantissa; the longest words and repetitions of this encoder are the worst of it, at 0.066.
    assert np.median(relative) < 2e-2 and relative.max() < 0.1
    # Or it would be float32 under another name.
    assert relative.mean() > 2e-4


@pytest.mark.parametrize("part", ["words", "context"])
def test_bfloat16_is_in_both_models(tmp_path: Path, part: str) -> None:
    weights = dict(random_weights(OPTIONS, 8))
    if part == "context":
        # All words alike, with a vector that bfloat16 holds: what differs now, the LSTMs have done.
        weights |= {"CNN_proj/W_proj": np.zeros((16, 6), np.float32), "CNN_proj/b_proj": np.full(6, 0.5, np.float32)}
    folder = write_elmo(tmp_path, weights=weights)
    (layers,) = expected_layers(folder, WORDS[:1])

    (found,) = open_elmo(folder, layers="all", precision="bfloat16").encode(WORDS[:1])

    difference = np.abs(found - as_encoded(layers, "all")).max(axis=0)
    of_words, of_context = difference[:6], difference[6:]
    assert (1e-4 < of_words.max() < 2e-2) if part == "words" else not of_words.any()
    assert 1e-4 < of_context.max() < 2e-2
