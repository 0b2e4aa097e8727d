"""What a device can do, measured with JAX alone: matrix products, copies, its memory; and the disk beside it."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from elmo_cache.encoders.bilm.jax_model import pinned_memory

_SECONDS = 0.2
"""How long each of three timings goes on."""


def device_facts() -> str:
    """Return the device's name, its memory and its driver."""
    device = jax.local_devices()[0]
    memory = (device.memory_stats() or {}).get("bytes_limit")
    facts = [device.device_kind, f"{memory / 1e9:.0f} GB for JAX" if memory else "", _driver()]
    return ", ".join(filter(None, facts))


def has_gpu() -> bool:
    """Return whether JAX computes on something else than the processor."""
    return jax.default_backend() != "cpu"


def _driver() -> str:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"driver {found[0]}" if found else ""


def peak_bytes() -> int | None:
    """Return the most memory that this process has held on the device so far; None where JAX does not say."""
    return (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")


def product_rate(precision: str, m: int, k: int, n: int, batch: int = 1) -> float:
    """Return the FLOP/s of `batch` products `(m, k) . (k, n)` at once."""
    dtype = {"float16": jnp.float16, "bfloat16": jnp.bfloat16}.get(precision, jnp.float32)
    how = {"float32": lax.Precision.HIGHEST, "tf32": lax.DotAlgorithmPreset.TF32_TF32_F32}.get(precision)
    keys = jax.random.split(jax.random.key(0))
    a, b = (
        jax.random.normal(key, shape, jnp.float32).astype(dtype)
        for key, shape in zip(keys, ((batch, m, k), (batch, k, n)), strict=True)
    )
    product = jax.jit(lambda a, b: lax.dot_general(a, b, (((2,), (1,)), ((0,), (0,))), precision=how))
    return 2 * batch * m * k * n / seconds_of(lambda: product(a, b))


def copy_rates(megabytes: int) -> dict[str, float]:
    """Return bytes a second to the device, from it, and within its memory (read and written bytes counted).

    From it twice: to memory of any kind, and, where JAX has that, to pinned memory, as the encoder copies its rows.
    """
    host = np.random.default_rng(0).standard_normal(megabytes * 250_000, np.float32)
    device = jax.device_put(host)
    increase = jax.jit(lambda x: x + 1)

    def fetched(fetch: Callable[[Any], Any]) -> float:
        # What was fetched once is kept on the host: each time another array.
        fresh = iter([increase(device) for _ in range(4)])
        return host.nbytes / min(_timed(lambda: fetch(next(fresh))) for _ in range(4))

    pinned = pinned_memory(jax.local_devices()[0])
    return {
        "to the device": host.nbytes / seconds_of(lambda: jax.device_put(host)),
        "to the host": fetched(np.asarray),
        **({"to the host, pinned": fetched(lambda array: np.asarray(jax.device_put(array, pinned)))} if pinned else {}),
        "within the device": 2 * host.nbytes / seconds_of(lambda: increase(device)),
    }


def disk_rate(folder: Path, megabytes: int) -> float:
    """Return bytes a second that a new file of random bytes takes in a folder, until the disk has them."""
    data = np.random.default_rng(0).bytes(megabytes * 1_000_000)
    path = folder / "disk"

    def write() -> None:
        with path.open("wb") as file:
            file.write(data)
            os.fsync(file.fileno())

    seconds = _timed(write)
    path.unlink()
    return len(data) / seconds


def file_system(folder: Path) -> str:
    """Return the type of the file system that holds a folder, as ext4 or tmpfs."""
    command = ["df", "--output=fstype", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]
    except (OSError, subprocess.SubprocessError):
        return "an unknown file system"


def seconds_of(call: Callable[[], Any]) -> float:
    """Return the median seconds of a call that starts work on the device, without those of its compilation."""
    jax.block_until_ready(call())
    once = max(_timed(lambda: jax.block_until_ready(call())), 1e-6)
    n_calls = max(1, min(1000, int(_SECONDS / once)))

    def calls() -> None:
        for _ in range(n_calls):
            result = call()
        jax.block_until_ready(result)

    return statistics.median(_timed(calls) for _ in range(3)) / n_calls


def _timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
