"""`load_encoder`: the embedded encoder, folders, archives, what names an encoder and what identifies it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from errors_expected import holds
from tiny_elmo import (
    OPTIONS,
    WORDS,
    changed_options,
    halved,
    refusal,
    shared_encoder,
    tiny_encoder,
    write_elmo,
    write_options,
    zipped,
)

from elmo_cache import Encoder, load_encoder, messages
from elmo_cache.encoders import embedded_encoders
from elmo_cache.encoders.bilm.weights import random_weights, tensor_shapes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_elmo(tmp_path / "elmo")


def test_embedded() -> None:
    encoder = load_encoder("imdb-v3")

    assert (encoder.name, encoder.dim, encoder.tokenizer) == ("imdb-v3", 256, "keras")
    assert encoder.options.architecture == "2x1024_128"
    assert isinstance(encoder, Encoder)


def test_embedded_are_listed() -> None:
    (embedded,) = embedded_encoders()

    assert (embedded.name, embedded.options.projection_dim) == ("imdb-v3", 128)
    assert 10e6 < embedded.size_bytes < 12e6


def test_embedded_is_what_its_folder_holds() -> None:
    path = Path(__file__).resolve().parents[1] / "elmo_cache" / "encoders" / "embedded" / "imdb-v3"

    assert load_encoder("imdb-v3").description == load_encoder(path).description


def test_embedded_description_stays() -> None:
    # Caches already made are found again by it.
    assert load_encoder("imdb-v3").description == {
        "model": "elmo",
        "weights": "7cd94ce17b6cb888a4cfaa865b306cab765b0be32b60bdbdc1513596fcb21c2a",
        "options": {
            "lstm": {
                "dim": 1024,
                "projection_dim": 128,
                "n_layers": 2,
                "cell_clip": 3.0,
                "proj_clip": 3.0,
                "use_skip_connections": True,
            },
            "char_cnn": {
                "activation": "relu",
                "embedding": {"dim": 16},
                "filters": [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256]],
                "max_characters_per_token": 50,
                "n_characters": 262,
                "n_highway": 1,
            },
        },
        "layers": "mix",
        "mix": [1 / 3, 1 / 3, 1 / 3],
        "precision": "float32",
    }


def test_folder(folder: Path) -> None:
    encoder = load_encoder(folder)

    assert (encoder.name, encoder.dim, encoder.tokenizer) == ("elmo 2x12_6", 12, "words")
    assert encoder.description == load_encoder(str(folder)).description == tiny_encoder().description


@pytest.mark.parametrize(("layers", "dim"), [("mix", 12), ("top", 12), ("all", 30)])
def test_dim_is_that_of_the_vectors(layers: str, dim: int) -> None:
    encoder = shared_encoder(layers)

    assert encoder.dim == dim
    assert encoder.encode([["a", "b"]])[0].shape == (2, dim)


def test_public_file_names(folder: Path) -> None:
    before = load_encoder(folder).description
    (folder / "options.json").rename(folder / "elmo_2x4096_512_2048cnn_2xhighway_options.json")
    (folder / "weights.hdf5").rename(folder / "elmo_2x4096_512_2048cnn_2xhighway_weights.hdf5")
    (folder / "vocab.txt").write_text("the\n")
    (folder / "meta.json").write_text("{}")
    (folder / "checkpoints").mkdir()

    assert load_encoder(folder).description == before


def test_encodes_what_it_loaded(folder: Path) -> None:
    encoder = load_encoder(folder)
    encoder.use_computation(shared_encoder("mix").computation)

    found = encoder.encode(WORDS)

    assert all(np.array_equal(a, b) for a, b in zip(found, shared_encoder("mix").encode(WORDS), strict=True))


def test_description_knows_no_place(tmp_path: Path, folder: Path) -> None:
    moved = folder.rename(tmp_path / "a-place-of-its-own")
    encoder = load_encoder(moved)
    text = json.dumps(encoder.description)

    assert json.loads(text) == encoder.description
    for word in ("a-place-of-its-own", "weights.hdf5", "options.json", encoder.name, str(tmp_path)):
        assert word not in text


def test_description_is_of_the_values_not_of_the_file(tmp_path: Path) -> None:
    weights = halved(random_weights(OPTIONS))
    half, single = (
        write_elmo(tmp_path / name, weights=weights, dtype=dtype) for name, dtype in {"f2": "<f2", "f4": "<f4"}.items()
    )
    with_mask = write_elmo(
        tmp_path / "mask", weights={**weights, "char_embed": np.pad(weights["char_embed"], ((1, 0), (0, 0)))}
    )
    sources = [
        half,
        single,
        with_mask,
        zipped(half, tmp_path / "half.zip"),
        zipped(single, tmp_path / "single.zip", "x/"),
    ]

    first, *others = (load_encoder(source).description for source in sources)

    assert all(other == first for other in others)
    assert (half / "weights.hdf5").stat().st_size < (single / "weights.hdf5").stat().st_size


@pytest.mark.parametrize("name", tensor_shapes(OPTIONS))
def test_description_sees_every_tensor(folder: Path, name: str) -> None:
    before = load_encoder(folder).description
    with h5py.File(folder / "weights.hdf5", "r+") as file:
        tensor = file[name][()]
        tensor.reshape(-1)[0] += 0.01
        file[name][()] = tensor

    assert load_encoder(folder).description != before


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("lstm", {"cell_clip": 2.5}),
        ("lstm", {"cell_clip": None}),
        ("lstm", {"proj_clip": 2.5}),
        ("lstm", {"use_skip_connections": False}),
        ("char_cnn", {"activation": "tanh"}),
        ("char_cnn", {"max_characters_per_token": 49}),
    ],
    ids=str,
)
def test_description_sees_every_option(folder: Path, section: str, changes: dict[str, Any]) -> None:
    before = load_encoder(folder).description
    write_options(folder, changed_options(section, **changes))

    assert load_encoder(folder).description != before


def test_description_sees_every_setting(folder: Path) -> None:
    descriptions = [
        load_encoder(folder).description,
        load_encoder(folder, layers="top").description,
        load_encoder(folder, layers="all").description,
        load_encoder(folder, precision="bfloat16").description,
        tiny_encoder(mix=[0.5, 0.25, 0.25]).description,
        tiny_encoder(mix=[0.25, 0.25, 0.5]).description,
    ]

    assert len({json.dumps(description, sort_keys=True) for description in descriptions}) == len(descriptions)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"layers": "mean"}, "one of mix, top, all"),
        ({"precision": "float64"}, "one of float32, tf32, float16, bfloat16"),
    ],
    ids=str,
)
def test_unknown_setting(settings: dict[str, Any], expected: str) -> None:
    ((name, found),) = settings.items()
    error = refusal(load_encoder, "imdb-v3", **settings)
    holds(error, messages.INVALID_VALUE, name=name, found=repr(found), expected=expected)


@pytest.mark.parametrize(
    "mix", [[], [1.0], [0.5] * 4, [0.0] * 3, [1.0, float("nan"), 1.0], [float("inf")] * 3], ids=str
)
def test_mix_that_is_none(mix: list[float]) -> None:
    error = refusal(tiny_encoder, mix=mix)

    holds(error, messages.INVALID_VALUE, name="mix", expected="3 numbers, not all of them 0")
    assert str(error.data["found"]) == str(mix)


def test_unknown_name() -> None:
    holds(refusal(load_encoder, "imdb-v1"), messages.NO_ENCODER_AT, name="imdb-v1", expected="imdb-v3")


@pytest.mark.parametrize("name", ["nowhere.zip", "no/such/folder", "a\x00b", "x" * 5000], ids=ascii)
def test_no_such_path(name: str) -> None:
    with pytest.raises(ValueError, match="encoder|read"):
        load_encoder(name)


@pytest.mark.parametrize("name", ["options.json", "weights.hdf5"])
def test_file_instead_of_its_folder(folder: Path, name: str) -> None:
    holds(refusal(load_encoder, folder / name), messages.ENCODER_IS_FILE, path=folder / name)


@pytest.mark.parametrize(
    ("remove", "add", "data"),
    [
        ("options.json", [], {"n": 0, "name": "*options*.json", "found": "none"}),
        ("weights.hdf5", [], {"n": 0, "name": "*.hdf5", "found": "none"}),
        (
            None,
            ["other_options.json"],
            {"n": 2, "name": "*options*.json", "found": "options.json, other_options.json"},
        ),
        (None, ["other.hdf5"], {"n": 2, "name": "*.hdf5", "found": "other.hdf5, weights.hdf5"}),
    ],
    ids=["no_options", "no_weights", "two_options", "two_weights"],
)
@pytest.mark.parametrize("archived", [False, True], ids=["folder", "archive"])
def test_not_exactly_one(
    tmp_path: Path, folder: Path, remove: str | None, add: list[str], data: dict[str, Any], archived: bool
) -> None:
    if remove:
        (folder / remove).unlink()
    for name in add:
        (folder / name).touch()
    source = zipped(folder, tmp_path / "elmo.zip") if archived else folder

    holds(refusal(load_encoder, source), messages.ELMO_FILES, path=source, **data)


def test_empty_folder(tmp_path: Path) -> None:
    holds(refusal(load_encoder, tmp_path), messages.ELMO_FILES, path=tmp_path, n=0, name="*options*.json")


def test_errors_name_the_file(folder: Path) -> None:
    write_options(folder, changed_options("lstm", dim=13))

    name, where = re.compile("^the shape of tensor RNN_0/"), folder / "weights.hdf5"
    said = {"name": name, "found": "(12, 48)", "expected": "(12, 52) as by the options"}
    holds(refusal(load_encoder, folder), messages.INVALID_ENTRY, where=where, **said)


def test_other_options_make_another_name(tmp_path: Path) -> None:
    options = replace(OPTIONS, dim=8, projection_dim=4, n_layers=1)

    assert load_encoder(write_elmo(tmp_path, options)).name == "elmo 1x8_4"
