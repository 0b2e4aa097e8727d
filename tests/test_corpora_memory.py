"""`build` of what Python holds: texts, lists of tokens, frames, data sets, by split or not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from errors_expected import raises
from numpy_encoder import HashEncoder

from cache import FeatureCache, MismatchError
from elmo_cache import CorpusError, TextRule, build, messages
from elmo_cache.text.corpora.memory import HeldCorpus

TEXTS = [f"word{i} and {'good' if i % 2 else 'bad'} w{i % 7}" for i in range(30)]
LABELS = ["pos" if i % 2 else "neg" for i in range(30)]
FRAME = pd.DataFrame({"review": TEXTS, "sentiment": LABELS})
COLUMNS = {"text": "review", "label": "sentiment"}
FEATURES = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["zz", "aa"])})


def held(features: FeatureCache, split: str = "train") -> list[tuple[str, str | None]]:
    """What a cache holds, in the order of the corpus."""
    documents = features[split].by_corpus_order()
    names, labels = features.label_names, documents.labels
    assert documents.doc_ids.tolist() == list(range(len(documents)))
    return [
        (" ".join(documents.tokens(i)), None if names is None or labels is None else names[labels[i]])
        for i in range(len(documents))
    ]


def make(source: Any, folder: Path, **options: Any) -> FeatureCache:
    return build(source, HashEncoder(), folder / "c", rule=options.pop("rule", TextRule("whitespace")), **options)


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (TEXTS, {"labels": LABELS}),
        (tuple(TEXTS), {"labels": iter(LABELS)}),
        ((text for text in TEXTS), {"labels": (label for label in LABELS)}),
        (map(str, TEXTS), {"labels": np.array(LABELS)}),
        (np.array(TEXTS), {"labels": pd.Series(LABELS)}),
        (FRAME["review"], {"labels": FRAME["sentiment"]}),
        (pl.Series(TEXTS), {"labels": pl.Series(LABELS)}),
        (pa.array(TEXTS), {"labels": pa.array(LABELS)}),
        (pa.chunked_array([TEXTS[:7], TEXTS[7:]]), {"labels": pa.chunked_array([LABELS])}),
        (FRAME, COLUMNS),
        (FRAME.astype({"sentiment": "category"}), COLUMNS),
        (FRAME.iloc[::-1].iloc[::-1].set_index(np.arange(30) * 7), COLUMNS),
        (pl.from_pandas(FRAME), COLUMNS),
        (pa.Table.from_pandas(FRAME), COLUMNS),
        (datasets.Dataset.from_pandas(FRAME), COLUMNS),
    ],
)
def test_everything_that_holds_texts(tmp_path: Path, source: Any, options: dict[str, Any]) -> None:
    features = make(source, tmp_path, **options)
    assert held(features) == list(zip(TEXTS, LABELS, strict=True))
    assert features.label_names == ("neg", "pos") and list(features) == ["train"]


def test_lists_of_tokens_are_taken_as_they_are(tmp_path: Path) -> None:
    tokens = [["New York", "", "a\tb", "\u3000", "<br />"], [], ["x"]]
    features = build(iter(tokens), HashEncoder(), tmp_path / "c")
    documents = features["train"].by_corpus_order()
    assert [documents.tokens(i) for i in range(3)] == tokens
    assert features.encoding["text"]["tokenizer"] == "tokens"
    with raises(messages.TOKENS_GIVEN, CorpusError, name="memory", found="words"):
        build(tokens, HashEncoder(), tmp_path / "d", rule=TextRule("words"))


def test_by_split(tmp_path: Path) -> None:
    for name, source, options in (
        ("lists", {"test": TEXTS[20:], "train": TEXTS[:20]}, {"labels": {"train": LABELS[:20], "test": LABELS[20:]}}),
        ("frames", {"train": FRAME[:20], "test": pl.from_pandas(FRAME[20:])}, COLUMNS),
        ("column", FRAME.assign(part=["train"] * 20 + ["test"] * 10), {**COLUMNS, "split": "part"}),
    ):
        (tmp_path / name).mkdir()
        features = make(source, tmp_path / name, **options)
        assert list(features) == ["train", "test"]
        assert held(features, "train") + held(features, "test") == list(zip(TEXTS, LABELS, strict=True)), name


def test_a_dataset_dict_brings_splits_and_names_of_classes(tmp_path: Path) -> None:
    parts = {
        name: datasets.Dataset.from_dict({"text": texts, "label": [i % 2 for i in range(len(texts))]}, FEATURES)
        for name, texts in (("train", TEXTS[:6]), ("test", TEXTS[6:9]))
    }
    features = make(datasets.DatasetDict(parts), tmp_path)
    assert features.label_names == ("zz", "aa") and list(features) == ["train", "test"]
    for name, part in parts.items():
        assert held(features, name) == [(row["text"], ("zz", "aa")[row["label"]]) for row in part]


def test_a_dataset_that_was_shuffled_and_filtered(tmp_path: Path) -> None:
    made = datasets.Dataset.from_dict({"text": TEXTS, "label": [i % 2 for i in range(30)]}, FEATURES)
    chosen = made.shuffle(seed=1).filter(lambda row: row["label"] == 1).select(range(10))
    assert held(make(chosen, tmp_path)) == [(text, "aa") for text in chosen["text"]]


def test_the_same_content_resumes_and_other_is_refused(tmp_path: Path) -> None:
    before = make(FRAME, tmp_path, limit={"train": 10}, **COLUMNS)
    assert len(before["train"]) == 10
    features = make(pl.from_pandas(FRAME), tmp_path, **COLUMNS)
    assert len(features["train"]) == 30 and held(features) == list(zip(TEXTS, LABELS, strict=True))
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    from_file = make(tmp_path / "a.csv", tmp_path, **COLUMNS)
    assert from_file.manifest.corpus_fingerprint == features.manifest.corpus_fingerprint
    for other in (FRAME[:29], FRAME[::-1], FRAME.replace("word3 and good w3", "word4")):
        with pytest.raises(MismatchError) as caught:
            make(other, tmp_path, **COLUMNS)
        assert caught.value.message == (messages.CORPUS_CHANGED if len(other) == 30 else messages.OTHER_CORPUS)


def test_an_iterator_is_read_once() -> None:
    corpus = HeldCorpus(iter(["a", "b"]))
    assert [d.text for d in corpus.documents()] == ["a", "b"]
    with raises(messages.ITERATOR_WAS_READ, CorpusError):
        list(corpus.documents())


def test_half_a_surrogate_pair_is_kept(tmp_path: Path) -> None:
    half = "\ud800"
    features = build([["a", half]], HashEncoder(), tmp_path / "c", labels=[half], tags=[[half, None]])
    train = features["train"]
    assert (train.tokens(0), features.label_names, features.tag_names()) == (["a", half], (half,), (half,))
    assert train.tags(0).tolist() == [0, -1]


def endless() -> Iterator[str]:
    while True:
        yield "pos"


def unexpected(where: str, found: str, expected: str = ".") -> CorpusError:
    return CorpusError(messages.UNEXPECTED, where=where, found=found, expected=re.compile(expected))


def wrong_label(found: str, where: str = "the texts, document 0", expected: str = "a string or a whole number") -> Any:
    return CorpusError(messages.INVALID_ENTRY, where=where, name="the label", found=found, expected=expected)


def no_value(where: str, name: str = "label") -> CorpusError:
    return CorpusError(messages.NO_VALUE, where=where, name=name)


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        ([], {}, CorpusError(messages.NO_DOCUMENTS, path="memory")),
        ({}, {}, CorpusError(messages.NO_DOCUMENTS, path="The mapping of splits")),
        ({"a b", "c"}, {}, unexpected("the texts", "set", "^a list: a set has no order$")),
        (
            [{"text": "a", "label": "x"}],
            {},
            unexpected("the texts, document 0", "dict", "^a str: for columns, make a data frame"),
        ),
        ([{"a", "b"}], {}, unexpected("the texts, document 0", "set", "^a str or a list of tokens$")),
        ({"text": ["a"], "label": ["x"]}, {}, CorpusError(messages.COLUMNS_ARE_NO_SPLITS, name="text")),
        ({"tokens": [["a"]], "tags": [["x"]]}, {}, CorpusError(messages.COLUMNS_ARE_NO_SPLITS, name="tokens")),
        (["a", None], {}, unexpected("the texts, document 1", "NoneType", "^a str or a list of tokens$")),
        ([None], {}, unexpected("the texts, document 0", "NoneType", "^a str")),
        (["a", float("nan")], {}, unexpected("the texts, document 1", "float", "^a str")),
        ([b"a"], {}, unexpected("the texts, document 0", "bytes", "^a str")),
        (b"abc", {}, unexpected("the texts", "bytes", "^an iterable of texts")),
        (None, {}, unexpected("the texts", "NoneType", "^an iterable of texts")),
        (5, {}, unexpected("the texts", "int", "^an iterable of texts")),
        ([[["a"]]], {}, unexpected("the texts, document 0, token 0", "list", "^a str$")),
        ([["a", None]], {}, unexpected("the texts, document 0, token 1", "NoneType", "^a str$")),
        ([["a"], "b"], {}, CorpusError(messages.TEXT_FOR_TOKENS)),
        (["a", ["b"]], {}, CorpusError(messages.TOKENS_GIVEN, name="memory", found="words")),
        (["a", "b"], {"labels": ["x"]}, CorpusError(messages.TOO_FEW, where="the texts", n=1, name="labels")),
        (["a"], {"labels": ["x", "y"]}, CorpusError(messages.TOO_MANY, where="the texts", name="labels")),
        (["a"], {"labels": endless()}, CorpusError(messages.TOO_MANY, where="the texts", name="labels")),
        (["a", "b"], {"labels": ["x", None]}, no_value("the texts, document 1")),
        (["a"], {"labels": [float("nan")]}, no_value("the texts, document 0")),
        (["a"], {"labels": [" "]}, no_value("the texts, document 0")),
        (["a"], {"labels": [["x"]]}, wrong_label("['x']")),
        (["a"], {"labels": np.array([[1, 2]])}, wrong_label("array([1, 2])")),
        (["a"], {"labels": [pd.NA]}, wrong_label("<NA>")),
        (["a"], {"labels": 5}, unexpected("the texts, labels", "int", "^a list$")),
        (["a"], {"labels": "x"}, unexpected("the texts, labels", "str", "^a list$")),
        (["a"], {"text": "body"}, CorpusError(messages.TEXTS_HAVE_NO_COLUMNS)),
        ([["a"]], {"tags": "ner"}, CorpusError(messages.TEXTS_HAVE_NO_COLUMNS)),
        ({"train": ["a"]}, {"labels": ["x"]}, CorpusError(messages.NOT_BY_SPLIT, splits="train", name="labels")),
        (
            {"a b": ["a"]},
            {},
            CorpusError(messages.INVALID_ENTRY, where="the mapping", name="the split", found="'a b'"),
        ),
        (
            FRAME,
            {},
            CorpusError(messages.NO_COLUMN_FOR, column="text", role="text", found="'review', 'sentiment'"),
        ),
        (FRAME, {"text": "review", "labels": LABELS}, CorpusError(messages.COLUMNS_NOT_NAMED)),
        (FRAME.assign(review=None), COLUMNS, no_value("the frame, row 0, column 'review'", "text")),
        (
            FRAME.assign(review=[1] * 30),
            COLUMNS,
            CorpusError(messages.COLUMN_TYPE, found="int64", expected="strings or lists of strings", role="text"),
        ),
        (FRAME.assign(sentiment=np.nan), COLUMNS, no_value("the frame, row 0, column 'sentiment'")),
        (
            datasets.Dataset.from_dict({"text": ["a"], "label": [-1]}, FEATURES),
            {},
            wrong_label("-1", "the frame, row 0, column 'label'", "0 to 1 for zz, aa"),
        ),
        (
            [["a", "b"]],
            {"tags": [["X"]]},
            CorpusError(messages.TAGS_DIFFER, found=1, name="tags", expected=2, text="a b"),
        ),
        ([["a"]], {"tags": [[1]]}, unexpected("the texts, document 0, tags tags", "int", "^strings or None$")),
        ([["a"]], {"tags": [5]}, unexpected("the texts, document 0, tags tags", "int", "^a list$")),
        ([["a"]], {"tags": 5}, unexpected("the texts, tags", "int", "^a list$")),
        (["a b"], {"tags": [["X", "Y"]]}, unexpected("memory, document 0 of train", "a text with tags")),
        ([["a"], ["b"]], {"tags": [["X"]]}, CorpusError(messages.TOO_FEW, n=1, name="tags tags")),
    ],
)
def test_what_is_refused(tmp_path: Path, source: Any, options: dict[str, Any], says: CorpusError) -> None:
    with raises(says):
        build(source, HashEncoder(), tmp_path / "c", **options)
    assert not (tmp_path / "c").exists()


def test_a_path_takes_names_of_columns_alone(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    with raises(messages.COLUMNS_NOT_NAMED, CorpusError):
        make(tmp_path / "a.csv", tmp_path, text="review", labels=LABELS)


def test_lists_of_arrow_are_tokens(tmp_path: Path) -> None:
    tokens, tags = [["a b", ""], [], ["c"]], [["X", None], [], ["Y"]]
    features = build(pa.array(tokens), HashEncoder(), tmp_path / "c", tags=pa.array(tags))
    train = features["train"].by_corpus_order()
    assert [train.tokens(i) for i in range(3)] == tokens
    assert [[None if k < 0 else "XY"[k] for k in train.tags(i)] for i in range(3)] == tags
