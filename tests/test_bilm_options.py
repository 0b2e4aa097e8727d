"""Options files: what is read from them, and what is wrong with the others."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from errors_expected import holds
from tiny_elmo import OPTIONS, changed_options, refusal

from elmo_cache import EncoderError, messages
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
    holds(refusal(BiLMOptions.parse, text, WHERE), messages.NOT_JSON, where=WHERE, expected="the options of an ELMo")


@pytest.mark.parametrize("value", [{}, [], None, 3, "lstm", {"lstm": [], "char_cnn": 1}], ids=json.dumps)
def test_json_of_something_else(value: Any) -> None:
    holds(refusal(parse, value), messages.LACKS, where=WHERE, name="char_cnn.activation")


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
    error = refusal(parse, changed_options(section, **{name: ...}))

    holds(error, messages.LACKS, where=WHERE, name=re.compile(f"^{section}.{name}"))


A_FILTER = "[width up to 50, number of filters up to 65536]"


def invalid(name: str, found: str, expected: str) -> EncoderError:
    return EncoderError(messages.INVALID_ENTRY, where=WHERE, name=name, found=found, expected=expected)


@pytest.mark.parametrize(
    ("section", "changes", "expected"),
    [
        ("lstm", {"dim": "4096"}, invalid("lstm.dim", "'4096'", "int")),
        ("lstm", {"dim": 4096.0}, invalid("lstm.dim", "4096.0", "int")),
        ("lstm", {"dim": True}, invalid("lstm.dim", "True", "int")),
        ("lstm", {"dim": None}, invalid("lstm.dim", "None", "int")),
        ("lstm", {"n_layers": [2]}, invalid("lstm.n_layers", "[2]", "int")),
        ("lstm", {"use_skip_connections": "yes"}, invalid("lstm.use_skip_connections", "'yes'", "bool")),
        ("lstm", {"use_skip_connections": 1}, invalid("lstm.use_skip_connections", "1", "bool")),
        ("lstm", {"cell_clip": "3"}, invalid("lstm.cell_clip", "'3'", "a number from 0 or null")),
        ("lstm", {"proj_clip": False}, invalid("lstm.proj_clip", "False", "a number from 0 or null")),
        ("char_cnn", {"n_highway": "2"}, invalid("char_cnn.n_highway", "'2'", "int")),
        ("char_cnn", {"activation": 3}, invalid("char_cnn.activation", "3", "str")),
        ("char_cnn", {"filters": 3}, invalid("char_cnn.filters", "3", "list")),
        (
            "char_cnn",
            {"filters": [[1, 4], 5]},
            invalid("an entry of char_cnn.filters", "5", A_FILTER),
        ),
        (
            "char_cnn",
            {"filters": [[1, 4, 5]]},
            invalid("an entry of char_cnn.filters", "[1, 4, 5]", A_FILTER),
        ),
        (
            "char_cnn",
            {"filters": [["1", 4]]},
            invalid("an entry of char_cnn.filters", "['1', 4]", A_FILTER),
        ),
        ("char_cnn", {"embedding": 16}, EncoderError(messages.LACKS, where=WHERE, name="char_cnn.embedding.dim")),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_entry_of_another_kind(section: str, changes: dict[str, Any], expected: EncoderError) -> None:
    holds(refusal(parse, changed_options(section, **changes)), expected)


@pytest.mark.parametrize(
    ("section", "changes", "expected"),
    [
        ("lstm", {"dim": 10**12}, invalid("lstm.dim", "1000000000000", "1 to 65536")),
        ("lstm", {"dim": 0}, invalid("lstm.dim", "0", "1 to 65536")),
        ("lstm", {"dim": -1}, invalid("lstm.dim", "-1", "1 to 65536")),
        (
            "lstm",
            {"dim": 10**4000},
            EncoderError(messages.INVALID_ENTRY, where=WHERE, name="lstm.dim", found=re.compile("^1000")),
        ),
        ("lstm", {"projection_dim": 2**14 + 1}, invalid("lstm.projection_dim", "16385", "1 to 16384")),
        ("lstm", {"n_layers": 0}, invalid("lstm.n_layers", "0", "1 to 16")),
        ("lstm", {"n_layers": 17}, invalid("lstm.n_layers", "17", "1 to 16")),
        ("lstm", {"cell_clip": -3}, invalid("lstm.cell_clip", "-3", "a number from 0 or null")),
        ("lstm", {"cell_clip": float("nan")}, invalid("lstm.cell_clip", "nan", "a number from 0 or null")),
        ("lstm", {"proj_clip": float("inf")}, invalid("lstm.proj_clip", "inf", "a number from 0 or null")),
        (
            "lstm",
            {"proj_clip": 10**400},
            EncoderError(messages.INVALID_ENTRY, where=WHERE, name="lstm.proj_clip", found=re.compile("^1000")),
        ),
        ("char_cnn", {"n_highway": -1}, invalid("char_cnn.n_highway", "-1", "0 to 16")),
        ("char_cnn", {"n_highway": 17}, invalid("char_cnn.n_highway", "17", "0 to 16")),
        ("char_cnn", {"n_characters": 260}, invalid("char_cnn.n_characters", "260", "261 or 262")),
        ("char_cnn", {"embedding": {"dim": 1025}}, invalid("char_cnn.embedding.dim", "1025", "1 to 1024")),
        ("char_cnn", {"max_characters_per_token": 2}, invalid("char_cnn.max_characters_per_token", "2", "3 to 1000")),
        ("char_cnn", {"filters": []}, invalid("the number of char_cnn.filters", "0", "1 to 64")),
        ("char_cnn", {"filters": [[1, 1]] * 65}, invalid("the number of char_cnn.filters", "65", "1 to 64")),
        (
            "char_cnn",
            {"filters": [[51, 4]]},
            invalid("an entry of char_cnn.filters", "[51, 4]", A_FILTER),
        ),
        (
            "char_cnn",
            {"filters": [[0, 4]]},
            invalid("an entry of char_cnn.filters", "[0, 4]", A_FILTER),
        ),
        (
            "char_cnn",
            {"filters": [[1, 0]]},
            invalid("an entry of char_cnn.filters", "[1, 0]", A_FILTER),
        ),
        (
            "char_cnn",
            {"filters": [[1, 10**12]]},
            invalid("an entry of char_cnn.filters", "[1, 1000000000000]", A_FILTER),
        ),
        ("char_cnn", {"activation": "sigmoid"}, invalid("char_cnn.activation", "'sigmoid'", "'relu' or 'tanh'")),
        (
            "char_cnn",
            {"activation": "x" * 10_000},
            EncoderError(messages.INVALID_ENTRY, where=WHERE, name="char_cnn.activation", found=re.compile("^'xxx")),
        ),
        ("char_cnn", {"activation": "relu\n"}, invalid("char_cnn.activation", "'relu\\n'", "'relu' or 'tanh'")),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_out_of_bounds(section: str, changes: dict[str, Any], expected: EncoderError) -> None:
    holds(refusal(parse, changed_options(section, **changes)), expected)
