"""Builds with a NumPy encoder: finishing, extending, repairing, and everything that is refused."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder

from cache import CacheError, CorruptFileError, FeatureCache, MismatchError, NotACacheError, OutputError, verify
from cache.manifest import read_manifest, write_manifest
from elmo_cache import CorpusError, EncoderError, TextRule, build
from elmo_cache.extraction import run
from elmo_cache.planning import prepare

SHARD_TOKENS = 60


def corpus(n_train: int = 40, n_test: int = 10, word: str = "word") -> MemoryCorpus:
    texts = [" ".join(f"{word}{(i * k) % 17}" for k in range(i % 13)) for i in range(n_train + n_test)]
    return MemoryCorpus(
        [("train" if i < n_train else "test", ("neg", "pos")[i % 2], text) for i, text in enumerate(texts)]
    )


def build_small(out: Path, **options: Any) -> FeatureCache:
    return build(
        options.pop("corpus", None) or corpus(),
        options.pop("encoder", None) or HashEncoder(),
        out,
        **{"shard_tokens": SHARD_TOKENS, **options},
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_build_can_be_read_back(tmp_path: Path) -> None:
    with build_small(tmp_path / "c") as features:
        assert features.complete and list(features) == ["train", "test"]
        train = features["train"]
        assert len(train) == 40 and features.label_names == ("neg", "pos")
        source = [text.split() for _, _, text in corpus()._documents[:40]]
        assert [train.tokens(i) for i in range(40)] == [source[k] for k in train.doc_ids]
        expected = HashEncoder().encode([train.tokens(i) for i in range(40)])
        for i in range(40):
            np.testing.assert_array_equal(train[i], np.asarray(expected[i], np.float32).astype(np.float16))
    assert verify(tmp_path / "c") == []


def test_the_same_build_again_does_nothing(tmp_path: Path) -> None:
    build_small(tmp_path / "c")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "c").iterdir()}
    build_small(tmp_path / "c")
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "c").iterdir()}


def test_two_builds_are_byte_identical(tmp_path: Path) -> None:
    build_small(tmp_path / "a")
    build_small(tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_larger_limit_extends(tmp_path: Path) -> None:
    with build_small(tmp_path / "c", limit={"train": 11, "test": 0}) as small:
        assert len(small["train"]) == 11 and len(small["test"]) == 0 and small.complete
        first = [small["train"][i] for i in range(11)]
        doc_ids = small["train"].doc_ids.tolist()
    shards = {name: data for name, data in contents(tmp_path / "c").items() if name != "manifest.json"}
    with build_small(tmp_path / "c", limit={"train": 30}) as large:
        assert len(large["train"]) == 30 and len(large["test"]) == 10
        assert large["train"].doc_ids[:11].tolist() == doc_ids
        for i in range(11):
            np.testing.assert_array_equal(large["train"][i], first[i])
    after = contents(tmp_path / "c")
    assert all(after[name] == data for name, data in shards.items()), "finished files stay as they are"
    assert verify(tmp_path / "c") == []


def test_a_smaller_limit_changes_nothing(tmp_path: Path) -> None:
    build_small(tmp_path / "c")
    before = contents(tmp_path / "c")
    with build_small(tmp_path / "c", limit={"train": 3}) as features:
        assert len(features["train"]) == 40
    assert contents(tmp_path / "c") == before


def test_a_smaller_limit_leaves_the_rest_of_an_unfinished_plan(tmp_path: Path) -> None:
    build_small(tmp_path / "c")
    for path in (tmp_path / "c").glob("train-*.h5"):
        path.unlink()
    with build_small(tmp_path / "c", limit={"train": 3, "test": 1}) as features:
        assert 3 <= len(features["train"]) < 40 and not features["train"].complete


def test_a_limit_is_a_random_sample_of_the_corpus(tmp_path: Path) -> None:
    with build_small(tmp_path / "c", limit={"train": 10}) as features:
        assert features["train"].doc_ids.tolist() != list(range(10))
        assert len(set(features["train"].doc_ids.tolist())) == 10


@pytest.mark.parametrize("name", ["train-00001.h5", "test-00000.h5", "train.documents.h5", "manifest.json"])
def test_a_lost_file_is_made_again_byte_by_byte(tmp_path: Path, name: str) -> None:
    build_small(tmp_path / "c")
    before = contents(tmp_path / "c")
    (tmp_path / "c" / name).unlink()
    build_small(tmp_path / "c")
    assert contents(tmp_path / "c") == before


class _FailsAt(HashEncoder):
    """Raises at its n-th call, as a machine that runs out of memory does."""

    calls = 0

    def __init__(self, n: int):
        super().__init__()
        self.n = n

    def encode(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> list[np.ndarray]:
        self.calls += 1
        if self.calls == self.n:
            raise MemoryError
        return super().encode(documents, progress=progress)


def test_what_is_finished_survives_a_failure(tmp_path: Path) -> None:
    build_small(tmp_path / "whole")
    with pytest.raises(MemoryError):
        build_small(tmp_path / "c", encoder=_FailsAt(3))
    with FeatureCache(tmp_path / "c") as growing:
        assert growing.n_finished_shards("train") == 2 and not growing.complete
        assert 0 < len(growing["train"]) < 40
    assert not list((tmp_path / "c").glob(".*")), "no temporary file is left"
    encoder = _FailsAt(0)
    build_small(tmp_path / "c", encoder=encoder)
    assert contents(tmp_path / "c") == contents(tmp_path / "whole")
    n_shards = len(list((tmp_path / "c").glob("*-0*.h5")))
    assert encoder.calls == n_shards - 2, "finished shards are not encoded again"


def test_stray_temporary_files_are_removed(tmp_path: Path) -> None:
    build_small(tmp_path / "c")
    stray = tmp_path / "c" / ".train-00000.h5.0123456789ab.tmp"
    stray.write_bytes(b"half a shard")
    build_small(tmp_path / "c")
    assert not stray.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder": HashEncoder(dim=16)}, r"layers\.stored is .*8.* in the cache, .*16.* asked for"),
        ({"rule": TextRule("whitespace", max_tokens=7)}, r"text\.max_tokens is 500 in the cache, 7 asked for"),
        ({"rule": TextRule("words")}, r"text\.tokenizer is 'whitespace' in the cache, 'words' asked for"),
        ({"corpus": corpus(word="other")}, r"another corpus: content\.train\.sha256 is '.*' in the cache"),
        ({"corpus": corpus(n_train=41)}, r"content\.train\.n_documents is 40 in the cache, 41 asked for"),
    ],
)
def test_another_encoding_or_corpus_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    build_small(tmp_path / "c")
    before = contents(tmp_path / "c")
    with pytest.raises(MismatchError, match=message):
        build_small(tmp_path / "c", **change)
    assert contents(tmp_path / "c") == before


def test_a_shard_of_another_cache_is_noticed(tmp_path: Path) -> None:
    build_small(tmp_path / "a")
    build_small(tmp_path / "b", encoder=HashEncoder(dim=16))
    shutil.copy(tmp_path / "b" / "train-00000.h5", tmp_path / "a" / "train-00000.h5")
    with pytest.raises(CorruptFileError, match=r"train-00000\.h5 does not belong here: its encoding"):
        build_small(tmp_path / "a")


@pytest.mark.parametrize(
    ("limit", "message"),
    [({"dev": 3}, "has no split 'dev', only train, test"), ({"train": -1}, "train=-1: expected 0 or more")],
)
def test_a_limit_that_makes_no_sense_is_refused(tmp_path: Path, limit: dict[str, int], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        build_small(tmp_path / "c", limit=limit)
    assert not (tmp_path / "c").exists()


def test_preparing_writes_nothing(tmp_path: Path) -> None:
    with prepare(corpus(), HashEncoder(), tmp_path / "new" / "c", shard_tokens=SHARD_TOKENS) as plan:
        assert plan.pending and plan.pending_tokens > 0
        assert list(tmp_path.iterdir()) == []
        run(plan)
    actual = sum(path.stat().st_size for path in (tmp_path / "new" / "c").iterdir())
    assert actual <= plan.needed_bytes, "the disk check must not promise too much"


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
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 2'))
    before = contents(tmp_path / "c")
    with pytest.raises(CacheError, match="format version 2, this package reads up to 1: upgrade"):
        build_small(tmp_path / "c")
    assert contents(tmp_path / "c") == before


def test_the_smallest_encoder_that_satisfies_the_protocol(tmp_path: Path) -> None:
    class Lengths:
        name = "lengths"
        dim = 1
        description: Mapping[str, Any] = {"model": "word lengths"}

        def encode(self, documents: Any, *, progress: Any = None) -> list[np.ndarray]:
            return [np.array([[len(word)] for word in words]).reshape(-1, 1) for words in documents]

    with build_small(tmp_path / "c", encoder=Lengths()) as features:
        train = features["train"]
        assert all(train[i][:, 0].tolist() == [len(word) for word in train.tokens(i)] for i in range(len(train)))


def test_a_description_is_compared_as_json(tmp_path: Path) -> None:
    class Described(HashEncoder):
        description = {"model": "hash", "widths": (1, 2)}

    build_small(tmp_path / "c", encoder=Described(), limit={"train": 5})
    with build_small(tmp_path / "c", encoder=Described()) as features:
        assert features.complete and features.encoding["encoder"]["widths"] == [1, 2]


def test_a_description_that_is_no_json_is_refused(tmp_path: Path) -> None:
    class Described(HashEncoder):
        description = {"model": np.float32(1)}

    with pytest.raises(EncoderError, match="description of hash is not JSON"):
        build_small(tmp_path / "c", encoder=Described())
    assert not (tmp_path / "c").exists()


def test_rounding_choices_stay_those_of_the_first_build(tmp_path: Path) -> None:
    class Packed(HashEncoder):
        used: Any = None

        def __init__(self, n_streams: int):
            super().__init__()
            self.computation = {"n_streams": n_streams}

        def use_computation(self, computation: Any) -> None:
            self.used = computation

    build_small(tmp_path / "c", encoder=Packed(64), limit={"train": 5})
    second = Packed(8)
    build_small(tmp_path / "c", encoder=second)
    assert second.used == {"n_streams": 64}
    assert read_manifest(tmp_path / "c").computation == {"n_streams": 64}


def test_a_build_that_begins_at_the_same_moment_is_met(tmp_path: Path) -> None:
    """Another process writes the manifest between our `prepare` and our `run`."""
    ours = prepare(corpus(), HashEncoder(), tmp_path / "c", shard_tokens=SHARD_TOKENS)
    build_small(tmp_path / "c", limit={"test": 0})
    with ours, pytest.raises(MismatchError, match="another build"):
        run(ours)
    same = prepare(corpus(), HashEncoder(), tmp_path / "d", shard_tokens=SHARD_TOKENS)
    build_small(tmp_path / "d")
    before = contents(tmp_path / "d")
    with same:
        run(same)
    assert contents(tmp_path / "d") == before


def test_a_corpus_without_labels(tmp_path: Path) -> None:
    with build_small(tmp_path / "c", corpus=MemoryCorpus([("train", None, "a b"), ("train", None, "")])) as features:
        assert features.label_names is None and features["train"].labels is None
        assert sorted(len(rows) for rows in features["train"]) == [0, 2]


def test_documents_without_tokens_alone(tmp_path: Path) -> None:
    with build_small(tmp_path / "c", corpus=MemoryCorpus([("train", "a", "")] * 3)) as features:
        assert [rows.shape for rows in features["train"]] == [(0, 8)] * 3
    assert verify(tmp_path / "c") == []


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
