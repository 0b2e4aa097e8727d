"""What goes in comes out, whatever the words, the shards and the limits; larger limits only add."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_corpus import MemoryCorpus
from numpy_encoder import ALL_LAYERS, HashEncoder, build_small, expected_float16
from small_cache import contents, expected, write_cache

from cache import FeatureCache, Split, verify
from elmo_cache import TextRule, build

# Any word at all: empty, white space, NUL, emoji, lone surrogates.
any_word = st.text(max_size=6)
# Words that the whitespace tokeniser leaves whole, from text that a corpus can hold.
plain_word = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(lambda w: "".join(w.split()) or "x")
lengths = st.one_of(st.integers(0, 5), st.integers(0, 5), st.integers(100, 400))


def documents_of(word: st.SearchStrategy[str], max_documents: int) -> st.SearchStrategy[list[list[str]]]:
    """Documents of 0 to 400 words out of a few, so that long ones cost hypothesis little."""

    def spread(words: list[str], sizes: list[int], step: int) -> list[list[str]]:
        return [[words[(i + k * step) % len(words)] for k in range(size)] for i, size in enumerate(sizes)]

    sizes = st.lists(lengths, min_size=1, max_size=max_documents)
    return st.builds(spread, st.lists(word, min_size=1, max_size=12), sizes, st.integers(1, 11))


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of files: what the disk does with them is not the subject here."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def fresh(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=folder)) / "c"


def check(split: Split, documents: list[list[str]], wanted: list[np.ndarray]) -> None:
    assert len(split) == len(documents) == len(wanted)
    for i, words in enumerate(documents):
        assert split.tokens(i) == words
        assert split[i].dtype == np.float16 and split[i].shape == (len(words), 8)
        np.testing.assert_array_equal(split[i].view(np.uint16), wanted[i].view(np.uint16))
    assert split.lengths.tolist() == [len(words) for words in documents]


@given(
    documents_of(any_word, 10), documents_of(any_word, 3), st.integers(1, 900), st.lists(st.integers(0, 12), max_size=2)
)
@settings(max_examples=40, deadline=None)
def test_any_words_any_shards_any_limits(
    folder: Path, train: list[list[str]], test: list[list[str]], shard_tokens: int, limits: list[int]
) -> None:
    out = fresh(folder)
    splits = {"train": train, "test": test}
    wanted = {name: expected(documents) for name, documents in splits.items()}
    before: dict[str, bytes] = {}
    for limit in [*sorted(limits), max(len(train), len(test))]:
        write_cache(out, splits, shard_tokens=shard_tokens, limit=limit)
        after = contents(out)
        assert all(after[name] == data for name, data in before.items() if name != "manifest.json")
        before = after
        with FeatureCache(out) as features:
            for name, documents in splits.items():
                check(features[name], documents[:limit], wanted[name][:limit])
                check(features[name].load(), documents[:limit], wanted[name][:limit])
    assert verify(out) == []


@given(documents_of(plain_word, 12), st.integers(1, 900), st.lists(st.integers(0, 12), max_size=2), st.booleans())
@settings(max_examples=25, deadline=None)
def test_built_of_any_corpus(
    folder: Path, documents: list[list[str]], shard_tokens: int, limits: list[int], labelled: bool
) -> None:
    """The same through `build`: its order is a permutation, the same for every limit."""
    out = fresh(folder)
    corpus = MemoryCorpus(
        [("train", f"class{i % 3}" if labelled else None, " ".join(words)) for i, words in enumerate(documents)]
    )
    orders, files = [], {}
    for limit in [*sorted(limits), len(documents)]:
        with build(
            corpus,
            HashEncoder(),
            out,
            limit={"train": limit},
            shard_tokens=shard_tokens,
            rule=TextRule("whitespace", max_tokens=0),
        ) as features:
            train = features["train"]
            orders.append(train.doc_ids.tolist())
            stored = [documents[k] for k in orders[-1]]
            check(train, stored, expected_float16(HashEncoder(), stored))
            if labelled:
                assert train.labels is not None and features.label_names is not None
                assert [features.label_names[k] for k in train.labels] == [f"class{k % 3}" for k in orders[-1]]
            else:
                assert train.labels is None
        files |= {name: data for name, data in contents(out).items() if name != "manifest.json" and name not in files}
    assert sorted(orders[-1]) == list(range(len(documents)))
    assert all(later[: len(earlier)] == earlier for earlier, later in pairwise(orders))
    assert {name: data for name, data in contents(out).items() if name != "manifest.json"} == files


@pytest.mark.parametrize("extension", [".jsonl", ".csv"])
@pytest.mark.parametrize("encoder", [HashEncoder(), HashEncoder(layers=ALL_LAYERS)])
def test_built_of_a_file(tmp_path: Path, extension: str, encoder: HashEncoder) -> None:
    with build_small(tmp_path / "c", extension=extension, encoder=encoder) as features:
        assert features.complete and {name: len(features[name]) for name in features} == {"train": 30, "test": 8}
        train = features.split("train", 2 if encoder.layers else None)
        wanted = expected_float16(encoder, [train.tokens(i) for i in range(30)])
        for i in range(30):
            np.testing.assert_array_equal(train[i], wanted[i][:, -8:])
        assert 0 in train.lengths and 150 in train.lengths and any("映画" in word for word in features.vocabulary)
    assert verify(tmp_path / "c") == []


def test_building_imports_no_framework(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from numpy_encoder import build_small
build_small(Path(sys.argv[2]) / "c", 3, 1)["train"].padded(5)
print(sorted({"keras", "tensorflow", "jax", "torch", "tensorflow_hub"} & set(sys.modules)))
"""
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=120)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "[]\n", "")
