"""What lies on disk is what `docs/format.md` promises, read here without the code that wrote it."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy_encoder import ALL_LAYERS, HashEncoder, build_small
from small_cache import DOCUMENTS, canonical_hash, canonical_json_sha256, contents, expected, write_cache

from cache.hashing import fingerprint
from cache.layers import Layers

ENCODING = canonical_json_sha256({"encoding": {"encoder": {"model": "hash"}}, "layers": Layers.single(8).to_json()})
CORPUS = canonical_json_sha256({"content": {"train": 9, "test": 1}})


def attributes(file: h5py.File) -> dict[str, Any]:
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in file.attrs.items()}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("format") / "c"
    write_cache(path)
    return path


def test_the_files(directory: Path) -> None:
    assert sorted(contents(directory)) == [
        "manifest.json",
        "test-00000.h5",
        "test.documents.h5",
        *[f"train-0000{k}.h5" for k in range(4)],
        "train.documents.h5",
    ]


def test_the_manifest(directory: Path) -> None:
    text = (directory / "manifest.json").read_bytes().decode("ascii")
    value = json.loads(text)
    digest = value.pop("digest")
    assert digest == canonical_json_sha256(value)
    assert value == {
        "format": "elmo-cache",
        "format_version": 1,
        "encoding": {"encoder": {"model": "hash"}},
        "encoding_fingerprint": ENCODING,
        "corpus": {"content": {"train": 9, "test": 1}},
        "corpus_fingerprint": CORPUS,
        "computation": {},
        "names": {"encoder": "hash", "corpus": "small"},
        "layers": {"stored": [["features", 8]], "views": {"features": {"features": 1.0}}, "default": "features"},
        "label_names": ["neg", "pos"],
        "shard_tokens": 4,
        "splits": {
            "train": {
                "n_corpus_documents": 9,
                "n_corpus_tokens": 18,
                "document_stops": [2, 3, 4, 9],
                "token_stops": [2, 5, 14, 18],
            },
            "test": {"n_corpus_documents": 1, "n_corpus_tokens": 3, "document_stops": [1], "token_stops": [3]},
        },
    }


def test_a_documents_file(directory: Path) -> None:
    with h5py.File(directory / "train.documents.h5") as file:
        found = attributes(file)
        assert found.pop("sha256") == canonical_hash(directory / "train.documents.h5")
        assert found == {
            "format": "elmo-cache",
            "format_version": 1,
            "kind": "documents",
            "split": "train",
            "encoding": ENCODING,
            "corpus": CORPUS,
        }
        types = {name: (dataset.dtype.str, dataset.shape) for name, dataset in file.items()}
        n_bytes, n_words = file["vocabulary"].shape[0], file["vocabulary_indptr"].shape[0] - 1
        assert types == {
            "token_ids": ("<i4", (18,)),
            "indptr": ("<i8", (10,)),
            "doc_ids": ("<i8", (9,)),
            "labels": ("<i4", (9,)),
            "truncated": ("|u1", (9,)),
            "vocabulary": ("|u1", (n_bytes,)),
            "vocabulary_indptr": ("<i8", (n_words + 1,)),
        }
        offsets, data = file["vocabulary_indptr"][:], file["vocabulary"][:].tobytes()
        words = [data[a:b].decode("utf-8", "surrogatepass") for a, b in zip(offsets[:-1], offsets[1:], strict=True)]
        indptr, ids = file["indptr"][:], file["token_ids"][:]
        assert [[words[k] for k in ids[a:b]] for a, b in zip(indptr[:-1], indptr[1:], strict=True)] == DOCUMENTS[
            "train"
        ]
        assert file["labels"][:].tolist() == [0, 1] * 4 + [0]
        assert file["truncated"][:].tolist() == [1, 0, 0] * 3
    with h5py.File(directory / "test.documents.h5") as other:
        assert other["vocabulary"][:].tobytes() == data


def test_a_corpus_without_labels_has_no_labels_dataset(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", labelled=False)
    with h5py.File(tmp_path / "c" / "train.documents.h5") as file:
        assert "labels" not in file
    assert json.loads((tmp_path / "c" / "manifest.json").read_text())["label_names"] is None


@pytest.mark.parametrize(("index", "start", "stop", "n_tokens"), [(0, 0, 2, 2), (2, 3, 4, 9), (3, 4, 9, 4)])
def test_a_shard(directory: Path, index: int, start: int, stop: int, n_tokens: int) -> None:
    path = directory / f"train-0000{index}.h5"
    with h5py.File(path) as file:
        found = attributes(file)
        assert found.pop("sha256") == canonical_hash(path)
        assert found == {
            "format": "elmo-cache",
            "format_version": 1,
            "kind": "shard",
            "split": "train",
            "index": index,
            "start": start,
            "stop": stop,
            "n_tokens": n_tokens,
            "encoding": ENCODING,
            "corpus": CORPUS,
        }
        assert list(file) == ["features"]
        rows = np.concatenate(expected(DOCUMENTS["train"])[start:stop])
        assert file["features"].dtype.str == "<f2"
        np.testing.assert_array_equal(file["features"][:], rows)


@pytest.mark.parametrize("n_tokens", [0, 1, 127, 128, 129, 1000])
def test_chunks(tmp_path: Path, n_tokens: int) -> None:
    manifest = write_cache(tmp_path / "c", {"train": [["a"] * n_tokens]}, shard_tokens=10, layers=ALL_LAYERS)
    assert manifest.splits["train"].n_shards == 1
    with h5py.File(tmp_path / "c" / "train-00000.h5") as file:
        for name, dim in ALL_LAYERS.stored.items():
            dataset = file[name]
            assert (dataset.shape, dataset.dtype.str) == ((n_tokens, dim), "<f2")
            assert dataset.chunks == ((min(128, n_tokens), dim) if n_tokens else None)
            assert dataset.compression is None and not dataset.fletcher32 and not dataset.attrs
            assert dataset.maxshape == dataset.shape
    assert canonical_hash(tmp_path / "c" / "train-00000.h5")


def test_metadata_have_checksums(directory: Path) -> None:
    """One flipped bit in HDF5's oldest format, h5py's default, can crash or hang whoever opens the file."""
    for path in directory.glob("*.h5"):
        assert path.read_bytes()[8] == 3, "superblock version"
        with h5py.File(path) as file:
            types = [file.attrs.get_id(name).get_type() for name in file.attrs]
        assert not any(kind.is_variable_str() for kind in types if kind.get_class() == h5py.h5t.STRING)


def test_a_build_twice_is_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither time nor place nor host: another folder, another hour, another machine's name."""
    build_small(tmp_path / "a", encoder=HashEncoder(layers=ALL_LAYERS)).close()
    monkeypatch.setattr("time.time", lambda: 1e9)
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    (tmp_path / "other" / "place").mkdir(parents=True)
    build_small(tmp_path / "other" / "place" / "b", encoder=HashEncoder(layers=ALL_LAYERS)).close()
    assert contents(tmp_path / "a") == contents(tmp_path / "other" / "place" / "b")
    for data in contents(tmp_path / "a").values():
        assert str(tmp_path).encode() not in data and b"tmp" not in data


def test_no_clock_goes_into_a_file(tmp_path: Path) -> None:
    """HDF5 keeps the seconds at which objects were made, unless told not to."""
    write_cache(tmp_path / "a")
    first = contents(tmp_path / "a")
    from time import sleep

    sleep(1.1)
    write_cache(tmp_path / "b")
    assert contents(tmp_path / "b") == first


def test_the_hash_depends_on_all_it_covers(directory: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    source = directory / "train-00002.h5"
    whole = canonical_hash(source)
    for change in range(4):
        shutil.copy(source, path)
        with h5py.File(path, "r+") as file:
            if change == 0:
                file["features"][0, 0] += 1
            elif change == 1:
                file.attrs["index"] = 3
            elif change == 2:
                file["more"] = np.zeros(0)
            else:
                rows = file["features"][:]
                del file["features"]
                file["features"] = rows.view(np.uint16)
        assert canonical_hash(path) != whole


@pytest.mark.parametrize(
    "value", [{}, {"b": 1, "a": [1.5, None, True]}, {"é": "\ud800\x00🎬"}, [], "x", 0, 1e300, -0.0, 10**30]
)
def test_fingerprints(value: Any) -> None:
    assert fingerprint(value) == canonical_json_sha256(value)


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": -float("inf")}])
def test_what_has_no_canonical_form(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        fingerprint(value)
