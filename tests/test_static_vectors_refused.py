"""A file of vectors that cannot be read: the one line it is refused with, and where."""

import bz2
import gzip
import struct
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_vectors import fails, quick_xz
from errors_expected import holds, raises
from hypothesis import given, settings
from hypothesis import strategies as st

from cache.errors import CacheWarning
from trainer import messages
from trainer.errors import VectorsError
from trainer.vectors import compressed, load_static_vectors, text_files

BY_HEADER = {"line": 2, "source": "the header says"}


@pytest.mark.parametrize(
    ("content", "message", "data"),
    [
        ("2 3\na 1 2\nb 1 2\n", messages.ROW_LENGTH, {"found": 2, "expected": 3, **BY_HEADER}),
        ("2 2\na 1 2 3\nb 1 2 3\n", messages.ROW_LENGTH, {"found": 3, "expected": 2, **BY_HEADER}),
        ("2 2\nx 0.1 0.2 0.3\n", messages.ROW_LENGTH, {"found": 3, "expected": 2, **BY_HEADER}),
        ("2 2\n1 2 3 4\n", messages.ROW_LENGTH, {"found": 3, "expected": 2, **BY_HEADER}),
        ("2 2\n", messages.VECTORS_EMPTY, {}),
        ("0 2\na 1 2\n", messages.HEADER_INVALID, {"line": 1, "rows": 0, "dim": 2, "expected": 10_000}),
        ("2 0\na\n", messages.HEADER_INVALID, {"line": 1, "rows": 2, "dim": 0}),
        ("2 10001\na\n", messages.HEADER_INVALID, {"line": 1, "rows": 2, "dim": 10_001}),
    ],
)
def test_header_and_body_disagree(tmp_path: Path, content: str, message: str, data: dict[str, Any]) -> None:
    fails(tmp_path, content, message, **data)


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
    source = "the header says" if header else "in the first row"
    content = f"{header}b 1 2 3\n{word} {values}\nc 1 2 3\n"
    fails(tmp_path, content, messages.ROW_LENGTH, line=line, found=n_values, expected=3, source=source)


@pytest.mark.parametrize("bad", ["x", "1_0", "0x1", "1,5", "--1", "1e", "", "١", "1\x00"])
@pytest.mark.parametrize("word", ["a", "b b"])
def test_not_a_number(tmp_path: Path, bad: str, word: str) -> None:
    path = tmp_path / "some.vec"
    path.write_text(f"c 1 2 3\n{word} 1 {bad} 3\n", "utf-8")
    with raises(messages.NOT_A_NUMBER, VectorsError, where=f"{path}, line 2", found=repr(bad), name=repr(word)):
        load_static_vectors(path, [word])


@pytest.mark.parametrize("bad", ["nan", "-NaN", "inf", "-Infinity", "1e39", "-1e999"])
@pytest.mark.parametrize("line", [1, 2])
def test_not_finite(tmp_path: Path, bad: str, line: int) -> None:
    content = "x 1 2 3\n" * (line - 1) + f"a 1 {bad} 3\n"
    fails(tmp_path, content, messages.NOT_FINITE, line=line, found=repr(bad), name="'a'")


def test_values_of_other_words_are_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "some.vec"
    path.write_text("a 1 2\nother nan x\n", "utf-8")
    assert load_static_vectors(path, ["a"]).found.all()


@pytest.mark.parametrize("word", [b"b\xff", b"caf\xe9", b"\xed\xa0\x80", b"\xc3"])
@pytest.mark.parametrize("header", [b"", b"2 2\n"])
def test_not_utf_8(tmp_path: Path, word: bytes, header: bytes) -> None:
    line = 3 if header else 2
    byte, offset = (0xE9, 3) if word.startswith(b"caf") else (word[-1], 1) if word[:1] == b"b" else (word[0], 0)
    content = header + b"x 1 2\n" + word + b" 1 2\n"
    fails(tmp_path, content, messages.NOT_UTF8, line=line, found=f"0x{byte:02x}", n=offset)


def test_latin_1_in_the_first_lines_is_not_called_binary(tmp_path: Path) -> None:
    fails(tmp_path, b"caf\xe9 1 2\n", messages.NOT_UTF8, line=1, found="0xe9", n=3)
    fails(tmp_path, b"1 2\ncaf\xe9 1 2\n", messages.NOT_UTF8, line=2, found="0xe9", n=3)


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n \n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, quick_xz])
def test_empty(tmp_path: Path, content: bytes, pack: Callable[[bytes], bytes]) -> None:
    fails(tmp_path, pack(content), messages.VECTORS_EMPTY)


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
    fails(tmp_path, pack(content), messages.BINARY, line=2 if content[:2] in (b"2 ", b"30") else 1)


def test_every_word2vec_binary_is_told(tmp_path: Path) -> None:
    for seed in range(50):
        values = np.random.default_rng(seed).normal(size=300).astype("<f4").tobytes()
        fails(tmp_path, b"1 300\na " + values + b"\n", messages.BINARY, line=2)


@pytest.mark.parametrize(
    "content",
    ["text\n", "a b\n", "a\t1\t2\n", "a b  1\n", "the 0.1 x 0.3\n", "word,x,y\n", "1, 2, 3\n", '{"a": [1, 2]}\n'],
)
def test_not_vectors(tmp_path: Path, content: str) -> None:
    fails(tmp_path, content, messages.NOT_A_ROW, line=1, found=repr(content.strip()))


def test_too_many_values_without_a_header(tmp_path: Path) -> None:
    fails(tmp_path, "a" + " 1" * 10_001 + "\n", messages.NOT_A_ROW, line=1)


@pytest.mark.parametrize("content", ["a 1 2\n" + "x" * 101, "1 2\na" + " 1" * 60 + "\n", "x" * 101 + "\n"])
def test_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setattr(text_files, "MAX_LINE_BYTES", 100)
    line = 2 if content[0] != "x" else 1
    fails(tmp_path, content, messages.LINE_TOO_LONG, line=line, expected=100)


@pytest.mark.parametrize("header", [f"{10**12} 300", f"{10**12} 10000", f"{10**17} 2"])
def test_a_header_allocates_nothing(tmp_path: Path, header: str) -> None:
    path = tmp_path / "some.vec"
    path.write_text(f"{header}\na{' 1' * int(header.split()[1])}\n", "utf-8")
    tracemalloc.start()
    try:
        with pytest.warns(CacheWarning) as caught:
            assert load_static_vectors(path, ["a"]).found.all()
        holds(caught[0].message, messages.ROWS_MISSING, path=path, found=1, expected=int(header.split()[0]))
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
    with raises(messages.NO_VECTORS_FILE, VectorsError, path=tmp_path / "none.vec"):
        load_static_vectors(str(tmp_path / "none.vec"), ["a"])


def test_folder(tmp_path: Path) -> None:
    with raises(messages.VECTORS_FOLDER, VectorsError, path=tmp_path):
        load_static_vectors(tmp_path, ["a"])


def test_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with raises(messages.CANNOT_READ, VectorsError, path=tmp_path / "file" / "x", error="Not a directory"):
        load_static_vectors(tmp_path / "file" / "x", ["a"])


def test_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def readinto(self: compressed._CountedFile, buffer: bytearray) -> int:
        raise OSError(5, "Input/output error")

    path = tmp_path / "some.vec"
    path.write_text("a 1\n" * 10)
    monkeypatch.setattr(compressed._CountedFile, "readinto", readinto)
    with raises(messages.CANNOT_READ, VectorsError, path=path, error="Input/output error"):
        load_static_vectors(path, ["a"])


@pytest.mark.parametrize("name", ["muse", "glove-50d"])
@pytest.mark.parametrize("folder", [False, True])
def test_a_name_that_means_two_things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, folder: bool) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir() if folder else (tmp_path / name).write_text("a 1 2\nb 3 4\n")
    with raises(messages.AMBIGUOUS_VECTORS, VectorsError, name=name):
        load_static_vectors(name, ["a", "b"])
    if not folder:
        for source in (f"./{name}", Path(name)):
            assert load_static_vectors(source, ["a", "b"]).matrix.tolist() == [[1, 2], [3, 4]]
