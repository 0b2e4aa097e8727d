"""Builds on a real Dask cluster of worker processes: killed workers, a driver that starts again, strange workers."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from errors_expected import raises
from numpy_encoder import HashEncoder
from small_cache import contents
from small_trials import accuracies, trials_command
from worker_encoder import SlowFileSource, corpus, mortal

from cache import FeatureCache, verify
from cache import messages as store
from cache.errors import CacheWarning, WorkersError
from cache.runtime import processes
from cache.runtime.processes import Workers, run_tasks
from elmo_cache import EncoderError, build, messages

pytestmark = pytest.mark.slow
distributed = pytest.importorskip("distributed", reason="needs the extra dask")

TESTS = Path(__file__).parent
DRIVER = """
import sys
from pathlib import Path
from worker_encoder import corpus, mortal
from elmo_cache import build
build(corpus(), mortal(Path(sys.argv[1]), slow_s=0.05), sys.argv[2], shard_tokens=20, workers=sys.argv[3]).close()
"""


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("alone") / "c"
    build(corpus(), HashEncoder(), path, shard_tokens=20).close()
    return contents(path)


@contextlib.contextmanager
def cluster(n_workers: int, environment: dict[str, str], **settings: Any) -> Iterator[str]:
    """Yield the address of a cluster of single-threaded worker processes."""
    with distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        env=environment,
        **settings,
    ) as found:
        with distributed.Client(found.scheduler_address) as client:
            client.wait_for_workers(n_workers, timeout=60)
        yield found.scheduler_address


@pytest.fixture
def scheduler(environment: dict[str, str]) -> Iterator[str]:
    with cluster(2, environment) as address:
        yield address


def n_loaded(folder: Path) -> int:
    return len(list(folder.glob("loaded-*")))


@pytest.mark.parametrize("n_workers", [2, 3])
def test_a_cluster_makes_the_same_bytes(
    tmp_path: Path, n_workers: int, environment: dict[str, str], alone: dict[str, bytes]
) -> None:
    with cluster(n_workers, environment) as address:
        build(corpus(), mortal(tmp_path, slow_s=0.01), tmp_path / "c", shard_tokens=20, workers=address).close()

    assert contents(tmp_path / "c") == alone
    assert n_loaded(tmp_path) == n_workers  # once in each process


def test_a_killed_worker_costs_a_shard(tmp_path: Path, scheduler: str, alone: dict[str, bytes]) -> None:
    build(corpus(), mortal(tmp_path, deaths=1), tmp_path / "c", shard_tokens=20, workers=scheduler).close()

    assert (tmp_path / "death-0").exists()
    assert contents(tmp_path / "c") == alone and not verify(tmp_path / "c")


def test_a_driver_starts_again(
    tmp_path: Path, scheduler: str, alone: dict[str, bytes], environment: dict[str, str]
) -> None:
    command = [sys.executable, "-c", DRIVER, str(tmp_path), str(tmp_path / "c"), scheduler]
    driver = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "c").glob("train-*.h5"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    time.sleep(1)  # the scheduler notices
    with FeatureCache(tmp_path / "c") as features:
        assert not (features["train"].complete and features["test"].complete)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "c") == alone


def test_workers_that_always_die(tmp_path: Path, environment: dict[str, str]) -> None:
    with (
        cluster(2, environment, scheduler_kwargs={"allowed_failures": 0}) as address,
        raises(store.WORKERS_DIED, WorkersError, n=3),
        pytest.warns(CacheWarning, match=re.escape(store.WORKER_DIED)),
    ):
        build(corpus(), mortal(tmp_path, deaths=99), tmp_path / "c", shard_tokens=2000, workers=address)


def test_a_worker_of_another_version_is_named(tmp_path: Path, scheduler: str, environment: dict[str, str]) -> None:
    other = tmp_path / "elmo_cache-9.9.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: elmo-cache\nVersion: 9.9\n")
    path = os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])
    command = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler, "--no-nanny", "--no-dashboard"]
    worker = subprocess.Popen(command, env={**environment, "PYTHONPATH": path}, cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        with distributed.Client(scheduler) as client:
            client.wait_for_workers(3, timeout=60)
        other = store.WORKER_VERSION.format(found="9.9", expected=version("elmo-cache"))
        with raises(store.WORKERS_UNFIT, WorkersError, n=1, expected=3, path=re.compile("^tcp://"), error=other):
            build(corpus(), mortal(tmp_path), tmp_path / "c", workers=scheduler)
    finally:
        worker.kill()
        worker.wait()
    assert not list((tmp_path / "c").glob("train-*.h5"))


def test_a_worker_that_joins_late_and_loads_another_encoder(
    tmp_path: Path, scheduler: str, environment: dict[str, str]
) -> None:
    """The check before the work was passed by those that were there; the weights were replaced since."""
    weight = tmp_path / "weight"
    weight.write_text("1.0")
    encoder = SlowFileSource(str(weight), 0.03)()
    out = tmp_path / "c"
    late: list[subprocess.Popen[bytes]] = []

    def join_late() -> None:
        deadline = time.monotonic() + 60
        while len(list(out.glob("train-0*.h5"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        weight.write_text("2.0")
        command = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler, "--no-nanny", "--no-dashboard"]
        late.append(subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL))

    joining = threading.Thread(target=join_late)
    joining.start()
    try:
        with raises(messages.OTHER_ENCODER, EncoderError):
            build(corpus(1200), encoder, out, shard_tokens=20, workers=scheduler)
    finally:
        joining.join()
        for worker in late:
            worker.kill()
            worker.wait()
    with FeatureCache(out) as features:
        split = features["train"]
        assert 2 <= len(split) < 1180 and not split.complete
        assert {float(x) for i in range(len(split)) for x in split[i][:, 0]} == {1.0}


def test_a_worker_without_weights_is_named(tmp_path: Path, scheduler: str) -> None:
    error = re.compile("no encoder 'hash' here")
    with raises(store.WORKERS_UNFIT, WorkersError, n=2, expected=2, path=re.compile("^tcp://"), error=error):
        build(corpus(), mortal(tmp_path, lacking=True), tmp_path / "c", workers=scheduler)


def test_workers_that_declare_gpus_are_asked_for_one_each(
    tmp_path: Path, environment: dict[str, str], alone: dict[str, bytes]
) -> None:
    with cluster(2, environment, resources={"GPU": 1}) as address:
        build(corpus(), mortal(tmp_path), tmp_path / "c", shard_tokens=20, workers=address).close()
    assert contents(tmp_path / "c") == alone


def test_trials_on_a_cluster_give_the_same_accuracies(tmp_path: Path, scheduler: str) -> None:
    command = trials_command(tmp_path)
    assert accuracies(command, tmp_path / "cluster", scheduler) == accuracies(command, tmp_path / "alone", "1")


def test_no_scheduler_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "CONNECT_S", 1)
    with raises(store.NO_SCHEDULER, WorkersError, path="tcp://127.0.0.1:9"):
        run_tasks(str, [1], Workers(0, "tcp://127.0.0.1:9"), print)
