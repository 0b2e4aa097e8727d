"""A packed file of vectors that is damaged, or unpacks to what no file of vectors is: refused, and where."""

import bz2
import gzip
import io
import lzma
import re
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_vectors import fails, failure, quick_xz
from errors_expected import holds
from hypothesis import given
from hypothesis import strategies as st

from trainer import messages


def small_bz2(content: bytes) -> bytes:
    return bz2.compress(content, 1)  # in blocks of 100 kB


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, quick_xz])
def test_bomb(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    content = pack(b"a" * 2**20) * 64
    tracemalloc.start()
    try:
        fails(tmp_path, content, messages.LINE_TOO_LONG, line=1, expected=2**20)
        assert tracemalloc.get_traced_memory()[1] < 12 * 2**20
    finally:
        tracemalloc.stop()


@cache
def rows(n_rows: int) -> bytes:
    random = np.random.default_rng(0)
    return b"".join(f"word{n} {' '.join(map(str, random.random(20)))}\n".encode() for n in range(n_rows))


CUT = re.compile("^Compressed file ended before the end-of-stream marker was reached$")


@pytest.mark.parametrize(
    ("pack", "unpacker"),
    [
        (gzip.compress, zlib.decompressobj(31)),
        (small_bz2, bz2.BZ2Decompressor()),
        (quick_xz, lzma.LZMADecompressor()),
    ],
)
def test_cut_off(tmp_path: Path, pack: Callable[[bytes], bytes], unpacker: Any) -> None:
    content = pack(rows(3000))
    half = content[: len(content) // 2]
    # All that is whole was read: the line is the very one where the data end.
    n_lines = unpacker.decompress(half).count(b"\n")
    assert n_lines > 1000
    fails(tmp_path, half, messages.LINE_DAMAGED, line=n_lines + 1, error=CUT)
    fails(tmp_path, content[:20], messages.LINE_DAMAGED, line=1, error=CUT)
    holds(failure(tmp_path, content[:-1]), messages.LINE_DAMAGED, error=CUT)


@pytest.mark.parametrize("pack", [gzip.compress, small_bz2, quick_xz])
def test_damaged(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    content = bytearray(pack(rows(3000)))
    content[len(content) // 2] ^= 0x55
    content[len(content) // 2 + 1] ^= 0x55
    # A damaged gzip may decode to a wrong line before its checksum shows it.
    assert ", line " in failure(tmp_path, bytes(content)).data["where"]
    content = bytearray(pack(b"a 1 2\n"))
    content[-6 if pack is gzip.compress else len(content) // 2] ^= 0x55
    holds(failure(tmp_path, bytes(content)), messages.LINE_DAMAGED)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_zip_of_several_files_or_none(tmp_path: Path) -> None:
    two = zipped({"x.50d.txt": b"a 1\n", "x.100d.txt": b"a 1\n"})
    fails(tmp_path, two, messages.ZIP_MEMBERS, n=2, found="'x.50d.txt', 'x.100d.txt'")
    fails(tmp_path, zipped({}), messages.ZIP_MEMBERS, n=0, found="none")
    fails(tmp_path, zipped({"folder/": b""}), messages.ZIP_MEMBERS, n=0, found="none")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_of_another_method(tmp_path: Path, method: int) -> None:
    fails(tmp_path, zipped({"a.vec": b"a 1\n"}, method), messages.ZIP_METHOD)


def test_zip_with_a_password(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.vec": b"a 1\n"}))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    fails(tmp_path, bytes(content), messages.ZIP_METHOD)


def test_zip_cut_off_or_damaged(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.vec": rows(100)}, zipfile.ZIP_STORED))
    fails(tmp_path, bytes(content[: len(content) // 2]), messages.ZIP_DAMAGED)
    content = bytearray(zipped({"a.vec": rows(1000)}, zipfile.ZIP_STORED))
    content[content.index(b"word50 ") + 1] ^= 1
    error = failure(tmp_path, bytes(content))
    holds(error, messages.LINE_DAMAGED, error=re.compile("^Bad CRC-32"))
    assert 800 < int(error.data["where"].rpartition(" ")[2]) <= 1001


@given(st.binary(max_size=60))
def test_zip_of_anything(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    assert failure(folder, b"PK\x03\x04" + noise + b"PK\x05\x06" + noise)
