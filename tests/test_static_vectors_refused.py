"""A file of vectors that cannot be read: the one line it is refused with, and where."""

import bz2
import gzip
import struct
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bad_vectors import failure, quick_xz
from hypothesis import given, settings
from hypothesis import strategies as st

from cache.errors import CacheWarning
from trainer.errors import VectorsError
from trainer.vectors import compressed, load_static_vectors, text_files

BINARY = "binary data, expected text in UTF-8; of a .bin model give the text file, .vec or .txt"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("2 3\na 1 2\nb 1 2\n", ", line 2: 2 values after the word, expected 3 as the header says"),
        ("2 2\na 1 2 3\nb 1 2 3\n", ", line 2: 3 values after the word, expected 2 as the header says"),
        ("2 2\nx 0.1 0.2 0.3\n", ", line 2: 3 values after the word, expected 2 as the header says"),
        ("2 2\n1 2 3 4\n", ", line 2: 3 values after the word, expected 2 as the header says"),
        ("2 2\n", ": no vectors, the file is empty"),
        ("0 2\na 1 2\n", ", line 1: a header of 0 rows and 2 values, expected at least 1 row and 1 to 10000 values"),
        ("2 0\na\n", ", line 1: a header of 2 rows and 0 values"),
        ("2 10001\na\n", ", line 1: a header of 2 rows and 10001 values"),
    ],
)
def test_header_and_body_disagree(tmp_path: Path, content: str, says: str) -> None:
    assert failure(tmp_path, content).startswith(says)


@pytest.mark.parametrize("word", ["a", "other"])
@pytest.mark.parametrize(
    ("header", "values", "n_values"),
    [
        *((header, *few) for header in ("", "3 3\n") for few in [("1 2", 2), ("1", 1), ("", 0)]),
        ("", "1 2 3 4", 4),  # with a header it is a word that ends in a number
        ("", "0.1 1e-3 -.5 2. 5", 5),
    ],
)
def test_wrong_number_of_values(tmp_path: Path, word: str, header: str, values: str, n_values: int) -> None:
    line = 3 if header else 2
    expected = "3 as the header says" if header else "3 as in the first row"
    message = failure(tmp_path, f"{header}b 1 2 3\n{word} {values}\nc 1 2 3\n")
    assert message == f", line {line}: {n_values} values after the word, expected {expected}; fetch it again"


@pytest.mark.parametrize("bad", ["x", "1_0", "0x1", "1,5", "--1", "1e", "", "١", "1\x00"])
@pytest.mark.parametrize("word", ["a", "b b"])
def test_not_a_number(tmp_path: Path, bad: str, word: str) -> None:
    path = tmp_path / "some.vec"
    path.write_text(f"c 1 2 3\n{word} 1 {bad} 3\n", "utf-8")
    with pytest.raises(VectorsError) as caught:
        load_static_vectors(path, [word])
    assert str(caught.value) == f"{path}, line 2: {bad!r} is not a number, in the vector of {word!r}"


@pytest.mark.parametrize("bad", ["nan", "-NaN", "inf", "-Infinity", "1e39", "-1e999"])
@pytest.mark.parametrize("line", [1, 2])
def test_not_finite(tmp_path: Path, bad: str, line: int) -> None:
    message = failure(tmp_path, "x 1 2 3\n" * (line - 1) + f"a 1 {bad} 3\n")
    assert message == f", line {line}: {bad!r} is not a finite 32-bit number, in the vector of 'a'"


def test_values_of_other_words_are_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "some.vec"
    path.write_text("a 1 2\nother nan x\n", "utf-8")
    assert load_static_vectors(path, ["a"]).found.all()


@pytest.mark.parametrize("word", [b"b\xff", b"caf\xe9", b"\xed\xa0\x80", b"\xc3"])
@pytest.mark.parametrize("header", [b"", b"2 2\n"])
def test_not_utf_8(tmp_path: Path, word: bytes, header: bytes) -> None:
    line = 3 if header else 2
    byte, offset = (0xE9, 3) if word.startswith(b"caf") else (word[-1], 1) if word[:1] == b"b" else (word[0], 0)
    message = failure(tmp_path, header + b"x 1 2\n" + word + b" 1 2\n")
    assert message == (
        f", line {line}: not UTF-8 (byte 0x{byte:02x} at offset {offset} of the line); save the file as UTF-8"
    )


def test_latin_1_in_the_first_lines_is_not_called_binary(tmp_path: Path) -> None:
    assert ", line 1: not UTF-8 (byte 0xe9 at offset 3" in failure(tmp_path, b"caf\xe9 1 2\n")
    assert ", line 2: not UTF-8 (byte 0xe9 at offset 3" in failure(tmp_path, b"1 2\ncaf\xe9 1 2\n")


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n \n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, quick_xz])
def test_empty(tmp_path: Path, content: bytes, pack: Callable[[bytes], bytes]) -> None:
    assert failure(tmp_path, pack(content)) == ": no vectors, the file is empty"


WORD2VEC_BIN = b"2 50\n" + b"".join(
    word + np.random.default_rng(1).normal(size=50).astype("<f4").tobytes() + b"\n" for word in (b"a ", b"b ")
)
FASTTEXT_BIN = struct.pack("<ii", 793712314, 12) + struct.pack(
    "<12id", *[100, 5, 5, 1, 5, 1, 2, 2, 2**21, 3, 6, 100], 1e-4
)


@pytest.mark.parametrize(
    "content",
    [
        WORD2VEC_BIN,
        b"3000000 300\n</s> " + bytes(range(256)) * 5,
        FASTTEXT_BIN,
        FASTTEXT_BIN + bytes(4 * 2**20),
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}\n" + bytes(100),
        b"\x80\x05\x95cgensim.models\n",
        "a 1 2\n".encode("utf-16"),
        b"\0" * 3 * 2**20,
    ],
    ids=["word2vec", "word2vec 300", "fastText", "fastText, long", "npy", "pickle", "UTF-16", "zeros"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_binary(tmp_path: Path, content: bytes, pack: Callable[[bytes], bytes]) -> None:
    message = failure(tmp_path, pack(content))
    assert message == f", line {2 if content[:2] in (b'2 ', b'30') else 1}: {BINARY}"


def test_every_word2vec_binary_is_told(tmp_path: Path) -> None:
    for seed in range(50):
        values = np.random.default_rng(seed).normal(size=300).astype("<f4").tobytes()
        assert failure(tmp_path, b"1 300\na " + values + b"\n") == f", line 2: {BINARY}"


@pytest.mark.parametrize(
    "content",
    ["text\n", "a b\n", "a\t1\t2\n", "a b  1\n", "the 0.1 x 0.3\n", "word,x,y\n", "1, 2, 3\n", '{"a": [1, 2]}\n'],
)
def test_not_vectors(tmp_path: Path, content: str) -> None:
    message = failure(tmp_path, content)
    assert message.startswith(f", line 1: {content.strip()!r} is no row of vectors, expected a header `count dim`")


def test_too_many_values_without_a_header(tmp_path: Path) -> None:
    assert "is no row of vectors" in failure(tmp_path, "a" + " 1" * 10_001 + "\n")


@pytest.mark.parametrize("content", ["a 1 2\n" + "x" * 101, "1 2\na" + " 1" * 60 + "\n", "x" * 101 + "\n"])
def test_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setattr(text_files, "MAX_LINE_BYTES", 100)
    line = 2 if content[0] != "x" else 1
    assert failure(tmp_path, content) == f", line {line}: longer than 100 bytes, expected a word and its values"


@pytest.mark.parametrize("header", [f"{10**12} 300", f"{10**12} 10000", f"{10**17} 2"])
def test_a_header_allocates_nothing(tmp_path: Path, header: str) -> None:
    path = tmp_path / "some.vec"
    path.write_text(f"{header}\na{' 1' * int(header.split()[1])}\n", "utf-8")
    tracemalloc.start()
    try:
        with pytest.warns(CacheWarning, match=f"the header states {header.split()[0]} rows, the file has 1;"):
            assert load_static_vectors(path, ["a"]).found.all()
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


@settings(max_examples=50)
@given(st.binary(min_size=1, max_size=200))
def test_anything(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "anything"
    for start in (b"", b"2 1\n", b"a 1\n", gzip.compress(b"x")[:10], b"BZh91AY&SY", b"\xfd7zXZ\0\0"):
        path.write_bytes(start + content)
        try:
            with warnings.catch_warnings(category=CacheWarning, action="ignore"):
                load_static_vectors(path, ["a", "0", ""])
        except VectorsError as error:
            assert str(error).startswith(f"{path}") and len(str(error)) < 1000


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(VectorsError) as caught:
        load_static_vectors(str(tmp_path / "none.vec"), ["a"])
    assert str(caught.value) == f"{tmp_path / 'none.vec'}: no such file; expected a file of vectors, glove-50d or muse"


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(VectorsError) as caught:
        load_static_vectors(tmp_path, ["a"])
    assert str(caught.value) == f"{tmp_path}: a folder, expected a file of vectors"


def test_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(VectorsError, match="file/x: cannot be read .Not a directory"):
        load_static_vectors(tmp_path / "file" / "x", ["a"])


def test_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def readinto(self: compressed._CountedFile, buffer: bytearray) -> int:
        raise OSError(5, "Input/output error")

    path = tmp_path / "some.vec"
    path.write_text("a 1\n" * 10)
    monkeypatch.setattr(compressed._CountedFile, "readinto", readinto)
    with pytest.raises(VectorsError, match=r"some.vec: cannot be read \(Input/output error\)"):
        load_static_vectors(path, ["a"])


@pytest.mark.parametrize("name", ["muse", "glove-50d"])
@pytest.mark.parametrize("folder", [False, True])
def test_a_name_that_means_two_things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, folder: bool) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir() if folder else (tmp_path / name).write_text("a 1 2\nb 3 4\n")
    with pytest.raises(VectorsError, match=rf"--vectors {name} means two things here: .* give \./{name}, for the pub"):
        load_static_vectors(name, ["a", "b"])
    if not folder:
        for source in (f"./{name}", Path(name)):
            assert load_static_vectors(source, ["a", "b"]).matrix.tolist() == [[1, 2], [3, 4]]
