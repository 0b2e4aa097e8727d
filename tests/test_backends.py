"""The same cache from another Keras backend: JAX, in a process that has no TensorFlow."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_elmo import build_all_layers, write_elmo

from cache import FeatureCache

ROOT = Path(__file__).resolve().parents[1]

LINES = [
    "A slow start , but what a finish !",
    "",
    "one",
    "😀 naïve " + "x" * 60,
    "It was not good , and then it was . " * 6,
]

# A finder that refuses TensorFlow stands before all others.
BUILD = """
import json, sys
class NoTensorFlow:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "tf_keras"):
            raise ModuleNotFoundError(f"no {name} here")
sys.meta_path.insert(0, NoTensorFlow())
from tiny_elmo import build_all_layers
build_all_layers(*sys.argv[1:])
import keras
print(json.dumps({"backend": keras.backend.backend(), "tensorflow": "tensorflow" in sys.modules}))
"""


def build_with_jax(corpus: Path, elmo: Path, out: Path) -> dict[str, object]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": path, "JAX_PLATFORMS": "cpu"}
    result = subprocess.run(
        [sys.executable, "-c", BUILD, str(corpus), str(elmo), str(out)],
        capture_output=True,
        cwd=ROOT,
        env=environment,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    answer: dict[str, object] = json.loads(result.stdout.splitlines()[-1])
    return answer


def steps_apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return how many float16 numbers lie between the elements of two float16 arrays."""

    def rank(x: np.ndarray) -> np.ndarray:
        bits = x.view(np.int16).astype(np.int32)
        return np.where(bits < 0, -(bits & 0x7FFF), bits)

    return np.asarray(np.abs(rank(a) - rank(b)))


def test_steps_apart() -> None:
    a = np.array([1.0, 1.0, -0.0, 6e-8, 2.0], np.float16)
    b = np.array([1.0, 1.001, 0.0, -6e-8, 1.999], np.float16)

    assert steps_apart(a, b).tolist() == [0, 1, 0, 2, 1]


needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed (extra `jax`)")


@needs_jax
@pytest.mark.parametrize(
    "chosen",
    [
        # The layer in float64, and losses of the mix, which has every gradient, in float32.
        pytest.param(
            ("1", "test_ragged.py", "maximum and 500-both or weights and both or rows_is or batch_of_empty"),
            marks=pytest.mark.slow,
        ),
        ("0", "test_fitting.py", "losses_are and elmo-scalar-mix"),
    ],
    ids=["layer", "losses"],
)
def test_training_with_jax_is_as_with_tensorflow(chosen: tuple[str, str, str]) -> None:
    x64, name, tests = chosen
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": x64}
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # most of the time goes into compiling
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ROOT / "tests" / name), "-k", tests]
    result = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, text=True, timeout=600)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]


@needs_jax
def test_jax_without_tensorflow(tmp_path: Path) -> None:
    corpus, elmo = tmp_path / "lines.txt", write_elmo(tmp_path / "elmo")
    corpus.write_text("\n".join(LINES) + "\n", encoding="utf-8")

    build_all_layers(corpus, elmo, tmp_path / "tensorflow")
    answer = build_with_jax(corpus, elmo, tmp_path / "jax")

    assert answer == {"backend": "jax", "tensorflow": False}
    with FeatureCache(tmp_path / "jax") as one, FeatureCache(tmp_path / "tensorflow") as other:
        assert one.encoding == other.encoding
        for layer in (0, 1, 2):
            jax, tensorflow = (features.split("train", layer=layer) for features in (one, other))
            assert len(jax) == len(LINES)
            for i in range(len(LINES)):
                assert jax.tokens(i) == tensorflow.tokens(i)
                # Very small numbers have steps finer than float32 sums of larger ones are exact.
                near_zero = np.abs(jax[i].astype(np.float32) - tensorflow[i].astype(np.float32)) < 1e-6
                assert (near_zero | (steps_apart(jax[i], tensorflow[i]) <= 1)).all()
