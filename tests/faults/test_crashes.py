"""Every call of writing a file fails or is the last, and signals come at any moment: nothing finished is lost."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from faulty_system import MODES
from programs import run_program
from tally import record

SHM = Path("/dev/shm")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where the system has a place there: thousands of small files are written."""
    if not SHM.is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(dir=SHM) as path:
        yield Path(path)


def check_every_call(folder: Path, name: str, step: int) -> None:
    n_tried, n_said = run_program("crash_points.py", folder, step, name, *MODES)
    assert n_tried > 40 and n_said > n_tried / 4
    record(f"crash points: {name}", tried=n_tried, survived=n_tried, detected=n_said)


@pytest.mark.parametrize(
    "name", ["build", *(pytest.param(name, marks=pytest.mark.slow) for name in ("extend", "repair", "pack"))]
)
def test_every_call(folder: Path, name: str) -> None:
    """One call in five goes wrong, each in one way."""
    check_every_call(folder, name, 5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["build", "extend", "repair", "pack"])
def test_every_call_in_every_way(folder: Path, name: str) -> None:
    check_every_call(folder, name, 1)


def check_signals(folder: Path, seed: int, n_cases: int, n_builds: int) -> None:
    n_tried, n_disturbed = run_program("random_kills.py", folder, seed, n_cases, n_builds)
    assert n_disturbed > n_tried / 3, "most come before the end"
    what = "one build" if n_builds == 1 else f"one of {n_builds} builds"
    record(f"crash points: a signal to {what}", tried=n_tried, survived=n_tried)


@pytest.mark.parametrize(("seed", "n_cases", "n_builds"), [(0, 18, 1), (1, 9, 2)])
def test_signals(folder: Path, seed: int, n_cases: int, n_builds: int) -> None:
    check_signals(folder, seed, n_cases, n_builds)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "n_cases", "n_builds"), [(2, 90, 1), (3, 54, 2), (4, 27, 4)])
def test_more_signals(folder: Path, seed: int, n_cases: int, n_builds: int) -> None:
    check_signals(folder, seed, n_cases, n_builds)
