"""The table of what the fault tests tried, at the end of the run: also of one in several processes."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "faults"))

from tally import counts, record, table  # noqa: E402


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
