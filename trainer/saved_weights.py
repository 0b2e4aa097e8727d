"""The trained weights that a run of trials keeps: the heads alone, one file a trial and model."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cache.files import atomic_path
from trainer.errors import TrialsError
from trainer.report import TrialResult

__all__ = ["load_weights", "save_weights", "weights_path", "weights_summary"]


def weights_path(out: Path, model: str, number: int) -> Path:
    """Return the file of a trial's trained weights."""
    return out / "weights" / f"{model}-{number:03d}.npz"


def save_weights(out: Path, model: str, number: int, weights: Mapping[str, np.ndarray]) -> None:
    """Write a trial's trained weights, by `layer/variable`."""
    with atomic_path(weights_path(out, model, number)) as temporary:
        with open(temporary, "wb") as file:
            np.savez(file, **weights)  # type: ignore[arg-type]


def load_weights(out: Path, model: str, number: int) -> dict[str, np.ndarray]:
    """Return a trial's trained weights, by `layer/variable`.

    Raises
    ------
    TrialsError
        If there are none, or the file is damaged.
    """
    path = weights_path(out, model, number)
    try:
        with np.load(path, allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}
    except FileNotFoundError as error:
        raise TrialsError(f"{path} does not exist: {out} has no trial {number} of {model}") from error
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise TrialsError(f"{path} is damaged ({error}); run the trial again in another folder") from error


def weights_summary(out: Path, results: Sequence[TrialResult]) -> dict[str, Any]:
    """Return each model's number of trainable parameters and, where one was trained, its mix of layers by trial."""
    summary: dict[str, Any] = {"trainable_parameters": {}}
    for result in results:
        weights = load_weights(out, result.model, result.trial)
        summary["trainable_parameters"][result.model] = sum(array.size for array in weights.values())
        if "scalar_mix/w" in weights:
            exponents = np.exp(weights["scalar_mix/w"] - weights["scalar_mix/w"].max())
            summary.setdefault("scalar_mix", []).append(
                {
                    "trial": result.trial,
                    "model": result.model,
                    "shares": (exponents / exponents.sum()).tolist(),
                    "gamma": float(weights["scalar_mix/gamma"]),
                }
            )
    return summary
