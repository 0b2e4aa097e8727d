"""The trained weights that a run of trials keeps: the heads alone, one file a trial and model."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cache.errors import InvalidValueError, one_line
from cache.files import atomic_path, is_special
from cache.npz import array_names, read_array
from trainer import messages
from trainer.errors import TrialsError
from trainer.runs.results import TrialResult

__all__ = ["load_weights", "save_weights", "weights_path", "weights_summary"]

_RUNNING_MEANS = ("/moving_mean", "/moving_variance")


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
    if is_special(path):
        raise TrialsError(messages.SPECIAL_FILE, path=path)
    try:
        with zipfile.ZipFile(path) as archive:
            weights = {name: read_array(archive, name) for name in array_names(archive)}
        if other := [name for name, array in weights.items() if array.dtype != np.float32]:
            raise InvalidValueError(messages.WEIGHTS_TYPE, name=one_line(other[0]), found=weights[other[0]].dtype)
        return weights
    except FileNotFoundError as error:
        raise TrialsError(messages.WEIGHTS_MISSING, path=path, folder=out, trial=number, name=model) from error
    except Exception as error:  # a hostile file can make zipfile and numpy raise nearly anything
        raise TrialsError(messages.WEIGHTS_DAMAGED, path=path, error=error) from error


def weights_summary(out: Path, results: Sequence[TrialResult]) -> tuple[dict[str, Any], list[str]]:
    """Return what `summary.json` holds of the weights of some trials, and what is wrong with files that have none.

    Parameters
    ----------
    out : Path
        The results of `run_trials`.
    results : sequence of TrialResult
        The trials of models that leave weights.

    Returns
    -------
    dict
        `trainable_parameters`: their number by model. `scalar_mix`, where a mix of layers was trained: a dict for each
        training with `trial`, `model`, `shares` (of each layer, adding up to 1) and `gamma`, as in
        `trainer.models.convolutional.ScalarMix`.
    list of str
        A sentence for each file that is missing or damaged: its trial keeps its accuracy.
    """
    summary: dict[str, Any] = {"trainable_parameters": {}}
    faults = []
    for result in results:
        try:
            weights = load_weights(out, result.model, result.trial)
            mix = _scalar_mix(weights)
        except TrialsError as error:
            faults.append(str(error))
            continue
        except ValueError as error:
            path = weights_path(out, result.model, result.trial)
            faults.append(str(TrialsError(messages.WEIGHTS_DAMAGED, path=path, error=error)))
            continue
        summary["trainable_parameters"][result.model] = sum(
            array.size for name, array in weights.items() if not name.endswith(_RUNNING_MEANS)
        )
        if mix:
            summary.setdefault("scalar_mix", []).append({"trial": result.trial, "model": result.model, **mix})
    return summary, faults


def _scalar_mix(weights: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """Return what a trained mix of layers came to, if there is one; raise `ValueError` if it cannot be one."""
    exponents, gamma = weights.get("scalar_mix/w"), weights.get("scalar_mix/gamma")
    if exponents is None:
        return None
    if exponents.ndim != 1 or not len(exponents) or gamma is None or gamma.shape != ():
        raise InvalidValueError(messages.WEIGHTS_MIX)
    shares = np.exp(exponents - exponents.max())
    return {"shares": (shares / shares.sum()).tolist(), "gamma": float(gamma)}
