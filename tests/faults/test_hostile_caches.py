"""Caches that a stranger made: nothing outside them is opened, nothing is allocated because a number says so."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from small_cache import write_cache
from strangers import refusal
from tally import record

from cache import CacheError, FeatureCache, verify
from cache.hashing import fingerprint
from elmo_cache.cli import main
from elmo_cache.commands.reporting import cache_facts, describe_cache

Value = Any
DEEP = 10**5


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c")
    return tmp_path / "c"


def read(directory: Path) -> None:
    with FeatureCache(directory) as features:
        "\n".join(describe_cache(cache_facts(features))).encode()
        for name in features:
            split = features[name]
            for i in range(len(split)):
                split[i], split.tokens(i)
            split.labels, split.doc_ids, split.truncated, split.load()


def rewrite(path: Path, change: Callable[[Value], object]) -> None:
    """Change a manifest, and make its fingerprints and its digest fit."""
    value = json.loads(path.read_bytes())
    del value["digest"]
    change(value)
    try:
        value["encoding_fingerprint"] = fingerprint({"encoding": value["encoding"], "layers": value["layers"]})
        value["corpus_fingerprint"] = fingerprint(value["corpus"])
        value["digest"] = fingerprint(value)
    except (ValueError, KeyError):
        pass  # NaN has no fingerprint
    path.write_text(json.dumps(value))


def put(*keys: Any, value: Any) -> Callable[[Value], None]:
    def change(manifest: Value) -> None:
        for key in keys[:-1]:
            manifest = manifest[key]
        manifest[keys[-1]] = value

    return change


def plan(**changes: Any) -> Callable[[Value], None]:
    return lambda manifest: manifest["splits"]["train"].update(changes)


def columns(n: Any) -> Callable[[Value], None]:
    return put("layers", "stored", value=[["features", n]])


def stored_as(name: str) -> Callable[[Value], None]:
    return put("layers", value={"stored": [[name, 8]], "views": {"x": {name: 1.0}}, "default": "x"})


def weight(value: Any) -> Callable[[Value], None]:
    return put("layers", "views", "features", "features", value=value)


def one_huge_document(n: int) -> Callable[[Value], None]:
    return plan(n_corpus_documents=1, n_corpus_tokens=n, document_stops=[1], token_stops=[n])


MANIFESTS: dict[str, Callable[[Value], object]] = {
    "documents 10^12": plan(n_corpus_documents=10**12),
    "documents 10^30": plan(n_corpus_documents=10**30, document_stops=[10**30], token_stops=[18]),
    "tokens 10^12": one_huge_document(10**12),
    "tokens 10^30": one_huge_document(10**30),
    "tokens of half": plan(token_stops=[2.5, 5, 14, 18]),
    "tokens as text": plan(n_corpus_tokens="18"),
    "stops as text": plan(document_stops="2349"),
    "stops nested": plan(document_stops=[[2], [3], [4], [9]]),
    "negative documents": plan(n_corpus_documents=-(10**12)),
    "negative tokens": plan(n_corpus_tokens=-(2**63) - 1),
    "columns 10^12": columns(10**12),
    "columns 2^20": columns(2**20),
    "columns -1": columns(-1),
    "columns 10^400": columns(10**400),
    "weight 10^400": weight(10**400),
    "weight 1e308": weight(1e308),
    "weight NaN": weight(float("nan")),
    "weight infinite": weight(float("inf")),
    "weight as a list": weight([1.0]),
    "shards of 0 tokens": put("shard_tokens", value=0),
    "shards of -1 tokens": put("shard_tokens", value=-1),
    "shards of 10^40 tokens": put("shard_tokens", value=10**40),
    "no splits": put("splits", value={}),
    "no layers": put("layers", value={"stored": [], "views": {}, "default": ""}),
    "a class less": put("label_names", value=["neg"]),
    "splits up": put("splits", "../../etc/passwd", value={}),
    "splits absolute": put("splits", "/etc/passwd", value={}),
    "splits with a null byte": put("splits", "train\0", value={}),
    "data set up": stored_as("../features"),
    "data set absolute": stored_as("/features"),
    "data set deeper": stored_as("elsewhere/features"),
    "data set here": stored_as("."),
    "data set above": stored_as(".."),
    "data set without name": stored_as(""),
    "data set of half a character": stored_as("\ud800"),
    "data set with a null byte": stored_as("a\0b"),
    "data set 10^5 long": stored_as("x" * 10**5),
    "version -1 as text": put("format_version", value="-1"),
    "encoding is a list": put("encoding", value=[1]),
    "names are text": put("names", value="x"),
}


@pytest.mark.parametrize("change", MANIFESTS.values(), ids=MANIFESTS)
def test_manifests(directory: Path, tmp_path: Path, change: Callable[[Value], object]) -> None:
    """Whatever it says: its digest fits, and still it is refused."""
    outside = tmp_path / "outside.h5"
    shutil.copy(directory / "train-00000.h5", outside)
    for path in directory.glob("*-0000*.h5"):
        with h5py.File(path, "r+") as file:
            file["elsewhere"] = h5py.ExternalLink(str(outside), "/")
    rewrite(directory / "manifest.json", change)
    refusal("manifests", lambda: read(directory), directory)
    try:
        assert verify(directory)
    except CacheError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    "text",
    ["[" * DEEP, '{"a":' * DEEP, "[" * DEEP + "]" * DEEP, "9" * 10**6, '"' + "\\ud800" * 10, "\ufeff{}", "null"],
    ids=["lists", "objects", "closed lists", "digits", "surrogates", "mark", "null"],
)
def test_texts_that_are_no_manifest(directory: Path, text: str) -> None:
    (directory / "manifest.json").write_text(text, encoding="utf-8")
    refusal("manifests", lambda: read(directory), directory / "manifest.json")


def test_a_key_that_stands_twice(directory: Path) -> None:
    """The digest is that of the one which counts."""
    path = directory / "manifest.json"
    path.write_text(path.read_text().replace('{\n "format"', '{\n "splits": {"../up": 1},\n "format"', 1))
    read(directory)
    assert verify(directory) == []
    record("hostile inputs: manifests", survived=1)


def test_names_that_would_steer_a_terminal(directory: Path) -> None:
    def change(manifest: Value) -> None:
        manifest["names"] = {"encoder": "\x1b[2J\ud800", "corpus": "a\nError: b\u202e"}
        manifest["label_names"] = ["\x07", "\r"]

    rewrite(directory / "manifest.json", change)
    ran = CliRunner().invoke(main, ["info", str(directory)])
    assert ran.exit_code == 0 and all(c.isprintable() or c == "\n" for c in ran.output)
    assert len(ran.output.splitlines()) == 7
    record("hostile inputs: manifests", survived=1)


SPECIAL = {
    "a pipe": os.mkfifo,
    "a device without end": lambda path: path.symlink_to("/dev/zero"),
    "a terminal": lambda path: path.symlink_to("/dev/tty"),
}


@pytest.mark.parametrize("name", ["manifest.json", "train.documents.h5", "train-00000.h5"])
@pytest.mark.parametrize("make", SPECIAL.values(), ids=SPECIAL)
def test_what_is_no_file(directory: Path, make: Callable[[Path], object], name: str) -> None:
    """Opening it would wait for ever, or reading never end."""
    (directory / name).unlink()
    make(directory / name)
    if make is not os.mkfifo and not Path("/dev/tty").exists():
        pytest.skip("this system has no such devices")
    message = refusal("what is no file", lambda: read(directory), directory / name)
    assert "is not a file" in message


def _compressed(file: h5py.File) -> None:
    rows = file["features"][:]
    del file["features"]
    file.create_dataset("features", data=rows, chunks=rows.shape, compression="gzip")


def _of_objects(file: h5py.File) -> None:
    del file["features"]
    file.create_dataset("features", (2, 8), h5py.string_dtype(), chunks=(2, 8))


def _of_references(file: h5py.File) -> None:
    target = file["features"].ref
    del file["features"]
    file.create_dataset("features", data=np.full((2, 8), target, h5py.ref_dtype))


def _compound(file: h5py.File) -> None:
    del file["features"]
    file.create_dataset("features", (2, 8), [("a", "f2"), ("b", "f2")], chunks=(2, 8))


def _growing(file: h5py.File) -> None:
    del file["features"]
    file.create_dataset("features", (2, 8), "<f2", maxshape=(None, None), chunks=(2, 8))


def _an_object_attribute(file: h5py.File) -> None:
    file.attrs.create("note", ["a", "b"], dtype=h5py.string_dtype())


def _a_reference_attribute(file: h5py.File) -> None:
    file.attrs["note"] = file["features"].ref


def _a_filter_of_nobody(file: h5py.File) -> None:
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((2, 8))
    creation.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
    del file["features"]
    h5py.h5d.create(file.id, b"features", h5py.h5t.IEEE_F16LE, h5py.h5s.create_simple((2, 8)), creation)


SHARDS = [_compressed, _of_objects, _of_references, _compound, _an_object_attribute, _a_reference_attribute]


@pytest.mark.parametrize("tamper", [*SHARDS, _a_filter_of_nobody])
def test_shards(directory: Path, tamper: Callable[[h5py.File], None]) -> None:
    path = directory / "train-00000.h5"
    with h5py.File(path, "r+") as file:
        tamper(file)
    refusal("shards", lambda: read(directory), path)
    assert [(problem.path, problem.kind) for problem in verify(directory)] == [(path, "bad")]


def test_a_shard_that_may_grow_is_but_a_shard(directory: Path) -> None:
    """What a reader gets has the shape that was promised; its hash tells that it holds other values."""
    with h5py.File(directory / "train-00000.h5", "r+") as file:
        _growing(file)
    read(directory)
    assert [problem.path.name for problem in verify(directory)] == ["train-00000.h5"]
    record("hostile inputs: shards", detected=1)


@pytest.mark.parametrize("name", ["train-00000.h5", "train.documents.h5"])
def test_what_reads_well_and_is_not_asked_for(directory: Path, name: str) -> None:
    """Links and groups beside the data: reading passes over them, `verify` names the file."""
    with h5py.File(directory / name, "r+") as file:
        file["passwords"] = h5py.ExternalLink("/etc/passwd", "/")
        file["loop"] = h5py.SoftLink("/loop")
        file["group/again"] = file["/"]
    read(directory)
    assert [problem.path.name for problem in verify(directory)] == [name]
    record("hostile inputs: shards", detected=1)
