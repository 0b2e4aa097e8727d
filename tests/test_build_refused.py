"""Builds that are refused: of another encoding, of vectors that cannot be stored, into places not to be written to."""

import re
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

from cache import (
    CorruptFileError,
    FeatureCache,
    FormatVersionError,
    MismatchError,
    NotACacheError,
    OutputError,
)
from cache import messages as store
from cache.manifest import read_manifest, write_manifest
from elmo_cache import CorpusError, EncoderError, TextRule, messages
from elmo_cache.extraction.build import Build
from elmo_cache.extraction.plan import BuildSettings


def other_settings(found: str) -> MismatchError:
    return MismatchError(messages.OTHER_SETTINGS, path=re.compile("/c$"), found=re.compile(found))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"encoder": HashEncoder(dim=16)}, other_settings(r"^layers\.stored .* there, you asked for .*16")),
        (
            {"rule": TextRule("whitespace", max_tokens=7)},
            other_settings(r"^text\.max_tokens is 500 there, you asked for 7$"),
        ),
        (
            {"rule": TextRule("words")},
            other_settings(r"text\.tokenizer is 'whitespace' there, you asked for 'words'"),
        ),
        (
            {"corpus": corpus(word="other")},
            MismatchError(messages.CORPUS_CHANGED, path=re.compile("/c$"), found="memory (train 40, test 10)"),
        ),
        (
            {"corpus": corpus(n_train=41)},
            MismatchError(
                messages.OTHER_CORPUS,
                path=re.compile("/c$"),
                found="memory (train 40, test 10)",
                expected="memory (train 41, test 10)",
            ),
        ),
    ],
)
def test_another_encoding_or_corpus_is_refused(tmp_path: Path, change: dict[str, Any], says: MismatchError) -> None:
    build_small(tmp_path / "c")
    before = contents(tmp_path / "c")
    with raises(says):
        build_small(tmp_path / "c", **change)
    assert contents(tmp_path / "c") == before


class _Other(HashEncoder):
    name = "other"
    description = {"model": "other"}  # type: ignore[assignment]


def test_what_differs_is_named_before_hashes_are_shown(tmp_path: Path) -> None:
    build_small(tmp_path / "c")
    with raises(other_settings("^encoder is 'hash' there, you asked for 'other'; ")):
        build_small(tmp_path / "c", encoder=_Other())
    texts = corpus(word="other")
    texts.name = "other"
    names = {"found": "memory (train 40, test 10)", "expected": "other (train 40, test 10)"}
    with raises(messages.OTHER_CORPUS, MismatchError, **names) as refused:
        build_small(tmp_path / "c", corpus=texts)
    assert max(len(word) for word in str(refused.value).split() if "/" not in word) < 30, "no hash is shown"
    assert "content.train.sha256: '" in refused.value.__notes__[0], "but where a traceback is"


def test_the_encoders_name_is_not_blamed_for_another_text_rule(tmp_path: Path) -> None:
    build_small(tmp_path / "c")
    renamed = HashEncoder()
    renamed.name = "renamed"
    with raises(other_settings(r"^text\.max_tokens is 500 there, you asked for 7$")):
        build_small(tmp_path / "c", encoder=renamed, rule=TextRule("whitespace", max_tokens=7))


def test_a_shard_of_another_cache_is_noticed(tmp_path: Path) -> None:
    build_small(tmp_path / "a")
    build_small(tmp_path / "b", encoder=HashEncoder(dim=16))
    shutil.copy(tmp_path / "b" / "train-00000.h5", tmp_path / "a" / "train-00000.h5")
    path = tmp_path / "a" / "train-00000.h5"
    with raises(store.WRONG_FILE, CorruptFileError, path=path, name="encoding"):
        build_small(tmp_path / "a")


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        (
            {"dev": 3},
            CorpusError(messages.LIMIT_WITHOUT_SPLIT, split="dev", n=3, name="memory", expected="train, test"),
        ),
        ({"train": -1}, CorpusError(messages.INVALID_LIMIT, split="train", found="-1")),
    ],
)
def test_an_invalid_limit_is_refused(tmp_path: Path, limit: dict[str, int], says: CorpusError) -> None:
    with raises(says):
        build_small(tmp_path / "c", limit=limit)
    assert not (tmp_path / "c").exists()


def test_a_full_disk_is_noticed_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with raises(messages.NO_SPACE, OutputError, path=tmp_path / "c", expected=re.compile(r"^\d+$"), found=1000):
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


BEYOND = "A number beyond float16 (±65,504)"


@pytest.mark.parametrize(("value", "found"), [(np.nan, "NaN"), (np.inf, BEYOND), (65520.0, BEYOND), (-1e30, BEYOND)])
def test_a_vector_that_cannot_be_stored_stops_the_build(tmp_path: Path, value: float, found: str) -> None:
    where = {"split": "train", "token": 2, "layer": "features"}
    with raises(messages.CANNOT_STORE, EncoderError, found=found, **where) as caught:
        build_small(tmp_path / "c", encoder=_Returns(_put(value)))
    with FeatureCache(tmp_path / "c") as features:
        documents = features._documents["train"]
        wanted = next(i for i in range(40) if documents.indptr[i + 1] - documents.indptr[i] > 2)
        assert caught.value.data["document"] == documents.doc_ids[wanted]
        assert len(features["train"]) == 0
    assert not list((tmp_path / "c").glob("*-0*.h5"))


def test_the_largest_float16_is_stored(tmp_path: Path) -> None:
    with build_small(tmp_path / "c", encoder=_Returns(_put(65519.0))) as features:
        assert max(float(rows.max()) for rows in features["train"] if len(rows)) == 65504.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda arrays: arrays[:-1], EncoderError(messages.WRONG_NUMBER_OF_ARRAYS, name="hash", found=11, expected=12)),
        (
            lambda arrays: [array[:, :-1] for array in arrays],
            EncoderError(messages.WRONG_SHAPE, name="hash", found=(8, 7), where="document 0 of train", expected=(8, 8)),
        ),
        (
            lambda arrays: [np.zeros((len(array) + 1, 8)) for array in arrays],
            EncoderError(messages.WRONG_SHAPE, name="hash", found=(9, 8), where="document 0 of train", expected=(8, 8)),
        ),
    ],
)
def test_an_encoder_that_breaks_the_protocol_is_named(tmp_path: Path, change: Any, says: EncoderError) -> None:
    with raises(says):
        build_small(tmp_path / "c", encoder=_Returns(change))


def test_output_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("mine")
    with raises(messages.CACHE_IS_FILE, OutputError, path=tmp_path / "c"):
        build_small(tmp_path / "c")
    below, error = tmp_path / "c" / "below", f"{tmp_path / 'c'} is a file"
    with raises(messages.CANNOT_WRITE, OutputError, path=below, error=error):
        build_small(tmp_path / "c" / "below")
    assert (tmp_path / "c").read_text() == "mine"


def test_output_that_holds_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with raises(messages.FOLDER_NOT_A_CACHE, NotACacheError, path=tmp_path, name="thesis.tex"):
        build_small(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_output_that_cannot_be_written() -> None:
    with raises(messages.CANNOT_WRITE, OutputError, path=Path("/proc/1/no/cache")):
        build_small(Path("/proc/1/no/cache"))


def test_a_cache_of_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    build_small(tmp_path / "c")
    path = tmp_path / "c" / "manifest.json"
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 3'))
    before = contents(tmp_path / "c")
    with raises(store.NEWER_FORMAT, FormatVersionError, path=path, found=3, expected=2):
        build_small(tmp_path / "c")
    assert contents(tmp_path / "c") == before


def test_a_description_that_is_no_json_is_refused(tmp_path: Path) -> None:
    class Described(HashEncoder):
        description = {"model": np.float32(1)}

    with raises(messages.NO_JSON_FORM, EncoderError, name="The description of hash"):
        build_small(tmp_path / "c", encoder=Described())
    assert not (tmp_path / "c").exists()


def test_a_build_that_begins_at_the_same_moment_is_met(tmp_path: Path) -> None:
    """Another process writes the manifest between our plan and our `run`."""
    settings = BuildSettings(shard_tokens=SHARD_TOKENS)
    ours = Build(corpus(), HashEncoder(), tmp_path / "c", settings)
    build_small(tmp_path / "c", limit={"test": 0})
    with ours, raises(messages.OTHER_BUILD, MismatchError, path=tmp_path / "c"):
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
    path = tmp_path / "c" / "train.documents.h5"
    with raises(store.OFFSETS_INVALID, CorruptFileError, path=path, name="indptr"):
        build_small(tmp_path / "c")
