"""Running the programs of this folder, which fork processes and so have an interpreter of their own."""

import subprocess
import sys
from pathlib import Path

__all__ = ["run_program"]

HERE = Path(__file__).parent


def run_program(name: str, *arguments: object) -> tuple[int, int]:
    """Run a program that must find nothing wrong; return the two numbers that it prints."""
    command = [sys.executable, str(HERE / name), *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parents[1], timeout=600)
    assert ran.returncode == 0, ran.stderr
    numbers, *wrong = ran.stdout.strip().splitlines()
    assert not wrong, "\n".join([*wrong, ran.stderr])
    first, second = map(int, numbers.split())
    return first, second
