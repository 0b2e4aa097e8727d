"""Names of documents and tags of tokens: an optional part of a cache, in a folder and in one file."""

import json
from pathlib import Path

import numpy as np
import pytest
from errors_expected import raises
from small_cache import DOCUMENTS, id_of, replace_dataset, tag_of, write_cache

from cache import CorruptFileError, FeatureCache, FormatVersionError, SelectionError, messages, pack, verify
from cache.manifest import read_manifest

TAGS = {"upos": ("", "one", "two"), "ner": ("O", "B", "I")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c", has_ids=True, tag_names=TAGS)
    return tmp_path / "c"


@pytest.fixture(params=["folder", "one file"])
def features(folder: Path, request: pytest.FixtureRequest) -> FeatureCache:
    if request.param == "folder":
        return FeatureCache(folder)
    pack(folder, folder.with_suffix(".h5"))
    return FeatureCache(folder.with_suffix(".h5"))


def test_each_row_has_its_tag(features: FeatureCache) -> None:
    train = features["train"]
    for i, words in enumerate(DOCUMENTS["train"]):
        for name in TAGS:
            tags = train.tags(i, name)
            assert tags.dtype == np.int32 and tags.tolist() == [tag_of(word, name) for word in words]
    assert train[2:5].tags(1, "ner").tolist() == train.tags(3, "ner").tolist()
    assert features.tag_names("upos") == TAGS["upos"]
    assert verify(features.path) == []


def test_all_tokens_as_rows(features: FeatureCache) -> None:
    chosen = features["train"][[3, 1, 0]]
    rows, tags, indptr = chosen.flat_tags("upos")
    assert rows.dtype == np.float32 and indptr.tolist() == [0, 9, 9, 11]
    assert np.array_equal(rows, np.concatenate(list(chosen)))
    assert tags.tolist() == np.concatenate([chosen.tags(i, "upos") for i in range(3)]).tolist()


def test_documents_are_found_by_name(features: FeatureCache) -> None:
    assert features["train"][2:4].ids == [id_of("train", 2), id_of("train", 3)]
    assert features.find("test/é0") == ("test", 0) and features.find("train/é7") == ("train", 7)
    with raises(messages.NO_ID, SelectionError, path=features.path, name="x"):
        features.find("x")


def test_which_tags_has_to_be_clear(features: FeatureCache, tmp_path: Path) -> None:
    for ask in (features["train"].tags, lambda i, name=None: features.tag_names(name)):
        with raises(messages.SEVERAL_TAG_SETS, SelectionError, found="upos, ner"):
            ask(0)
        with raises(messages.NO_TAG_SET, SelectionError, name="xpos", found="upos, ner"):
            ask(0, "xpos")
    write_cache(tmp_path / "one", tag_names={"ner": TAGS["ner"]})
    one = FeatureCache(tmp_path / "one")
    assert one["train"].tags(0).tolist() == [-1, -1] and one.tag_names() == ("O", "B", "I")
    assert one["train"].ids is None
    write_cache(tmp_path / "none")
    with raises(messages.NO_TAGS, SelectionError):
        FeatureCache(tmp_path / "none")["train"].tags(0)
    with raises(messages.NO_IDS, SelectionError, path=tmp_path / "none"):
        FeatureCache(tmp_path / "none").find("a")


def test_the_format_is_the_lowest_that_has_room(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cache(tmp_path / "plain")
    assert json.loads((tmp_path / "plain" / "manifest.json").read_text())["format_version"] == 1
    assert "has_ids" not in read_manifest(tmp_path / "plain").to_json()
    assert json.loads((folder / "manifest.json").read_text())["format_version"] == 2
    pack(folder, tmp_path / "packed.h5")
    monkeypatch.setattr("cache.manifest.FORMAT_VERSION", 1)  # a reader from before
    for path in (folder, tmp_path / "packed.h5"):
        with raises(messages.NEWER_FORMAT, FormatVersionError, found=2, expected=1):
            FeatureCache(path)
    assert len(FeatureCache(tmp_path / "plain")["train"]) == 9


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("tags.ner", lambda tags: np.where(tags == 1, 3, tags).astype(np.int32), messages.TOKENS_INVALID),
        ("tags.ner", lambda tags: (tags - 1).astype(np.int32), messages.TOKENS_INVALID),
        ("tags.ner", lambda tags: tags[:-1], messages.DATASET_INVALID),
        ("ids", lambda data: data[:-1], messages.OFFSETS_INVALID),
        ("ids_indptr", lambda offsets: offsets[::-1], messages.OFFSETS_INVALID),
        ("ids_indptr", lambda offsets: offsets[:-1], messages.DATASET_INVALID),
    ],
)
def test_what_makes_no_sense_is_found(folder: Path, name: str, change: object, message: str) -> None:
    import h5py

    path = folder / "train.documents.h5"
    with h5py.File(path) as file:
        data = file[name][:]
    replace_dataset(path, name, change(data))  # type: ignore[operator]
    features = FeatureCache(folder)
    with raises(message, CorruptFileError, path=path):
        _ = [features["train"].tags(i, "ner") for i in range(9)], features["train"].ids
    assert [problem.kind for problem in verify(folder)] == ["bad"]


def test_a_missing_dataset_is_found(folder: Path) -> None:
    import h5py

    with h5py.File(folder / "test.documents.h5", "r+") as file:
        del file["tags.upos"]
    with raises(messages.DATASET_MISSING, CorruptFileError, name="tags.upos"):
        FeatureCache(folder)["test"].tags(0, "upos")
    assert [problem.kind for problem in verify(folder)] == ["bad"]
