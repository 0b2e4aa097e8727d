"""Corpora, weights, arrays, vectors of a stranger: nothing is run, written elsewhere, or unpacked without end."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import re
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from strangers import MOST_BYTES, refusal
from tally import record
from tiny_elmo import OPTIONS, changed_options, write_elmo

from cache.errors import CacheWarning
from elmo_cache import load_encoder
from elmo_cache.text.corpora import open_corpus
from elmo_cache.text.corpora.aclimdb import AclImdbCorpus
from trainer.runs.saved_weights import load_weights, weights_path
from trainer.vectors import load_static_vectors

ZEROS = bytes(2**20)


@pytest.fixture(autouse=True)
def nothing_is_written(tmp_path: Path) -> Iterator[None]:
    """Nothing beside what a test itself writes into its folder `in`, and no pickle was run."""
    (tmp_path / "in").mkdir()
    yield
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert not list(tmp_path.rglob("ran"))


class _Attack:
    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder / "ran"),)


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.size, found.linkname = kind, size, link
    return found


def write_tar(path: Path, members: list[tarfile.TarInfo]) -> Path:
    """A `.tar.gz` of one review and members that bring no data of their own."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(member("aclImdb/train/pos/0_9.txt", size=4), io.BytesIO(b"fine"))
        for found in members:
            archive.addfile(found, io.BytesIO(bytes(found.size)))
    path.write_bytes(gzip.compress(buffer.getvalue()))
    return path


@pytest.mark.parametrize("name", ["../../up.txt", "/tmp/absolute.txt", "aclImdb/train/pos/../../../../1_9.txt"])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_an_archive_that_points_elsewhere(tmp_path: Path, name: str, kind: bytes) -> None:
    """It is read as a stream, and no name in it becomes one on disk; a review's name is taken by its end."""
    path = write_tar(tmp_path / "in" / "a.tar.gz", [member(name, kind, link="/etc/passwd")])
    texts = [document.text for document in AclImdbCorpus(path).documents()]
    assert texts == ["fine"]
    record("hostile inputs: archives", survived=1)


def long_header(size: int, kind: bytes) -> Iterator[bytes]:
    """The start of a tar whose first header brings that much about the next."""
    info = member("././@LongLink", kind, size)
    yield info.tobuf(tarfile.GNU_FORMAT)
    for _ in range(size // len(ZEROS)):
        yield ZEROS


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_an_archive_of_one_endless_name(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "in" / "a.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.writelines(long_header(2 * MOST_BYTES, kind))
    message = refusal("archives", lambda: list(AclImdbCorpus(path).documents()), path)
    assert "bytes about a member" in message


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_an_archive_of_headers_about_headers(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "in" / "a.tar.gz"
    header = member("x", kind, 512).tobuf(tarfile.GNU_FORMAT) + b"9 a=bcd\n".ljust(512, b"\0")
    path.write_bytes(gzip.compress(header * 3000))
    refusal("archives", lambda: list(AclImdbCorpus(path).documents()), path)


@pytest.mark.parametrize("size", [2**40, 2**62])
def test_an_archive_of_one_endless_review(tmp_path: Path, size: int) -> None:
    path = tmp_path / "in" / "a.tar.gz"
    path.write_bytes(gzip.compress(member("aclImdb/train/pos/1_9.txt", size=size).tobuf(tarfile.GNU_FORMAT)))
    refusal("archives", lambda: list(AclImdbCorpus(path).documents()), path)


def lzma_raw(data: bytes) -> bytes:
    return lzma.compress(data, format=lzma.FORMAT_ALONE)


def pretend(path: Path, name: str, method: int, data: bytes, size: int, others: dict[str, bytes]) -> Path:
    """A `.zip` with a member that says to have `size` bytes of a method, and brings other data."""
    with zipfile.ZipFile(path, "w") as archive:
        for other, content in others.items():
            archive.writestr(other, content)
        archive.writestr(name, data)
    raw = path.read_bytes()
    stored = len(data).to_bytes(4, "little")
    # Both of its headers: the size that comes out, and the method.
    raw = raw.replace(stored + stored, stored + size.to_bytes(4, "little"))
    for start in (b"PK\x03\x04", b"PK\x01\x02"):
        at = raw.rindex(start) + (8 if start == b"PK\x03\x04" else 10)
        raw = raw[:at] + method.to_bytes(2, "little") + raw[at + 2 :]
    path.write_bytes(raw)
    return path


# A gigabyte in a kilobyte: whoever unpacks a piece of it has all of it in memory.
BZ2_BOMB = bz2.compress(bytes(45 * 2**20)) * 8


@pytest.mark.parametrize("name", ["weights.hdf5", "options.json"])
@pytest.mark.parametrize(
    ("method", "data"), [(zipfile.ZIP_BZIP2, BZ2_BOMB), (zipfile.ZIP_LZMA, lzma_raw(bytes(2**27)))], ids=["bz2", "lzma"]
)
def test_weights_in_a_bomb(tmp_path: Path, name: str, method: int, data: bytes) -> None:
    folder = write_elmo(tmp_path / "in" / "elmo")
    others = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != name}
    path = pretend(tmp_path / "in" / "a.zip", name, method, data, 1000, others)
    refusal("archives", lambda: load_encoder(path), path)


def test_weights_as_large_as_their_options_say(tmp_path: Path) -> None:
    """The options of the same stranger are no bound."""
    path = tmp_path / "in" / "a.zip"
    options = changed_options("lstm", dim=2**16, projection_dim=2**14, n_layers=16)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("options.json", json.dumps(options))
        with archive.open("weights.hdf5", "w") as file:
            for _ in range(2 * MOST_BYTES // len(ZEROS)):
                file.write(ZEROS)
    assert re.search(": options of [0-9,]+ weights, ", refusal("archives", lambda: load_encoder(path), path))


@pytest.mark.parametrize("name", ["../options.json", "/options.json", "a/../../options.json"])
def test_an_archive_of_weights_is_not_unpacked(tmp_path: Path, name: str) -> None:
    folder, path = write_elmo(tmp_path / "in" / "elmo"), tmp_path / "in" / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(folder / "options.json", name)
        archive.writestr("../weights.hdf5", b"no HDF5")
    assert ":../weights.hdf5" in refusal("archives", lambda: load_encoder(path), path)


OPTIONS_TEXTS: dict[str, Any] = {
    "cells 10^12": changed_options("lstm", dim=10**12),
    "layers 10^12": changed_options("lstm", n_layers=10**12),
    "negative": changed_options("lstm", projection_dim=-1),
    "digits": changed_options("lstm", dim=10**4000),
    "filters without end": changed_options("char_cnn", filters=[[1, 1]] * 10**5),
    "clip infinite": changed_options("lstm", cell_clip=float("inf")),
    "text": changed_options("lstm", dim="1; import os"),
}


@pytest.mark.parametrize("options", OPTIONS_TEXTS.values(), ids=OPTIONS_TEXTS)
def test_options(tmp_path: Path, options: Any) -> None:
    folder = write_elmo(tmp_path / "in" / "elmo", OPTIONS, options_json=options)
    refusal("options", lambda: load_encoder(folder), folder / "options.json")


def test_weights_of_objects(tmp_path: Path) -> None:
    folder = write_elmo(tmp_path / "in" / "elmo")
    with h5py.File(folder / "weights.hdf5", "r+") as file:
        shape = file["CNN_proj/b_proj"].shape
        del file["CNN_proj/b_proj"]
        file.create_dataset("CNN_proj/b_proj", shape, h5py.string_dtype())
    refusal("weights", lambda: load_encoder(folder), folder / "weights.hdf5")


@pytest.mark.parametrize("inside", ["object array", "pickle", "pickle in .npy"])
def test_trained_weights_that_would_run_code(tmp_path: Path, inside: str) -> None:
    path = weights_path(tmp_path / "in", "elmo", 1)
    path.parent.mkdir()
    attack = _Attack(tmp_path)
    if inside == "object array":
        np.savez(path, w=np.array([attack], object))
    elif inside == "pickle":
        path.write_bytes(pickle.dumps(attack))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("w.npy", pickle.dumps(attack))
    refusal("arrays", lambda: load_weights(tmp_path / "in", "elmo", 1), path)


def npy_header(shape: str, descr: str = "'<i8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


HEADERS = {
    "10^12 rows": npy_header("(1000000000000,)"),
    "10^30 rows": npy_header(f"({10**30},)"),
    "negative": npy_header("(-5,)"),
    "code": npy_header("(1,)", "__import__('os').mkdir('ran')"),
    "nested": npy_header("(" * 90 + ")" * 90),
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_arrays(tmp_path: Path, header: bytes) -> None:
    npz, index = tmp_path / "in" / "imdb.npz", tmp_path / "in" / "words.json"
    index.write_text('{"the": 1}')
    with zipfile.ZipFile(npz, "w") as archive:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            archive.writestr(f"{name}.npy", header)
    corpus = open_corpus("imdb", imdb_npz=npz, imdb_word_index=index)
    refusal("arrays", lambda: list(corpus.documents()), npz)
    path = weights_path(tmp_path / "in", "elmo", 1)
    path.parent.mkdir()
    path.write_bytes(npz.read_bytes())
    refusal("arrays", lambda: load_weights(tmp_path / "in", "elmo", 1), path)


@pytest.mark.parametrize("bomb", ["bz2", "says much"])
def test_arrays_in_a_bomb(tmp_path: Path, bomb: str) -> None:
    npz, index = tmp_path / "in" / "imdb.npz", tmp_path / "in" / "words.json"
    index.write_text('{"the": 1}')
    method, data, size = (zipfile.ZIP_BZIP2, BZ2_BOMB, 1000) if bomb == "bz2" else (0, b"", 2**31)
    pretend(npz, "y_train.npy", method, data or b"x", size, {})
    corpus = open_corpus("imdb", imdb_npz=npz, imdb_word_index=index)
    refusal("arrays", lambda: list(corpus.documents()), npz)


VECTORS: dict[str, bytes] = {
    "pickle": pickle.dumps(_Attack(Path("nowhere"))),
    "rows 10^19": b"10000000000000000000 2\na 1 2\n",
    "values 10^12": b"1 1000000000000\na 1 2\n",
    "a number without end": b"a 1" + b"0" * 10**6 + b"\n",
    "a line without end": b"a " + b"1 " * 2**20,
    "escapes": b"\x1b[2J 1 2\n\x1b[2J 1\n",
}


@pytest.mark.parametrize("content", VECTORS.values(), ids=VECTORS)
def test_vectors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "in" / "a.vec"
    path.write_bytes(content)
    refusal("vectors", lambda: load_static_vectors(path, ["a", "b"]), path)


def test_vectors_whose_header_lies(tmp_path: Path) -> None:
    """It announces 10^18 rows: worth a warning, and no room is made for them."""
    path = tmp_path / "in" / "a.vec"
    path.write_bytes(b"999999999999999999 2\na 1 2\n")
    tracemalloc.start()
    with pytest.warns(CacheWarning, match="999999999999999999|999,999,999,999,999,999"):
        vectors = load_static_vectors(path, ["a", "b"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_BYTES and vectors.matrix.tolist() == [[1, 2], [0, 0]]


LINES: dict[str, tuple[str, Callable[[], Iterator[bytes]]]] = {
    "deep JSON": (".jsonl", lambda: iter([b"[" * 10**6])),
    "digits": (".jsonl", lambda: iter([b'{"text": "a", "label": ' + b"9" * 10**6 + b"}"])),
    "a quote without end": (".csv", lambda: iter([b'text,label\n"a\n', b"x\n" * 10**5])),
    "a split up": (".csv", lambda: iter([b"text,split\na,../../etc\n"])),
    "no text": (".txt", lambda: iter([b"\xff\xfe\x00"])),
}


@pytest.mark.parametrize(("extension", "blocks"), LINES.values(), ids=LINES)
def test_lines(tmp_path: Path, extension: str, blocks: Callable[[], Iterator[bytes]]) -> None:
    path = tmp_path / "in" / f"a{extension}"
    with path.open("wb") as file:
        file.writelines(blocks())
    refusal("corpora", lambda: list(open_corpus(path).documents()), path)
