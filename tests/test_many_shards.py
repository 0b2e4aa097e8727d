"""A cache of 10,000 shards: opening touches none of them, reading keeps few of them open."""

import os
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from click.testing import CliRunner
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder, expected_float16

from cache import FeatureCache, sources
from elmo_cache import build
from elmo_cache.cli import main

N_SHARDS = 10_000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
def test_ten_thousand_shards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [[f"w{i % 97}"] for i in range(N_SHARDS)]
    corpus = MemoryCorpus([("train", None, " ".join(document)) for document in words])
    path = tmp_path / "c"
    start = time.perf_counter()
    build(corpus, HashEncoder(), path, shard_tokens=1).close()
    building = time.perf_counter() - start
    assert len(list(path.glob("train-*.h5"))) == N_SHARDS

    with mock.patch.object(sources, "open_shard", side_effect=AssertionError("a shard was opened")):
        start = time.perf_counter()
        with FeatureCache(path) as features:
            assert len(features["train"]) == N_SHARDS and features["train"].complete
        opening = time.perf_counter() - start
        start = time.perf_counter()
        assert CliRunner().invoke(main, ["info", str(path)]).exit_code == 0
        showing = time.perf_counter() - start

    order = np.random.default_rng(0).integers(0, N_SHARDS, 2000).tolist()
    with FeatureCache(path) as features:
        train = features["train"]
        before, most = n_open_files(), 0
        start = time.perf_counter()
        for i in order:
            rows = train[i]
            most = max(most, n_open_files() - before)
            expected = expected_float16(HashEncoder(), [train.tokens(i)])[0]
            np.testing.assert_array_equal(rows, expected)
        reading = time.perf_counter() - start
    assert most <= 80, "open files grow with the number of shards"
    with capsys.disabled():
        print(
            f"\n{N_SHARDS:,} shards: built in {building:.0f} s, opened in {opening * 1e3:.0f} ms, "
            f"info {showing * 1e3:.0f} ms, {reading / len(order) * 1e3:.2f} ms a random document, {most} files open; "
            f"manifest {(path / 'manifest.json').stat().st_size:,} bytes"
        )


def n_open_files() -> int:
    return len(os.listdir("/proc/self/fd"))
