"""Builds with a NumPy encoder: finishing, extending and repairing."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder
from small_build import SHARD_TOKENS, build_small, corpus
from small_cache import contents
from tiny_elmo import write_elmo

from cache import FeatureCache, verify
from cache.manifest import read_manifest
from elmo_cache import build
from elmo_cache.extraction.build import Build
from elmo_cache.extraction.plan import BuildSettings


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


def test_a_smaller_limit_drops_what_is_not_made(tmp_path: Path) -> None:
    build_small(tmp_path / "c")
    for path in (tmp_path / "c").glob("train-*.h5"):
        path.unlink()
    with build_small(tmp_path / "c", limit={"train": 3, "test": 1}) as features:
        assert len(features["train"]) == 3 and features.complete


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


def test_preparing_writes_nothing(tmp_path: Path) -> None:
    settings = BuildSettings(shard_tokens=SHARD_TOKENS)
    with Build(corpus(), HashEncoder(), tmp_path / "new" / "c", settings) as begun:
        plan = begun.plan
        assert plan.pending and plan.pending_tokens > 0
        assert list(tmp_path.iterdir()) == []
        begun.run()
    actual = sum(path.stat().st_size for path in (tmp_path / "new" / "c").iterdir())
    assert actual <= plan.needed_bytes, "the disk check must not promise too much"


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


def test_rounding_choices_stay_those_of_the_first_build(tmp_path: Path) -> None:
    used = []

    class Packed(HashEncoder):
        def __init__(self, n_streams: int):
            super().__init__()
            self.computation = {"n_streams": n_streams}

        def use_computation(self, computation: Any) -> None:
            used.append(computation)

    build_small(tmp_path / "c", encoder=Packed(64), limit={"train": 5})
    build_small(tmp_path / "c", encoder=Packed(8))
    assert used == [{"n_streams": 64}]
    assert read_manifest(tmp_path / "c").computation == {"n_streams": 64}


def test_a_corpus_without_labels(tmp_path: Path) -> None:
    with build_small(tmp_path / "c", corpus=MemoryCorpus([("train", None, "a b"), ("train", None, "")])) as features:
        assert features.label_names is None and features["train"].labels is None
        assert sorted(len(rows) for rows in features["train"]) == [0, 2]


def test_documents_without_tokens_alone(tmp_path: Path) -> None:
    with build_small(tmp_path / "c", corpus=MemoryCorpus([("train", "a", "")] * 3)) as features:
        assert [rows.shape for rows in features["train"]] == [(0, 8)] * 3
    assert verify(tmp_path / "c") == []


def test_paths_need_not_be_strings(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("one two\n")
    with build(tmp_path / "lines.txt", write_elmo(tmp_path / "elmo"), tmp_path / "c", limit={"train": 0}) as features:
        assert features.manifest.names == {"encoder": "elmo 2x12_6", "corpus": "lines.txt"}
