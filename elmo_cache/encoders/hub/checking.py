"""Both engines on the same sentences: do they agree, and does a module keep state?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from elmo_cache.encoders.bilm.encoder import BiLMEncoder
from elmo_cache.encoders.hub.engine import OUTPUTS, HubEncoder
from elmo_cache.encoders.hub.graph import HubModule
from elmo_cache.encoders.hub.variables import ModuleWeights, read_module
from elmo_cache.errors import EncoderError

__all__ = ["N_STEPS", "TOLERANCE", "ModuleCheck", "check_module"]

TOLERANCE = 1e-4
"""What rounding may do to a vector; another formula, or a state kept, does more."""

SENTENCES = [
    sentence.split(" ")
    for sentence in (
        "The cat is on the mat",
        "dogs are in the fog",
        "One",
        "This film is not what I expected of it , and the better for that .",
        "What a slow start ! But the end , the very end , made up for all of it : I would see it again tomorrow .",
        "na\u00efve caf\u00e9 \u6620\u753b \U0001f3ac \u2026 don't co-operate 1,000.50 <br />",
        "x " + "y" * 47 + " " + "z" * 48 + " " + "\u00e9" * 30,
        "the the the the the the the the the the",
    )
]
_RUNS = ("again", "in another order")
N_STEPS = 12 * sum(map(len, SENTENCES))
"""Tokens that a whole check encodes: two choices of layers, two engines, three runs each."""


@dataclass
class ModuleCheck:
    """What was found of a module.

    Attributes
    ----------
    signatures : list of str
        All that the module has.
    module : ModuleWeights or None
        Its variables, if the native engine knows them.
    notes : list of str
        What could not be compared, and why.
    differences : dict of str to dict of str to float
        Output -> what was compared -> the largest absolute difference.
    """

    signatures: list[str] = field(default_factory=list)
    module: ModuleWeights | None = None
    notes: list[str] = field(default_factory=list)
    differences: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether both engines make the same vectors."""
        return self._all_small("native, hub")

    @property
    def stateless(self) -> bool:
        """Whether the module makes the same vectors of a sentence whatever was encoded before or beside it."""
        return all(self._all_small(f"hub {run}") for run in _RUNS)

    def _all_small(self, what: str) -> bool:
        return all(found.get(what, np.inf) <= TOLERANCE for found in self.differences.values())


def check_module(directory: Path, progress: Callable[[int], None] | None = None) -> ModuleCheck:
    """Encode built-in sentences with both engines: together, again, and one by one from the last to the first.

    Parameters
    ----------
    directory : Path
        A module's folder, with all its files.
    progress : callable, optional
        Called with the number of tokens done since the last call; `N_STEPS` in all.

    Raises
    ------
    EncoderError
        If the module's own graph cannot be run.
    """
    check = ModuleCheck()
    try:
        check.module = read_module(directory)
    except EncoderError as error:
        check.notes.append(f"the native engine cannot be compared: {error}")
    module: HubModule | None = None
    for kind in ("mix", "all"):
        try:
            hub = HubEncoder(directory, layers=kind, module=module)
        except EncoderError as error:
            if kind == "mix":
                raise
            check.notes.append(f"single layers cannot be compared: {error}")
            break
        module = hub.module
        check.signatures = module.signatures
        engines: dict[str, HubEncoder | BiLMEncoder] = {"hub": hub}
        if check.module:
            weights, options, mix = check.module.weights, check.module.options, check.module.mix
            engines["native"] = BiLMEncoder(weights, options, name="native", layers=kind, mix=mix)
        for name, differences in _compare(engines, OUTPUTS[kind], progress).items():
            check.differences[name] = differences
    return check


def _compare(
    engines: dict[str, HubEncoder | BiLMEncoder], outputs: Sequence[str], progress: Callable[[int], None] | None
) -> dict[str, dict[str, float]]:
    """Return, for each output, what was compared and the largest difference."""
    differences: dict[str, dict[str, float]] = {name: {} for name in outputs}
    vectors = {}
    for engine, encoder in engines.items():
        first, again = (np.concatenate(encoder.encode(SENTENCES, progress=progress)) for _ in range(2))
        backwards = [encoder.encode([sentence], progress=progress)[0] for sentence in reversed(SENTENCES)]
        vectors[engine] = list(encoder.layers.split_columns(first).values())
        for run, rows in zip(_RUNS, (again, np.concatenate(backwards[::-1])), strict=True):
            for name, a, b in zip(outputs, vectors[engine], encoder.layers.split_columns(rows).values(), strict=True):
                differences[name][f"{engine} {run}"] = _largest_difference(a, b)
    if "native" in vectors:
        for name, a, b in zip(outputs, vectors["native"], vectors["hub"], strict=True):
            differences[name]["native, hub"] = _largest_difference(a, b)
    return differences


def _largest_difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max()) if a.shape == b.shape else np.inf
