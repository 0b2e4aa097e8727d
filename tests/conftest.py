"""What all tests share: Hypothesis without deadlines, and the table of what the fault tests tried.

The table comes at the end of the run, also of one in several processes.
"""

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "faults"))

from tally import counts, record, table  # noqa: E402

# How long an example takes says how busy the machine is.
settings.register_profile("any speed", deadline=None)
settings.load_profile("any speed")


def pytest_sessionfinish(session: pytest.Session) -> None:
    # Only the processes of pytest-xdist have an output, which goes to the one that prints.
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tally"] = counts()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    for kind, row in getattr(node, "workeroutput", {}).get("tally", {}).items():
        record(kind, **row)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := table():
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.line(line)
