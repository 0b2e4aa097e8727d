"""The manifest: what is refused and in which words; and the plan, which only ever grows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_cache import canonical_json_sha256, write_cache

from cache import CacheError, CorruptFileError, FeatureCache, FormatVersionError, NotACacheError, verify
from cache.manifest import check_split_name, read_manifest, write_manifest
from cache.plan import SplitPlan, extend_plan

Value = dict[str, Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c")
    return tmp_path / "c" / "manifest.json"


def refused(path: Path, kind: type[CacheError] = CorruptFileError) -> str:
    """Every way in refuses the manifest, with one line that names the file."""
    messages = []
    for way_in in (FeatureCache, verify, lambda directory: read_manifest(directory)):
        with pytest.raises(kind) as caught:
            way_in(path.parent)
        messages.append(str(caught.value))
        assert "\n" not in messages[-1] and str(path) in messages[-1]
    assert len(set(messages)) == 1
    return messages[0]


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
    message = f"has format version {version}, this package reads up to 2: upgrade elmo-cache"
    assert message in refused(path, FormatVersionError)


def test_a_newer_format_whose_digest_is_computed_otherwise(path: Path) -> None:
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 3'))
    refused(path, FormatVersionError)


def test_a_digest_that_does_not_fit(path: Path) -> None:
    path.write_text(path.read_text().replace('"shard_tokens": 4', '"shard_tokens": 5'))
    assert "is damaged: its digest is" in refused(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "digest": None}))
    assert "is damaged: its digest is None" in refused(path)


@pytest.mark.parametrize("kept", [0, 1, 100, -3])
def test_a_truncated_manifest(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    assert "is not JSON" in refused(path)


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
    assert "is not JSON" in refused(path)


@pytest.mark.parametrize(
    "content", ["[]", "3", '"elmo-cache"', "null", "{}", '{"format": "other", "format_version": 1}']
)
def test_other_json(path: Path, content: str) -> None:
    path.write_text(content)
    assert "is not the manifest of a cache" in refused(path)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_json_does_not_have(path: Path, number: str) -> None:
    path.write_text(path.read_text().replace('"shard_tokens": 4', f'"shard_tokens": {number}'))
    assert "makes no sense" in refused(path)


def test_a_manifest_too_long_to_be_one(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(2**27)
    assert "bytes long, no manifest is longer" in refused(path)


def test_a_folder_in_place_of_the_manifest(path: Path) -> None:
    path.unlink()
    path.mkdir()
    assert "cannot be read: Is a directory" in refused(path)


def test_no_manifest(path: Path) -> None:
    path.unlink()
    with pytest.raises(NotACacheError, match="is a folder without a manifest"):
        verify(path.parent)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("encoding", "encoder", value="another"), "its encoding does not have the fingerprint it states"),
        (put("encoding_fingerprint", value="0" * 64), "its encoding does not have the fingerprint it states"),
        (put("corpus", value={}), "its corpus does not have the fingerprint it states"),
        (put("corpus_fingerprint", value=None), "its corpus does not have the fingerprint it states"),
        (put("layers", "default", value="top"), "the default view 'top' is none of features"),
        (put("layers", "stored", value=[]), "view 'features' is of ['features'], stored are []"),
        (put("layers", "stored", value=[["features", 16]]), "its encoding does not have the fingerprint"),
        (put("layers", "stored", value=[["features", 0]]), "dataset 'features' has 0 columns"),
        (put("layers", "stored", value=[["features", "x"]]), "invalid literal"),
        (put("layers", "stored", value=3), "not iterable"),
        (put("layers", "views", value={}), "the default view 'features' is none of no views"),
        (put("layers", "views", "features", value={"more": 1.0}), "view 'features' is of ['more']"),
        (put("layers", "views", "features", value=None), "no attribute"),
        (put("layers", value=None), "not subscriptable"),
        (put("splits", value=[]), "no attribute"),
        (put("splits", "../up", value={}), "split name '../up': letters, digits"),
        (put("splits", "", value={}), "split name ''"),
        (put("splits", "x" * 65, value={}), "at most 64"),
        (put("splits", "train", value={}), "'n_corpus_documents'"),
        (put("shard_tokens", value=None), "None is no number of documents or tokens"),
        (put("shard_tokens", value=60.0), "60.0 is no number of documents or tokens"),
        (put("shard_tokens", value=True), "True is no number of documents or tokens"),
        (put("label_names", value=3), "not a list of distinct strings"),
        (put("label_names", value=[1, 2]), "not a list of distinct strings"),
        (put("label_names", value=["a", "a"]), "not a list of distinct strings"),
        (lambda manifest: manifest.pop("names"), "'names'"),
        *[
            (plan(**changes), "the plan of a split is not a sequence of ranges")
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
def test_nonsense(path: Path, change: Callable[[Value], object], message: str) -> None:
    rewrite(path, change)
    found = refused(path)
    assert "makes no sense" in found and message in found


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1"])
def test_a_version_that_is_none(path: Path, version: object) -> None:
    rewrite(path, put("format_version", value=version))
    assert "is not the manifest of a cache" in refused(path)


@pytest.mark.parametrize("name", ["train", "a", "A-b_9", "x" * 64])
def test_split_names(name: str) -> None:
    assert check_split_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a/b", "a.b", "é", "a\n", "\x00"])
def test_names_that_are_no_part_of_a_file_name(name: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
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
