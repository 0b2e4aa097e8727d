"""A packed cache is read as the folder it was made of; what is wrong with one is named."""

import multiprocessing
import os
import pickle
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from errors_expected import raises
from numpy_encoder import ALL_LAYERS
from small_cache import canonical_hash, open_files, vectors_of, write_cache

from cache import (
    CorruptFileError,
    FeatureCache,
    SelectionError,
    Split,
    messages,
    pack,
    verify,
)

FORMAT_PAGE = Path(__file__).parents[1] / "docs" / "format.md"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder and the file that was made of it, all layers; shards of 4 tokens, and not all documents planned."""
    directory = tmp_path_factory.mktemp("packed")
    write_cache(directory / "c", layers=ALL_LAYERS, limit=8)
    pack(directory / "c", directory / "c.h5")
    return directory / "c", directory / "c.h5"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    (tmp_path / "place").mkdir()
    write_cache(tmp_path / "c")
    pack(tmp_path / "c", tmp_path / "place" / "c.h5")
    return tmp_path / "place" / "c.h5"


SAYINGS: list[Callable[[Split], Any]] = [
    len,
    repr,
    lambda s: (s.dim, s.n_tokens, s.complete),
    lambda s: s.lengths.tolist(),
    lambda s: None if s.labels is None else s.labels.tolist(),
    lambda s: s.doc_ids.tolist(),
    lambda s: s.truncated.tolist(),
    lambda s: s.positions.tolist(),
    lambda s: [s.tokens(i) for i in range(len(s))],
    lambda s: [s.token_ids(i).tolist() for i in range(len(s))],
    vectors_of,
    lambda s: vectors_of(s[::-2]),
    lambda s: vectors_of(s[[2, 0, 2]]),
    lambda s: vectors_of(s[s.labels == 1]),
    lambda s: s.padded(4).tobytes(),
    lambda s: s.padded(2, "right").tobytes(),
    lambda s: vectors_of(s.load()),
    lambda s: [(start, [rows.tobytes() for rows in block]) for start, block in s.batches(3)],
]


@pytest.mark.parametrize("layer", [None, "mix", "top", 0, 1, 2])
def test_a_split_is_the_same(both: tuple[Path, Path], layer: str | int | None) -> None:
    with FeatureCache(both[0]) as folder, FeatureCache(str(both[1])) as file:
        for say in SAYINGS:
            assert say(file.split("train", layer)) == say(folder.split("train", layer))
        assert vectors_of(file.split("test", layer)) == vectors_of(folder.split("test", layer))


def test_a_cache_says_the_same(both: tuple[Path, Path]) -> None:
    with FeatureCache(both[0]) as folder, FeatureCache(both[1]) as file:
        assert file.manifest == folder.manifest and list(file) == list(folder) and file.path == both[1]
        assert file.complete and file.n_finished_shards("train") == folder.n_finished_shards("train") == 4
        assert (file.vocabulary, file.label_names) == (folder.vocabulary, folder.label_names)
        np.testing.assert_array_equal(file.token_counts("train"), folder.token_counts("train"))
        with pytest.raises(IndexError):
            file["train"][8]
        with raises(messages.NO_SPLIT, SelectionError, path=both[1], name="dev"):
            file["dev"]
        with raises(messages.NO_LAYER, SelectionError, path=both[1], name="7"):
            file.split("train", "7")
    assert verify(both[1]) == []


@pytest.mark.parametrize("splits", [{"train": [["a"]], "test": []}, {"train": [[], []]}, {"manifest": [["a", "b"]]}])
def test_small_and_empty_splits(tmp_path: Path, splits: dict[str, list[list[str]]]) -> None:
    write_cache(tmp_path / "c", splits, labelled=False)
    pack(tmp_path / "c", tmp_path / "c.h5")
    with FeatureCache(tmp_path / "c") as folder, FeatureCache(tmp_path / "c.h5") as file:
        for name in splits:
            assert vectors_of(file[name]) == vectors_of(folder[name]) and file[name].labels is None
    assert verify(tmp_path / "c.h5") == []


def test_a_document_is_one_read_into_the_callers_memory(both: tuple[Path, Path], monkeypatch: Any) -> None:
    reads: list[int] = []
    real = os.preadv

    def counted(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        reads.extend(buffer.nbytes for buffer in buffers)
        return real(descriptor, buffers, offset)

    with FeatureCache(both[1]) as file:
        train = file.split("train", "top")
        monkeypatch.setattr(os, "preadv", counted)
        train[3], train.padded(4)
    assert reads[0] == 9 * 8 * 2 and len(reads) == 1 + int((train.lengths > 0).sum())


def test_files_are_closed_and_opened_again(packed: Path) -> None:
    with FeatureCache(packed) as file:
        assert open_files(packed.parent) == []
        file["train"][0], file["train"].labels, file["test"][0]
        assert set(open_files(packed.parent)) == {"c.h5"}
    assert open_files(packed.parent) == []
    assert file["train"][3].shape == (9, 8)
    file.close()
    assert open_files(packed.parent) == [] and verify(packed) == []
    assert open_files(packed.parent) == []


def test_pickles_processes_and_threads(packed: Path) -> None:
    with FeatureCache(packed) as file:
        split = file["train"][::-1]
        right = vectors_of(split)
        again, loaded, cache = pickle.loads(pickle.dumps((split, split.load(), file)))
        assert vectors_of(again) == vectors_of(loaded) == vectors_of(cache["train"])[::-1] == right
        with ThreadPoolExecutor(4) as pool:
            assert all(found == right for found in pool.map(vectors_of, [split] * 8))
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
            assert processes.submit(vectors_of, split).result(timeout=60) == right


def test_another_file_in_its_place_is_refused(packed: Path, tmp_path: Path) -> None:
    """A split that comes from another process opens the file that is there now."""
    train = pickle.loads(pickle.dumps(FeatureCache(packed)["train"]))
    write_cache(tmp_path / "d", {"train": [["other"]]})
    packed.unlink()
    with raises(messages.CANNOT_OPEN, CorruptFileError, path=packed, error="No such file or directory"):
        train[0]
    pack(tmp_path / "d", packed)
    with raises(messages.WRONG_FILE, CorruptFileError, path=packed, name="corpus"):
        train[0]


def test_the_page_shows_how_to_read_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = FORMAT_PAGE.read_text(encoding="utf-8").split("## Reading one document without this package")[1]
    lines = [line for line in page.splitlines() if line.startswith(("    ", "From"))]
    _, folder, file = "\n".join(lines).split("From ")
    monkeypatch.chdir(tmp_path)
    write_cache(tmp_path / "imdb.elmo")
    pack("imdb.elmo", "imdb.h5")
    with FeatureCache("imdb.h5") as features:
        right, label = features["train"][3], int(features["train"].labels[3])  # type: ignore[index]
    shutil.copytree("imdb.elmo", "only/imdb.elmo")
    for place, example in (("only", folder), (".", file)):
        names: dict[str, Any] = {}
        with monkeypatch.context() as moved:
            moved.chdir(tmp_path / place)
            exec("\n".join(line[4:] for line in example.splitlines() if line.startswith("    ")), names)
        assert names["vectors"].dtype == np.float16 and names["vectors"].shape == (9, 8)
        np.testing.assert_array_equal(names["vectors"], right)
    assert names["label"] == label


def test_what_lies_in_the_file(packed: Path) -> None:
    assert packed.read_bytes()[8] == 3, "superblock version: metadata have checksums"
    manifest = FeatureCache(packed).manifest
    with h5py.File(packed) as file:
        assert sorted(file) == ["manifest.json", "test", "train"]
        found = {name: value.decode() if isinstance(value, bytes) else value for name, value in file.attrs.items()}
        digest = found.pop("sha256")
        fingerprints = {"encoding": manifest.encoding_fingerprint, "corpus": manifest.corpus_fingerprint}
        assert found == {"format": "elmo-cache", "format_version": 1, "kind": "pack", **fingerprints}
        folder = packed.parents[1] / "c"
        assert file["manifest.json"][:].tobytes() == (folder / "manifest.json").read_bytes()
        with h5py.File(folder / "train.documents.h5") as documents:
            assert sorted(file["train"]) == sorted([*documents, "features"])
            for name in documents:
                assert file["train"][name].dtype == documents[name].dtype
                np.testing.assert_array_equal(file["train"][name][:], documents[name][:])
        assert file["train/features"].chunks == (18, 8) and file["test/features"].chunks == (3, 8)
    assert digest == canonical_hash(packed)
