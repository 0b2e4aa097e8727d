"""Corpora in damaged files of others' formats: an error of one line, whatever the libraries that read them raise."""

import io
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from errors_expected import raises

from elmo_cache import messages, open_corpus
from elmo_cache.errors import CorpusError

CSV = "text,label\n" + "".join(f"the film {i} was good,pos\nbad film {i},neg\n" for i in range(20))
TABLE = pa.table({"text": [f"the film {i}" for i in range(30)], "label": ["pos", "neg"] * 15})


def _zip(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("a.csv", CSV)
    return file.getvalue()


def _feather() -> bytes:
    file = io.BytesIO()
    pyarrow.feather.write_feather(TABLE, file, compression="uncompressed")
    return file.getvalue()


def _parquet() -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(TABLE, file, write_page_checksum=True)
    return file.getvalue()


def _stream() -> bytes:
    file = io.BytesIO()
    with pa.ipc.new_stream(file, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return file.getvalue()


MAKE: dict[str, Callable[[], bytes]] = {
    "stored.zip": lambda: _zip(zipfile.ZIP_STORED),
    "deflated.zip": lambda: _zip(zipfile.ZIP_DEFLATED),
    "a.parquet": _parquet,
    "a.feather": _feather,
    "a.arrow": _stream,
}


def _n_checked(name: str, content: bytes) -> int:
    """How many bytes a checksum covers: in Parquet all but the description at the end."""
    if name == "a.parquet":
        return len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    return len(content) if name.endswith(".zip") else 0


def rows(path: Path) -> list[tuple[object, str | None]]:
    return [(document.text, document.label) for document in open_corpus(path).documents()]


@pytest.mark.parametrize("name", MAKE)
def test_a_wrong_bit(tmp_path: Path, name: str) -> None:
    """Where there are checksums, another text never comes out."""
    content, draw = MAKE[name](), random.Random(8)
    (tmp_path / name).write_bytes(content)
    right = rows(tmp_path / name)
    n_refused = 0
    for i in range(250):
        damaged, byte = bytearray(content), draw.randrange(len(content))
        damaged[byte] ^= 1 << draw.randrange(8)
        path = tmp_path / f"{i}-{name}"  # a new file each time: the one before may still be mapped into memory
        path.write_bytes(damaged)
        try:
            found = rows(path)
        except CorpusError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            n_refused += 1
        else:
            assert found == right or byte >= _n_checked(name, content), byte
    assert n_refused > 50


@pytest.mark.parametrize(("byte", "new"), [(6, 1), (8, 97)], ids=["password", "method"])
def test_a_zip_that_cannot_be_unpacked(tmp_path: Path, byte: int, new: int) -> None:
    content = bytearray(_zip(zipfile.ZIP_DEFLATED))
    content[byte] = content[content.index(b"PK\1\2") + byte + 2] = new
    (tmp_path / "a.zip").write_bytes(content)
    with raises(messages.ZIP_LOCKED, CorpusError, path=tmp_path / "a.zip"):
        rows(tmp_path / "a.zip")


def test_an_encoding_that_no_codec_can_have(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\n")
    expected = "one such as utf-8, latin-1 or cp1252, in which a line feed is one byte"
    with raises(messages.INVALID_VALUE, CorpusError, name="encoding", found=repr("a\0b"), expected=expected):
        list(open_corpus(tmp_path / "a.txt", encoding="a\0b").documents())


@pytest.mark.parametrize("encoding", ["idna", "utf-7"])
def test_encodings_that_fail_in_their_own_way(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\ntwo \xff\n")
    where = f"{tmp_path / 'a.txt'}, line 2"
    with raises(messages.NOT_IN_ENCODING, CorpusError, where=where, expected=encoding):
        list(open_corpus(tmp_path / "a.txt", encoding=encoding).documents())


@pytest.mark.parametrize("name", ["train.parquet", "train.feather", "train.arrow"])
def test_a_pipe_in_a_folder_of_tables(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with raises(messages.NOT_A_FILE, CorpusError, path=tmp_path / name):
        rows(tmp_path)
