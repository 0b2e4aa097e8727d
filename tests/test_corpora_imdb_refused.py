"""`imdb`: files that only claim to be Keras's, or would run code."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imdb_files import failure, npy_header, objects, open_imdb, write_npz, write_words

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


def test_what_load_data_gives_is_told(tmp_path: Path) -> None:
    shifted = objects([[1, 4, 5, 8], [1, 7, 2], [1, 4, 6, 4], [1, 2]])
    message = failure(open_imdb(tmp_path, x_train=shifted, y_train=np.array([0, 1, 0, 1])))
    assert message.startswith(f"{tmp_path / 'imdb.npz'}: every review of x_train begins with 1 and none has a 3")
    assert "save what load_data(start_char=None, index_from=0) gives" in message


def test_reviews_that_begin_with_the_are_not_what_load_data_gives(tmp_path: Path) -> None:
    for reviews in ([[1, 2, 3], [1, 4], [1, 2], [1, 5]], [[1, 4, 1], [1, 4], [1, 2], [1, 5]], [[1, 4], [1, 2]]):
        corpus = open_imdb(tmp_path, x_train=objects(reviews), y_train=np.zeros(len(reviews), int))
        assert len(list(corpus.documents())) == len(reviews) + 2
