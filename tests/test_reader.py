"""From corpus to documents: permutation, window, Keras's word limit, literal padding, identity of a corpus."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import raises
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_corpus import MemoryCorpus

from cache.documents import Documents
from cache.layers import Layers
from cache.manifest import Manifest
from cache.shard_plan import SplitPlan
from elmo_cache import CorpusError, TextRule, messages
from elmo_cache.text.reader import CorpusReader

PLAIN = TextRule(tokenizer="whitespace", max_tokens=0)


def stored(corpus: MemoryCorpus, rule: TextRule, folder: Path) -> dict[str, Documents]:
    """Write the documents of a corpus and open them, as a build does."""
    reader = CorpusReader(corpus, rule)
    plans = {
        split: SplitPlan(reader.n_documents(split), int(reader.lengths(split).sum())) for split in reader.split_names
    }
    manifest = Manifest({}, reader.corpus_json, {}, {}, Layers.single(1), reader.label_names, 10, plans)
    reader.write(folder, manifest)
    reader.close()
    return {split: Documents(folder, split, manifest) for split in plans}


def texts(documents: Documents) -> dict[int, list[str]]:
    """Return the words of every document by its position in the corpus."""
    words = documents.words(0, len(documents.doc_ids))
    return dict(zip(documents.doc_ids.tolist(), words, strict=True))


def test_every_document_is_stored_once_with_its_words_and_label(tmp_path: Path) -> None:
    given_documents = [("train", "pos" if i % 3 else "neg", f"word{i} word{i % 4}  and" * (i % 2)) for i in range(40)]
    documents = stored(MemoryCorpus(given_documents), PLAIN, tmp_path)["train"]
    assert texts(documents) == {i: text.split() for i, (_, _, text) in enumerate(given_documents)}
    assert sorted(documents.doc_ids.tolist()) == list(range(40))
    assert documents.doc_ids.tolist() != list(range(40)), "documents are stored in a random order"
    assert documents.labels is not None
    labels = {
        position: ("neg", "pos")[label] for position, label in zip(documents.doc_ids, documents.labels, strict=True)
    }
    assert labels == {i: label for i, (_, label, _) in enumerate(given_documents)}


def test_the_order_of_reading_does_not_matter(tmp_path: Path) -> None:
    documents = [("train", "ab"[i % 2], f"text {i}") for i in range(20)] + [("test", "a", "x")]
    orders = [100 * i for i in range(21)]
    shuffled = np.random.default_rng(1).permutation(21)
    folders = [tmp_path / name for name in ("straight", "shuffled")]
    for folder in folders:
        folder.mkdir()
    stored(MemoryCorpus(documents, orders=orders), PLAIN, folders[0])
    stored(MemoryCorpus([documents[i] for i in shuffled], orders=[orders[i] for i in shuffled]), PLAIN, folders[1])
    for name in ("train.documents.h5", "test.documents.h5"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_the_stored_order_is_pinned(tmp_path: Path) -> None:
    corpus = MemoryCorpus([("train", None, str(i)) for i in range(8)] + [("test", None, str(i)) for i in range(8)])
    documents = stored(corpus, PLAIN, tmp_path)
    # Caches made by earlier versions rely on it.
    assert documents["train"].doc_ids.tolist() == [4, 5, 0, 6, 7, 1, 3, 2]
    assert documents["test"].doc_ids.tolist() == [5, 0, 1, 3, 7, 6, 4, 2]


def test_another_seed_gives_another_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = MemoryCorpus([("train", None, str(i)) for i in range(30)])
    orders = []
    for seed in (0, 1, 0):
        monkeypatch.setattr("elmo_cache.text.reader.ORDER_SEED", seed)
        assert CorpusReader(corpus, PLAIN).corpus_json["order_seed"] == seed
        orders.append(stored(corpus, PLAIN, tmp_path)["train"].doc_ids.tolist())
    assert orders[0] == orders[2] != orders[1]


@pytest.mark.parametrize(("keep", "kept"), [("last", "c d e"), ("first", "a b c")])
def test_the_window_cuts_and_says_so(tmp_path: Path, keep: str, kept: str) -> None:
    corpus = MemoryCorpus([("train", None, "a b c d e"), ("train", None, "a b c"), ("train", None, "")])
    documents = stored(corpus, TextRule("whitespace", max_tokens=3, keep=keep), tmp_path)["train"]
    assert texts(documents) == {0: kept.split(), 1: ["a", "b", "c"], 2: []}
    assert dict(zip(documents.doc_ids.tolist(), documents.truncated.tolist(), strict=True)) == {
        0: True, 1: False, 2: False,
    }  # fmt: skip
    assert CorpusReader(corpus, TextRule("whitespace", max_tokens=3)).n_truncated("train") == 1
    assert CorpusReader(corpus, PLAIN).n_truncated("train") == 0


def keras_load_data(ranked: list[list[int]], num_words: int, maxlen: int) -> list[list[int]]:
    """What `keras.datasets.imdb.load_data` and `pad_sequences` make of ranks, by Keras's documented rule."""
    documents = []
    for ranks in ranked:
        ids = [1] + [rank + 3 for rank in ranks]
        ids = [i if i < num_words else 2 for i in ids]
        documents.append([0] * max(0, maxlen - len(ids)) + ids[-maxlen:])
    return documents


def test_num_words_and_padding_agree_with_keras(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ranked = [(rng.zipf(1.3, size=n) % 60 + 1).tolist() for n in rng.integers(0, 40, size=50)]
    word = {rank: f"w{rank}" for rank in range(1, 61)}
    corpus = MemoryCorpus(
        [("train", None, " ".join(word[rank] for rank in ranks)) for ranks in ranked],
        word_ranks={w: rank for rank, w in word.items()},
    )
    rule = TextRule("whitespace", num_words=20, word_ranks=corpus.word_ranks, max_tokens=25, literal_padding=True)
    documents = stored(corpus, rule, tmp_path)["train"]
    names = {0: "<PAD>", 1: "<START>", 2: "<UNK>", **{rank + 3: w for rank, w in word.items()}}
    expected = {i: [names[k] for k in ids] for i, ids in enumerate(keras_load_data(ranked, 20, 25))}
    assert texts(documents) == expected


def test_ranks_come_from_the_train_split_alone(tmp_path: Path) -> None:
    corpus = MemoryCorpus([("train", None, "a a a b b c"), ("test", None, "c c c c c c b")])
    documents = stored(corpus, TextRule("whitespace", num_words=6, max_tokens=0), tmp_path)
    assert texts(documents["train"]) == {0: ["<START>", "a", "a", "a", "b", "b", "<UNK>"]}
    assert texts(documents["test"]) == {0: ["<START>", *["<UNK>"] * 6, "b"]}


def test_num_words_without_a_train_split_is_refused() -> None:
    corpus = MemoryCorpus([("dev", None, "a b")])
    with raises(messages.NO_TRAIN_SPLIT, CorpusError, name="memory", found="dev"):
        CorpusReader(corpus, TextRule("whitespace", num_words=10)).write(Path("unused"), None)  # type: ignore[arg-type]


def test_vocabulary_is_shared_and_sorted_by_frequency(tmp_path: Path) -> None:
    corpus = MemoryCorpus([("train", None, "b a a c"), ("test", None, "c c d b")])
    documents = stored(corpus, PLAIN, tmp_path)
    assert documents["train"].vocabulary == documents["test"].vocabulary == ["c", "a", "b", "d"]


def test_a_literal_special_word_in_the_text_is_that_word(tmp_path: Path) -> None:
    corpus = MemoryCorpus([("train", None, "<UNK> a <PAD>")])
    rule = TextRule("whitespace", num_words=10, max_tokens=6, literal_padding=True)
    assert texts(stored(corpus, rule, tmp_path)["train"]) == {0: ["<PAD>", "<PAD>", "<START>", "<UNK>", "a", "<PAD>"]}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("nothing", True),
        ("text", False),
        ("label", False),
        ("order", False),
        ("split", False),
        ("one document more", False),
        ("label names", False),
    ],
)
def test_the_corpus_is_identified_by_its_content(change: str, same: bool) -> None:
    documents: list[tuple[str, str | None, str]] = [
        ("train", "a", "one"),
        ("train", "b", "two"),
        ("test", "a", "three"),
    ]
    changed, label_names = list(documents), None
    if change == "text":
        changed[0] = ("train", "a", "One")
    elif change == "label":
        changed[0] = ("train", "b", "one")
    elif change == "order":
        changed[:2] = changed[1::-1]
    elif change == "split":
        changed[1] = ("test", "b", "two")
    elif change == "one document more":
        changed.append(("train", "a", ""))
    elif change == "label names":
        label_names = ("b", "a")
    first = CorpusReader(MemoryCorpus(documents), PLAIN).corpus_json
    second = CorpusReader(MemoryCorpus(changed, label_names=label_names), PLAIN, tokenise=False).corpus_json
    assert (first == second) is same


def test_labels_of_some_documents_only_are_refused() -> None:
    with raises(messages.SOME_LABELS_MISSING, CorpusError, name="memory"):
        CorpusReader(MemoryCorpus([("train", "a", "x"), ("train", None, "y")]), PLAIN)


def test_a_label_that_the_corpus_does_not_name_is_refused() -> None:
    corpus = MemoryCorpus([("train", "good", "a"), ("train", "meh", "b")], label_names=("bad", "good"))
    said = {"where": "memory", "name": "the label", "found": "'meh'", "expected": "one of bad, good"}
    with raises(messages.INVALID_ENTRY, CorpusError, **said):
        CorpusReader(corpus, PLAIN)


def test_an_empty_corpus_is_refused() -> None:
    with raises(messages.NO_DOCUMENTS, CorpusError, path="memory"):
        CorpusReader(MemoryCorpus([]), PLAIN)


def test_a_split_name_that_is_no_file_name_is_refused() -> None:
    with raises(messages.INVALID_ENTRY, CorpusError, where="memory", name="the split", found="'../x'"):
        CorpusReader(MemoryCorpus([("../x", None, "y")]), PLAIN)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("tokenizer", "moses", "one of keras, words, whitespace, characters, tokens"),
        ("keep", "middle", "one of last, first"),
        ("normalize", "nfd", "one of nfc, None"),
        ("max_tokens", -1, "a whole number from 0 to 2,147,483,647 (0 for no window)"),
        ("num_words", 4, "a whole number from 5 to 2,147,483,647 (four ids are reserved)"),
        ("num_words", "9", "a whole number from 5 to 2,147,483,647 (four ids are reserved)"),
    ],
)
def test_rules_with_values_that_are_refused(name: str, value: Any, expected: str) -> None:
    with raises(messages.INVALID_VALUE, CorpusError, name=name, found=repr(value), expected=expected):
        TextRule(**{name: value})


def test_padding_without_a_window_is_refused() -> None:
    with raises(messages.PADDING_WITHOUT_WINDOW, CorpusError):
        TextRule(max_tokens=0, literal_padding=True)


words = st.text(st.characters(exclude_categories=["Zs", "Zl", "Zp", "Cc", "Cs"]), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(
    documents=st.lists(
        st.tuples(st.sampled_from(["train", "test"]), st.lists(words, max_size=9)), min_size=1, max_size=9
    ),
    num_words=st.none() | st.integers(5, 12),
    max_tokens=st.integers(0, 6),
    keep=st.sampled_from(["last", "first"]),
    padding=st.booleans(),
)
def test_any_rule_on_any_text(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[tuple[str, list[str]]],
    num_words: int | None,
    max_tokens: int,
    keep: str,
    padding: bool,
) -> None:
    """An independent reading of the rule, word by word, against what is stored."""
    documents = [("train", ["a"]), *documents]
    rule = TextRule("whitespace", num_words, None, max_tokens, keep, padding and max_tokens > 0)
    corpus = MemoryCorpus([(split, None, " ".join(text)) for split, text in documents])
    found = stored(corpus, rule, tmp_path_factory.mktemp("any"))
    counts: dict[str, int] = {}
    for split, text in documents:
        if split == "train":
            for word in text:
                counts[word] = counts.get(word, 0) + 1
    ranking = sorted(counts, key=lambda word: (-counts[word], word.encode()))
    for split, split_documents in found.items():
        expected = {}
        for position, text in enumerate([words for name, words in documents if name == split]):
            if num_words is not None:
                kept = set(ranking[: num_words - 4])
                text = ["<START>", *(word if word in kept else "<UNK>" for word in text)]
            if max_tokens:
                text = text[max(0, len(text) - max_tokens) :] if keep == "last" else text[:max_tokens]
            if rule.literal_padding:
                text = ["<PAD>"] * (max_tokens - len(text)) + text
            expected[position] = text
        # The order numbers of the in-memory corpus count over all splits; positions count within one.
        assert texts(split_documents) == expected
