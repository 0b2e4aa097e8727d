"""The encoder that lives on its device, held against the oracle, in a process in which Keras runs on JAX."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed (extra `jax`)")
@pytest.mark.parametrize("chosen", ["not slow", pytest.param("slow", marks=pytest.mark.slow)])
def test_on_jax(chosen: str) -> None:
    # Keras has one backend a process, and the other tests' is TensorFlow.
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    # Most of the time goes into compiling. `test_backends.py` has programs that are compiled as users' are.
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", chosen, "tests/on_jax.py"],
        capture_output=True,
        cwd=ROOT,
        env=environment,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-4000:]
    assert " skipped" not in result.stdout and " passed" in result.stdout
