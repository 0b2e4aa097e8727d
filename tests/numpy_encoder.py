"""A contextual encoder in pure NumPy, to drive the store without Keras."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cache import FeatureCache, Layers
from elmo_cache import TextRule, build, open_corpus

ALL_LAYERS = Layers(
    {"layer_0": 4, "layer_1": 8, "layer_2": 8},
    {
        "mix": {"layer_0": 1 / 3, "layer_1": 1 / 3, "layer_2": 1 / 3},
        "top": {"layer_2": 1.0},
        "0": {"layer_0": 1.0},
        "1": {"layer_1": 1.0},
        "2": {"layer_2": 1.0},
    },
    "mix",
)


class HashEncoder:
    """Vectors that are a fixed function of a word and its two neighbours.

    Parameters
    ----------
    dim : int
        Columns, at least 2; those of `layers` if they are given.
    layers : Layers, optional
        How they are stored, such as `ALL_LAYERS`.
    slow_s : float
        Seconds that each document takes, for tests that interrupt a build.
    """

    name = "hash"

    def __init__(self, dim: int = 8, layers: Layers | None = None, slow_s: float = 0.0):
        self.dim = layers.n_columns if layers else dim
        self.layers = layers
        self.slow_s = slow_s

    @property
    def description(self) -> Mapping[str, Any]:
        return {"model": "hash"}

    def encode(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> list[np.ndarray]:
        vectors = []
        for words in documents:
            time.sleep(self.slow_s)
            own = np.array([self._vector(word) for word in words], np.float32).reshape(len(words), self.dim)
            rows = own.copy()
            rows[1:] += 0.25 * own[:-1]
            rows[:-1] -= 0.5 * own[1:]
            rows[:, -1] = _just_below_a_power_of_two(own[:, -1])
            rows[:, -2] = own[:, -2] * 2**-15  # below the smallest normal float16
            vectors.append(rows)
            if progress:
                progress(len(words))
        return vectors

    def _vector(self, word: str) -> np.ndarray:
        digest = hashlib.shake_256(word.encode("utf-8", "surrogatepass")).digest(4 * self.dim)
        return np.frombuffer(digest, "<i4").astype(np.float32) / 2**31


def _just_below_a_power_of_two(values: np.ndarray) -> np.ndarray:
    """Numbers that round up to ±2**-13 … 2**9, which HDF5's own conversion stores at half their size."""
    exponents = np.floor(np.abs(values) * 23) - 13
    return (np.sign(values) * 2**exponents * (1 - 2**-13)).astype(np.float32)


def expected_float16(encoder: HashEncoder, documents: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """What a cache must hold: the encoder's output, rounded by NumPy."""
    return [rows.astype(np.float16) for rows in encoder.encode(documents)]


def build_small(
    out: Path,
    n_train: int = 30,
    n_test: int = 8,
    *,
    extension: str = ".jsonl",
    labels: bool = True,
    encoder: HashEncoder | None = None,
    shard_tokens: int = 100,
    limit: Mapping[str, int] | None = None,
) -> FeatureCache:
    """Write a corpus of unicode, empty and long documents beside `out` and build a cache of it."""
    corpus = out.parent / f"corpus-{n_train}-{n_test}{'' if labels else '-bare'}{extension}"
    rows = [
        {"text": text, "split": "train" if i < n_train else "test"} for i, text in enumerate(texts(n_train + n_test))
    ]
    if labels:
        rows = [{**row, "label": ("neg", "pos")[i % 2]} for i, row in enumerate(rows)]
    if extension == ".jsonl":
        corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
        corpus.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return build(
        open_corpus(str(corpus)),
        encoder or HashEncoder(),
        out,
        rule=TextRule("whitespace", max_tokens=0),
        shard_tokens=shard_tokens,
        limit=limit,
    )


def texts(n: int) -> list[str]:
    """Documents of 0 to 12 words, every seventh empty, every tenth of 150."""
    words = ["the", "film", "naïve", "映画", "🎬", "Ωmega", "it's", "a\u0301", "x" * 60, "…"]
    lengths = [0 if i % 7 == 3 else 150 if i % 10 == 9 else i % 12 + 1 for i in range(n)]
    return [
        " ".join(words[(i * 7 + k * k) % len(words)] + str((i + k) % 3) for k in range(lengths[i])) for i in range(n)
    ]
