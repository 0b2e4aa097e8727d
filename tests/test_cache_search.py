"""Finding documents, words and vectors in a split."""

from pathlib import Path

import numpy as np
import pytest
from errors_expected import raises
from small_cache import DOCUMENTS, write_cache

from cache import FeatureCache, messages
from cache.errors import InvalidValueError, OutOfRangeError


@pytest.fixture
def features(tmp_path: Path) -> FeatureCache:
    write_cache(tmp_path / "c")
    return FeatureCache(tmp_path / "c")


def test_a_cache_is_a_mapping(features: FeatureCache) -> None:
    assert {name: len(split) for name, split in dict(features).items()} == {"train": 9, "test": 1}
    assert list(features.keys()) == ["train", "test"] and features.get("other") is None
    other = FeatureCache(features.path)
    assert features == features and features != other and len({features, other}) == 2


def test_documents_by_their_place_in_the_corpus(features: FeatureCache) -> None:
    train = features["train"]
    assert train.by_corpus_order().doc_ids.tolist() == list(range(9))
    assert train[2:5].by_corpus_order().doc_ids.tolist() == [4, 5, 6]
    for doc_id in range(9):
        assert train.tokens(train.at(doc_id)) == DOCUMENTS["train"][8 - doc_id]
    assert train[3:].at(0) == 5
    for wrong in (9, -1):
        with raises(messages.NOT_SELECTED, OutOfRangeError, name=wrong, n=9):
            train.at(wrong)
    with pytest.raises(IndexError):
        train[3:].at(8)


def test_occurrences(features: FeatureCache) -> None:
    train = features["train"]
    expected = [[i, k] for i, words in enumerate(DOCUMENTS["train"]) for k, word in enumerate(words) if word == "the"]
    assert train.occurrences("the").tolist() == expected
    assert train[3:4].occurrences("the").tolist() == [[0, k] for k in range(9)]
    for nothing in (train.occurrences("dog"), train[:0].occurrences("the"), train.occurrences("映画")):
        assert nothing.shape == (0, 2) and nothing.dtype == np.int64


@pytest.mark.parametrize("block_tokens", [1, 3, 16_384])
def test_nearest_is_all_cosines_sorted(
    features: FeatureCache, block_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cache.search._BLOCK_TOKENS", block_tokens)
    train = features["train"]
    query = np.linspace(-1, 1, 8)
    cosines = []
    for i, rows in enumerate(train):
        for k, row in enumerate(rows.astype(np.float64)):
            cosines.append((-row @ query / np.linalg.norm(row) / np.linalg.norm(query), i, k))
    found = train.nearest(query, k=6)
    order = sorted((round(negative, 6), i, k) for negative, i, k in cosines)
    assert [(f.document, f.position) for f in found] == [(i, k) for _, i, k in order[:6]]
    assert np.allclose([f.similarity for f in found], [-negative for negative, _, _ in order[:6]], atol=1e-6)
    assert all(f.word == train.tokens(f.document)[f.position] for f in found)
    assert len(train.nearest(query, k=1000)) == train.n_tokens and train[:0].nearest(query) == []


def test_what_nothing_can_be_near_to_is_refused(features: FeatureCache) -> None:
    train = features["train"]
    for vector, expected in (
        (np.zeros(8), InvalidValueError(messages.NO_DIRECTION)),
        (np.ones(7), InvalidValueError(messages.VECTOR_SHAPE, found=(7,), expected=(8,))),
        (np.full(8, np.nan), InvalidValueError(messages.NO_DIRECTION)),
    ):
        with raises(expected):
            train.nearest(vector)
    with raises(messages.INVALID_VALUE, InvalidValueError, name="k", found=0):
        train.nearest(np.ones(8), k=0)
