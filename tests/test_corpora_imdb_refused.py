"""`imdb`: files that only claim to be Keras's, or would run code."""

import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import raises
from imdb_files import npy_header, objects, open_imdb, refused, write_npz, write_words

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import open_corpus


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
    error = f"it asks for {names}, which no array needs"
    where = f"{tmp_path / 'imdb.npz'}, x_train"
    refused(open_imdb(tmp_path, x_train=x_train), messages.DATA_SET_DAMAGED, where=where, error=error)
    assert not target.exists()


def test_labels_that_would_run_code(tmp_path: Path) -> None:
    target = tmp_path / "made"
    y_train = np.array([_Attack(os.mkdir, str(target)), 0, 0], dtype=object)
    where = f"{tmp_path / 'imdb.npz'}, y_train"
    refused(open_imdb(tmp_path, y_train=y_train), messages.DATA_SET_DAMAGED, where=where)
    assert not target.exists()


@pytest.mark.parametrize(
    ("changes", "name", "expected"),
    [
        ({"y_train": np.array([1, 2, 0])}, "y_train", "a one-dimensional array of the labels 0 and 1"),
        ({"y_train": np.array([[1], [0], [0]])}, "y_train", "a one-dimensional array of the labels 0 and 1"),
        ({"y_train": np.array(["a", "b", "c"])}, "y_train", "a one-dimensional array of the labels 0 and 1"),
        ({"y_train": objects([1, 0, 0])}, "y_train", "a one-dimensional array of the labels 0 and 1"),
        ({"x_train": np.array([0.5, 1, 2])}, "x_train", "an array of lists of ranks"),
        ({"x_train": np.zeros((3, 1, 1), int)}, "x_train", "an array of lists of ranks"),
    ],
)
def test_arrays_of_another_kind(tmp_path: Path, changes: dict[str, Any], name: str, expected: str) -> None:
    path = tmp_path / "imdb.npz"
    refused(open_imdb(tmp_path, **changes), messages.IMDB_ARRAY, path=path, name=name, expected=expected)


@pytest.mark.parametrize(
    ("changes", "place", "error"),
    [
        ({"x_train": objects([[1], [6], []])}, "x_train[1]", "KeyError(6)"),
        ({"x_train": objects([[1], [], [0]])}, "x_train[2]", "KeyError(0)"),
        ({"x_train": objects([[-1], [], [1]])}, "x_train[0]", "KeyError(-1)"),
        ({"x_train": objects([[[1]], [], [1]])}, "x_train[0]", re.compile("^TypeError")),
        ({"x_train": np.array([1, 2, 3])}, "x_train[0]", re.compile("^TypeError")),
        ({"x_test": objects([None, [1]])}, "x_test[0]", re.compile("^TypeError")),
        ({"x_test": objects(["the film", [1]])}, "x_test[0]", "KeyError('t')"),
    ],
)
def test_reviews_that_are_not_ranks(tmp_path: Path, changes: dict[str, Any], place: str, error: Any) -> None:
    where = f"{tmp_path / 'imdb.npz'}: {place}"
    refused(open_imdb(tmp_path, **changes), messages.IMDB_REVIEW, where=where, most=5, error=error)


def test_arrays_that_are_missing_or_do_not_agree(tmp_path: Path) -> None:
    path = tmp_path / "imdb.npz"
    for name in ("x_train", "y_test"):
        refused(open_imdb(tmp_path, **{name: None}), messages.DATA_SET_DAMAGED, where=f"{path}, {name}")
    two = open_imdb(tmp_path, y_train=np.array([1, 0]))
    refused(two, messages.UNEXPECTED, where=f"{path}, y_train", found="2 labels", expected="3 as in x_train")
    nothing = {name: np.zeros(0, int) for name in ("x_train", "y_train", "x_test", "y_test")}
    refused(open_imdb(tmp_path, **nothing), messages.NO_DOCUMENTS, path=path)


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
    corpus = open_corpus("imdb", imdb_npz=path, imdb_word_index=write_words(tmp_path))
    with pytest.raises(CorpusError) as caught:
        list(corpus.documents())
    assert "x_train" in str(caught.value)


WORDS_AND_RANKS = "an object of words and their ranks"
A_RANK = "a whole number from 1 that no other word has"


@pytest.mark.parametrize(
    ("content", "message", "data"),
    [
        ("{", messages.NOT_JSON, {"expected": WORDS_AND_RANKS}),
        ("\udcff", messages.NOT_JSON, {"expected": WORDS_AND_RANKS}),
        ("[" * 100_000, messages.NOT_JSON, {"expected": WORDS_AND_RANKS}),
        ("[]", messages.UNEXPECTED, {"found": "[]", "expected": WORDS_AND_RANKS}),
        ("{}", messages.UNEXPECTED, {"found": "{}", "expected": WORDS_AND_RANKS}),
        ('{"the": 0}', messages.INVALID_ENTRY, {"name": "the rank of 'the'", "found": "0", "expected": A_RANK}),
        ('{"the": "1"}', messages.INVALID_ENTRY, {"name": "the rank of 'the'", "found": "'1'", "expected": A_RANK}),
        ('{"the": true}', messages.INVALID_ENTRY, {"name": "the rank of 'the'", "found": "True", "expected": A_RANK}),
        (
            '{"the": 1, "film": 1}',
            messages.INVALID_ENTRY,
            {"name": "the rank of 'film'", "found": "1", "expected": A_RANK},
        ),
    ],
)
def test_bad_word_index(tmp_path: Path, content: str, message: str, data: dict[str, Any]) -> None:
    path = tmp_path / "words.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    corpus = open_corpus("imdb", imdb_npz=write_npz(tmp_path), imdb_word_index=path)
    refused(corpus, message, where=path, **data)


@pytest.mark.parametrize("name", ["imdb_npz", "imdb_word_index"])
def test_missing_file_shows_on_opening(tmp_path: Path, name: str) -> None:
    with raises(messages.NO_FILE, CorpusError, path=tmp_path / "x", name=name):
        open_corpus("imdb", **{name: tmp_path / "x"})  # type: ignore[arg-type]


def test_what_load_data_gives_is_told(tmp_path: Path) -> None:
    shifted = objects([[1, 4, 5, 8], [1, 7, 2], [1, 4, 6, 4], [1, 2]])
    corpus = open_imdb(tmp_path, x_train=shifted, y_train=np.array([0, 1, 0, 1]))
    refused(corpus, messages.IMDB_SHIFTED, path=tmp_path / "imdb.npz", name="x_train")


def test_reviews_that_begin_with_the_are_not_what_load_data_gives(tmp_path: Path) -> None:
    for reviews in ([[1, 2, 3], [1, 4], [1, 2], [1, 5]], [[1, 4, 1], [1, 4], [1, 2], [1, 5]], [[1, 4], [1, 2]]):
        corpus = open_imdb(tmp_path, x_train=objects(reviews), y_train=np.zeros(len(reviews), int))
        assert len(list(corpus.documents())) == len(reviews) + 2
