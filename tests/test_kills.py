"""SIGKILL at seeded moments of a build: what resumes is byte-identical to what was never disturbed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from commands import command_line, run_cache
from small_cache import contents
from tiny_elmo import SMALL, write_elmo

from cache import FeatureCache, verify

SCRIPT = Path(__file__).with_name("build_in_process.py")


def kill_at(command: list[str], out: Path, n_shards: int, seconds: float) -> bool:
    """Run a build, kill it some time after a number of shards are finished; tell whether it was still running."""
    process = subprocess.Popen([*command, str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list(out.glob("train-*.h5"))) < n_shards and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL


def kill_after(command: list[str], seconds: float) -> bool:
    """Run a command, kill it after a time; tell whether it was still running."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def check_readable(out: Path) -> None:
    """What a killed build left is nothing yet, or a cache whose finished part can be read."""
    if (out / "manifest.json").exists():
        with FeatureCache(out) as features:
            for split in features:
                for i, rows in enumerate(features[split]):
                    assert len(rows) == len(features[split].tokens(i))


@pytest.fixture(scope="module")
def numpy_build(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float, float]:
    """The undisturbed cache, and the seconds from start to the first file and to the end."""
    out = tmp_path_factory.mktemp("whole") / "c"
    start = time.monotonic()
    process = subprocess.Popen([sys.executable, SCRIPT, out, "0.005"])
    while not out.exists() and process.poll() is None:
        time.sleep(0.005)
    first = time.monotonic() - start
    assert process.wait() == 0
    return contents(out), first, time.monotonic() - start


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 17))])
def test_numpy_build(tmp_path: Path, numpy_build: tuple[dict[str, bytes], float, float], seed: int) -> None:
    whole, first, total = numpy_build
    out = tmp_path / "c"
    rng = np.random.default_rng(seed)
    for _ in range(3):
        # Spread over the time in which files appear; the resumed build is killed as well.
        killed = kill_after([sys.executable, str(SCRIPT), str(out), "0.005"], rng.uniform(first * 0.9, total))
        check_readable(out)
        if not killed:
            break
    subprocess.run([sys.executable, str(SCRIPT), str(out), "0"], check=True)
    assert contents(out) == whole
    assert verify(out) == []


@pytest.fixture(scope="module")
def elmo_build(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, bytes]]:
    """The command without its output, and the undisturbed cache."""
    folder = write_elmo(tmp_path_factory.mktemp("elmo"), SMALL)
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(f"document {i} is " + f"word{i % 7} " * (i % 50) for i in range(300)))
    arguments = ["build", "--corpus", str(corpus), "--encoder", str(folder), "--shard-tokens", "500"]
    assert run_cache(*arguments, folder / "c").exit_code == 0
    return arguments, contents(folder / "c")


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.slow) for seed in range(5)])
def test_elmo_build(tmp_path: Path, elmo_build: tuple[list[str], dict[str, bytes]], seed: int) -> None:
    arguments, whole = elmo_build
    out, rng = tmp_path / "c", np.random.default_rng(seed)
    n_shards = sum(name.startswith("train-") and name != "train.documents.h5" for name in whole)
    assert n_shards > 10
    killed = kill_at(command_line(*arguments), out, int(rng.integers(n_shards // 2)), rng.uniform(0, 0.01))
    assert killed and len(contents(out)) < len(whole)
    check_readable(out)
    assert run_cache(*arguments, out).exit_code == 0
    assert contents(out) == whole
