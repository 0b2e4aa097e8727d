"""`elmo-cache` and `elmo-train` as a user types them, in this process or in one of their own."""

import subprocess
import sys

from click.testing import CliRunner, Result

from elmo_cache.cli import main as elmo_cache
from trainer.cli import main as elmo_train


def run_cache(*arguments: object) -> Result:
    return CliRunner().invoke(elmo_cache, [str(argument) for argument in arguments], catch_exceptions=False)


def run_train(*arguments: object) -> Result:
    return CliRunner().invoke(elmo_train, [str(argument) for argument in arguments], catch_exceptions=False)


def command(*arguments: object, **options: object) -> "subprocess.CompletedProcess[str]":
    """Run `elmo-cache` in a process of its own."""
    return subprocess.run(command_line(*arguments), capture_output=True, text=True, timeout=300, **options)  # type: ignore[call-overload,no-any-return]


def command_line(*arguments: object) -> list[str]:
    """Return what starts `elmo-cache` in a process of its own."""
    return [sys.executable, "-m", "elmo_cache.cli", *map(str, arguments)]


def error_of(result: Result) -> str:
    """Check that a command failed with one line and exit code 1, and return the line."""
    assert result.exit_code == 1, result.output
    lines = result.stderr.strip().splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    assert len(errors) == 1 and lines[-1] == errors[0], result.stderr
    return errors[0]
