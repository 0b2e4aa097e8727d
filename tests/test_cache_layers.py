"""A cache of all layers: its views against the sums that they stand for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import raises
from numpy_encoder import ALL_LAYERS
from small_cache import DOCUMENTS, expected, write_cache

from cache import FeatureCache, Layers, SelectionError, messages
from cache.errors import InvalidValueError

TRAIN = DOCUMENTS["train"]


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    directory = tmp_path_factory.mktemp("layers") / "c"
    write_cache(directory, layers=ALL_LAYERS)
    return FeatureCache(directory)


def by_hand(view: str | int, i: int) -> np.ndarray:
    rows = expected(TRAIN, ALL_LAYERS)[i]
    stored = [np.concatenate([rows[:, :4]] * 2, axis=1), rows[:, 4:12], rows[:, 12:]]
    if view == "mix":
        third = np.float32(1 / 3)
        return sum((layer.astype(np.float32) * third for layer in stored), np.float32(0)).astype(np.float16)  # type: ignore[union-attr]
    return stored[2 if view == "top" else int(view)]


@pytest.mark.parametrize("view", ["mix", "top", "0", "1", "2", 0, 1, 2, np.int64(2)])
def test_every_view(features: FeatureCache, view: Any) -> None:
    split = features.split("train", layer=view)
    assert (split.dim, len(split)) == (8, 9)
    loaded = split.load()
    for i in range(9):
        right = by_hand(view, i)
        np.testing.assert_array_equal(split[i], right)
        np.testing.assert_array_equal(loaded[i], right)
        np.testing.assert_array_equal(split.padded(4)[i, max(0, 4 - len(right)) :], right[-4:])
    assert split.tokens(2) == TRAIN[2]


def test_the_default_view_is_the_caches_own(features: FeatureCache) -> None:
    assert features.split("train", layer=None).dim == features["train"].dim == 8
    np.testing.assert_array_equal(features["train"][3], by_hand("mix", 3))


@pytest.mark.parametrize("view", ["features", "3", 3, -1, "layer_0", True, ""])
def test_a_view_that_is_not_there(features: FeatureCache, view: Any) -> None:
    with raises(messages.NO_LAYER, SelectionError, path=features.path, name=str(view), found="mix, top, 0, 1, 2"):
        features.split("train", layer=view)


def test_a_view_of_a_cache_with_one_dataset(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", layers=Layers.single(8, "top"))
    features = FeatureCache(tmp_path / "c")
    np.testing.assert_array_equal(features.split("train", "top")[0], features["train"][0])
    with raises(messages.NO_LAYER, SelectionError, path=tmp_path / "c", name="0", found="top"):
        features.split("train", 0)


def test_sums_are_rounded_once() -> None:
    layers = Layers({"a": 1, "b": 1, "c": 1}, {"sum": dict.fromkeys("abc", 1.0)}, "sum")
    parts = {"a": np.float16([[2048]]), "b": np.float16([[1]]), "c": np.float16([[1]])}
    assert layers.combine("sum", parts).tolist() == [[2050]], "2048 + 1 is 2048 in float16"


def test_columns_are_cut_in_the_stored_order() -> None:
    parts = ALL_LAYERS.split_columns(np.arange(20)[None])
    assert [(name, rows[0].tolist()) for name, rows in parts.items()] == [
        ("layer_0", [0, 1, 2, 3]),
        ("layer_1", list(range(4, 12))),
        ("layer_2", list(range(12, 20))),
    ]
    assert ALL_LAYERS.n_columns == 20


@pytest.mark.parametrize(
    ("stored", "views", "default", "message", "data"),
    [
        ({}, {}, "v", messages.NO_DEFAULT_LAYER, {"name": "v", "found": []}),
        ({"a": 2}, {"v": {"a": 1.0}}, "w", messages.NO_DEFAULT_LAYER, {"name": "w", "found": ["v"]}),
        ({"a": 2}, {"v": {}}, "v", messages.LAYER_DATASETS, {"name": "v", "found": [], "expected": ["a"]}),
        ({"a": 2}, {"v": {"b": 1.0}}, "v", messages.LAYER_DATASETS, {"name": "v", "found": ["b"], "expected": ["a"]}),
        ({"a": 2, "b": 3}, {"v": {"a": 0.5, "b": 0.5}}, "v", messages.LAYER_COLUMNS, {"name": "v", "found": 3}),
        ({"a": 0}, {"v": {"a": 1.0}}, "v", messages.COLUMNS_INVALID, {"name": "a", "found": 0, "expected": 2**20}),
        ({"a": 2**20 + 1}, {"v": {"a": 1.0}}, "v", messages.COLUMNS_INVALID, {"name": "a", "found": 2**20 + 1}),
    ],
)
def test_layers_that_make_no_sense(stored: Any, views: Any, default: str, message: str, data: dict[str, Any]) -> None:
    """Refused when they are made, and not after hours of a build that nobody can read."""
    with raises(message, InvalidValueError, **data):
        Layers(stored, views, default)


def test_whole_weights_are_weights(tmp_path: Path) -> None:
    """An encoder may say 1 where the manifest, once read back, says 1.0: one fingerprint."""
    manifest = write_cache(tmp_path / "c", layers=Layers({"a": 8}, {"v": {"a": 1}}, "v"))
    read = FeatureCache(tmp_path / "c").manifest
    assert read.encoding_fingerprint == manifest.encoding_fingerprint and read == manifest
    assert Layers.from_json(ALL_LAYERS.to_json()) == ALL_LAYERS
