"""Tasks in other processes: those of joblib on this machine, or of a Dask cluster."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from cache import messages
from cache.errors import CacheWarning, WorkersError

__all__ = ["Workers", "run_tasks", "visible_gpus"]

CONNECT_S = 30
_MOST_WORKERS = 1024
_MOST_BARREN_STARTS = 3  # pools in a row that may die before any of them has finished a task

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")
_alone = threading.Lock()


@dataclass(frozen=True)
class Workers:
    """Where tasks run.

    Attributes
    ----------
    count : int
        Processes on this machine; 0 for those of a cluster.
    scheduler : str or None
        Address of a Dask scheduler.
    """

    count: int = 1
    scheduler: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Workers":
        """Return what `--workers` says: a number, the address of a Dask scheduler, or `auto`, one process a GPU.

        Raises
        ------
        WorkersError
            If it says anything else.

        Examples
        --------
        >>> Workers.parse("2"), Workers.parse("tcp://node1:8786")
        (Workers(count=2, scheduler=None), Workers(count=0, scheduler='tcp://node1:8786'))
        """
        if text == "auto":
            return cls(max(1, len(visible_gpus())))
        if text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= _MOST_WORKERS:
            return cls(int(text))
        if "://" in text:
            return cls(0, text)
        expected = "a number from 1, 'auto', or tcp://HOST:PORT"
        raise WorkersError(messages.INVALID_VALUE, name="workers", found=text, expected=expected)

    @property
    def in_this_process(self) -> bool:
        """Whether there is nothing to distribute."""
        return self.count == 1


@dataclass(frozen=True)
class _Place:
    """What a local worker process needs to know: its share of the threads, and which GPUs there are to share."""

    n_threads: int
    gpus: tuple[str, ...]
    slots: str

    def prepare(self) -> None:
        """Settle this process before a numeric library starts its threads or takes a GPU."""
        if "ELMO_CACHE_WORKER" in os.environ:
            return
        os.environ["ELMO_CACHE_WORKER"] = "1"
        os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = str(self.n_threads)
        if self.gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpus[_take_slot(Path(self.slots)) % len(self.gpus)]


class _DeathError(Exception):
    """Of a worker, or of more of them on one job than Dask allows."""


@dataclass(frozen=True)
class _Outcome:
    """What became of a job, by its number."""

    key: int
    result: Any = None
    error: Exception | None = None


def run_tasks(
    function: Callable[[_Job], _Result],
    jobs: Sequence[_Job],
    workers: Workers,
    on_result: Callable[[_Result], object],
    *,
    check: Callable[[_Job], str | None] | None = None,
) -> None:
    """Run a function on every job, in any order; start the pool again on what is left when a worker dies.

    Parameters
    ----------
    function : callable
        Of a module, so that other processes can import it; a job that was half done when its worker died comes again.
    jobs : sequence
        Small and picklable, as are the results.
    workers : Workers
        Where they run.
    on_result : callable
        Called in this process, with each result as it comes.
    check : callable, optional
        Called with the first job on every worker of a cluster before any work starts; returns what is wrong there.

    Raises
    ------
    WorkersError
        If the cluster cannot be reached or a worker does not pass the check; or if the pool died three times without
        finishing a job. Results that came before stay.
    CacheError
        The first that `function` raises.

    Warns
    -----
    CacheWarning
        When a worker died and its work is done again.
    """
    left = dict(enumerate(jobs))
    n_barren = 0
    with _pool(workers, check, jobs) as results_of:
        while left:
            n_before = len(left)
            try:
                for outcome in results_of(function, list(left.items())):
                    if outcome.error:
                        raise outcome.error
                    on_result(outcome.result)
                    del left[outcome.key]
            except _DeathError as death:
                n_barren = 0 if len(left) < n_before else n_barren + 1
                if n_barren == _MOST_BARREN_STARTS:
                    raise WorkersError(messages.WORKERS_DIED, n=n_barren, error=death) from death.__cause__
                warnings.warn(CacheWarning(messages.WORKER_DIED), stacklevel=2)


def visible_gpus() -> list[str]:
    """Return the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them; imports nothing to know it."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.split(",") if name.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True)
    n_gpus = listed.stdout.count("GPU ") if listed.returncode == 0 else 0
    return [str(i) for i in range(n_gpus)]


def _run(function: Callable[[_Job], object], key: int, job: _Job, place: _Place | None) -> _Outcome:
    if place:
        place.prepare()
    try:
        with _alone:  # a worker of Dask has several threads, and one encoder
            return _Outcome(key, function(job))
    except Exception as error:  # as a value: what a pool raises by itself is a worker's death
        return _Outcome(key, error=error)


@contextlib.contextmanager
def _pool(
    workers: Workers, check: Callable[[_Job], str | None] | None, jobs: Sequence[_Job]
) -> Iterator[Callable[..., Iterator[_Outcome]]]:
    """Yield a function that runs another on numbered jobs, and yields their outcomes as they come."""
    if workers.scheduler is None:
        from joblib import cpu_count

        n_threads = max(1, cpu_count() // workers.count)  # of the cores that this process may use
        with tempfile.TemporaryDirectory(prefix="elmo-workers-") as slots, _joblib_is_quiet():
            place = _Place(n_threads, tuple(visible_gpus()), slots)
            yield lambda function, left: _local_results(workers.count, place, function, left)
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise WorkersError(
            messages.NOT_INSTALLED, name=workers.scheduler, package="Dask", install="elmo-cache[dask]"
        ) from error
    try:
        client = Client(workers.scheduler, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise WorkersError(messages.NO_SCHEDULER, path=workers.scheduler, error=error) from error
    with client:
        if check is not None and jobs:
            _check_cluster(client, check, jobs[0])
        yield lambda function, left: _cluster_results(client, function, left)


@contextlib.contextmanager
def _joblib_is_quiet() -> Iterator[None]:
    """Within, joblib does not say that workers were replaced or cut short, and the cleaner that it starts says nothing.

    What matters of it is in our own words, above the progress bar.
    """
    before = os.environ.get("PYTHONWARNINGS")
    quiet = "ignore:resource_tracker:UserWarning"  # joblib's cleaner is a process of its own
    os.environ["PYTHONWARNINGS"] = f"{before},{quiet}" if before else quiet
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module=r"joblib\.")
            yield
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def _local_results(
    count: int, place: _Place, function: Callable[[_Job], object], left: Sequence[tuple[int, _Job]]
) -> Iterator[_Outcome]:
    import joblib  # brings more than a reader of caches needs

    calls = (joblib.delayed(_run)(function, key, job, place) for key, job in left)
    with joblib.parallel_config(
        "loky",
        n_jobs=count,
        inner_max_num_threads=place.n_threads,
        initializer=_end_with,
        initargs=(os.getpid(),),
    ):
        outcomes = joblib.Parallel(return_as="generator_unordered", batch_size=1)(calls)
    try:
        yield from outcomes
    except BrokenProcessPool as error:
        raise _DeathError(error) from error


def _end_with(parent: int) -> None:
    """Watch, in a worker, for the end of the process that began it: a killed one ends no worker, and idle ones stay."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)  # as a kill would: what was being written stands under no final name

    threading.Thread(target=watch, daemon=True).start()


def _cluster_results(
    client: Any, function: Callable[[_Job], object], left: Sequence[tuple[int, _Job]]
) -> Iterator[_Outcome]:
    # Not by joblib's Dask backend: that of 1.6 waits for ever for a task that was given up.
    from distributed import KilledWorker, as_completed

    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    with_gpus = bool(workers) and all("GPU" in worker["resources"] for worker in workers)
    futures = [
        client.submit(_run, function, key, job, None, pure=False, resources={"GPU": 1} if with_gpus else None)
        for key, job in left
    ]
    try:
        for future in as_completed(futures, loop=client.loop):  # type: ignore[no-untyped-call]
            try:
                yield future.result()
            except KilledWorker as error:
                raise _DeathError(error) from error
    finally:
        client.cancel(futures)


def _check_cluster(client: Any, check: Callable[[_Job], str | None], job: _Job) -> None:
    if not client.scheduler_info(n_workers=-1)["workers"]:
        raise WorkersError(messages.NO_WORKERS, path=client.scheduler.address)
    answers = client.run(_checked, check, job, version("elmo-cache"), on_error="return")
    faults = {address: answer for address, answer in answers.items() if answer is not None}
    for address, fault in faults.items():
        raise WorkersError(messages.WORKERS_UNFIT, n=len(faults), expected=len(answers), path=address, error=fault)


def _checked(check: Callable[[_Job], str | None], job: _Job, wanted: str) -> str | None:
    found = version("elmo-cache")
    return check(job) if found == wanted else messages.WORKER_VERSION.format(found=found, expected=wanted)


def _take_slot(folder: Path) -> int:
    """Return the first number that no other living process has taken, and keep it while this one lives."""
    import fcntl  # of POSIX alone

    for number in range(4096):
        file = os.open(folder / str(number), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            continue
        return number  # the file stays open, and so locked, until the process ends
    raise WorkersError(messages.NO_SLOT, path=folder)
