"""What an attack from outside found: files that a command must not replace, and what a killed one leaves."""

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner
from errors_expected import raises, said
from numpy_encoder import build_small

from cache import OutputError, messages
from cache.files import _create_locked, atomic_path
from elmo_cache.cli import main


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    build_small(tmp_path / "small.elmo").close()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    result = CliRunner().invoke(main, ["export", str(tmp_path / "small.elmo"), str(pipe), "--format", "parquet"])
    assert result.exit_code == 1
    assert result.output == f"Error: {said(messages.SPECIAL_FILE, path=pipe)}\n"
    assert pipe.is_fifo()
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_path_without_a_name_is_one_line() -> None:
    with raises(messages.NO_FILE_NAME, OutputError, path=Path("")), atomic_path(Path("")):
        pass


def test_an_export_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    build_small(tmp_path / "small.elmo").close()
    out = tmp_path / "small.parquet"
    leave = f"from pathlib import Path; from {_create_locked.__module__} import _create_locked; import os, signal\n"
    leave += f"_create_locked(Path({str(out)!r})); os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", leave], check=False, timeout=60)
    assert len(list(tmp_path.glob(".small.parquet.*.tmp"))) == 1
    result = CliRunner().invoke(main, ["export", str(tmp_path / "small.elmo"), str(out), "--format", "parquet"])
    assert result.exit_code == 0, result.output
    assert not list(tmp_path.glob(".*.tmp"))
