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
from numpy_encoder import HashEncoder

from cache import FeatureCache, MismatchError
from elmo_cache import CorpusError, TextRule, build
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
    with pytest.raises(CorpusError, match="leave the tokenizer 'words' out"):
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
        with pytest.raises(MismatchError, match="have changed since|you asked for"):
            make(other, tmp_path, **COLUMNS)


def test_an_iterator_is_read_once() -> None:
    corpus = HeldCorpus(iter(["a", "b"]))
    assert [d.text for d in corpus.documents()] == ["a", "b"]
    with pytest.raises(CorpusError, match="read already: give a list"):
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


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        ([], {}, "no documents, expected at least one"),
        ({}, {}, "no splits, expected at least one"),
        ({"a b", "c"}, {}, "the texts: set, which has no order: give a list"),
        ([{"text": "a", "label": "x"}], {}, "document 0: dict, expected a str: make a frame"),
        ([{"a", "b"}], {}, "document 0: set, expected a str or a list of tokens"),
        ({"text": ["a"], "label": ["x"]}, {}, "a mapping is from names of splits, and one is 'text': make a frame"),
        ({"tokens": [["a"]], "tags": [["x"]]}, {}, "a mapping is from names of splits, and one is 'tokens'"),
        (["a", None], {}, "document 1: NoneType, expected a str or a list of tokens"),
        ([None], {}, "document 0: NoneType, expected a str"),
        (["a", float("nan")], {}, "document 1: float, expected a str"),
        ([b"a"], {}, "document 0: bytes, expected a str"),
        (b"abc", {}, "bytes, expected an iterable of texts"),
        (None, {}, "NoneType, expected an iterable"),
        (5, {}, "int, expected an iterable"),
        ([[["a"]]], {}, "document 0, token 0: list, expected a str"),
        ([["a", None]], {}, "document 0, token 1: NoneType, expected a str"),
        ([["a"], "b"], {}, "the tokenizer 'tokens' takes documents that are lists of tokens"),
        (["a", ["b"]], {}, "its documents are lists of tokens"),
        (["a", "b"], {"labels": ["x"]}, "1 labels for more documents, expected one for each"),
        (["a"], {"labels": ["x", "y"]}, "more labels than documents"),
        (["a"], {"labels": endless()}, "more labels than documents"),
        (["a", "b"], {"labels": ["x", None]}, "document 1: no label"),
        (["a"], {"labels": [float("nan")]}, "document 0: no label"),
        (["a"], {"labels": [["x"]]}, r"document 0: label \['x'\], expected a string or a whole number"),
        (["a"], {"labels": np.array([[1, 2]])}, r"label array\(\[1, 2\]\), expected a string"),
        (["a"], {"labels": [pd.NA]}, "label <NA>, expected a string"),
        (["a"], {"labels": [" "]}, "document 0: no label"),
        (["a"], {"labels": 5}, "labels are int, expected a list"),
        (["a"], {"labels": "x"}, "labels are str, expected a list"),
        (["a"], {"text": "body"}, "name columns, and texts have none"),
        ({"train": ["a"]}, {"labels": ["x"]}, "the texts are by split, train: give labels by the same splits"),
        ({"a b": ["a"]}, {}, "split 'a b', expected a name"),
        (FRAME, {}, "no column 'text' for the text, expected one; its columns are 'review', 'sentiment'"),
        (FRAME, {"text": "review", "labels": LABELS}, "a frame has labels and tags in columns"),
        (FRAME.assign(review=None), COLUMNS, "row 0: no text in column 'review'"),
        (FRAME.assign(review=[1] * 30), COLUMNS, "holds int64, expected strings"),
        (FRAME.assign(sentiment=np.nan), COLUMNS, "row 0, column 'sentiment': no label"),
        (
            datasets.Dataset.from_dict({"text": ["a"], "label": [-1]}, FEATURES),
            {},
            "label -1, expected 0 to 1 for zz, aa; leave out",
        ),
        ([["a", "b"]], {"tags": [["X"]]}, r"1 tags tags for 2 tokens, expected one for each \('a b'\)"),
        ([["a"]], {"tags": [[1]]}, "1 among its tags tags, expected strings or None"),
        ([["a"]], {"tags": [5]}, "document 0: tags tags are int, expected a list"),
        ([["a"]], {"tags": 5}, "tags are int, expected a list"),
        ([["a"]], {"tags": "ner"}, "name columns, and texts have none: give the values"),
        (["a b"], {"tags": [["X", "Y"]]}, "tags need tokens, and it is a text"),
        ([["a"], ["b"]], {"tags": [["X"]]}, "1 tags tags for more documents"),
    ],
)
def test_what_is_refused(tmp_path: Path, source: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(CorpusError, match=says) as caught:
        build(source, HashEncoder(), tmp_path / "c", **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "c").exists()


def test_a_path_takes_names_of_columns_alone(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(CorpusError, match=re.escape("name them, as in label='stars', tags='ner_tags'")):
        make(tmp_path / "a.csv", tmp_path, text="review", labels=LABELS)


def test_lists_of_arrow_are_tokens(tmp_path: Path) -> None:
    tokens, tags = [["a b", ""], [], ["c"]], [["X", None], [], ["Y"]]
    features = build(pa.array(tokens), HashEncoder(), tmp_path / "c", tags=pa.array(tags))
    train = features["train"].by_corpus_order()
    assert [train.tokens(i) for i in range(3)] == tokens
    assert [[None if k < 0 else "XY"[k] for k in train.tags(i)] for i in range(3)] == tags
