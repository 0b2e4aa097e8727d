"""`Pooled` and `PooledStatic` against documents read one by one, and a split as `X` of what scikit-learn offers."""

import pickle
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import raises
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder, build_small
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.validation import check_is_fitted

from cache import FeatureCache, Split, messages
from cache.adapters.sklearn import Pooled, PooledStatic
from cache.errors import InvalidValueError
from elmo_cache import build

ORACLE = {
    "mean": lambda rows: rows.astype(np.float64).mean(axis=0),
    "max": lambda rows: np.array([column.max() for column in rows.T]),
    "mean+max": lambda rows: np.concatenate([ORACLE["mean"](rows), ORACLE["max"](rows)]),
    "first": lambda rows: rows[0],
    "last": lambda rows: rows[len(rows) - 1],
}


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    return build_small(tmp_path_factory.mktemp("sklearn") / "c")


@pytest.fixture(scope="module")
def static(features: FeatureCache) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((len(features.vocabulary), 5))


def pooled_by_hand(documents: list[np.ndarray], pooling: str) -> np.ndarray:
    dim = documents[0].shape[1]
    return np.array(
        [ORACLE[pooling](rows) if len(rows) else np.zeros(dim * (1 + (pooling == "mean+max"))) for rows in documents]
    )


@pytest.mark.parametrize("pooling", ORACLE)
def test_round_trip(features: FeatureCache, static: np.ndarray, pooling: str) -> None:
    train = features["train"]
    chosen = train[[5, 9, 8, 8, 0]]
    assert min(train.lengths) == 0 and max(train.lengths) == 150 and 0 in chosen.lengths
    for split in (train, chosen, train.load()):
        contextual = pooled_by_hand([split[i] for i in range(len(split))], pooling)
        by_word = pooled_by_hand([static[split.token_ids(i)] for i in range(len(split))], pooling)
        for pooled, expected in [
            (Pooled(pooling).fit_transform(split), contextual),
            (PooledStatic(static, pooling).fit_transform(split), by_word),
        ]:
            assert pooled.dtype == np.float32
            np.testing.assert_allclose(pooled, expected, rtol=1e-5, atol=1e-5)
    assert Pooled(pooling).transform(train[:0]).shape == (0, 16 if pooling == "mean+max" else 8)


def test_words_are_looked_up_by_token_id(features: FeatureCache, static: np.ndarray) -> None:
    test = features["test"]
    row_of = {word: row for word, row in zip(features.vocabulary, static, strict=True)}

    firsts = PooledStatic(static, "first").transform(test)

    assert test.vocabulary == features.vocabulary
    for i in range(len(test)):
        expected = row_of[test.tokens(i)[0]] if test.tokens(i) else np.zeros(5)
        np.testing.assert_allclose(firsts[i], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("indices", "places"),
    [
        (np.array([4, 0, 9]), [4, 0, 9]),
        ([4, 0, 9], [4, 0, 9]),
        (slice(2, 5), [2, 3, 4]),
        (np.arange(30) % 10 == 1, [1, 11, 21]),
    ],
)
def test_scikit_learn_selects_documents_without_reading_them(tmp_path: Path, indices: Any, places: list[int]) -> None:
    with build_small(tmp_path / "c") as features:
        train = features["train"]
        for shard in (tmp_path / "c").glob("train-*.h5"):
            shard.unlink()

        chosen = _safe_indexing(train, indices)
        first, second, labels, _ = train_test_split(train, train.labels, random_state=0)

    assert isinstance(chosen, Split) and chosen.positions.tolist() == places
    assert isinstance(first, Split) and first.labels.tolist() == labels.tolist()
    assert sorted([*first.positions, *second.positions]) == list(range(30))


def test_documents_are_read_one_at_a_time(tmp_path: Path) -> None:
    documents = [("train", "ab"[i % 2], " ".join(f"w{k}" for k in range(400))) for i in range(60)]
    with build(MemoryCorpus(documents), HashEncoder(dim=64), tmp_path / "c", shard_tokens=4000) as features:
        train = features["train"]
        document_bytes = train[0].nbytes
        tracemalloc.start()
        Pooled().fit_transform(train)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 8 * document_bytes  # its float32 copy has two, the result less than one


def classifier(pooled: Pooled, **settings: Any) -> Pipeline:
    return make_pipeline(pooled, StandardScaler(), LogisticRegression(), **settings)


def test_grid_search_in_two_processes(features: FeatureCache) -> None:
    train = features["train"]
    grid = {"pooled__pooling": ["mean", "last"], "logisticregression__C": [0.01, 1]}

    search = GridSearchCV(classifier(Pooled()), grid, cv=3, n_jobs=2, error_score="raise").fit(train, train.labels)

    expected = [
        cross_val_score(classifier(Pooled())[1:].set_params(logisticregression__C=c), vectors, train.labels, cv=3)
        for c in (0.01, 1)
        for vectors in (Pooled("mean").transform(train), Pooled("last").transform(train))
    ]
    found = np.array([search.cv_results_[f"split{k}_test_score"] for k in range(3)]).T
    np.testing.assert_array_equal(found, expected)
    assert search.predict(features["test"]).shape == (8,)


def test_cross_validation_with_static_vectors(features: FeatureCache, static: np.ndarray) -> None:
    train = features["train"]
    model = classifier(PooledStatic(static))

    scores = cross_val_score(model, train, train.labels, cv=3, error_score="raise")

    vectors = PooledStatic(static).transform(train)
    np.testing.assert_array_equal(scores, cross_val_score(model[1:], vectors, train.labels, cv=3))


def test_a_pipeline_with_memory_pools_once(tmp_path: Path) -> None:
    with build_small(tmp_path / "c") as features:
        train = features["train"]
        first = classifier(Pooled(), memory=str(tmp_path / "memory")).fit(train, train.labels)
    for shard in (tmp_path / "c").glob("train-*.h5"):
        shard.write_bytes(b"")
    with FeatureCache(tmp_path / "c") as features:
        train = features["train"]
        again = classifier(Pooled(), memory=str(tmp_path / "memory")).fit(train, train.labels)

    np.testing.assert_array_equal(again[-1].coef_, first[-1].coef_)


def test_clone_and_pickle(features: FeatureCache, static: np.ndarray) -> None:
    test = features["test"]
    for pooled in (Pooled("max"), PooledStatic(static, "max").fit(test)):
        for copied in (clone(pooled), pickle.loads(pickle.dumps(pooled))):
            assert copied.get_params().keys() == pooled.get_params().keys()
            np.testing.assert_array_equal(copied.transform(test), pooled.transform(test))
    assert not hasattr(clone(PooledStatic(static).fit(test)), "dim_")


def test_clones_share_the_matrix(features: FeatureCache, static: np.ndarray) -> None:
    train = features["train"]
    pooled = PooledStatic(static, "mean+max", "idf").set_output(transform="default").fit(train)
    model = make_pipeline(pooled, LogisticRegression())
    cloned = clone(model)[0]
    assert cloned.vectors is static is pooled.vectors and cloned is not pooled
    assert cloned.get_params() == pooled.get_params() == {"pooling": "mean+max", "vectors": static, "weights": "idf"}
    assert cloned._sklearn_output_config == pooled._sklearn_output_config
    assert not {"dim_", "idf_", "unseen_idf_"} & set(vars(cloned))
    np.testing.assert_array_equal(cloned.fit(train).transform(train), pooled.transform(train))


@pytest.mark.parametrize("pooling", ["mean", "mean+max"])
def test_weights_by_inverse_document_frequency(features: FeatureCache, static: np.ndarray, pooling: str) -> None:
    train, test = features["train"][:7], features["train"]
    words = [train.tokens(i) for i in range(len(train))]
    idf = TfidfVectorizer(analyzer=lambda words: words).fit(words)
    weight_of = dict(zip(idf.get_feature_names_out().tolist(), idf.idf_, strict=True))
    unseen = np.log(1 + len(train)) + 1
    assert any(word not in weight_of for i in range(len(test)) for word in test.tokens(i))

    def mean_of(rows: np.ndarray, i: int) -> np.ndarray:
        weights = np.array([weight_of.get(word, unseen) for word in test.tokens(i)])
        return (rows.astype(np.float64) * weights[:, np.newaxis]).sum(axis=0) / weights.sum()

    for pooled, documents in (
        (Pooled(pooling, "idf"), list(test)),
        (PooledStatic(static, pooling, weights="idf"), [static[test.token_ids(i)] for i in range(len(test))]),
    ):
        found = pooled.fit(train).transform(test)
        assert found.dtype == np.float32
        assert pooled.idf_ == pytest.approx(weight_of) and pooled.unseen_idf_ == pytest.approx(unseen)
        for i, rows in enumerate(documents):
            dim = rows.shape[1]
            np.testing.assert_allclose(found[i, :dim], mean_of(rows, i) if len(rows) else 0, rtol=1e-5, atol=1e-6)
            if pooling == "mean+max" and len(rows):
                np.testing.assert_allclose(found[i, dim:], rows.max(axis=0), rtol=1e-6)
        assert not np.allclose(found, type(pooled)(**{**pooled.get_params(), "weights": None}).transform(test))


def test_weights_hold_for_another_cache(features: FeatureCache, tmp_path: Path) -> None:
    documents = [("new", "a", "w1 w0 w0"), ("new", "b", "unheard w3 w1")]
    pooled = Pooled("mean", "idf").fit(features["train"])
    with build(MemoryCorpus(documents), HashEncoder(dim=8), tmp_path / "new") as others:
        new = others["new"]
        assert others.vocabulary[:3] != features.vocabulary[:3]
        found = pooled.transform(new)
        for i in range(2):
            weights = [pooled.idf_.get(word, pooled.unseen_idf_) for word in new.tokens(i)]
            np.testing.assert_allclose(found[i], np.average(new[i].astype(float), axis=0, weights=weights), rtol=1e-5)


def test_what_needs_a_fit_says_so(features: FeatureCache, static: np.ndarray) -> None:
    for pooled in (Pooled(), PooledStatic(static, "max")):
        assert not get_tags(pooled).requires_fit
        check_is_fitted(pooled)
    for weighted in (Pooled("mean", "idf"), PooledStatic(static, weights="idf")):
        assert get_tags(weighted).requires_fit
        with pytest.raises(NotFittedError):
            check_is_fitted(weighted)
        with pytest.raises(NotFittedError):
            weighted.transform(features["test"])


def test_names_and_data_frames(features: FeatureCache, static: np.ndarray) -> None:
    pytest.importorskip("pandas")
    test = features["test"]
    pooled, by_word = Pooled().set_output(transform="pandas"), PooledStatic(static).set_output(transform="pandas")

    frame = pooled.fit_transform(test)

    assert list(frame.columns) == [f"pooled{i}" for i in range(8)] == list(pooled.get_feature_names_out())
    assert list(by_word.fit_transform(test).columns) == [f"pooledstatic{i}" for i in range(5)]
    np.testing.assert_array_equal(frame.to_numpy(), Pooled().transform(test))


@pytest.mark.parametrize("method", ["fit", "transform"])
def test_what_is_refused(features: FeatureCache, static: np.ndarray, method: str) -> None:
    test, n_words = features["test"], len(features.vocabulary)
    expected = "one of 'mean', 'max', 'mean+max', 'first', 'last'"
    with raises(messages.INVALID_VALUE, InvalidValueError, name="pooling", found="sum", expected=expected):
        getattr(Pooled("sum"), method)(test)
    with raises(messages.INVALID_VALUE, InvalidValueError, name="weights", found="tf", expected="None or 'idf'"):
        getattr(Pooled("mean", "tf"), method)(test)
    with raises(messages.UNWEIGHTED_POOLING, InvalidValueError, found="last", expected="'mean' or 'mean+max'"):
        getattr(Pooled("last", "idf"), method)(test)
    for wrong in (static[:-1], np.vstack([np.zeros((1, 5)), static]), static[:, 0]):
        with raises(messages.VECTORS_SHAPE, InvalidValueError, found=wrong.shape, expected=n_words):
            getattr(PooledStatic(wrong), method)(test)
    for no_split in (features, [test[0]], np.zeros((2, 8))):
        with pytest.raises(TypeError, match=re.escape(messages.NOT_A_SPLIT.format(found=type(no_split).__name__))):
            getattr(Pooled(), method)(no_split)
