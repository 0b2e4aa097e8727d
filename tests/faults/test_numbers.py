"""Numbers at the edges of float16, from an encoder to a reader: stored as NumPy rounds them, or refused by name."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import raises
from memory_corpus import MemoryCorpus
from numpy_encoder import ALL_LAYERS
from scenarios import contents
from tally import record

from cache import FeatureCache, Layers, verify
from elmo_cache import EncoderError, TextRule, build, messages

N_DOCS = 6
LARGEST = 65504.0


class Given:
    """An encoder whose every token has the same row, but for one number."""

    name = "given"

    def __init__(self, row: Sequence[float], layers: Layers | None = None, bad: tuple[str, int, float] | None = None):
        self.dim, self.layers, self.row, self.bad = len(row), layers, np.array(row, np.float32), bad

    @property
    def description(self) -> Mapping[str, Any]:
        return {"model": "given"}

    def encode(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> list[np.ndarray]:
        arrays = [np.tile(self.row, (len(words), 1)) for words in documents]
        for words, rows in zip(documents, arrays, strict=True):
            for token, word in enumerate(words):
                if self.bad and word == self.bad[0]:
                    rows[token, self.bad[1]] = self.bad[2]
        return arrays


def make(out: Path, encoder: Given) -> FeatureCache:
    texts = MemoryCorpus([("train", None, f"a word{i} b") for i in range(N_DOCS)])
    return build(texts, encoder, out, rule=TextRule("whitespace", max_tokens=0), shard_tokens=7)


def below(exponent: int) -> list[float]:
    """The float32 just below a power of two, the float16 below it, and the middle between that and the power."""
    power = 2.0**exponent
    step = max(power / 2**11, 2.0**-24)
    return [float(np.nextafter(np.float32(power), np.float32(0))), power - step, power - step / 2, power]


EDGES = {
    "below powers of two": [value for exponent in range(-15, 16) for value in below(exponent)],
    "subnormal": [2.0**-24, 2.0**-25, np.nextafter(2.0**-25, 1), 1023 * 2.0**-24, 2.0**-14, 2.0**-126, 1e-45, -0.0],
    "largest": [LARGEST, -LARGEST, 65488.0, 65503.99, 65504.01, 65519.99, -65519.996],
}


@pytest.mark.parametrize("values", EDGES.values(), ids=EDGES)
def test_what_is_stored(tmp_path: Path, values: list[float]) -> None:
    expected = np.array(values, np.float32).astype(np.float16)
    with make(tmp_path / "c", Given(values)) as features:
        for rows in features["train"]:
            np.testing.assert_array_equal(rows.view(np.uint16), np.tile(expected.view(np.uint16), (3, 1)))
    assert np.isfinite(expected).all()
    record("numbers", tried=len(values), survived=len(values))


@pytest.mark.parametrize("column", [0, 3, 4, 11, 12, 19])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 65520.0, -65520.0, 65536.0, 3.4e38])
def test_what_is_refused(tmp_path: Path, value: float, column: int) -> None:
    """By name, and nothing of that shard is stored; with weights that are not broken the same build goes on."""
    row = [0.5] * ALL_LAYERS.n_columns
    layer = "layer_0" if column < 4 else "layer_1" if column < 12 else "layer_2"
    found = "NaN" if np.isnan(value) else "A number beyond float16 (±65,504)"
    where = {"split": "train", "document": 4, "token": 1, "layer": layer}
    with raises(messages.CANNOT_STORE, EncoderError, found=found, **where):
        make(tmp_path / "c", Given(row, ALL_LAYERS, ("word4", column, value)))
    with FeatureCache(tmp_path / "c") as features:
        done = {int(i) for i in features["train"].doc_ids}
        assert 4 not in done and all(np.isfinite(rows).all() for rows in features["train"])
    finished = {name for name in contents(tmp_path / "c") if "-0" in name}
    when = {name: (tmp_path / "c" / name).stat().st_mtime_ns for name in finished}
    make(tmp_path / "c", Given(row, ALL_LAYERS)).close()
    assert verify(tmp_path / "c") == []
    assert when == {name: (tmp_path / "c" / name).stat().st_mtime_ns for name in finished}
    record("numbers", survived=1, detected=1)


def test_a_mix_of_the_largest_stays_finite(tmp_path: Path) -> None:
    with make(tmp_path / "c", Given([LARGEST] * ALL_LAYERS.n_columns, ALL_LAYERS)) as features:
        for view in ALL_LAYERS.views:
            assert all((rows == LARGEST).all() for rows in features.split("train", view))
    record("numbers", survived=1)
