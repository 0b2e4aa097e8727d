"""What all commands do about Ctrl-C, warnings and encodings, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPTED_WHILE_COLLECTING = """
import gc, os, signal, time
import click
from cache.runtime.console import Commands

def callback(phase, info):
    if phase == "start" and not sent:
        sent.append(True)
        os.kill(os.getpid(), signal.SIGINT)

sent = []
signal.signal(signal.SIGINT, signal.default_int_handler)

@click.group(cls=Commands, resumable={"work"})
def main():
    pass

@main.command()
def work():
    gc.callbacks.append(callback)
    gc.collect()
    print("collected", flush=True)
    time.sleep(20)
    print("never")

main(["work"])
"""


def test_ctrl_c_while_garbage_is_collected_is_not_lost() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_COLLECTING], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 130 and done.stdout == "collected\n"
    assert done.stderr == "\nStopped. Run the same command to resume.\n"


WARNING = """
import warnings
import click
from cache.errors import CacheWarning
from cache.runtime.console import Command

@click.command(cls=Command)
def main():
    for _ in range(2):
        warnings.warn("the header of a\\x1b[0m\\nis wrong", CacheWarning)
    print("done")

main([])
"""


def test_a_warning_is_one_line() -> None:
    done = subprocess.run([sys.executable, "-c", WARNING], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr == 2 * "Warning: the header of a\ufffd[0m is wrong\n"


@pytest.mark.parametrize("encoding", ["iso8859-15", "utf-8"])
@pytest.mark.parametrize("module", ["elmo_cache.cli", "trainer.cli"])
def test_what_the_encoding_lacks_is_replaced(tmp_path: Path, encoding: str, module: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}

    def run(*arguments: str | bytes) -> str:
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(command, capture_output=True, env=environment, cwd=tmp_path, timeout=60)
        assert b"Traceback" not in done.stderr and b"UnicodeEncodeError" not in done.stderr
        return (done.stdout + done.stderr).decode(encoding)

    assert "Usage" in run("--help")
    command = {"elmo_cache.cli": "build", "trainer.cli": "trials"}[module]
    assert "Usage" in run(command, "--help")
    unknown = {"elmo_cache.cli": ["info"], "trainer.cli": ["plot"]}[module]
    assert "Error" in run(*unknown, "\u65e5\u672c\u8a9e.elmo")
    assert "Error" in run(*unknown, b"not \xff UTF-8")
