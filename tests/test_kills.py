"""SIGKILL at seeded moments of a build: what resumes is byte-identical to what was never disturbed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from small_cache import contents
from tiny_elmo import SMALL, write_elmo

from cache import FeatureCache, verify

SCRIPT = Path(__file__).with_name("build_in_process.py")


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


@pytest.mark.parametrize("seed", range(17))
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
def elmo_build(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, bytes], float]:
    """The command without its output, the undisturbed cache, and the seconds it takes."""
    folder = write_elmo(tmp_path_factory.mktemp("elmo"), SMALL)
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(f"document {i} is " + f"word{i % 7} " * (i % 50) for i in range(300)))
    command = [sys.executable, "-m", "elmo_cache.cli", "build", "--corpus", str(corpus), "--encoder", str(folder)]
    command += ["--shard-tokens", "500"]
    start = time.monotonic()
    subprocess.run([*command, str(folder / "c")], check=True, capture_output=True)
    return command, contents(folder / "c"), time.monotonic() - start


@pytest.mark.parametrize("seed", range(3))
def test_elmo_build(tmp_path: Path, elmo_build: tuple[list[str], dict[str, bytes], float], seed: int) -> None:
    command, whole, total = elmo_build
    out = tmp_path / "c"
    moment = np.random.default_rng(seed).uniform(0.5, 0.95) * total
    kill_after([*command, str(out)], moment)
    check_readable(out)
    subprocess.run([*command, str(out)], check=True, capture_output=True)
    assert contents(out) == whole
