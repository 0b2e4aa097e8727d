"""Builds that are refused: of another encoding, of vectors that cannot be stored, into places not to be written to."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import raises
from numpy_encoder import HashEncoder
from small_build import SHARD_TOKENS, build_small, corpus
from small_cache import contents

from cache import CorruptFileError, FeatureCache, MismatchError, NotACacheError, OutputError, messages
from cache.manifest import read_manifest, write_manifest
from elmo_cache import CorpusError, EncoderError, TextRule
from elmo_cache.extraction.build import Build
from elmo_cache.extraction.plan import BuildSettings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder": HashEncoder(dim=16)}, r"other settings: layers\.stored.* there, you asked for .*16"),
        (
            {"rule": TextRule("whitespace", max_tokens=7)},
            r"text\.max_tokens is 500 there, you asked for 7\. Use the same again, or another f",
        ),
        ({"rule": TextRule("words")}, r"text\.tokenizer is 'whitespace' there, you asked for 'words'"),
        (
            {"corpus": corpus(word="other")},
            r"from memory \(train 40, test 10\); its text, labels or splits have changed since\. ",
        ),
        (
            {"corpus": corpus(n_train=41)},
            r"from memory \(train 40, test 10\); you asked for memory \(train 41, test 10\)\. ",
        ),
    ],
)
def test_another_encoding_or_corpus_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    build_small(tmp_path / "c")
    before = contents(tmp_path / "c")
    with pytest.raises(MismatchError, match=message):
        build_small(tmp_path / "c", **change)
    assert contents(tmp_path / "c") == before


class _Other(HashEncoder):
    name = "other"
    description = {"model": "other"}  # type: ignore[assignment]


def test_what_differs_is_named_before_hashes_are_shown(tmp_path: Path) -> None:
    build_small(tmp_path / "c")
    with pytest.raises(MismatchError, match=r"other settings: encoder is 'hash' there, you asked for 'other'; "):
        build_small(tmp_path / "c", encoder=_Other())
    texts = corpus(word="other")
    texts.name = "other"
    with pytest.raises(MismatchError) as refused:
        build_small(tmp_path / "c", corpus=texts)
    assert (
        " from memory (train 40, test 10); you asked for other (train 40, test 10). Use another folder; `--reuse "
        in str(refused.value)
    )
    assert max(len(word) for word in str(refused.value).split() if "/" not in word) < 30, "no hash is shown"
    assert "content.train.sha256: '" in refused.value.__notes__[0], "but where a traceback is"


def test_the_encoders_name_is_not_blamed_for_another_text_rule(tmp_path: Path) -> None:
    build_small(tmp_path / "c")
    renamed = HashEncoder()
    renamed.name = "renamed"
    with pytest.raises(MismatchError, match=r"other settings: text\.max_tokens is 500 there, you asked for 7\. "):
        build_small(tmp_path / "c", encoder=renamed, rule=TextRule("whitespace", max_tokens=7))


def test_a_shard_of_another_cache_is_noticed(tmp_path: Path) -> None:
    build_small(tmp_path / "a")
    build_small(tmp_path / "b", encoder=HashEncoder(dim=16))
    shutil.copy(tmp_path / "b" / "train-00000.h5", tmp_path / "a" / "train-00000.h5")
    path = tmp_path / "a" / "train-00000.h5"
    with raises(messages.WRONG_FILE, CorruptFileError, path=path, name="encoding"):
        build_small(tmp_path / "a")


@pytest.mark.parametrize(
    ("limit", "message"),
    [({"dev": 3}, "has no split 'dev', only train, test"), ({"train": -1}, "train=-1: expected 0 or more")],
)
def test_a_limit_that_makes_no_sense_is_refused(tmp_path: Path, limit: dict[str, int], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        build_small(tmp_path / "c", limit=limit)
    assert not (tmp_path / "c").exists()


def test_a_full_disk_is_noticed_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(OutputError, match=r"needs [\d,]+ bytes and the disk has 1,000 free"):
        build_small(tmp_path / "c")
    assert not (tmp_path / "c").exists()


class _Returns(HashEncoder):
    def __init__(self, change: Callable[[list[np.ndarray]], Any]):
        super().__init__()
        self.change = change

    def encode(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> list[np.ndarray]:
        arrays = [np.array(array) for array in super().encode(documents, progress=progress)]
        changed: list[np.ndarray] = self.change(arrays) or arrays
        return changed


def _put(value: float) -> Callable[[list[np.ndarray]], None]:
    def change(arrays: list[np.ndarray]) -> None:
        arrays[next(i for i, array in enumerate(arrays) if len(array) > 2)][2, 5] = value

    return change


@pytest.mark.parametrize(
    ("value", "what"), [(np.nan, "NaN"), (np.inf, "beyond float16"), (65520.0, "beyond float16"), (-1e30, "beyond")]
)
def test_a_vector_that_cannot_be_stored_stops_the_build(tmp_path: Path, value: float, what: str) -> None:
    with pytest.raises(EncoderError) as caught:
        build_small(tmp_path / "c", encoder=_Returns(_put(value)))
    message = str(caught.value)
    assert what in message and "token 2" in message and "layer features" in message and "in train" in message
    with FeatureCache(tmp_path / "c") as features:
        documents = features._documents["train"]
        wanted = next(i for i in range(40) if documents.indptr[i + 1] - documents.indptr[i] > 2)
        assert f"document {documents.doc_ids[wanted]} of the corpus" in message
        assert len(features["train"]) == 0
    assert not list((tmp_path / "c").glob("*-0*.h5"))


def test_the_largest_float16_is_stored(tmp_path: Path) -> None:
    with build_small(tmp_path / "c", encoder=_Returns(_put(65519.0))) as features:
        assert max(float(rows.max()) for rows in features["train"] if len(rows)) == 65504.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays[:-1], r"returned \d+ arrays for \d+ documents"),
        (lambda arrays: [array[:, :-1] for array in arrays], r"shape \(\d+, 7\) for document 0 of train, expected"),
        (lambda arrays: [np.zeros((len(array) + 1, 8)) for array in arrays], "expected"),
    ],
)
def test_an_encoder_that_breaks_the_protocol_is_named(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        build_small(tmp_path / "c", encoder=_Returns(change))


def test_output_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("mine")
    with pytest.raises(OutputError, match="is a file: a cache is a folder"):
        build_small(tmp_path / "c")
    with pytest.raises(OutputError, match="c is a file"):
        build_small(tmp_path / "c" / "below")
    assert (tmp_path / "c").read_text() == "mine"


def test_output_that_holds_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(NotACacheError, match=r"folder of other things \(thesis\.tex"):
        build_small(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_output_that_cannot_be_written() -> None:
    with pytest.raises(OutputError, match="cannot"):
        build_small(Path("/proc/1/no/cache"))


def test_a_cache_of_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    build_small(tmp_path / "c")
    path = tmp_path / "c" / "manifest.json"
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 3'))
    before = contents(tmp_path / "c")
    with raises(messages.NEWER_FORMAT, path=path, found=3, expected=2):
        build_small(tmp_path / "c")
    assert contents(tmp_path / "c") == before


def test_a_description_that_is_no_json_is_refused(tmp_path: Path) -> None:
    class Described(HashEncoder):
        description = {"model": np.float32(1)}

    with pytest.raises(EncoderError, match="description of hash is not JSON"):
        build_small(tmp_path / "c", encoder=Described())
    assert not (tmp_path / "c").exists()


def test_a_build_that_begins_at_the_same_moment_is_met(tmp_path: Path) -> None:
    """Another process writes the manifest between our plan and our `run`."""
    settings = BuildSettings(shard_tokens=SHARD_TOKENS)
    ours = Build(corpus(), HashEncoder(), tmp_path / "c", settings)
    build_small(tmp_path / "c", limit={"test": 0})
    with ours, pytest.raises(MismatchError, match="another build"):
        ours.run()
    same = Build(corpus(), HashEncoder(), tmp_path / "d", settings)
    build_small(tmp_path / "d")
    before = contents(tmp_path / "d")
    with same:
        same.run()
    assert contents(tmp_path / "d") == before


def test_a_manifest_with_an_edited_plan_is_refused(tmp_path: Path) -> None:
    build_small(tmp_path / "c")
    manifest = read_manifest(tmp_path / "c")
    plan = manifest.splits["train"]
    stops = (plan.document_stops[0] + 1, *plan.document_stops[1:])
    write_manifest(
        tmp_path / "c", manifest.with_splits({**manifest.splits, "train": replace(plan, document_stops=stops)})
    )
    with pytest.raises(CorruptFileError, match="does not"):
        build_small(tmp_path / "c")
