"""Builds and trials in several processes: the same bytes and numbers as in one, whoever dies on the way."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from errors_expected import raises, said
from numpy_encoder import HashEncoder
from small_cache import contents
from small_trials import accuracies, outcomes, trials_command
from worker_encoder import corpus, mortal

from cache import FeatureCache, verify
from cache import messages as store
from cache.errors import CacheWarning, WorkersError
from cache.runtime.processes import Workers, visible_gpus
from elmo_cache import EncoderError, build, messages
from elmo_cache.cli import main
from elmo_cache.extraction.build import Build
from elmo_cache.extraction.plan import BuildSettings
from elmo_cache.extraction.workers import _runs
from trainer.runs.results import read_results


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("alone") / "c"
    build(corpus(), HashEncoder(), path, shard_tokens=20).close()
    return contents(path)


def test_several_processes_make_the_same_bytes(tmp_path: Path, alone: dict[str, bytes]) -> None:
    build(corpus(), mortal(tmp_path), tmp_path / "c", shard_tokens=20, workers=2).close()

    assert contents(tmp_path / "c") == alone and len(alone) > 10
    loaded = list(tmp_path.glob("loaded-*"))
    assert 1 <= len(loaded) <= 2 and f"loaded-{os.getpid()}" not in [path.name for path in loaded]


def test_workers_take_runs_of_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: dict[str, bytes]) -> None:
    groups = [("train", (i,)) for i in range(33)]
    assert [len(run) for run in _runs(groups, 2)] == [4] * 8 + [1]
    assert [len(run) for run in _runs(groups, 4)] == [2] * 16 + [1]
    assert [len(run) for run in _runs(groups, 64)] == [len(run) for run in _runs(groups, 0)] == [1] * 33
    assert [group for run in _runs(groups, 2) for group in run] == groups and not list(_runs([], 2))

    monkeypatch.setattr("elmo_cache.extraction.workers._RUNS_A_WORKER", 1)  # runs of 4, of both splits
    with pytest.warns(CacheWarning, match=re.escape(store.WORKER_DIED)):
        build(corpus(), mortal(tmp_path, deaths=1), tmp_path / "c", shard_tokens=20, workers=2).close()
    assert contents(tmp_path / "c") == alone and not verify(tmp_path / "c")


def test_dead_workers_cost_a_shard_each(tmp_path: Path, alone: dict[str, bytes]) -> None:
    with pytest.warns(CacheWarning, match=re.escape(store.WORKER_DIED)):
        build(corpus(), mortal(tmp_path, deaths=2), tmp_path / "c", shard_tokens=20, workers=2).close()

    assert len(list(tmp_path.glob("death-*"))) == 2
    assert contents(tmp_path / "c") == alone and not verify(tmp_path / "c")


def test_workers_that_always_die_stop_the_build(tmp_path: Path, alone: dict[str, bytes]) -> None:
    build(corpus(), HashEncoder(), tmp_path / "c", shard_tokens=20, limit={"train": 20, "test": 0}).close()
    before = contents(tmp_path / "c")
    with (
        pytest.warns(CacheWarning),
        raises(store.WORKERS_DIED, WorkersError, n=3),
    ):
        build(corpus(), mortal(tmp_path, deaths=99), tmp_path / "c", workers=2)

    after = contents(tmp_path / "c")
    assert {name: after[name] for name in before if name != "manifest.json"} == {
        name: content for name, content in before.items() if name != "manifest.json"
    }
    build(corpus(), HashEncoder(), tmp_path / "c").close()
    assert set(contents(tmp_path / "c")) >= set(before) and not verify(tmp_path / "c")


DYING = """
import builtins, os, signal, sys, time
from pathlib import Path
import click, numpy as np
from cache import CacheError
from cache.runtime.console import Command
from cache.runtime.processes import Workers, run_tasks
from cache.runtime.progress import progress_bar

def work(job):
    if FATE == "killed" and job >= 2 and not Path(FATE).exists():
        Path(FATE).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if FATE == "grown":  # joblib replaces a worker that has grown by 300 MB
        builtins.__dict__.setdefault("kept", []).append(np.ones(5 * 10**7))
        time.sleep(1.1)
    if FATE == "failed" and job == 2:
        raise CacheError("no")
    return 1

@click.command(cls=Command)
def main():
    with progress_bar(6, "working", "job") as bar:
        run_tasks(work, range(6), Workers(2), bar.update)
"""


@pytest.mark.parametrize(
    ("fate", "lines"),
    [
        ("killed", [f"Warning: {store.WORKER_DIED}"]),
        pytest.param("grown", [], marks=pytest.mark.slow),
        ("failed", ["Error: no"]),
    ],
)
def test_what_is_said_of_the_fate_of_workers(tmp_path: Path, fate: str, lines: list[str]) -> None:
    """In one line of ours; joblib speaks of executors, leaked folders and tasks that were not used."""
    script = tmp_path / "dying.py"
    script.write_text(f"FATE = {fate!r}\n{DYING}\nif __name__ == '__main__':\n    main()\n")
    result = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = [line for line in re.split(r"[\r\n]+", result.stderr) if line.strip() and not line.startswith("working:")]
    assert found == lines, result.stderr
    assert result.returncode == (fate == "failed")


ORPHANED = """
import os, time
from pathlib import Path
from cache.runtime.processes import Workers, run_tasks

def work(job):
    Path(FOLDER, str(os.getpid())).touch()
    while len(list(Path(FOLDER).iterdir())) < 2 or job == 1:
        time.sleep(0.1)

if __name__ == "__main__":
    run_tasks(work, range(2), Workers(2), print)
"""


def test_no_worker_outlives_a_killed_command(tmp_path: Path) -> None:
    """Neither one at work nor one that waits for work, which joblib would let wait for five minutes."""
    script = tmp_path / "orphaned.py"
    folder = tmp_path / "seen"
    folder.mkdir()
    script.write_text(f"FOLDER = {str(folder)!r}\n{ORPHANED}")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.DEVNULL) as process:
        workers = until(lambda: [int(path.name) for path in folder.iterdir()], lambda seen: len(seen) == 2)
        process.kill()

    until(lambda: [pid for pid in workers if Path(f"/proc/{pid}").exists()], lambda alive: not alive)


def until(look: Callable[[], list[int]], enough: Callable[[list[int]], bool]) -> list[int]:
    deadline = time.monotonic() + 60
    while not enough(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)
    return seen


def test_an_error_in_a_worker_is_the_errors_own_line(tmp_path: Path) -> None:
    reviews = tmp_path / "r.txt"
    reviews.write_text("one two\nthree\n" * 20)
    encoder = tmp_path / "elmo"
    encoder.mkdir()
    result = CliRunner().invoke(
        main, ["build", str(tmp_path / "c"), "--corpus", str(reviews), "--encoder", str(encoder), "--workers", "2"]
    )
    files = {"n": 0, "name": "*options*.json", "found": "none"}
    assert result.exit_code == 1 and result.stderr == f"Error: {said(messages.ELMO_FILES, path=encoder, **files)}\n"

    with raises(messages.NOT_FOR_WORKERS, EncoderError, name="hash"):
        build(corpus(), HashEncoder(), tmp_path / "d", workers=2)


def test_shares_of_a_job_array_make_one_cache(tmp_path: Path, alone: dict[str, bytes]) -> None:
    path = tmp_path / "c"
    for number in (2, 3, 1):
        with Build(corpus(), HashEncoder(), path, BuildSettings(shard_tokens=20, share=(number, 3))) as begun:
            begun.run()
        shown = CliRunner().invoke(main, ["info", str(path)]).stdout
        assert (": complete" in shown) == (number == 1), shown

    assert contents(path) == alone


@pytest.mark.parametrize("share", ["0/3", "4/3", "3", "a/b", "-1/3"])
def test_shares_that_make_no_sense(tmp_path: Path, share: str) -> None:
    result = CliRunner().invoke(main, ["build", str(tmp_path / "c"), "--shard", share])
    assert result.exit_code == 2 and "expected K/N with K from 1 to N, as 3/16" in result.stderr
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("text", ["0", "two", "-1", "1.5", ""])
def test_workers_that_make_no_sense(tmp_path: Path, text: str) -> None:
    result = CliRunner().invoke(main, ["build", str(tmp_path / "c"), "--workers", text])
    assert result.exit_code == 1
    expected = "a number from 1, 'auto', or tcp://HOST:PORT"
    assert result.stderr == f"Error: {said(store.INVALID_VALUE, name='workers', found=text, expected=expected)}\n"


def test_auto_is_one_process_for_each_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for chosen, found in {"0,1,3": ["0", "1", "3"], "": [], "-1": []}.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
        assert visible_gpus() == found
        assert Workers.parse("auto") == Workers(max(1, len(found)))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", "")
    assert visible_gpus() == [] and Workers.parse("auto") == Workers(1)


def test_gpus_are_shared_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    build(corpus(), mortal(tmp_path), tmp_path / "c", shard_tokens=20, workers=2).close()
    with FeatureCache(tmp_path / "c") as features:
        assert features["train"].complete and np.isfinite(features["train"][0]).all()


@pytest.mark.slow
def test_trials_in_several_processes_come_to_the_same(tmp_path: Path) -> None:
    """With the gamma that the command has found, which is no setting that the other processes could read."""
    command = [*trials_command(tmp_path), "--gamma", "auto"]
    found = []
    for workers in ("1", "2"):
        out = tmp_path / workers
        assert len(accuracies(command, out, workers)) == 4
        found.append((outcomes(read_results(out / "trials.csv")), json.loads((out / "config.json").read_text())))
    assert found[0] == found[1]
