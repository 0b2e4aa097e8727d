"""`imdb`: Keras's own files, and files that only claim to be."""

import hashlib
import importlib
import json
import os
import pickle
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elmo_cache.corpora import Corpus, Document, open_corpus
from elmo_cache.corpora import imdb as imdb_module
from elmo_cache.errors import CorpusError
from elmo_cache.tokenization import keras_tokens

REAL_WORD_INDEX = Path(__file__).resolve().parents[2] / "shared" / "data" / "imdb" / "imdb_word_index.json"

WORDS = {"the": 1, "film": 2, "good": 3, "bad": 4, "it's": 5}
X_TRAIN = [[1, 2, 5, 3], [4], []]
X_TEST = [[1, 4, 2], [3, 3]]


def objects(rows: list[Any]) -> np.ndarray:
    """An object array of lists, as in Keras's file."""
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


def npy_header(version: int) -> bytes:
    """The header of an `.npy` of three objects."""
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }".ljust(117) + "\n"
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode()


def write_npz(folder: Path, **changes: Any) -> Path:
    arrays: dict[str, Any] = {
        "x_train": objects(X_TRAIN),
        "y_train": np.array([1, 0, 0]),
        "x_test": objects(X_TEST),
        "y_test": np.array([0, 1]),
    }
    path = folder / "imdb.npz"
    np.savez(path, **{name: value for name, value in (arrays | changes).items() if value is not None})
    return path


def write_words(folder: Path, content: object = WORDS) -> Path:
    path = folder / "imdb_word_index.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def open_imdb(folder: Path, **changes: Any) -> Corpus:
    return open_corpus("imdb", imdb_npz=write_npz(folder, **changes), imdb_word_index=write_words(folder))


def failure(corpus: Corpus) -> str:
    with pytest.raises(CorpusError) as caught:
        list(corpus.documents())
    assert "\n" not in str(caught.value)
    return str(caught.value)


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


class _Attack:
    def __init__(self, call: Callable[..., Any], *args: Any) -> None:
        self.call, self.args = call, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call, self.args


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (os.mkdir, "posix.mkdir"),
        (eval, "builtins.eval"),
        (np.fromfile, "numpy.fromfile"),
        (np.load, "numpy.load"),
    ],
)
def test_an_npz_that_would_run_code(tmp_path: Path, call: Callable[..., Any], names: str) -> None:
    target = tmp_path / "made"
    argument = f"__import__('os').mkdir({str(target)!r})" if call is eval else str(target)
    x_train = np.array([_Attack(call, argument), [1]], dtype=object)
    message = failure(open_imdb(tmp_path, x_train=x_train))
    assert f"{tmp_path / 'imdb.npz'}: x_train cannot be read" in message
    assert names.split(".")[1] in message and "which no array needs" in message
    assert not target.exists()


def test_labels_that_would_run_code(tmp_path: Path) -> None:
    target = tmp_path / "made"
    y_train = np.array([_Attack(os.mkdir, str(target)), 0, 0], dtype=object)
    assert "y_train cannot be read" in failure(open_imdb(tmp_path, y_train=y_train))
    assert not target.exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"x_train": None}, "x_train cannot be read as in Keras's imdb.npz"),
        ({"y_test": None}, "y_test cannot be read"),
        ({"y_train": np.array([1, 0])}, "3 reviews in x_train but 2 in y_train"),
        ({"y_train": np.array([1, 2, 0])}, "expected y_train to be one-dimensional, of labels 0 and 1"),
        ({"y_train": np.array([[1], [0], [0]])}, "expected y_train to be one-dimensional"),
        ({"y_train": np.array(["a", "b", "c"])}, "expected y_train to be one-dimensional"),
        ({"y_train": objects([1, 0, 0])}, "expected y_train to be one-dimensional"),
        ({"x_train": np.array([0.5, 1, 2])}, "expected x_train to be an array of lists of ranks"),
        ({"x_train": np.zeros((3, 1, 1), int)}, "expected x_train to be an array of lists of ranks"),
        ({"x_train": objects([[1], [6], []])}, "x_train[1] is not a list of ranks 1 to 5 (KeyError(6))"),
        ({"x_train": objects([[1], [], [0]])}, "x_train[2] is not a list of ranks 1 to 5"),
        ({"x_train": objects([[-1], [], [1]])}, "x_train[0] is not a list of ranks"),
        ({"x_train": objects([[[1]], [], [1]])}, "x_train[0] is not a list of ranks"),
        ({"x_train": np.array([1, 2, 3])}, "x_train[0] is not a list of ranks"),
        ({"x_test": objects([None, [1]])}, "x_test[0] is not a list of ranks"),
        ({"x_test": objects(["the film", [1]])}, "x_test[0] is not a list of ranks"),
        (
            {name: np.zeros(0, int) for name in ("x_train", "y_train", "x_test", "y_test")},
            "no documents",
        ),
    ],
)
def test_arrays_that_are_not_kerass(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    message = failure(open_imdb(tmp_path, **changes))
    assert message.startswith(f"{tmp_path / 'imdb.npz'}: ") and says in message


def test_damaged_npz(tmp_path: Path) -> None:
    words = write_words(tmp_path)
    path = write_npz(tmp_path)
    whole = path.read_bytes()
    good = list(open_corpus("imdb", imdb_npz=path, imdb_word_index=words).documents())
    damaged = [whole[:n_bytes] for n_bytes in range(0, len(whole), 97)]
    for position in range(0, len(whole), 13):
        damaged.append(whole[:position] + bytes([whole[position] ^ 0x21]) + whole[position + 1 :])
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            found = list(open_corpus("imdb", imdb_npz=path, imdb_word_index=words).documents())
        except CorpusError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            refused += 1
        else:
            assert found == good  # a time stamp, or the like
    assert refused > len(damaged) * 0.7


@pytest.mark.parametrize("pickled", [b"", b"N.", b"]q\x00h\x00a.", b"cnumpy\nndarray\n.", b"(K\x01K\x01l."])
def test_other_pickles(tmp_path: Path, pickled: bytes) -> None:
    path = write_npz(tmp_path, x_train=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train.npy", npy_header(1) + pickled)
    assert "x_train" in failure(open_corpus("imdb", imdb_npz=path, imdb_word_index=write_words(tmp_path)))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not a word index in JSON"),
        ("\udcff", "not a word index in JSON"),
        ("[" * 100_000, "not a word index in JSON"),
        ("[]", "expected a JSON object of words and ranks"),
        ("{}", "expected a JSON object of words and ranks"),
        ('{"the": 0}', "'the' has the rank 0, expected a whole number from 1"),
        ('{"the": "1"}', "'the' has the rank '1'"),
        ('{"the": true}', "'the' has the rank True"),
        (
            '{"the": 1, "film": 1}',
            "'film' has the rank 1, expected a whole number from 1 that no other word has",
        ),
    ],
)
def test_bad_word_index(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "words.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    message = failure(open_corpus("imdb", imdb_npz=write_npz(tmp_path), imdb_word_index=path))
    assert message.startswith(f"{path}: {says}")


@pytest.mark.parametrize(("option", "argument"), [("--imdb-npz", "imdb_npz"), ("--imdb-word-index", "imdb_word_index")])
def test_missing_file_shows_on_opening(tmp_path: Path, option: str, argument: str) -> None:
    with pytest.raises(CorpusError, match=f"x: no such file; {option} takes a file"):
        open_corpus("imdb", **{argument: tmp_path / "x"})  # type: ignore[arg-type]


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
        message = failure(open_corpus("imdb", **given))  # type: ignore[arg-type]
        assert "cannot be downloaded" in message and "no name resolution" in message
        assert "--imdb-npz" in message and "--imdb-word-index" in message
    with pytest.raises(CorpusError, match="imdb.npz: cannot be downloaded"):
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
