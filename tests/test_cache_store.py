"""Reading a cache: everything a `FeatureCache` and a `Split` say of themselves and of their documents."""

from pathlib import Path

import numpy as np
import pytest
from errors_expected import raises
from small_cache import DOCUMENTS, expected, write_cache

from cache import FeatureCache, NotACacheError, SelectionError, Split, messages
from cache.errors import InvalidValueError

TRAIN = DOCUMENTS["train"]
LENGTHS = [len(words) for words in TRAIN]


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Split:
    directory = tmp_path_factory.mktemp("store") / "c"
    write_cache(directory)
    return FeatureCache(directory)["train"]


def assert_same(documents: object, wanted: list[np.ndarray]) -> None:
    found = list(documents)  # type: ignore[call-overload]
    assert len(found) == len(wanted)
    for rows, right in zip(found, wanted, strict=True):
        assert rows.dtype == np.float16 and rows.shape == right.shape
        np.testing.assert_array_equal(rows.view(np.uint16), right.view(np.uint16))


def test_what_a_cache_says(tmp_path: Path) -> None:
    write_cache(tmp_path / "c")
    with FeatureCache(str(tmp_path / "c")) as features:
        assert list(features) == ["train", "test"] and len(features) == 2
        assert "test" in features and "dev" not in features
        assert features.encoding == {"encoder": {"model": "hash"}}
        assert features.label_names == ("neg", "pos")
        assert features.complete
        assert [features.n_finished_shards(name) for name in features] == [4, 1]
        assert features.vocabulary == sorted({word for words in [*TRAIN, *DOCUMENTS["test"]] for word in words})


def test_what_a_split_says(train: Split) -> None:
    assert (len(train), train.dim, train.n_tokens, train.complete) == (9, 8, 18, True)
    assert train.lengths.tolist() == LENGTHS
    assert train.labels is not None and train.labels.dtype == np.int32
    assert train.labels.tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert train.doc_ids.dtype == np.int64 and train.doc_ids.tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert train.truncated.tolist() == [True, False, False] * 3
    assert repr(train) == "Split(9 documents, dim 8)"


def test_documents_are_what_the_encoder_gave(train: Split) -> None:
    wanted = expected(TRAIN)
    assert_same([train[i] for i in range(9)], wanted)
    assert_same([train[i] for i in range(-9, 0)], wanted)
    assert_same([train[np.int32(i)] for i in range(9)], wanted)
    assert_same(train, wanted)


def test_words_are_what_the_encoder_read(tmp_path: Path) -> None:
    write_cache(tmp_path / "c")
    features = FeatureCache(tmp_path / "c")
    train = features["train"]
    assert [train.tokens(i) for i in range(9)] == TRAIN
    assert train.tokens(-3) == ["", "🎬"]
    for i, words in enumerate(TRAIN):
        ids = train.token_ids(i)
        assert ids.dtype == np.int32 and [features.vocabulary[k] for k in ids] == words


def test_what_is_handed_out_is_the_callers(train: Split) -> None:
    """Writing into a result changes neither the next reading nor what a loaded split holds."""
    loaded = train.load()
    for split in (train, loaded):
        for give in (
            lambda s: s[0],
            lambda s: s.doc_ids,
            lambda s: s.labels,
            lambda s: s.lengths,
            lambda s: s.token_ids(0),
        ):
            before = give(split).copy()
            give(split)[:] = 7
            np.testing.assert_array_equal(give(split), before)


def test_vectors_are_float16_as_numpy_rounds_them(train: Split) -> None:
    """The last column is just below powers of two, the one before it subnormal."""
    last = np.concatenate(expected(TRAIN))[:, -1]
    assert set(np.abs(np.frexp(last.astype(np.float64))[0])) == {0.5}, "the encoder gives what rounds to a power of two"
    np.testing.assert_array_equal(np.concatenate(list(train))[:, -1], last)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 9, 12])
def test_padded(train: Split, side: str, length: int) -> None:
    block = train.padded(length=length, side=side)
    assert block.dtype == np.float16 and block.shape == (9, length, 8)
    for i, rows in enumerate(expected(TRAIN)):
        kept = min(length, len(rows))
        by_hand = np.zeros((length, 8), np.float16)
        if kept and side == "left":
            by_hand[-kept:] = rows[-kept:]
        elif kept:
            by_hand[:kept] = rows[:kept]
        np.testing.assert_array_equal(block[i], by_hand)


def test_padded_pads_in_front_unless_told(train: Split) -> None:
    np.testing.assert_array_equal(train.padded(5), train.padded(5, side="left"))
    with raises(messages.INVALID_VALUE, InvalidValueError, name="side", found="both", expected="'left' or 'right'"):
        train.padded(5, side="both")


@pytest.mark.parametrize("size", [1, 2, 4, 9, 100])
def test_batches(train: Split, size: int) -> None:
    batches = list(train.batches(size))
    assert [start for start, _ in batches] == list(range(0, 9, size))
    assert all(len(block) == min(size, 9 - start) for start, block in batches)
    assert_same([rows for _, block in batches for rows in block], expected(TRAIN))


def test_batches_of_nothing_are_refused(train: Split) -> None:
    with raises(messages.INVALID_VALUE, InvalidValueError, name="size", found=0):
        next(train.batches(0))


def test_load_gives_the_same_from_memory(tmp_path: Path) -> None:
    write_cache(tmp_path / "c")
    with FeatureCache(tmp_path / "c") as features:
        chosen = features["train"][[3, 0, 3, -2, 1]]
        loaded = chosen.load()
    for path in (tmp_path / "c").glob("*-0*.h5"):
        path.unlink()
    wanted = [expected(TRAIN)[i] for i in (3, 0, 3, 7, 1)]
    assert_same(loaded, wanted)
    assert_same(loaded.load()[::-1], wanted[::-1])
    assert_same(loaded[[0, 2]], [wanted[0], wanted[2]])
    assert loaded.tokens(0) == TRAIN[3] and loaded.complete
    assert loaded.doc_ids.tolist() == chosen.doc_ids.tolist() == [5, 8, 5, 1, 7]
    np.testing.assert_array_equal(loaded.padded(3, "right")[0], wanted[0][:3])


def test_a_corpus_without_labels(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", labelled=False)
    features = FeatureCache(tmp_path / "c")
    assert features.label_names is None and features["train"].labels is None
    assert features["train"][2:4].labels is None and features["train"].load().labels is None


def test_a_split_without_documents(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", {"train": [["a"]], "test": []})
    test = FeatureCache(tmp_path / "c")["test"]
    assert (len(test), test.dim, test.n_tokens, test.complete, list(test), list(test.batches(3))) == (
        0,
        8,
        0,
        True,
        [],
        [],
    )
    assert test.padded(4).shape == (0, 4, 8) and len(test.load()) == 0 and test.labels is not None
    assert test.labels.shape == (0,) and len(test[:]) == 0 and len(test[[]]) == 0


def test_documents_without_words_alone(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", {"train": [[], [], []]})
    train = FeatureCache(tmp_path / "c")["train"]
    assert [rows.shape for rows in train] == [(0, 8)] * 3
    assert train.load().padded(2).any() == False and train.tokens(1) == []  # noqa: E712


def test_words_counted(tmp_path: Path) -> None:
    write_cache(tmp_path / "c")
    features = FeatureCache(tmp_path / "c")
    counts = dict(zip(features.vocabulary, features.token_counts("train").tolist(), strict=True))
    assert counts["the"] == 11 and counts["cat"] == 2 and counts["映画"] == 0 and sum(counts.values()) == 18


@pytest.mark.parametrize("name", ["dev", "", "../train"])
def test_a_split_that_is_not_there(tmp_path: Path, name: str) -> None:
    write_cache(tmp_path / "c")
    features = FeatureCache(tmp_path / "c")
    for ask in (features.__getitem__, features.split, features.token_counts, features.n_finished_shards):
        with raises(messages.NO_SPLIT, SelectionError, path=tmp_path / "c", name=name, found="train, test") as caught:
            ask(name)
        assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, messages.NO_CACHE),
        (lambda path: path.mkdir(), messages.NO_MANIFEST),
        (lambda path: path.write_text("x"), messages.NOT_A_CACHE),
    ],
)
def test_no_cache_there(tmp_path: Path, make: object, message: str) -> None:
    make(tmp_path / "c")  # type: ignore[operator]
    with raises(message, NotACacheError, path=tmp_path / "c") as caught:
        FeatureCache(tmp_path / "c")
    assert isinstance(caught.value, FileNotFoundError)
