"""What an encoder runs on: found out once Keras is imported, named in every plan, and held against the precision."""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cache.errors import one_line
from cache.runtime.quiet import quiet_import
from elmo_cache import messages
from elmo_cache.errors import DeviceMemoryError, EncoderError

__all__ = ["Device", "check_precision", "computed_on", "find_device", "tensorflow_device", "within_memory"]

_AMPERE = 8.0
_JAX_PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_rocm60_plugin", "jax_rocm7_plugin")

_FULL = ("ResourceExhaustedError", "OutOfMemoryError")  # of TensorFlow and PyTorch; JAX's names the status

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Device:
    """A device that Keras computes on.

    Attributes
    ----------
    backend : str
        Keras's: "tensorflow", "jax" or "torch".
    kind : {"cpu", "gpu"}
        What it is.
    name : str
        The maker's name of a GPU, or "CPU".
    capability : float or None
        What CUDA can do on it, as 9.0; None where that is unknown.
    """

    backend: str
    kind: str
    name: str
    capability: float | None = None

    def refusal(self, precision: str) -> EncoderError | None:
        """Return the error that says why products cannot be computed in a precision; None if they can."""
        if precision == "tf32" and not (self.kind == "gpu" and (self.capability or 0.0) >= _AMPERE):
            return EncoderError(messages.NO_TF32, found=self.name)
        if precision in ("tf32", "float16") and not self.is_resident:
            found = "TensorFlow on a CPU" if self.backend == "tensorflow" else self.backend
            return EncoderError(messages.NO_JAX, precision=precision, found=found)
        return None

    @property
    def is_resident(self) -> bool:
        """Whether our encoder lives on it; else what it knows goes back and forth, which a CPU does not mind."""
        return self.backend == "jax" or (self.backend == "tensorflow" and self.kind == "gpu")

    def unused_gpu(self) -> str | None:
        """Say why a GPU that this machine has is not used; None if one is, or there is none."""
        if self.kind == "gpu" or not _gpu_is_present():
            return None
        if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
            reason = "CUDA_VISIBLE_DEVICES hides it"
        elif self.backend == "jax" and os.environ.get("JAX_PLATFORMS") == "cpu":
            reason = "JAX_PLATFORMS is cpu"
        elif self.backend == "jax" and not any(importlib.util.find_spec(name) for name in _JAX_PLUGINS):
            reason = "this JAX has no CUDA: `pip install 'jax[cuda12]'`"
        elif self.backend == "tensorflow":
            reason = (
                "TensorFlow cannot load what it needs for it: `pip install 'elmo-cache[gpu]'`; "
                "`TF_CPP_MIN_LOG_LEVEL=0 python -c 'import tensorflow'` says more"
            )
        else:
            reason = f"{self.backend} does not find it"
        return f"this machine has a GPU, which is not used, so this may take very long: {reason}"

    def __str__(self) -> str:
        return self.name


def find_device() -> Device:
    """Import Keras and return the device it computes on; a GPU's memory is then taken as it is needed, not at once."""
    # Read by JAX when it is imported.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    with quiet_import():
        import keras

        backend: str = keras.backend.backend()
        return {"jax": _of_jax, "tensorflow": tensorflow_device}.get(backend, _of_another)()


def check_precision(encoder: Any) -> None:
    """Raise `EncoderError` if an encoder's device does not have its precision; its libraries are imported."""
    device: Device | None = getattr(encoder, "device", None)
    refusal = device and device.refusal(encoder.precision)
    if refusal:
        raise refusal


def within_memory(function: Callable[[], _Result], what: str) -> _Result:
    """Call a function that computes on a device, and return what it does.

    Raises
    ------
    DeviceMemoryError
        If the device's memory is full; `what` says what of, as "CPU with 128 streams".
    """
    try:
        return function()
    except Exception as error:
        if type(error).__name__ not in _FULL and "RESOURCE_EXHAUSTED" not in str(error):
            raise
        reason = one_line(error)
    # Not from the other one, which holds on to what the function had on the device.
    raise DeviceMemoryError(messages.MEMORY_FULL, name=what, error=reason)


def computed_on(encoder: Any) -> tuple[str, str | None]:
    """Return what an encoder computes in and on, as `float32 on NVIDIA H100`, and a warning if a GPU is not used.

    The text is empty for an encoder that does not say. Its libraries are imported to find out.

    Raises
    ------
    EncoderError
        If the device does not have the precision.
    """
    check_precision(encoder)
    device: Device | None = getattr(encoder, "device", None)
    if device is None:
        return "", None
    return f"{encoder.precision} on {device}", device.unused_gpu()


def _of_jax() -> Device:
    import jax

    device = jax.devices()[0]
    if device.platform == "cpu":
        return Device("jax", "cpu", "CPU")
    capability = getattr(device, "compute_capability", None)
    return Device("jax", "gpu", device.device_kind, float(capability) if capability else None)


def tensorflow_device() -> Device:
    """Import TensorFlow, settle how it treats a GPU, and return the device it computes on."""
    import tensorflow as tf

    # Or it would compute float32 in TF32 on GPUs that have it.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # TensorFlow has begun: it is as it is
            break
    if not gpus:
        return Device("tensorflow", "cpu", "CPU")
    details = tf.config.experimental.get_device_details(gpus[0])
    major, minor = details.get("compute_capability", (0, 0))
    return Device("tensorflow", "gpu", details.get("device_name", "GPU"), float(f"{major}.{minor}") or None)


def _of_another() -> Device:
    import keras

    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        if torch.cuda.is_available():
            major, minor = torch.cuda.get_device_capability(0)
            return Device("torch", "gpu", torch.cuda.get_device_name(0), float(f"{major}.{minor}"))
    return Device(backend, "cpu", "CPU")


def _gpu_is_present() -> bool:
    return any(Path("/dev").glob("nvidia[0-9]*"))
