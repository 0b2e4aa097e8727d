"""The published reviews' layout in small, and archives of it."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

FILES = {
    "aclImdb/README": b"not a review",
    "aclImdb/train/pos/0_9.txt": b"Good<br />\r\nfilm",
    "aclImdb/train/pos/10_7.txt": "Café \x00 🎬".encode(),
    "aclImdb/train/pos/2_8.txt": b"",
    "aclImdb/train/neg/0_1.txt": b"Bad",
    "aclImdb/train/unsup/0_0.txt": b"unlabelled",
    "aclImdb/train/pos/._0_9.txt": b"what macOS adds",
    "aclImdb/train/pos/0_9.txt.bak": b"a copy",
    "aclImdb/train/labeledBow.feat": b"9 0:9",
    "aclImdb/test/neg/3_4.txt": b"Worse",
    "aclImdb/test/pos/3_10.txt": b"Best",
}


def tar_of(files: Mapping[str, bytes], prefix: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def write_archive(folder: Path, content: bytes) -> Path:
    path = folder / "aclImdb_v1.tar.gz"
    path.write_bytes(gzip.compress(content))
    return path
