"""Every call of writing a file, in turn, fails or is the last: python crash_points.py FOLDER STEP SCENARIO MODE…

A program of its own, so that the processes that it forks have no threads. Prints the number of points tried, of those
after which the command said why it failed, and then a line for each that went wrong.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faulty_system import CallCounter  # noqa: E402
from scenarios import CRASHED, REFUSED, Scenario, run_child, scenarios  # noqa: E402

_KILLED = -9


def call_names(scenario: Scenario, folder: Path) -> list[str]:
    """Return the calls that an undisturbed run makes."""
    noted = folder.with_suffix(".calls")

    def work() -> None:
        counter = CallCounter()
        counter.install()
        scenario.work(folder)
        noted.write_bytes("\n".join(counter.names).encode())

    scenario.begin(folder)
    assert run_child(work) == 0
    return noted.read_text().splitlines()


def try_point(scenario: Scenario, folder: Path, n: int, mode: str) -> int:
    """Run a command with a fault, check what it left, and let the same command end it; return how it ended."""
    scenario.begin(folder)

    def work() -> None:
        CallCounter(n, mode).install()
        scenario.work(folder)

    status = run_child(work)
    assert status in ((_KILLED,) if mode.startswith("die") else (0, REFUSED)), (
        "a traceback" if status == CRASHED else f"it ended with {status}"
    )
    finished = scenario.check_left(folder)
    assert run_child(lambda: scenario.work(folder)) == 0, "the same command does not end it"
    scenario.check_resumed(folder, finished)
    return status


def main(folder: Path, step: int, name: str, modes: list[str]) -> None:
    """Try every `step`-th call, the modes in turn if `step` is above 1, else all of them."""
    scenario = scenarios(folder)[name]
    place = folder / "place"
    calls = call_names(scenario, place)
    points = [(n, mode) for n in range(len(calls)) for k, mode in enumerate(modes) if step == 1 or k == n % len(modes)]
    n_said, wrong = 0, []
    for n, mode in points:
        try:
            n_said += try_point(scenario, place, n, mode) == REFUSED
        except Exception as error:
            wrong.append(f"{name}, call {n} ({calls[n]}), {mode}: {error}")
    print(len(points), n_said)
    print("\n".join(wrong))


if __name__ == "__main__":
    os.fsync = lambda descriptor: None  # the disk of a test need not survive a power cut
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
