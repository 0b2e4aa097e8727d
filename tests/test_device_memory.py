"""A device whose memory is full: fewer streams for a new cache, fewer shards in hand, and else a refusal."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import holds, raises
from numpy_encoder import HashEncoder
from worker_encoder import corpus

from cache import FeatureCache, verify
from cache.errors import CacheWarning
from cache.manifest import read_manifest
from elmo_cache import build, messages
from elmo_cache.encoders.devices import within_memory
from elmo_cache.errors import DeviceMemoryError


class SmallDevice(HashEncoder):
    """Computes beside the process, with streams, in a memory that holds so many of them, and so many calls."""

    def __init__(self, n_streams: int, fits: int, calls: int = 9, full_in_fetch: bool = False):
        super().__init__()
        self.n_streams, self.fits, self.calls, self.full_in_fetch = n_streams, fits, calls, full_in_fetch
        self.tried: list[int] = []
        self.source: Any = None

    @property
    def computation(self) -> dict[str, int]:
        return {"n_streams": self.n_streams, "time_chunk": 4}

    def use_computation(self, computation: Mapping[str, Any]) -> None:
        self.n_streams = computation["n_streams"]

    def begin(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> Callable[[], tuple[np.ndarray, bool]]:
        self.tried.append(self.n_streams)
        here = f"a card with {self.n_streams} streams"
        running.append(self)
        if not self.full_in_fetch:
            within_memory(self._allocate, here)

        def fetch() -> tuple[np.ndarray, bool]:
            try:
                within_memory(self._allocate, here)
                return np.concatenate(self.encode(documents, progress=progress)), False
            finally:
                running.remove(self)

        return fetch

    def _allocate(self) -> None:
        if self.n_streams > self.fits or len(running) > self.calls:
            running.pop()
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying\nto allocate 1 TiB")


running: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_runs() -> None:
    running.clear()


@pytest.mark.parametrize("full_in_fetch", [False, True], ids=["begin", "fetch"])
def test_a_new_cache_is_made_with_fewer_streams(tmp_path: Path, full_in_fetch: bool) -> None:
    encoder = SmallDevice(512, fits=200, full_in_fetch=full_in_fetch)
    if full_in_fetch:
        encoder._allocate = lambda: _raise_above(encoder)  # type: ignore[method-assign]

    with pytest.warns(CacheWarning) as warned:
        build(corpus(), encoder, tmp_path / "c", shard_tokens=60).close()

    reason = "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 TiB"
    for n, warning in zip((512, 256), warned, strict=True):
        full = DeviceMemoryError(messages.MEMORY_FULL, name=f"a card with {n} streams", error=reason)
        holds(warning.message, messages.FEWER_STREAMS, error=full, path=tmp_path / "c", n=n // 2)
    assert read_manifest(tmp_path / "c").computation == {"n_streams": 128, "time_chunk": 4}
    assert not verify(tmp_path / "c") and encoder.n_streams == 512, "the caller's encoder stays as it was"
    with FeatureCache(tmp_path / "c") as features:
        assert features["train"].complete


def _raise_above(encoder: SmallDevice) -> None:
    if running[-1].n_streams > encoder.fits:
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying\nto allocate 1 TiB")


def test_a_cache_without_shards_is_as_a_new_one(tmp_path: Path) -> None:
    with pytest.raises(DeviceMemoryError):
        build(corpus(), SmallDevice(31, fits=1), tmp_path / "c", shard_tokens=60)
    assert read_manifest(tmp_path / "c").computation["n_streams"] == 31
    build(corpus(), SmallDevice(512, fits=31), tmp_path / "c").close()
    assert read_manifest(tmp_path / "c").computation["n_streams"] == 31


def test_fewer_streams_are_not_tried_for_ever(tmp_path: Path) -> None:
    encoder = SmallDevice(64, fits=0)
    full = DeviceMemoryError(messages.MEMORY_FULL, name="a card with 16 streams")
    with pytest.warns(CacheWarning), raises(messages.MEMORY_FULL_FOR_FEW_STREAMS, DeviceMemoryError, error=full):
        build(corpus(), encoder, tmp_path / "c", shard_tokens=60)


def test_a_cache_that_has_shards_refuses_with_the_way_out(tmp_path: Path) -> None:
    build(corpus(), SmallDevice(512, fits=512), tmp_path / "c", limit={"train": 20}, shard_tokens=60).close()
    before = {path.name: path.read_bytes() for path in (tmp_path / "c").glob("*.h5")}

    full = DeviceMemoryError(messages.MEMORY_FULL, name="a card with 512 streams")
    data = {"error": full, "path": tmp_path / "c", "n": 512, "fewer": 256}
    with raises(messages.MEMORY_FULL_WITH_SHARDS, DeviceMemoryError, **data):
        build(corpus(), SmallDevice(512, fits=256), tmp_path / "c")
    assert read_manifest(tmp_path / "c").computation["n_streams"] == 512
    assert before.items() <= {path.name: path.read_bytes() for path in (tmp_path / "c").glob("*.h5")}.items()


def test_fewer_shards_are_in_hand_where_no_more_fit(tmp_path: Path) -> None:
    encoder = SmallDevice(512, fits=512, calls=1)
    build(corpus(), encoder, tmp_path / "c", shard_tokens=60).close()
    assert read_manifest(tmp_path / "c").computation["n_streams"] == 512 and not verify(tmp_path / "c")
    with FeatureCache(tmp_path / "c") as features:
        assert features["train"].complete


@dataclass(frozen=True)
class Source:
    n_streams: int

    def __call__(self) -> SmallDevice:
        encoder = SmallDevice(self.n_streams, fits=1)
        encoder.source = self
        return encoder


def test_workers_say_what_to_do(tmp_path: Path) -> None:
    full = DeviceMemoryError(messages.MEMORY_FULL, name="a card with 512 streams")
    with raises(messages.MEMORY_FULL_IN_WORKER, DeviceMemoryError, error=full):
        build(corpus(), Source(512)(), tmp_path / "c", shard_tokens=60, workers=2)


def test_what_full_memory_looks_like() -> None:
    class OutOfMemoryError(RuntimeError):
        """Of PyTorch."""

    def fail(error: Exception) -> None:
        raise error

    for error in (OutOfMemoryError("CUDA out of memory"), ValueError("RESOURCE_EXHAUSTED: no"), _of_tensorflow()):
        name, reason = "CPU with 3 streams", re.compile("memory|RESOURCE_EXHAUSTED: no|OOM")
        with raises(messages.MEMORY_FULL, DeviceMemoryError, name=name, error=reason) as refused:
            within_memory(lambda error=error: fail(error), name)
        # Their frames hold on to what is on the device.
        assert refused.value.__context__ is None
    with pytest.raises(ValueError, match="^another"):
        within_memory(lambda: fail(ValueError("another")), "CPU")


def _of_tensorflow() -> Exception:
    import tensorflow as tf

    error: Exception = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    return error
