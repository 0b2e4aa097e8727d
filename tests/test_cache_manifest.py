"""The manifest: what is refused and in which words; and the plan, which only ever grows."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import raises
from hypothesis import given
from hypothesis import strategies as st
from small_cache import canonical_json_sha256, write_cache

from cache import CacheError, CorruptFileError, FeatureCache, FormatVersionError, NotACacheError, messages, verify
from cache.errors import InvalidValueError
from cache.manifest import check_split_name, read_manifest, write_manifest
from cache.shard_plan import SplitPlan, extend_plan

Value = dict[str, Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c")
    return tmp_path / "c" / "manifest.json"


def refused(path: Path, message: str, kind: type[CacheError] = CorruptFileError, /, **data: object) -> None:
    """Every way in refuses the manifest, names the file, and says the same."""
    found = set()
    for way_in in (FeatureCache, verify, lambda directory: read_manifest(directory)):
        with raises(message, kind, path=path, **data) as caught:
            way_in(path.parent)
        found.add(str(caught.value))
    assert len(found) == 1


def rewrite(path: Path, change: Callable[[Value], object]) -> None:
    """Change the manifest and give it the digest that fits."""
    value = json.loads(path.read_text())
    value.pop("digest")
    change(value)
    path.write_text(json.dumps({**value, "digest": canonical_json_sha256(value)}))


def put(*keys: str, value: object) -> Callable[[Value], object]:
    def change(manifest: Value) -> None:
        place = manifest
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


def plan(**changes: object) -> Callable[[Value], object]:
    return lambda manifest: manifest["splits"]["train"].update(changes)


def test_written_and_read(path: Path) -> None:
    manifest = read_manifest(path.parent)
    write_manifest(path.parent, manifest)
    assert read_manifest(path.parent) == manifest
    rewrite(path, lambda value: None)
    assert read_manifest(path.parent) == manifest, "the order of keys and the white space mean nothing"
    with pytest.raises(FileExistsError):
        write_manifest(path.parent, manifest, exclusive=True)


def test_numbers_of_numpy_are_numbers(path: Path) -> None:
    from dataclasses import replace

    manifest = read_manifest(path.parent)
    write_manifest(path.parent, replace(manifest, shard_tokens=np.int64(4)))  # type: ignore[arg-type]
    assert read_manifest(path.parent) == manifest


@pytest.mark.parametrize("version", [3, 10**6])
def test_a_newer_format(path: Path, version: int) -> None:
    rewrite(path, put("format_version", value=version))
    refused(path, messages.NEWER_FORMAT, FormatVersionError, found=version, expected=2)


def test_a_newer_format_whose_digest_is_computed_otherwise(path: Path) -> None:
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 3'))
    refused(path, messages.NEWER_FORMAT, FormatVersionError, found=3)


def test_a_digest_that_does_not_fit(path: Path) -> None:
    path.write_text(path.read_text().replace('"shard_tokens": 4', '"shard_tokens": 5'))
    stated = json.loads(path.read_text())["digest"]
    refused(path, messages.WRONG_CHECKSUM, expected=stated, found=re.compile("^[0-9a-f]{64}$"), repair=messages.RESTORE)
    path.write_text(json.dumps({**json.loads(path.read_text()), "digest": None}))
    refused(path, messages.WRONG_CHECKSUM, expected=None)


@pytest.mark.parametrize("kept", [0, 1, 100, -3])
def test_a_truncated_manifest(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    refused(path, messages.NOT_JSON)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89HDF\r\n\x1a\n",
        b"\xff\xfe",
        b"{",
        b"nothing",
        b"[" * 100_000,
        b'{"a": ' * 5000,
        b"9" * 5000,
        b'"\n"',
        b"{} {}",
    ],
    ids=lambda content: str(content[:6]),
)
def test_what_is_not_json(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused(path, messages.NOT_JSON)


@pytest.mark.parametrize(
    "content", ["[]", "3", '"elmo-cache"', "null", "{}", '{"format": "other", "format_version": 1}']
)
def test_other_json(path: Path, content: str) -> None:
    path.write_text(content)
    refused(path, messages.NOT_A_MANIFEST, expected="elmo-cache")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_json_does_not_have(path: Path, number: str) -> None:
    path.write_text(path.read_text().replace('"shard_tokens": 4', f'"shard_tokens": {number}'))
    refused(path, messages.MANIFEST_INVALID)


def test_a_manifest_too_long_to_be_one(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(2**27)
    refused(path, messages.MANIFEST_TOO_LARGE, found=2**27)


def test_a_folder_in_place_of_the_manifest(path: Path) -> None:
    path.unlink()
    path.mkdir()
    refused(path, messages.CANNOT_OPEN, error="Is a directory")


def test_no_manifest(path: Path) -> None:
    path.unlink()
    with raises(messages.NO_MANIFEST, NotACacheError, path=path.parent):
        verify(path.parent)


Invalid = InvalidValueError


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (put("encoding", "encoder", value="another"), Invalid(messages.FINGERPRINT, name="encoding")),
        (put("encoding_fingerprint", value="0" * 64), Invalid(messages.FINGERPRINT, name="encoding")),
        (put("corpus", value={}), Invalid(messages.FINGERPRINT, name="corpus")),
        (put("corpus_fingerprint", value=None), Invalid(messages.FINGERPRINT, name="corpus")),
        (
            put("layers", "default", value="top"),
            Invalid(messages.NO_DEFAULT_LAYER, name="top", found=["features"]),
        ),
        (
            put("layers", "stored", value=[]),
            Invalid(messages.LAYER_DATASETS, name="features", found=["features"], expected=[]),
        ),
        (put("layers", "stored", value=[["features", 16]]), Invalid(messages.FINGERPRINT, name="encoding")),
        (
            put("layers", "stored", value=[["features", 0]]),
            Invalid(messages.COLUMNS_INVALID, name="features", found=0),
        ),
        (put("layers", "stored", value=[["features", "x"]]), "invalid literal"),
        (put("layers", "stored", value=3), "not iterable"),
        (put("layers", "views", value={}), Invalid(messages.NO_DEFAULT_LAYER, name="features", found=[])),
        (
            put("layers", "views", "features", value={"more": 1.0}),
            Invalid(messages.LAYER_DATASETS, name="features", found=["more"]),
        ),
        (put("layers", "views", "features", value=None), "no attribute"),
        (put("layers", value=None), "not subscriptable"),
        (put("splits", value=[]), "no attribute"),
        (put("splits", "../up", value={}), Invalid(messages.NAME_INVALID, name="split", found="../up")),
        (put("splits", "", value={}), Invalid(messages.NAME_INVALID, name="split", found="")),
        (
            put("splits", "x" * 65, value={}),
            Invalid(messages.NAME_INVALID, name="split", found="x" * 65, n=64),
        ),
        (put("splits", "train", value={}), "'n_corpus_documents'"),
        (put("shard_tokens", value=None), Invalid(messages.COUNT_INVALID, found="None")),
        (put("shard_tokens", value=60.0), Invalid(messages.COUNT_INVALID, found="60.0")),
        (put("shard_tokens", value=True), Invalid(messages.COUNT_INVALID, found="True")),
        (put("label_names", value=3), Invalid(messages.NAMES_INVALID)),
        (put("label_names", value=[1, 2]), Invalid(messages.NAMES_INVALID)),
        (put("label_names", value=["a", "a"]), Invalid(messages.NAMES_INVALID)),
        (lambda manifest: manifest.pop("names"), "'names'"),
        *[
            (plan(**changes), Invalid(messages.PLAN_INVALID))
            for changes in (
                {"document_stops": [3, 2, 4, 9]},
                {"document_stops": [2, 2, 4, 9]},
                {"document_stops": [0, 3, 4, 9]},
                {"document_stops": [-1, 3, 4, 9]},
                {"document_stops": [2, 3, 4, 10]},
                {"document_stops": [2, 3, 4]},
                {"token_stops": [2, 5, 4, 18]},
                {"token_stops": [-2, 5, 14, 18]},
                {"token_stops": [2, 5, 14, 19]},
                {"n_corpus_documents": 8},
                {"n_corpus_tokens": -1},
            )
        ],
    ],
)
def test_nonsense(path: Path, change: Callable[[Value], object], error: InvalidValueError | str) -> None:
    rewrite(path, change)
    refused(path, messages.MANIFEST_INVALID, error=error if isinstance(error, CacheError) else re.compile(error))


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1"])
def test_a_version_that_is_none(path: Path, version: object) -> None:
    rewrite(path, put("format_version", value=version))
    refused(path, messages.NOT_A_MANIFEST)


@pytest.mark.parametrize("name", ["train", "a", "A-b_9", "x" * 64])
def test_split_names(name: str) -> None:
    assert check_split_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a/b", "a.b", "é", "a\n", "\x00"])
def test_names_that_are_no_part_of_a_file_name(name: str) -> None:
    with raises(messages.NAME_INVALID, InvalidValueError, name="split", found=name, n=64):
        check_split_name(name)


@given(
    st.lists(st.integers(0, 30), max_size=40), st.integers(1, 60), st.lists(st.integers(0, 45), min_size=1, max_size=4)
)
def test_plans(lengths: list[int], shard_tokens: int, limits: list[int]) -> None:
    indptr = np.cumsum([0, *lengths])
    plan = SplitPlan(len(lengths), int(indptr[-1]))
    previous: tuple[int, ...] = ()
    wanted = 0
    for limit in limits:
        plan = extend_plan(plan, indptr, limit, shard_tokens)
        wanted = max(wanted, min(limit, len(lengths)))
        assert plan.document_stops[: len(previous)] == previous, "what was planned stays"
        assert plan.n_documents == wanted and plan.n_tokens == indptr[wanted]
        for index in range(len(previous), plan.n_shards):
            start, stop = plan.document_range(index)
            first, last = plan.token_range(index)
            assert (first, last) == (indptr[start], indptr[stop]) and start < stop
            assert last - first <= shard_tokens or stop == start + 1, "only a long document exceeds it, and alone"
            if stop < wanted:
                assert indptr[stop + 1] - first > shard_tokens, "a shard is closed no earlier than it must be"
        previous = plan.document_stops
