"""The encoder that lives on its device, held against the oracle, in a process in which Keras runs on JAX."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed (extra `jax`)")
def test_on_jax() -> None:
    # Keras has one backend a process, and the other tests' is TensorFlow.
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/on_jax.py"],
        capture_output=True,
        cwd=ROOT,
        env=environment,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-4000:]
    assert " skipped" not in result.stdout and " passed" in result.stdout
