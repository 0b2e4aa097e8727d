"""Options files: what is read from them, and what is wrong with the others."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tiny_elmo import OPTIONS, changed_options, refusal

from elmo_cache.encoders.bilm.options import BiLMOptions

WHERE = "folder/options.json"


def parse(value: Any) -> BiLMOptions:
    return BiLMOptions.parse(json.dumps(value), WHERE)


def test_round_trip() -> None:
    assert parse(OPTIONS.to_json()) == OPTIONS


def test_public_file() -> None:
    # elmo_2x4096_512_2048cnn_2xhighway_options.json
    text = b"""{"lstm": {"use_skip_connections": true, "projection_dim": 512, "cell_clip": 3, "proj_clip": 3,
    "dim": 4096, "n_layers": 2}, "char_cnn": {"activation": "relu", "filters": [[1, 32], [2, 32], [3, 64], [4, 128],
    [5, 256], [6, 512], [7, 1024]], "n_highway": 2, "embedding": {"dim": 16}, "n_characters": 262,
    "max_characters_per_token": 50}}"""

    options = BiLMOptions.parse(text, WHERE)

    assert options == BiLMOptions(
        filters=((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024)),
        n_highway=2,
        activation="relu",
        char_dim=16,
        max_characters=50,
        dim=4096,
        projection_dim=512,
        n_layers=2,
        cell_clip=3.0,
        proj_clip=3.0,
        use_skip_connections=True,
    )
    assert options.architecture == "2x4096_512"
    assert options.n_filters == 2048


def test_what_training_left_there_is_passed_over() -> None:
    value = {**OPTIONS.to_json(), "bidirectional": True, "n_epochs": 10, "all_clip_norm_val": 10.0}

    assert parse(value) == OPTIONS


@pytest.mark.parametrize("n_characters", [261, 262, ...], ids=str)
def test_number_of_characters_does_not_matter(n_characters: Any) -> None:
    assert parse(changed_options("char_cnn", n_characters=n_characters)) == OPTIONS


@pytest.mark.parametrize("clip", [None, 0, 0.0, ...], ids=str)
@pytest.mark.parametrize("name", ["cell_clip", "proj_clip"])
def test_no_clip(name: str, clip: Any) -> None:
    assert parse(changed_options("lstm", **{name: clip})) == replace(OPTIONS, **{name: None})


def test_no_highway_layers_need_no_entry() -> None:
    # As bilm-tf reads it.
    assert parse(changed_options("char_cnn", n_highway=...)).n_highway == 0


def test_no_skip_connections_need_no_entry() -> None:
    assert not parse(changed_options("lstm", use_skip_connections=...)).use_skip_connections


def test_numbers_of_either_kind_are_the_same_options() -> None:
    assert parse(changed_options("lstm", cell_clip=3)).to_json() == OPTIONS.to_json()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"not json",
        b"\x89HDF\r\n\x1a\n\x00\x00\x00",
        b"\xff\xfe\x00",
        b'{"lstm": 1,}',
        b"[" * 100_000,
        b'{"lstm": ' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "cut", "text", "hdf5", "utf16", "comma", "deep", "long_number"],
)
def test_not_json(text: bytes) -> None:
    message = refusal(BiLMOptions.parse, text, WHERE)

    assert message.startswith(f"{WHERE} is not JSON: ")


@pytest.mark.parametrize("value", [{}, [], None, 3, "lstm", {"lstm": [], "char_cnn": 1}], ids=json.dumps)
def test_json_of_something_else(value: Any) -> None:
    assert "lacks char_cnn.activation: not the options of an ELMo" in refusal(parse, value)


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("lstm", "dim"),
        ("lstm", "projection_dim"),
        ("lstm", "n_layers"),
        ("char_cnn", "activation"),
        ("char_cnn", "embedding"),
        ("char_cnn", "filters"),
        ("char_cnn", "max_characters_per_token"),
    ],
)
def test_entry_is_lacking(section: str, name: str) -> None:
    message = refusal(parse, changed_options(section, **{name: ...}))

    assert message.startswith(f"{WHERE} lacks {section}.{name}")


@pytest.mark.parametrize(
    ("section", "changes", "expected"),
    [
        ("lstm", {"dim": "4096"}, "lstm.dim is '4096', expected int"),
        ("lstm", {"dim": 4096.0}, "lstm.dim is 4096.0, expected int"),
        ("lstm", {"dim": True}, "lstm.dim is True, expected int"),
        ("lstm", {"dim": None}, "lstm.dim is None, expected int"),
        ("lstm", {"n_layers": [2]}, "lstm.n_layers is [2], expected int"),
        ("lstm", {"use_skip_connections": "yes"}, "lstm.use_skip_connections is 'yes', expected bool"),
        ("lstm", {"use_skip_connections": 1}, "lstm.use_skip_connections is 1, expected bool"),
        ("lstm", {"cell_clip": "3"}, "lstm.cell_clip is '3', expected a number from 0 or null"),
        ("lstm", {"proj_clip": False}, "lstm.proj_clip is False, expected a number from 0 or null"),
        ("char_cnn", {"n_highway": "2"}, "char_cnn.n_highway is '2', expected int"),
        ("char_cnn", {"activation": 3}, "char_cnn.activation is 3, expected str"),
        ("char_cnn", {"filters": 3}, "char_cnn.filters is 3, expected list"),
        ("char_cnn", {"filters": [[1, 4], 5]}, "char_cnn.filters has 5, expected [width"),
        ("char_cnn", {"filters": [[1, 4, 5]]}, "char_cnn.filters has [1, 4, 5], expected [width"),
        ("char_cnn", {"filters": [["1", 4]]}, "char_cnn.filters has ['1', 4], expected [width"),
        ("char_cnn", {"embedding": 16}, "lacks char_cnn.embedding.dim"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_entry_of_another_kind(section: str, changes: dict[str, Any], expected: str) -> None:
    message = refusal(parse, changed_options(section, **changes))

    assert message.startswith(WHERE)
    assert expected in message


@pytest.mark.parametrize(
    ("section", "changes", "expected"),
    [
        ("lstm", {"dim": 10**12}, "lstm.dim is 1000000000000, expected 1 to 65536"),
        ("lstm", {"dim": 0}, "lstm.dim is 0, expected 1 to 65536"),
        ("lstm", {"dim": -1}, "lstm.dim is -1, expected"),
        ("lstm", {"dim": 10**4000}, "lstm.dim is 1000"),
        ("lstm", {"projection_dim": 2**14 + 1}, "lstm.projection_dim is 16385, expected 1 to 16384"),
        ("lstm", {"n_layers": 0}, "lstm.n_layers is 0, expected 1 to 16"),
        ("lstm", {"n_layers": 17}, "lstm.n_layers is 17, expected 1 to 16"),
        ("lstm", {"cell_clip": -3}, "lstm.cell_clip is -3, expected a number from 0"),
        ("lstm", {"cell_clip": float("nan")}, "lstm.cell_clip is nan, expected a number from 0"),
        ("lstm", {"proj_clip": float("inf")}, "lstm.proj_clip is inf, expected a number from 0"),
        ("lstm", {"proj_clip": 10**400}, "lstm.proj_clip is 1000"),
        ("char_cnn", {"n_highway": -1}, "char_cnn.n_highway is -1, expected 0 to 16"),
        ("char_cnn", {"n_highway": 17}, "char_cnn.n_highway is 17, expected 0 to 16"),
        ("char_cnn", {"n_characters": 260}, "char_cnn.n_characters is 260, expected 261 or 262"),
        ("char_cnn", {"embedding": {"dim": 1025}}, "char_cnn.embedding.dim is 1025, expected 1 to 1024"),
        ("char_cnn", {"max_characters_per_token": 2}, "char_cnn.max_characters_per_token is 2, expected 3 to 1000"),
        ("char_cnn", {"filters": []}, "char_cnn.filters has 0 entries, expected 1 to 64"),
        ("char_cnn", {"filters": [[1, 1]] * 65}, "char_cnn.filters has 65 entries, expected 1 to 64"),
        ("char_cnn", {"filters": [[51, 4]]}, "char_cnn.filters has [51, 4], expected [width up to 50"),
        ("char_cnn", {"filters": [[0, 4]]}, "char_cnn.filters has [0, 4], expected [width up to 50"),
        ("char_cnn", {"filters": [[1, 0]]}, "char_cnn.filters has [1, 0], expected [width up to 50"),
        ("char_cnn", {"filters": [[1, 10**12]]}, "char_cnn.filters has [1, 1000000000000], expected [width"),
        ("char_cnn", {"activation": "sigmoid"}, "char_cnn.activation is 'sigmoid', expected 'relu' or 'tanh'"),
        ("char_cnn", {"activation": "x" * 10_000}, "char_cnn.activation is 'xxx"),
        ("char_cnn", {"activation": "relu\n"}, "char_cnn.activation is 'relu\\n', expected"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_out_of_bounds(section: str, changes: dict[str, Any], expected: str) -> None:
    message = refusal(parse, changed_options(section, **changes))

    assert message.startswith(f"{WHERE}: ")
    assert expected in message
