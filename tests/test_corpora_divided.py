"""Corpora made of others: divided, joined, with other names for classes."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import error_of, run_cache
from errors_expected import raises, said
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_corpus import MemoryCorpus

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import Document, open_corpus
from elmo_cache.text.corpora.derived import DividedCorpus, JoinedCorpus, RenamedCorpus


def corpus_of(rows: list[tuple[str | None, str]], split: str = "train") -> MemoryCorpus:
    return MemoryCorpus([(split, label, text) for label, text in rows])


rows_of_text = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60).map(str)), min_size=1, max_size=80)
shares = st.sampled_from([0.0, 0.1, 0.25, 0.4])


@settings(deadline=None)
@given(rows=rows_of_text, test=shares.filter(bool), validation=shares, seed=st.integers(0, 3))
def test_division(rows: list[tuple[str, str]], test: float, validation: float, seed: int) -> None:
    divided = DividedCorpus(corpus_of(rows), test, validation, seed)  # type: ignore[arg-type]
    documents = list(divided.documents())
    assert [(d.label, d.text) for d in documents] == rows and list(divided.documents()) == documents
    splits = defaultdict(set)
    orders = defaultdict(list)
    for document in documents:
        splits[document.text].add(document.split)
        orders[document.split].append(document.order)
    assert all(len(found) == 1 for found in splits.values()), "equal texts are on one side"
    assert all(found == list(range(len(found))) for found in orders.values())
    first = {}  # a text belongs to the class it has first
    for label, text in rows:
        first.setdefault(text, label)
    if all(first[text] == label for label, text in rows):
        largest = max(Counter(text for _, text in rows).values())
        for label, n_documents in Counter(label for label, _ in rows).items():
            for split, share in (("test", test), ("validation", validation)):
                n_found = sum(d.label == label and d.split == split for d in documents)
                assert round(share * n_documents) - largest < n_found <= round(share * n_documents)


def test_division_of_distinct_texts_is_exact_and_depends_on_the_seed() -> None:
    rows = [("ab"[i % 3 == 0], f"text {i}") for i in range(300)]
    of = [
        {d.text: d.split for d in DividedCorpus(corpus_of(rows), 0.2, 0.1, seed).documents()}
        for seed in (0, 0, 1)  # type: ignore[arg-type]
    ]
    assert of[0] == of[1] != of[2]
    label_of = {text: label for label, text in rows}
    counts = Counter((label_of[str(text)], split) for text, split in of[0].items())
    assert counts == {
        ("a", "test"): 40, ("a", "validation"): 20, ("a", "train"): 140,
        ("b", "test"): 20, ("b", "validation"): 10, ("b", "train"): 70,
    }  # fmt: skip
    reordered = {d.text: d.split for d in DividedCorpus(corpus_of(rows[::-1]), 0.2, 0.1).documents()}  # type: ignore[arg-type]
    assert reordered == of[0], "where a text goes does not depend on the order of the others"


@pytest.mark.parametrize("options", [(0.0, 0.0), (1.0, 0.0), (-0.1, 0.0), (0.6, 0.4), (float("nan"), 0.0)])
def test_shares_that_leave_nothing(options: tuple[float, float]) -> None:
    with raises(messages.WRONG_SHARES, CorpusError) as caught:
        DividedCorpus(corpus_of([("a", "x")]), *options)
    np.testing.assert_equal(caught.value.data, dict(zip(("test", "validation"), options, strict=True)))  # NaN too


def test_what_is_divided_already() -> None:
    with raises(messages.HAS_SPLITS, CorpusError, name="memory", split="test"):
        list(DividedCorpus(corpus_of([("a", "x")], "test"), 0.2).documents())


def test_renamed() -> None:
    renamed = RenamedCorpus(corpus_of([("a", "x"), ("b", "y"), ("c", "z")]), {"a": "A", "c": "b2"})
    assert [d.label for d in renamed.documents()] == ["A", "b", "b2"]
    of_two = corpus_of([("a", "x"), ("b", "y")])
    with raises(messages.NO_CLASS, CorpusError, name="memory", found="z", expected="a, b"):
        list(RenamedCorpus(of_two, {"z": "y"}).documents())
    with raises(messages.CLASSES_COLLIDE, CorpusError, name="memory", found="b, b"):
        list(RenamedCorpus(of_two, {"a": "b"}).documents())


def test_joined() -> None:
    joined = JoinedCorpus([("train", corpus_of([("a", "x"), ("b", "y")])), ("dev", corpus_of([("a", "z")]))])
    assert list(joined.documents()) == [
        Document("train", 0, "a", "x"), Document("train", 1, "b", "y"), Document("dev", 0, "a", "z"),
    ]  # fmt: skip
    with raises(messages.SPLIT_TWICE, CorpusError, splits="train, train"):
        JoinedCorpus([("train", corpus_of([])), ("train", corpus_of([]))])
    with raises(messages.INVALID_ENTRY, CorpusError, where="split names", name="the split", found="'a b'"):
        JoinedCorpus([("a b", corpus_of([]))])
    with raises(messages.HAS_SPLITS, CorpusError, name="memory", split="test"):
        list(JoinedCorpus([("train", corpus_of([("a", "x")], "test"))]).documents())


def test_by_command(tmp_path: Path) -> None:
    for name in ("train.csv", "my_test.csv", "other.csv"):
        (tmp_path / name).write_text("text,label\n" + "".join(f"{name} text {i},{'ab'[i % 2]}\n" for i in range(10)))

    def plan(*options: Any) -> Any:
        corpora = [str(tmp_path / option) if str(option).endswith(".csv") else option for option in options]
        return run_cache("build", tmp_path / "c", "--dry-run", *corpora)

    assert (
        "train.csv + my_test.csv: 20 documents (train 10, test 10)"
        in plan("--corpus", "train.csv", "--corpus", "my_test.csv").output
    )
    assert "(train 8, validation 0, test 2)" not in plan("--corpus", "other.csv", "--test-share", "0.2").output
    assert (
        "(train 6, validation 2, test 2), labels X 5, b 5"
        in plan(
            "--corpus", "other.csv", "--test-share", "0.2", "--validation-share", "0.2", "--rename-labels", "a=X"
        ).output
    )
    assert said(messages.SPLITS_NOT_TOLD, n=2) in error_of(plan("--corpus", "train.csv", "--corpus", "other.csv"))
    named = plan("--corpus", "train.csv", "--corpus", "other.csv", "--split-names", "train,new")
    assert "(train 10, new 10)" in named.output
    assert list(open_corpus(tmp_path / "other.csv").documents())[0].split == "train"
