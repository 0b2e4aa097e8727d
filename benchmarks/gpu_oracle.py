"""Vectors from a device, held against the float64 oracle's."""

import numpy as np
from common import Row
from gpu_kit import ORACLE_WORDS, Kit

AWAY = {"float32": 1e-5, "tf32": 2e-3, "float16": 2e-3, "bfloat16": 1.6e-2}
"""How far vectors may be from the oracle's, norm by norm; float32 products in TF32 would be at some 3e-4."""
FLOAT16_ROWS = 1e-3
"""The same where vectors come back as float16."""


def oracle(kit: Kit, precision: str, size: str) -> list[Row]:
    """Float32 vectors of a few words against the float64 oracle's."""
    found = np.concatenate(kit.encoder(precision, size).encode(ORACLE_WORDS))
    return [oracle_row(kit, precision, size, found, AWAY[precision])]


def oracle_row(kit: Kit, precision: str, size: str, found: np.ndarray, bound: float) -> Row:
    """Return a row of the difference between vectors of `ORACLE_WORDS` and the oracle's."""
    expected = kit.expected(size)
    away = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
    return kit.row(
        name=f"{precision} against the oracle, {size} size, {found.dtype} vectors",
        what=f"difference from the float64 oracle, {precision}, {len(found)} words, {kit.options(size).architecture}, "
        "random weights",
        against="the difference allowed",
        ours=away,
        theirs=bound,
        ratio=away / bound,
        reach=(None, 1.0),
        unit="of the norm",
        note=f"Largest difference of a number: {np.abs(found - expected).max():.2g}.",
    )
