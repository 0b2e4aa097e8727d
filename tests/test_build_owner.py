"""What a build leaves alone, and what its plan may become: encoders, buffers, limits that shrink, other builds."""

import errno
import fcntl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import raises
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder
from small_build import build_small, corpus
from small_cache import contents

from cache import CacheError, FeatureCache, MismatchError, pack, verify
from cache.files import temporary_files
from cache.manifest import read_manifest
from elmo_cache import CorpusError, EncoderError, TextRule, build, messages
from elmo_cache.text.corpora import Document


class _OneBuffer(HashEncoder):
    """Yields the same array again and again, with another document in it each time."""

    def encode(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> Iterator[np.ndarray]:  # type: ignore[override]
        buffer = np.empty((13, self.dim), np.float32)
        for rows in super().encode(documents):
            buffer[: len(rows)] = rows
            yield buffer[: len(rows)]


def test_an_encoder_that_uses_one_buffer_for_all_documents(tmp_path: Path) -> None:
    build_small(tmp_path / "a").close()
    build_small(tmp_path / "b", encoder=_OneBuffer()).close()
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


class _Begins(HashEncoder):
    """Begins shards ahead, and keeps the rows in new arrays, in one buffer, or in memory that is not NumPy's."""

    def __init__(self, memory: str):
        super().__init__()
        self.memory = memory
        self.buffer = np.empty((1000, self.dim), np.float32)

    def begin(self, documents: Sequence[Sequence[str]], *, progress: object = None) -> Callable[[], Any]:
        rows = np.concatenate([np.empty((0, self.dim), np.float32), *self.encode(documents)])
        if self.memory == "one buffer":
            self.buffer[: len(rows)] = rows
            rows = self.buffer[: len(rows)]
        elif self.memory == "foreign":
            rows = np.frombuffer(bytearray(rows.tobytes()), np.float32).reshape(rows.shape)
        return lambda: (rows, False)


def test_an_encoder_that_begins_shards_ahead(tmp_path: Path) -> None:
    build_small(tmp_path / "a").close()
    build_small(tmp_path / "b", encoder=_Begins("new arrays")).close()
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("memory", ["one buffer", "foreign"])
def test_an_encoder_that_begins_shards_ahead_in_memory_that_it_keeps(tmp_path: Path, memory: str) -> None:
    """Its rows would be read while it writes those of the next shard over them."""
    build_small(tmp_path / "a").close()
    with raises(messages.ARRAY_USED_AGAIN, EncoderError, name="hash"):
        build_small(tmp_path / "b", encoder=_Begins(memory))
    assert not list((tmp_path / "b").glob("*-0*.h5")), "no shard is left"
    build_small(tmp_path / "b").close()
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


class _OneDocument(MemoryCorpus):
    """Yields the same object again and again."""

    def documents(self) -> Iterator[Document]:
        one: Any = type("Mutable", (), {})()
        for document in super().documents():
            for name in ("split", "order", "label", "text", "id", "tags"):
                setattr(one, name, getattr(document, name))
            yield one


def test_a_corpus_that_uses_one_object_for_all_documents(tmp_path: Path) -> None:
    build_small(tmp_path / "a").close()
    texts = _OneDocument(corpus()._documents)
    build_small(tmp_path / "b", corpus=texts).close()
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


class _Packed(HashEncoder):
    """Has a choice that touches rounding, and notes what it computes with."""

    def __init__(self, n_streams: int, seen: set[int]):
        super().__init__()
        self.n_streams, self.seen = n_streams, seen

    @property
    def computation(self) -> dict[str, Any]:
        return {"n_streams": self.n_streams}

    def use_computation(self, computation: Any) -> None:
        self.n_streams = computation["n_streams"]

    def encode(self, documents: Any, *, progress: Any = None) -> list[np.ndarray]:
        self.seen.add(self.n_streams)
        return super().encode(documents, progress=progress)


def test_a_build_changes_neither_encoder_nor_rule(tmp_path: Path) -> None:
    build_small(tmp_path / "c", encoder=_Packed(64, set()), limit={"train": 5}).close()
    encoder, rule, limit = _Packed(8, set()), TextRule(max_tokens=500), {"train": 20}
    build_small(tmp_path / "c", encoder=encoder, rule=rule, limit=limit).close()
    assert encoder.seen == {64} and encoder.n_streams == 8
    assert rule == TextRule(max_tokens=500) and limit == {"train": 20}


class _Stops(HashEncoder):
    def __init__(self, after: int):
        super().__init__()
        self.left = after

    def encode(self, documents: Any, *, progress: Any = None) -> list[np.ndarray]:
        self.left -= 1
        if self.left < 0:
            raise MemoryError
        return super().encode(documents, progress=progress)


def stopped(out: Path, after: int) -> None:
    with pytest.raises(MemoryError):
        build_small(out, encoder=_Stops(after))


def test_a_stopped_build_can_become_a_smaller_cache(tmp_path: Path) -> None:
    stopped(tmp_path / "c", after=0)
    with build_small(tmp_path / "c", limit={"train": 5, "test": 2}) as features:
        assert features.complete and [len(features[name]) for name in features] == [5, 2]
    assert verify(tmp_path / "c") == []
    pack(tmp_path / "c", tmp_path / "c.h5")
    build_small(tmp_path / "fresh", limit={"train": 5, "test": 2}).close()
    assert contents(tmp_path / "c") == contents(tmp_path / "fresh")
    with build_small(tmp_path / "c") as features:
        assert features.complete and [len(features[name]) for name in features] == [40, 10]
    assert verify(tmp_path / "c") == []


@pytest.mark.parametrize("lost", [None, 0])
def test_finished_shards_stay_in_a_plan_that_shrinks(tmp_path: Path, lost: int | None) -> None:
    stopped(tmp_path / "c", after=2)
    made = {path.name: path.read_bytes() for path in (tmp_path / "c").glob("train-*.h5")}
    assert len(made) == 2
    plan = read_manifest(tmp_path / "c").splits["train"]
    if lost is not None:
        (tmp_path / "c" / f"train-{lost:05d}.h5").unlink()
    with build_small(tmp_path / "c", limit={"train": 1, "test": 0}) as features:
        assert features.complete and len(features["train"]) == plan.document_stops[1] and len(features["test"]) == 0
    assert made.items() <= contents(tmp_path / "c").items() and verify(tmp_path / "c") == []
    build_small(tmp_path / "c").close()
    build_small(tmp_path / "whole").close()
    assert contents(tmp_path / "c") == contents(tmp_path / "whole")


def test_a_plan_does_not_shrink_under_a_build_that_is_at_work(tmp_path: Path) -> None:
    from cache.files import at_work

    stopped(tmp_path / "c", after=0)
    with at_work(tmp_path / "c"):
        build_small(tmp_path / "c", limit={"train": 5, "test": 2}).close()
        assert read_manifest(tmp_path / "c").splits["train"].n_documents == 40
    build_small(tmp_path / "c", limit={"train": 5, "test": 2}).close()
    assert verify(tmp_path / "c") == [] and not temporary_files(tmp_path / "c")


def test_a_build_on_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_small(tmp_path / "a").close()

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    build_small(tmp_path / "b").close()
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize(
    "options",
    [
        {"shard_tokens": 0},
        {"shard_tokens": 2**48},
        {"shard_tokens": 10**5000},
        {"workers": 10**4000},
        {"workers": 0},
        {"limit": {"train": -1}},
    ],
)
def test_numbers_out_of_bounds(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises((CacheError, ValueError)) as refused:
        build(corpus(), HashEncoder(), tmp_path / "c", **options)
    assert isinstance(refused.value, CacheError) and len(str(refused.value)) < 200
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("options", [{"max_tokens": 10**30}, {"num_words": 10**30}, {"max_tokens": -1}])
def test_rules_out_of_bounds(options: dict[str, Any]) -> None:
    with raises(messages.INVALID_VALUE, CorpusError, name=next(iter(options))):
        TextRule(**options)


def test_two_builds_of_one_new_folder_that_compute_differently(tmp_path: Path) -> None:
    """As jobs of one array on different devices: the first decides for all."""
    from elmo_cache.extraction.build import Build
    from elmo_cache.extraction.plan import BuildSettings

    seen: set[int] = set()
    settings = BuildSettings(shard_tokens=60)
    with (
        Build(corpus(), _Packed(64, seen), tmp_path / "c", settings) as one,
        Build(corpus(), _Packed(8, seen), tmp_path / "c", settings) as other,
    ):
        one.run()
        (tmp_path / "c" / "test-00000.h5").unlink()
        other.run()
    assert seen == {64} and read_manifest(tmp_path / "c").computation == {"n_streams": 64}


def test_a_shard_finished_meanwhile_is_not_left_out_of_the_plan(tmp_path: Path) -> None:
    from elmo_cache.extraction.build import Build
    from elmo_cache.extraction.plan import BuildSettings

    build_small(tmp_path / "whole").close()
    stopped(tmp_path / "c", after=0)
    with Build(corpus(), HashEncoder(), tmp_path / "c", BuildSettings({"train": 5}, shard_tokens=60)) as smaller:
        last = sorted((tmp_path / "whole").glob("train-*.h5"))[-1]
        (tmp_path / "c" / last.name).write_bytes(last.read_bytes())
        with raises(messages.OTHER_BUILD, MismatchError, path=tmp_path / "c"):
            smaller.run()
    build_small(tmp_path / "c").close()
    with FeatureCache(tmp_path / "c") as features:
        assert features.complete
