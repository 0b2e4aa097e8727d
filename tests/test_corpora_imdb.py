"""`imdb`: Keras's own files, given or downloaded."""

import hashlib
import importlib
import json
import pickle
import re
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from errors_expected import raises
from imdb_files import WORDS, X_TRAIN, npy_header, objects, open_imdb, refused, write_npz, write_words

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import Document, open_corpus
from elmo_cache.text.corpora import imdb as imdb_module
from elmo_cache.text.tokenization import keras_tokens

REAL_WORD_INDEX = Path(__file__).resolve().parents[2] / "shared" / "data" / "imdb" / "imdb_word_index.json"


def test_documents(tmp_path: Path) -> None:
    corpus = open_imdb(tmp_path)
    expected = [
        Document("train", 0, "pos", "the film it's good"),
        Document("train", 1, "neg", "bad"),
        Document("train", 2, "neg", ""),
        Document("test", 0, "neg", "the bad film"),
        Document("test", 1, "pos", "good good"),
    ]
    for _ in range(2):
        for n_read, document in enumerate(corpus.documents(), start=1):
            assert corpus.position == n_read
            assert document == expected[n_read - 1]
        assert corpus.position == corpus.size == 5


def test_facts(tmp_path: Path) -> None:
    corpus = open_imdb(tmp_path)
    assert (corpus.name, corpus.tokenizer, corpus.unit) == ("imdb", "keras", "docs")
    assert (corpus.label_names, corpus.word_ranks) == (("neg", "pos"), WORDS)


def test_reviews_of_one_length(tmp_path: Path) -> None:
    # np.array makes a two-dimensional array of them.
    x_test = np.array([[1, 2], [3, 4]], dtype=object)
    assert [d.text for d in open_imdb(tmp_path, x_test=x_test).documents()][3:] == ["the film", "good bad"]
    x_test = np.array([[1, 2], [3, 4]])
    assert [d.text for d in open_imdb(tmp_path, x_test=x_test).documents()][3:] == ["the film", "good bad"]


def _python_2_pickle(module: str) -> bytes:
    """What Python 2 pickled for the object array `X_TRAIN`, its strings as SHORT_BINSTRING."""
    rows = b"".join(b"](" + b"".join(b"K" + bytes([rank]) for rank in row) + b"e" for row in X_TRAIN)
    return (
        b"\x80\x02c" + module.encode() + b"\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x03\x85cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89](" + rows + b"etb."
    )


def _python_3_pickle(module: str) -> bytes:
    """What NumPy writes, under protocol 3 of old, where a module's name is text that can be exchanged."""
    own = str(np.array([]).__reduce__()[0].__module__).encode()
    pickled = pickle.dumps(objects(X_TRAIN), protocol=3)
    assert own in pickled
    return pickled.replace(own, module.encode())


@pytest.mark.parametrize(
    "pickled",
    [
        _python_2_pickle("numpy.core.multiarray"),
        _python_3_pickle("numpy.core.multiarray"),
        _python_3_pickle("numpy._core.multiarray"),
        pickle.dumps(objects(X_TRAIN), protocol=4),
        pickle.dumps(objects(X_TRAIN), protocol=5),
    ],
    ids=["python 2", "numpy 1", "numpy 2", "protocol 4", "protocol 5"],
)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_pickles_of_every_numpy_and_protocol(tmp_path: Path, pickled: bytes, version: int) -> None:
    path = write_npz(tmp_path, x_train=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train.npy", npy_header(version) + pickled)
    corpus = open_corpus("imdb", imdb_npz=path, imdb_word_index=write_words(tmp_path))
    assert [d.text for d in corpus.documents()][:3] == ["the film it's good", "bad", ""]


class FakeKeras:
    """Stands in for Keras: notes what it is asked to download."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], str]) -> None:
        self.asked: list[dict[str, str]] = []

        def get_file(**kwargs: str) -> str:
            self.asked.append(kwargs)
            return answer(kwargs["fname"])

        keras = types.ModuleType("keras")
        keras.utils = types.SimpleNamespace(get_file=get_file)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "keras", keras)


def test_downloaded_by_keras_when_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_npz(tmp_path), write_words(tmp_path)
    keras = FakeKeras(monkeypatch, lambda name: str(tmp_path / name))
    corpus = open_corpus("imdb")
    assert corpus.split_rule and not keras.asked
    assert len(list(corpus.documents())) == corpus.size == len(list(corpus.documents()))
    assert sorted(asked["fname"] for asked in keras.asked) == ["imdb.npz", "imdb_word_index.json"]


def test_downloads_what_keras_downloads() -> None:
    source = importlib.util.find_spec("keras")
    assert source is not None and source.origin is not None
    text = (Path(source.origin).parent / "src" / "datasets" / "imdb.py").read_text("utf-8")
    assert imdb_module.ORIGIN in text
    for fact in (*imdb_module.NPZ, *imdb_module.WORD_INDEX):
        assert f'"{fact}"' in text or f"{{origin_folder}}{fact}" in text


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> str:
        raise Exception(f"URL fetch failure on https://x/{name}: None -- [Errno -3] no name resolution")

    FakeKeras(monkeypatch, refuse)
    for given in ({}, {"imdb_npz": write_npz(tmp_path)}, {"imdb_word_index": write_words(tmp_path)}):
        corpus = open_corpus("imdb", **given)  # type: ignore[arg-type]
        refused(corpus, messages.IMDB_NOT_DOWNLOADED, error=re.compile("no name resolution"))
    with raises(messages.IMDB_NOT_DOWNLOADED, CorpusError, url=imdb_module.ORIGIN + "imdb.npz"):
        assert open_corpus("imdb").size


def test_the_published_word_index(tmp_path: Path) -> None:
    if not REAL_WORD_INDEX.is_file():
        pytest.skip(f"no {REAL_WORD_INDEX}")
    published = json.loads(REAL_WORD_INDEX.read_text("utf-8"))
    assert hashlib.md5(REAL_WORD_INDEX.read_bytes()).hexdigest() == imdb_module.WORD_INDEX[1]
    ranks = list(range(1, 88_585))
    npz = write_npz(tmp_path, x_train=objects([ranks, [1, 14, 20], [4]]))
    corpus = open_corpus("imdb", imdb_npz=npz, imdb_word_index=REAL_WORD_INDEX)
    texts = [document.text for document in corpus.documents()]
    assert texts[1] == "the as on"
    # Each word is one token by Keras's rule, and its rank is found; two spellings belong to another word.
    assert corpus.word_ranks is not None
    tokens = keras_tokens(texts[0])
    assert len(tokens) == len(ranks)
    found = [corpus.word_ranks[token] for token in tokens]
    assert sum(rank != place for rank, place in zip(found, ranks, strict=True)) == 2
    assert {word: corpus.word_ranks[word] for word in published} == published
    assert len(corpus.word_ranks) == 88_584 + 19
