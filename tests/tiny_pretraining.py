"""Text that is quick to learn, and settings of a biLM that is quick to train."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tiny_elmo import OPTIONS

from elmo_cache.pretraining.settings import Settings

SETTINGS = Settings(
    replace(OPTIONS, dim=16, projection_dim=8),
    epochs=1.0,
    vocabulary=40,
    negatives=8,
    streams=4,
    unroll=5,
    learning_rate=0.02,
)


def write_text(path: Path, n_documents: int = 60, seed: int = 0) -> Path:
    """Write documents in which a word decides the next one but for a coin's toss, as it decides the one before."""
    rng = np.random.default_rng(seed)
    words = [f"{'x' * (i % 20)}w{i}" for i in range(48)]
    lines = []
    for _ in range(n_documents):
        at, line = rng.integers(48), []
        for _ in range(rng.integers(3, 20)):
            line.append(words[at])
            at = (2 * at + rng.integers(2)) % 48
        lines.append(" ".join(line))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def settings(**changes: Any) -> Settings:
    return replace(SETTINGS, **changes)
