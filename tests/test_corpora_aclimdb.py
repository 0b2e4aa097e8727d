"""`aclimdb`: the published layout as a folder and as an archive, whole and damaged."""

import gzip
import hashlib
import io
import re
import tarfile
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aclimdb_files import FILES, tar_of, write_archive
from errors_expected import raises

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import Document, aclimdb, open_corpus

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "imdb" / "aclImdb_labelled.tar.gz"

# Sorted by split and order, which is the class and then the ID as a number.
DOCUMENTS = [
    Document("test", 3, "neg", "Worse"),
    Document("test", (1 << 40) + 3, "pos", "Best"),
    Document("train", 0, "neg", "Bad"),
    Document("train", (1 << 40) + 0, "pos", "Good<br />\r\nfilm"),
    Document("train", (1 << 40) + 2, "pos", ""),
    Document("train", (1 << 40) + 10, "pos", "Café \x00 🎬"),
]


INCOMPLETE = "^not a complete .tar.gz archive"


def write_folder(folder: Path, files: Mapping[str, bytes] = FILES) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def read(path: Path) -> list[Document]:
    """Documents in corpus order."""
    found = open_corpus("aclimdb", aclimdb=path).documents()
    return sorted(found, key=lambda document: (document.split, document.order))


def refused(path: Path, message: str, /, **data: Any) -> None:
    """Check that reading ends with a message that begins with the path."""
    with raises(message, CorpusError, **data) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))


def damaged(path: Path, member: str | None, error: str) -> None:
    """Check that reading ends with what is damaged; a member of a folder is a file."""
    where = path if member is None else path / member if path.is_dir() else f"{path}, member {member!r}"
    refused(path, messages.DATA_SET_DAMAGED, where=where, error=re.compile(error), url=aclimdb.URL)


def test_folder_or_the_folder_around_it(tmp_path: Path) -> None:
    write_folder(tmp_path)
    assert read(tmp_path) == read(tmp_path / "aclImdb") == DOCUMENTS


@pytest.mark.parametrize("prefix", ["", "./", "some/where/"])
def test_archive_in_any_order_is_the_folder(tmp_path: Path, prefix: str) -> None:
    assert read(write_archive(tmp_path, tar_of(FILES, prefix))) == DOCUMENTS
    assert read(write_archive(tmp_path, tar_of(dict(reversed(FILES.items())), prefix))) == DOCUMENTS


def test_archive_without_compression(tmp_path: Path) -> None:
    (tmp_path / "aclImdb.tar").write_bytes(tar_of(FILES))
    assert read(tmp_path / "aclImdb.tar") == read(write_archive(tmp_path, tar_of(FILES)))
    (tmp_path / "cut.tar").write_bytes(tar_of(FILES)[:1500])
    damaged(tmp_path / "cut.tar", None, INCOMPLETE)


def test_facts(tmp_path: Path) -> None:
    archive = open_corpus("aclimdb", aclimdb=write_archive(tmp_path, tar_of(FILES)))
    folder = open_corpus("aclimdb", aclimdb=write_folder(tmp_path))
    for corpus in (archive, folder):
        assert (corpus.name, corpus.tokenizer, corpus.word_ranks) == ("aclimdb", "keras", None)
        assert corpus.label_names == ("neg", "pos")
    assert archive.split_rule == folder.split_rule
    assert (archive.unit, folder.unit) == ("B", "docs")
    assert (archive.size, folder.size) == ((tmp_path / "aclImdb_v1.tar.gz").stat().st_size, 6)


def test_folder_is_read_in_order_and_counted(tmp_path: Path) -> None:
    corpus = open_corpus("aclimdb", aclimdb=write_folder(tmp_path))
    for _ in range(2):
        for n_read, document in enumerate(corpus.documents(), start=1):
            assert corpus.position == n_read
            assert document == (DOCUMENTS[2:] + DOCUMENTS[:2])[n_read - 1]
        assert corpus.position == corpus.size == 6


def test_archive_counts_compressed_bytes(tmp_path: Path) -> None:
    noise = {f"aclImdb/train/pos/{i}_9.txt": hashlib.shake_128(bytes([i])).hexdigest(7000).encode() for i in range(200)}
    corpus = open_corpus("aclimdb", aclimdb=write_archive(tmp_path, tar_of(noise)))
    for _ in range(2):
        positions = []
        for _document in corpus.documents():
            positions.append(corpus.position)
        assert positions == sorted(positions) and len(set(positions)) > 3
        assert 0 < positions[0] < corpus.size // 2
        assert corpus.position == corpus.size


def test_found_in_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    url = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
    with raises(messages.NO_ACLIMDB, CorpusError, url=url):
        open_corpus("aclimdb")
    write_archive(tmp_path, tar_of(FILES))
    assert open_corpus("aclimdb").unit == "B"
    write_folder(tmp_path)
    assert open_corpus("aclimdb").unit == "docs"


def test_links_and_folders_are_passed_over(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind in (("1_1", tarfile.SYMTYPE), ("2_2", tarfile.LNKTYPE), ("3_3", tarfile.DIRTYPE)):
            member = tarfile.TarInfo(f"aclImdb/train/neg/{name}.txt")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        member = tarfile.TarInfo("aclImdb/train/neg/0_1.txt")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"Bad"))
    assert read(write_archive(tmp_path, buffer.getvalue())) == [DOCUMENTS[2]]


def test_not_utf_8(tmp_path: Path) -> None:
    files = {**FILES, "aclImdb/train/pos/7_7.txt": b"caf\xe9"}
    name = "aclImdb/train/pos/7_7.txt"
    for path in (write_archive(tmp_path, tar_of(files)), write_folder(tmp_path / "folder", files)):
        damaged(path, name, "^not UTF-8: byte 0xe9 at offset 3$")


def test_nothing_of_the_layout(tmp_path: Path) -> None:
    files = {"aclImdb/train/unsup/0_0.txt": b"x", "train/pos/review.txt": b"x"}
    for content in (tar_of(files), tar_of({})):
        path = write_archive(tmp_path, content)
        refused(path, messages.ACLIMDB_EMPTY, path=path, url=aclimdb.URL)
    path = write_folder(tmp_path / "folder", files)
    refused(path, messages.ACLIMDB_EMPTY, path=path, url=aclimdb.URL)


def test_missing(tmp_path: Path) -> None:
    path = tmp_path / "none.tar.gz"
    refused(path, messages.ACLIMDB_UNREADABLE, path=path, error="No such file or directory", url=aclimdb.URL)


def test_same_id_twice(tmp_path: Path) -> None:
    files = {**FILES, "aclImdb/train/pos/10_8.txt": b"again"}
    for path in (write_folder(tmp_path / "folder", files), write_archive(tmp_path, tar_of(files))):
        refused(path, messages.ID_TWICE, where=re.compile("/10_[0-9].txt'?$"), split="train", label="pos", n=10)


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aclimdb, "MAX_REVIEW_BYTES", 15)
    for path in (write_archive(tmp_path, tar_of(FILES)), write_folder(tmp_path / "folder")):
        damaged(path, "aclImdb/train/pos/0_9.txt", "^16 bytes, expected at most 15$")


def test_a_claimed_size_is_not_allocated(tmp_path: Path) -> None:
    member = tarfile.TarInfo("aclImdb/train/neg/0_1.txt")
    member.size = 2**40
    path = write_archive(tmp_path, member.tobuf() + b"Bad".ljust(512, b"\0"))
    damaged(path, "aclImdb/train/neg/0_1.txt", "^1099511627776 bytes, expected at most ")


NOISY = {**FILES, "aclImdb/test/pos/5_10.txt": bytes(i * i % 251 & 127 for i in range(3000))}


def test_archive_cut_off_anywhere(tmp_path: Path) -> None:
    whole = gzip.compress(tar_of(NOISY))
    path = tmp_path / "aclImdb_v1.tar.gz"
    path.write_bytes(whole)
    assert len(read(path)) == 7
    for n_bytes in range(0, len(whole), 7):
        path.write_bytes(whole[:n_bytes])
        damaged(path, None, INCOMPLETE)


def test_tar_cut_off_inside_a_good_gzip(tmp_path: Path) -> None:
    content = tar_of(NOISY)
    end = len(content.rstrip(b"\0"))
    for n_bytes in range(0, end, 256):
        damaged(write_archive(tmp_path, content[:n_bytes]), None, INCOMPLETE)


def test_archive_with_a_flipped_byte(tmp_path: Path) -> None:
    whole = gzip.compress(tar_of(NOISY))
    path = tmp_path / "aclImdb_v1.tar.gz"
    for position in range(10, len(whole), 11):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        with pytest.raises(CorpusError) as caught:
            read(path)
        assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_header_damaged_before_it_was_compressed(tmp_path: Path) -> None:
    content = bytearray(tar_of(FILES))
    assert content[1024:1031] == b"aclImdb"
    content[1024] ^= 1
    damaged(write_archive(tmp_path, bytes(content)), None, f"{INCOMPLETE}: bad checksum at byte 1024")


@pytest.mark.parametrize("content", [b"", b"text,label\n", b"PK\x03\x04"])
def test_not_an_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(content)
    damaged(path, None, INCOMPLETE)


def test_gzip_of_something_else(tmp_path: Path) -> None:
    damaged(write_archive(tmp_path, b"text,label\n" * 100), None, INCOMPLETE)


def test_the_published_archive() -> None:
    if not REAL.is_file():
        pytest.skip(f"no {REAL}")
    corpus = open_corpus("aclimdb", aclimdb=REAL)
    counts = Counter((document.split, document.label) for document in corpus.documents())
    assert counts == {(split, label): 12_500 for split in ("train", "test") for label in ("neg", "pos")}
    assert corpus.position == corpus.size


def test_memory_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    path = write_archive(tmp_path, tar_of({f"aclImdb/train/pos/{i}_9.txt": b"x" * 2000 for i in range(5000)}))
    tracemalloc.start()
    try:
        assert sum(1 for _ in open_corpus("aclimdb", aclimdb=path).documents()) == 5000
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2_000_000  # 10 MB of text; tarfile's own list of members would take 6 MB
