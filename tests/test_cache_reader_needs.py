"""What reading a cache takes: NumPy, h5py and the standard library, without what only POSIX systems have."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
from small_cache import DOCUMENTS, write_cache

from cache import pack

ROOT = Path(__file__).resolve().parents[1]

# Only NumPy, h5py and the packages under test can be imported from elsewhere than the standard library; the modules
# and functions that Windows lacks are gone.
READER = """
import os, sys
import h5py, numpy  # their own needs are theirs

ABSENT = {"fcntl", "grp", "pwd", "resource", "termios"}

class Blocked:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in ABSENT or top not in {"numpy", "h5py", "cache", *sys.stdlib_module_names}:
            raise ModuleNotFoundError(f"No module named {name!r} (blocked)", name=name)

sys.meta_path.insert(0, Blocked())
for name in ABSENT:
    sys.modules.pop(name, None)
for name in ("pread", "posix_fallocate", "fork", "register_at_fork", "readlink"):
    delattr(os, name)

from cache import FeatureCache, verify

for path in sys.argv[1:]:
    with FeatureCache(path) as features:
        train = features["train"]
        print(len(train), [rows.shape[0] for rows in train], sum(float(abs(rows).sum()) for rows in train) > 0)
        print(train[0].dtype, train.tokens(0), features.label_names, train.padded(2).shape, train.load()[3].shape)
    print(verify(path))
"""


LENGTHS = [len(words) for words in DOCUMENTS["train"]]
EXPECTED = [
    f"{len(LENGTHS)} {LENGTHS} True",
    f"float16 ['the', 'cat'] ('neg', 'pos') {(len(LENGTHS), 2, 8)} (9, 8)",
    "[]",
]


def test_a_reader_needs_numpy_and_h5py_alone(tmp_path: Path) -> None:
    write_cache(tmp_path / "c")
    pack(tmp_path / "c", tmp_path / "c.h5")

    done = subprocess.run(
        [sys.executable, "-c", READER, tmp_path / "c", tmp_path / "c.h5"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == EXPECTED * 2


@pytest.mark.slow
def test_the_wheel_reads_beside_numpy_and_h5py_alone(tmp_path: Path) -> None:
    """A fresh environment with the wheel, without what it depends on, and with these two."""
    write_cache(tmp_path / "c")
    pack(tmp_path / "c", tmp_path / "c.h5")
    # By way of a source distribution: a wheel of the folder itself would hold what earlier ones left in build/.
    subprocess.run([sys.executable, "-m", "build", "--outdir", tmp_path / "dist", ROOT], check=True)
    (wheel,) = (tmp_path / "dist").glob("elmo_cache-*.whl")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*arguments: object) -> str:
        command = [str(argument) for argument in arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(sys.executable, "-m", "venv", "fresh")
    python = tmp_path / "fresh" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "numpy", f"h5py=={h5py.__version__}")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    installed = {package["name"].lower() for package in json.loads(run(python, "-m", "pip", "list", "--format=json"))}
    assert installed - {"pip", "setuptools", "wheel"} == {"numpy", "h5py", "elmo-cache"}
    assert run(python, "-c", READER, tmp_path / "c", tmp_path / "c.h5").splitlines() == EXPECTED * 2
    where = run(python, "-c", "import cache; print(cache.__file__)")
    assert Path(where.strip()).is_relative_to(tmp_path / "fresh")
