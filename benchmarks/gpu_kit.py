"""What the measurements of `gpu.py` share: sizes, text, random weights, the oracle's vectors, and what was found."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from common import Row
from encoder import ORIGINAL
from gpu_text import Text

from elmo_cache import load_encoder
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import random_weights, write_weights

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from oracle import oracle_layers, oracle_mix

IMDB_WORDS = 11_000_000
REACH_S = {"float32": 60.0, "float16": 20.0}
"""Seconds wanted for all of IMDB, to disk."""
ORACLE_WORDS: list[list[str]] = [
    ["a", "slow", "start", ",", "but", "what", "a", "finish", "!"],
    ["one"],
    ["na\u00efve", "\U0001f600", "x" * 60, "y", "the", "film", "the", "film", "was", "not", "the", "film"],
]
"""The tests have all that a word can be; here it is the device that is tested."""


@dataclass(frozen=True)
class Sizes:
    """How large everything is: as on a card, or for a rehearsal, which has no reaches but the oracle's.

    Attributes
    ----------
    small, original : dict
        Options of the two ELMos.
    streams : tuple of int
        Numbers of streams, the usual one first.
    words_a_stream : int
        Words of a timed call, a stream.
    product : int
        Rows of the large matrix product.
    megabytes : int
        Of a copy.
    speed_s, build_s : float
        How long the timed calls, and a build, shall go on.
    first_documents : int
        Of the build that compiles.
    trials : tuple of str
        Arguments of `elmo-train trials`.
    rehearsal : bool
        Whether this is one.
    """

    small: dict[str, Any]
    original: dict[str, Any]
    streams: tuple[int, ...] = (512, 2048, 128)
    words_a_stream: int = 768
    product: int = 8192
    megabytes: int = 512
    speed_s: float = 3.0
    build_s: float = 20.0
    first_documents: int = 3000
    trials: tuple[str, ...] = ("--n", "10")
    rehearsal: bool = False


PRECISIONS = ("float32", "float16", "tf32", "bfloat16")
SMALL = {
    "lstm": {**ORIGINAL["lstm"], "dim": 256, "projection_dim": 64},
    "char_cnn": {**ORIGINAL["char_cnn"], "filters": [[1, 32], [2, 32], [3, 64]]},
}
"""Wide enough for a card's matrix units, or TF32 would not show."""
TINY = {
    "lstm": {**ORIGINAL["lstm"], "dim": 24, "projection_dim": 8},
    "char_cnn": {**ORIGINAL["char_cnn"], "filters": [[1, 8], [2, 8]]},
}
REHEARSAL = Sizes(
    small=TINY,
    original=TINY,
    streams=(4,),
    words_a_stream=30,
    product=64,
    megabytes=1,
    speed_s=0.01,
    build_s=0.01,
    first_documents=50,
    trials=("--n", "1", "--train-size", "8", "--val-size", "8", "--test-size", "8"),
    rehearsal=True,
)
ON_A_CARD = Sizes(small=SMALL, original=ORIGINAL)


@dataclass
class Kit:
    """Sizes, text and a folder for scratch files; and what later steps want to know of earlier ones."""

    sizes: Sizes
    text: Text
    folder: Path
    products: dict[str, float] = field(default_factory=dict)
    words_a_second: dict[str, float] = field(default_factory=dict)
    disk_bytes_a_second: float = float("inf")
    cache: tuple[Path, float] | None = None
    n_built: int = 0
    _expected: dict[str, np.ndarray] = field(default_factory=dict)

    def encoder(self, precision: str, size: str = "original") -> Any:
        """Load an encoder of random weights; they are written when first asked for."""
        return load_encoder(self._weights(size), precision=precision)

    def options(self, size: str = "original") -> BiLMOptions:
        value = self.sizes.small if size == "small" else self.sizes.original
        return BiLMOptions.parse(json.dumps(value), "options")

    def expected(self, size: str) -> np.ndarray:
        """Return the oracle's mixed vectors of `ORACLE_WORDS`, end to end."""
        if size not in self._expected:
            folder = self._weights(size)
            layers = oracle_layers(folder / "options.json", folder / "weights.hdf5", ORACLE_WORDS)
            self._expected[size] = np.concatenate([oracle_mix(document) for document in layers])
        return self._expected[size]

    def _weights(self, size: str) -> Path:
        folder = self.folder / size
        if not folder.exists():
            part = self.folder / f"{size}.part"
            part.mkdir(exist_ok=True)
            options = self.options(size)
            (part / "options.json").write_text(json.dumps(options.to_json()))
            write_weights(part / "weights.hdf5", random_weights(options))
            part.rename(folder)
        return folder

    def row(self, **fields: Any) -> Row:
        """Return a row of one run; none of a rehearsal's speeds has a reach."""
        row = Row(**{"reach": (None, None), "n_runs": 1, **fields})
        return replace(row, reach=(None, None)) if self.sizes.rehearsal and "oracle" not in row.name else row


def begin(encoder: Any, documents: Sequence[Sequence[str]]) -> Callable[[], np.ndarray]:
    """Start encoding as a build does, if the encoder can; the function returned waits for the rows."""
    if hasattr(encoder, "begin"):
        fetch = encoder.begin(documents)
        return lambda: np.asarray(fetch()[0])
    return lambda: np.concatenate(encoder.encode(documents))


def overlapping(encoder: Any, documents: Sequence[Sequence[str]], n_calls: int) -> None:
    """Encode the same documents again and again, the next call begun before the last one's rows are fetched."""
    fetch = begin(encoder, documents)
    for _ in range(n_calls - 1):
        following = begin(encoder, documents)
        fetch()
        fetch = following
    fetch()
