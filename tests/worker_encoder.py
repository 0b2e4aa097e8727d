"""The NumPy encoder as worker processes load it: well, or dying in the middle of a shard; and a corpus for it."""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder

from elmo_cache import EncoderError


@dataclass(frozen=True)
class Source:
    """Loads the encoder.

    Parameters
    ----------
    folder : str
        Where workers leave a mark: a file named after the process for each that has loaded the encoder.
    deaths : int
        How many workers are killed in the middle of a shard, over all processes.
    slow_s : float
        Seconds that each document takes.
    lacking : bool
        Whether workers have no weights.
    """

    folder: str
    deaths: int = 0
    slow_s: float = 0.0
    lacking: bool = False

    def __call__(self) -> "MortalEncoder":
        if self.lacking:
            raise EncoderError("no encoder 'hash' here")
        (Path(self.folder) / f"loaded-{os.getpid()}").touch()
        return MortalEncoder(self)


class MortalEncoder(HashEncoder):
    def __init__(self, source: Source):
        super().__init__(slow_s=source.slow_s)
        self.source = source

    def encode(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> list[np.ndarray]:
        for number in range(self.source.deaths):
            try:
                os.close(os.open(Path(self.source.folder) / f"death-{number}", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(documents, progress=progress)


def corpus() -> MemoryCorpus:
    return MemoryCorpus(
        [
            ("train" if i < 50 else "test", "ab"[i % 2], " ".join(f"w{i * k % 37}" for k in range(i % 9)))
            for i in range(70)
        ]
    )


def mortal(folder: Path, deaths: int = 0, slow_s: float = 0.0, lacking: bool = False) -> Any:
    """Return an encoder that workers can load, and that itself lives."""
    encoder = HashEncoder()
    encoder.source = Source(str(folder), deaths, slow_s, lacking)  # type: ignore[attr-defined]
    return encoder


@dataclass(frozen=True)
class FileSource:
    """Loads an encoder whose one weight stands in a file."""

    path: str

    def __call__(self) -> "FileEncoder":
        return FileEncoder(float(Path(self.path).read_text()), self)


class FileEncoder:
    """Vectors that are the weight and the length of each word."""

    name = "file"
    dim = 2

    def __init__(self, weight: float, source: FileSource):
        self.weight, self.source = weight, source
        self.description = {"model": "file", "weight": weight}

    def encode(self, documents: Sequence[Sequence[str]], *, progress: Any = None) -> list[np.ndarray]:
        return [np.array([[self.weight, len(word)] for word in words]).reshape(-1, 2) for words in documents]
