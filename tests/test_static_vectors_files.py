"""Files of vectors, in every form that they are published in."""

import bz2
import gzip
import io
import lzma
import os
import re
import threading
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from errors_expected import holds
from hypothesis import given
from hypothesis import strategies as st

from cache.errors import CacheWarning
from trainer import messages
from trainer.vectors import StaticVectors, load_static_vectors, source_size

CASES = Path(__file__).resolve().parent / "cases"


def zipped(content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("folder/", b"")
        archive.writestr("folder/some.vec", content)
    return buffer.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gz": gzip.compress,
    "gz of two members": lambda content: gzip.compress(content[:9]) + gzip.compress(content[9:]),
    "bz2": bz2.compress,
    "xz": lambda content: lzma.compress(content, preset=0),
    "zip": zipped,
    "zip, stored": lambda content: zipped(content, zipfile.ZIP_STORED),
}


def load(folder: Path, content: str | bytes, *vocabulary: str) -> StaticVectors:
    # The name says nothing about what is inside.
    path = folder / "vectors.dat"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return load_static_vectors(path, vocabulary)


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("header", ["", "3 2\n"])
def test_forms(tmp_path: Path, packed: str, header: str) -> None:
    content = f"{header}the 1 2\nfilm -3.5 4e-1\n'été' .5 +6.\n".encode()
    vectors = load(tmp_path, PACKERS[packed](content), "'été'", "film", "the")
    np.testing.assert_array_equal(vectors.matrix, np.array([[0.5, 6], [-3.5, 0.4], [1, 2]], np.float32))


@pytest.mark.parametrize("packed", PACKERS)
def test_progress_ends_at_the_size_on_disk(tmp_path: Path, packed: str) -> None:
    rows = "".join(
        f"word{number} {' '.join(map(str, np.random.default_rng(number).random(20)))}\n" for number in range(300)
    )
    path = tmp_path / "some.vec"
    path.write_bytes(PACKERS[packed](rows.encode()))
    advances: list[int] = []
    load_static_vectors(path, ["word1"], progress=advances.append)
    assert sum(advances) == source_size(path) == path.stat().st_size
    assert min(advances) > 0


def test_progress_by_blocks(tmp_path: Path) -> None:
    path = tmp_path / "some.vec"
    path.write_bytes((b"other" + b" 0.12345" * 300 + b"\n") * 2000)
    advances: list[int] = []
    load_static_vectors(path, ["a"], progress=advances.append)
    assert advances == [2**20] * 4 + [path.stat().st_size - 4 * 2**20]


@pytest.mark.parametrize(
    ("content", "matrix"),
    [
        ("a 1 2\nb 3 4", [[1, 2], [3, 4]]),  # no line end at the end
        ("2 2\r\na 1 2\r\nb 3 4\r\n", [[1, 2], [3, 4]]),
        ("2 2\na 1 2 \nb 3 4 \n", [[1, 2], [3, 4]]),  # as fastText writes it
        ("2  2 \na 1 2\nb 3 4\n", [[1, 2], [3, 4]]),
        ("\ufeff2 2\na 1 2\nb 3 4\n", [[1, 2], [3, 4]]),
        ("\ufeffa 1 2\nb 3 4\n", [[1, 2], [3, 4]]),
        ("\n2 2\n\na 1 2\n\nb 3 4\n\n\n", [[1, 2], [3, 4]]),
        ("2 2\na  1 2\nb   3 4\n", [[1, 2], [3, 4]]),  # several spaces behind the word
        ("a  1 2\nb 3 4\n", [[1, 2], [3, 4]]),
        ("a 1 2\nb  3 4\n", [[1, 2], [3, 4]]),
        ("2 1\na 1\nb 2\n", [[1], [2]]),
        ("a 1\nb 2\n", [[1], [2]]),
        ("5 1 2\na 3 4\nb 5 6\n", [[3, 4], [5, 6]]),  # a word 5, no header of three numbers
        ("5.5 2\na 3\nb 5\n", [[3], [5]]),
        ("2 2\na 1e38 -1e-50\nb 1E+2 3\n", [[1e38, 0], [100, 3]]),
    ],
)
def test_layouts(tmp_path: Path, content: str, matrix: list[list[float]]) -> None:
    np.testing.assert_array_equal(load(tmp_path, content, "a", "b").matrix, np.array(matrix, np.float32))


@pytest.mark.parametrize("name", ["double_space", "sign_first"])
def test_two_spaces_behind_a_word(name: str) -> None:
    found = load_static_vectors(CASES / f"{name}.vec", ["bright", "the", "dull", "was", "film"])
    assert found.found.all()
    assert found.matrix[1].tolist() == np.float32([0.1257, -0.1321, 0.6404, 0.1049, -0.5357, 0.3616]).tolist()
    assert found.matrix[3].tolist() == np.float32([-2.3250, -0.2188, -1.2459, -0.7323, -0.5443, -0.3163]).tolist()


def test_a_header_of_another_number_of_rows_is_worth_a_warning(tmp_path: Path) -> None:
    with pytest.warns(CacheWarning) as caught:
        assert load_static_vectors(CASES / "one_short.vec", ["the", "bright"]).found.all()
    (warning,) = caught
    holds(warning.message, messages.ROWS_MISSING, path=CASES / "one_short.vec", found=5, expected=6)
    with pytest.warns(CacheWarning) as caught:
        assert load(tmp_path, "1 2\na 1 2\nb 3 4\nc 5 6\n", "a", "b", "c").found.all()
    holds(caught[0].message, messages.ROWS_SURPLUS, found=3, expected=1)


def test_a_word_that_ends_in_a_number_where_a_header_has_the_dimension(tmp_path: Path) -> None:
    vectors = load(tmp_path, "4 2\na 1 2\nroute 66 3 4\n1 2 5 6\nb 7 8\n", "a", "route 66", "1 2", "b", "route")
    assert vectors.matrix.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [0, 0]]


def test_words_with_spaces(tmp_path: Path) -> None:
    words = [
        ". . .",
        "at name@domain.com",
        "a\u00a0b",
        "a\u2028b",
        "a\x85b",
        "a\tb",
        "a\rb",
        " ",
        "",
        "1 x",
        "nan",
        "7",
    ]
    for first in range(len(words)):
        turned = words[first:] + words[:first]
        content = "".join(f"{word} {number} 0.5\n" for number, word in enumerate(turned))
        for header in (f"{len(words)} 2\n", "") if turned[0] not in ("", " ") else (f"{len(words)} 2\n",):
            vectors = load(tmp_path, header + content, *turned)
            assert vectors.matrix[:, 0].tolist() == list(range(len(words))), (header, turned[0])


def test_a_word_with_a_space_is_not_its_first_part(tmp_path: Path) -> None:
    assert load(tmp_path, "x 0 0\na b 1 2\n", "a", "b", "a b").found.tolist() == [False, False, True]


WORDS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"))
    | st.lists(st.sampled_from(["a", "B", "", ".", "é", "x\u00a0", "1", "映"]), min_size=1).map(" ".join),
    min_size=1,
    unique=True,
).filter(lambda words: not any(re.search(r" [+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?$|[^ ] +$", word) for word in words))


@given(words=WORDS, dim=st.integers(1, 5), packed=st.sampled_from(sorted(PACKERS)), data=st.data())
def test_round_trip_with_header(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], dim: int, packed: str, data: st.DataObject
) -> None:
    values = st.floats(width=32, allow_nan=False, allow_infinity=False)
    matrix = np.array(
        data.draw(st.lists(st.lists(values, min_size=dim, max_size=dim), min_size=len(words), max_size=len(words))),
        np.float32,
    )
    ends = data.draw(st.sampled_from(["\n", " \n", "\r\n"]))
    rows = [f"{word} {' '.join(map(repr, row))}" for word, row in zip(words, matrix.tolist(), strict=True)]
    content = "".join(row + ends for row in [f"{len(words)} {dim}", *rows])
    folder = tmp_path_factory.getbasetemp()
    vectors = load(folder, PACKERS[packed](content.encode()), *words)
    known = np.array([word not in ("<PAD>", "<START>", "<UNK>") for word in words])
    np.testing.assert_array_equal(vectors.found, known)
    np.testing.assert_array_equal(vectors.matrix, matrix * known[:, np.newaxis])
    assert vectors.n_duplicates == 0


def test_zip_whose_directory_claims_another_size(tmp_path: Path) -> None:
    content = bytearray(zipped(b"1 2\na 1 2\n"))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (2**32 - 2).to_bytes(4, "little")
    tracemalloc.start()
    try:
        assert load(tmp_path, bytes(content), "a").found.all()
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("packed", PACKERS)
def test_memory_is_bounded(tmp_path: Path, packed: str) -> None:
    block = (b"other" + b" 0.12345" * 300 + b"\n") * 200
    pack = PACKERS[packed]
    # Streams one after another are one stream; a .zip has no such thing.
    content = pack(block * 40) if packed.startswith("zip") else pack(block) * 40
    assert len(block) * 40 > 19 * 10**6
    (tmp_path / "some.vec").write_bytes(content)
    del content
    tracemalloc.start()
    try:
        vectors = load_static_vectors(tmp_path / "some.vec", list(map(str, range(1000))))
        assert vectors.dim == 300
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_from_a_pipe(tmp_path: Path) -> None:
    # What bash makes of `--vectors <(zcat some.vec.gz | head)`.
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(gzip.compress(b"a 1 2\n"),))
    writer.start()
    advances: list[int] = []
    try:
        assert source_size(path) is None
        assert load_static_vectors(path, ["a"], progress=advances.append).found.all()
        assert not advances
    finally:
        writer.join()
