"""What every hostile input must meet: one line that names it, little memory, and no file but its own."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tally import record

from cache import CacheError

__all__ = ["MOST_BYTES", "refusal"]

MOST_BYTES = 2**26
"""More than any of the refusals needs, and far less than what the inputs ask for."""


def refusal(kind: str, work: Callable[[], Any], path: Path) -> str:
    """Check that work is refused in one line that names a file, in little memory; return the line."""
    tracemalloc.start()
    try:
        work()
    except CacheError as error:
        message = str(error)
    else:
        raise AssertionError(f"{path} was taken")
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MOST_BYTES, f"{peak:,} bytes"
    assert str(path) in message and "\n" not in message and len(message) < 2000
    record(f"hostile inputs: {kind}", detected=1)
    return message
