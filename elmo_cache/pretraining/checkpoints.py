"""Where training stands, in one file that is there whole or not at all."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cache.files import atomic_path
from elmo_cache import messages
from elmo_cache.errors import PretrainingError

__all__ = ["Position", "load_checkpoint", "save_checkpoint"]


@dataclass
class Position:
    """How far training is.

    Attributes
    ----------
    epoch, batch : int
        The next batch.
    step : int
        Batches so far.
    n_words : int
        Words read so far.
    elapsed_s : float
        Time spent, in all runs together.
    loss : float or None
        Of the last steps, the latest weighing most; None before the first.
    log : list of list
        The rows of the log.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    n_words: int = 0
    elapsed_s: float = 0.0
    loss: float | None = None
    log: list[list[Any]] = field(default_factory=list)


def save_checkpoint(path: Path, arrays: Sequence[np.ndarray], position: Position, identity: dict[str, Any]) -> None:
    """Write everything that training goes on from.

    Parameters
    ----------
    path : Path
        The file, replaced.
    arrays : sequence of ndarray
        Weights, states and moments.
    position : Position
        What they belong to.
    identity : dict
        Settings and text as JSON, to tell another training's checkpoint.
    """
    state = json.dumps({"identity": identity, "position": asdict(position)}).encode("ascii")
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, np.frombuffer(state, np.uint8), *arrays)


def load_checkpoint(path: Path, identity: dict[str, Any]) -> tuple[list[np.ndarray], Position] | None:
    """Read a checkpoint; None if there is none.

    Raises
    ------
    PretrainingError
        If it cannot be read, or is of another text or other settings.
    """
    if not path.exists():
        return None
    try:
        with np.load(path) as file:
            first, *arrays = (file[name] for name in file.files)
        state = json.loads(first.tobytes())
        found, position = state["identity"], Position(**state["position"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise PretrainingError(messages.CHECKPOINT_UNREADABLE, path=path, error=error) from error
    for name, value in identity.items():
        if found.get(name) != value:
            raise PretrainingError(messages.OTHER_TRAINING, path=path, name=name, found=found.get(name), expected=value)
    return arrays, position
