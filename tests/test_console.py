"""What all commands do about Ctrl-C, warnings and encodings, in a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import command_line
from numpy_encoder import build_small

from cache import pack

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


@pytest.mark.parametrize(
    ("module", "encoding"),
    [
        ("elmo_cache.cli", "iso8859-15"),
        pytest.param("elmo_cache.cli", "utf-8", marks=pytest.mark.slow),
        pytest.param("trainer.cli", "iso8859-15", marks=pytest.mark.slow),
        ("trainer.cli", "utf-8"),
    ],
)
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


ENDING = """
import sys, threading, time

def wait():
    print("ending", flush=True)
    time.sleep(60)

threading._register_atexit(wait)  # as what joblib waits for its workers with
sys.argv = ["command", "--version"]
from {package}.__main__ import main
main()
"""


@pytest.mark.parametrize("package", ["elmo_cache", "trainer"])
def test_ctrl_c_while_python_ends_shows_no_traceback(package: str) -> None:
    command = [sys.executable, "-c", ENDING.format(package=package)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        assert "version" in process.stdout.readline() and process.stdout.readline() == "ending\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == -signal.SIGINT and process.stderr.read() == ""


CLOSED = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-", "all": "<&- >&- 2>&-"}


@pytest.mark.parametrize("closing", CLOSED.values(), ids=CLOSED)
def test_closed_streams(tmp_path: Path, closing: str) -> None:
    build_small(tmp_path / "c").close()
    pack(tmp_path / "c", tmp_path / "right.h5")
    for command in (["pack", tmp_path / "c", tmp_path / "p.h5"], ["verify", tmp_path / "p.h5"]):
        line = ["bash", "-c", f'"$@" {closing}', "bash", *command_line(*command)]
        assert subprocess.run(line, timeout=60).returncode == 0
    assert (tmp_path / "p.h5").read_bytes() == (tmp_path / "right.h5").read_bytes()


QUIETLY = """
from cache.runtime.progress import note_on, progress_bar
from cache.runtime.quiet import quiet_import

with quiet_import(), progress_bar(2, "reading", "B") as bar:
    import colorsys
    bar.update()
    note_on(bar, "half")
print("done")
"""


def test_python_without_stderr_imports_and_shows_no_bar() -> None:
    line = ["bash", "-c", '"$@" 2>&-', "bash", sys.executable, "-c", QUIETLY]
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout == "done\n"


LOADING = """
import sys
from cache.runtime.quiet import import_only_what_is_needed, quiet_import

import_only_what_is_needed()
for _ in range(2):
    with quiet_import():
        sys.modules.setdefault("keras", sys)
"""


@pytest.mark.parametrize(("backend", "name"), [("tensorflow", "TensorFlow"), ("jax", "JAX")])
def test_on_a_terminal_a_command_says_once_that_it_is_loading(backend: str, name: str) -> None:
    ours, its = os.openpty()
    environment = {**os.environ, "KERAS_BACKEND": backend}
    subprocess.run([sys.executable, "-c", LOADING], stderr=its, env=environment, check=True, timeout=60)
    os.close(its)
    assert os.read(ours, 1000).decode() == f"Loading {name} …\r\x1b[K"
    os.close(ours)


@pytest.mark.slow
def test_importing_an_adapter_prints_nothing() -> None:
    line = [sys.executable, "-c", "import elmo_cache.adapters.tensorflow"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
