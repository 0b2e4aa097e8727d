"""The wheel, built from the source distribution and installed alone into a fresh environment, outside of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def test_the_wheel_works_alone(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    # By way of a source distribution: a wheel of the folder itself would hold what earlier ones left in build/.
    subprocess.run([sys.executable, "-m", "build", "--outdir", dist, ROOT], check=True)
    (wheel,) = dist.glob("elmo_cache-*.whl")
    assert wheel.stat().st_size < 12e6
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*arguments: object) -> str:
        command = [str(argument) for argument in arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(sys.executable, "-m", "venv", "fresh")
    bin_ = tmp_path / "fresh" / "bin"
    run(bin_ / "python", "-m", "pip", "install", "--quiet", f"{wheel}[sample]")
    run(bin_ / "elmo-cache", "build", "--limit", "train=200", "--limit", "test=50")
    assert "all checksums match" in run(bin_ / "elmo-cache", "verify")
    program = (
        "from cache import FeatureCache\n"
        "with FeatureCache('imdb.elmo') as features:\n"
        "    print(len(features['train']), features['train'][3].shape[1], features['test'].labels.mean())\n"
    )
    n_documents, dim, share = run(bin_ / "python", "-c", program).split()
    assert (n_documents, dim) == ("200", "256") and 0.3 < float(share) < 0.7
