"""The trained weights that a run of trials keeps: the heads alone, one file a trial and model."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cache.errors import one_line
from cache.files import atomic_path
from cache.npz import array_names, read_array
from trainer.errors import TrialsError
from trainer.runs.results import TrialResult

__all__ = ["load_weights", "save_weights", "weights_path", "weights_summary"]


def weights_path(out: Path, model: str, number: int) -> Path:
    """Return the file of a trial's trained weights.

    Examples
    --------
    >>> weights_path(Path("results"), "elmo", 3).as_posix()
    'results/weights/elmo-003.npz'
    """
    return out / "weights" / f"{model}-{number:03d}.npz"


def save_weights(out: Path, model: str, number: int, weights: Mapping[str, np.ndarray]) -> None:
    """Write a trial's trained weights, float32, by `layer/variable`; the file appears whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with atomic_path(weights_path(out, model, number)) as temporary:
        with open(temporary, "wb") as file:
            np.savez(file, **weights)  # type: ignore[arg-type]


def load_weights(out: Path, model: str, number: int) -> dict[str, np.ndarray]:
    """Return a trial's trained weights, float32, by `layer/variable`.

    Raises
    ------
    TrialsError
        If there are none, or the file is damaged.
    """
    path = weights_path(out, model, number)
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: read_array(archive, name) for name in array_names(archive)}
    except FileNotFoundError as error:
        raise TrialsError(f"{path} does not exist: {out} has no trial {number} of {model}") from error
    except Exception as error:  # a hostile file can make zipfile and numpy raise nearly anything
        raise TrialsError(f"{path} is damaged ({one_line(error)}); run the trial again in another folder") from error


def weights_summary(out: Path, results: Sequence[TrialResult]) -> dict[str, Any]:
    """Return what `summary.json` holds of the weights of some trials.

    Parameters
    ----------
    out : Path
        The results of `run_trials`.
    results : sequence of TrialResult
        The trials.

    Returns
    -------
    dict
        `trainable_parameters`: their number by model. `scalar_mix`, where a mix of layers was trained: a dict for each
        training with `trial`, `model`, `shares` (of each layer, adding up to 1) and `gamma`, as in
        `trainer.models.ScalarMix`.

    Raises
    ------
    TrialsError
        As `load_weights`.
    """
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
