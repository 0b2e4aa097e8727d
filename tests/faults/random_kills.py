"""Signals at random moments of builds: python random_kills.py FOLDER SEED N_CASES N_BUILDS.

A program of its own, so that the processes that it forks have no threads. `N_BUILDS` builds run in one cache at once,
one of them gets a signal, the others go on. Prints as `crash_points.py` does.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from scenarios import CRASHED, REFUSED, Scenario, build_cache, in_child, run_child, scenarios  # noqa: E402

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def try_moment(scenario: Scenario, folder: Path, which: signal.Signals, delay_s: float, n_builds: int) -> int:
    """Disturb one of several builds, check what it left and what became of the others; return how it ended."""
    scenario.begin(folder)
    children = [in_child(lambda: build_cache(folder, slow_s=0.002)) for _ in range(n_builds)]
    time.sleep(delay_s)
    os.kill(children[0], which)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert statuses[0] in (0, -which, REFUSED), "a traceback" if statuses[0] == CRASHED else f"it ended {statuses[0]}"
    assert statuses[1:] == [0] * (n_builds - 1), f"the other builds ended {statuses[1:]}"
    finished = scenario.check_left(folder)
    assert run_child(lambda: scenario.work(folder)) == 0, "the same command does not end it"
    scenario.check_resumed(folder, finished)
    return statuses[0]


def main(folder: Path, seed: int, n_cases: int, n_builds: int) -> None:
    """Try as many moments, the signals in turn."""
    found = scenarios(folder)
    chance = np.random.default_rng(seed)
    place = folder / "place"
    start = time.monotonic()
    found["build"].begin(place)
    assert run_child(lambda: build_cache(place, slow_s=0.002)) == 0
    longest_s = time.monotonic() - start
    n_disturbed, wrong = 0, []
    for case in range(n_cases):
        name, which = ("build", "build", "extend")[case % 3], SIGNALS[case // 3 % 3]
        delay_s = chance.uniform(0, longest_s)
        try:
            n_disturbed += try_moment(found[name], place, which, delay_s, n_builds) != 0
        except Exception as error:
            wrong.append(f"{name}, {which.name} after {delay_s:.3f} s: {error}")
    print(n_cases, n_disturbed)
    print("\n".join(wrong))


if __name__ == "__main__":
    os.fsync = lambda descriptor: None  # the disk of a test need not survive a power cut
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
