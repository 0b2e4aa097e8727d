"""A file or folder of the user's that is called as one of our packages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = (
    "import elmo_cache; from elmo_cache import FeatureCache; from elmo_cache.adapters.arrow import schema; print('ok')"
)


def put(place: Path, name: str, kind: str) -> None:
    if kind == "file":
        (place / f"{name}.py").write_text("")
    else:
        (place / name).mkdir()
        if kind == "package":
            (place / name / "__init__.py").write_text("")


def ran(place: Path, *command: str | Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(("name", "kind"), [("cache", "folder"), ("trainer", "folder"), ("trainer", "file")])
def test_what_hides_nothing(tmp_path: Path, name: str, kind: str) -> None:
    put(tmp_path, name, kind)
    done = ran(tmp_path, sys.executable, "-c", PROGRAM)
    assert (done.stdout, done.stderr) == ("ok\n", "")


@pytest.mark.parametrize(("kind", "path"), [("file", "cache.py"), ("package", "cache/__init__.py")])
def test_what_hides_our_package_is_named(tmp_path: Path, kind: str, path: str) -> None:
    put(tmp_path, "cache", kind)
    done = ran(tmp_path, sys.executable, "-c", PROGRAM)
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == (
        f"ImportError: `import cache` finds {tmp_path / path}, not the package of elmo-cache: rename it, or run Python "
        "in another folder"
    )


@pytest.mark.parametrize("name", ["cache", "trainer"])
@pytest.mark.parametrize("kind", ["folder", "file", "package"])
def test_commands_do_not_mind(tmp_path: Path, name: str, kind: str) -> None:
    put(tmp_path, name, kind)
    for command in ("elmo-cache", "elmo-train"):
        assert ran(tmp_path, Path(sys.executable).parent / command, "--version").returncode == 0


def test_every_adapter_has_both_names() -> None:
    names = {path.name for path in (ROOT / "cache" / "adapters").glob("*.py")}
    assert {path.name for path in (ROOT / "elmo_cache" / "adapters").glob("*.py")} == names
