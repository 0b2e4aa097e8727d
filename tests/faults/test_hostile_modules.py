"""Archives of TF-Hub modules that a stranger serves: nothing lands outside the module's folder, and nothing stays."""

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_server import Answer, LocalServer, local_server
from strangers import MOST_BYTES, refusal

from elmo_cache.encoders.hub import download
from elmo_cache.encoders.hub.resolution import find_module

NAME = "/google/elmo/3"
PARTS = ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "modules"))
    with local_server() as server:
        yield server


def archive(name: str, kind: bytes, link: str) -> bytes:
    """A whole module, and a member more."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for part in PARTS:
            info = tarfile.TarInfo(part)
            info.size = 4
            tar.addfile(info, io.BytesIO(b"data"))
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        tar.addfile(info)
    return gzip.compress(buffer.getvalue())


MEMBERS = {
    "a file above": ("../up", tarfile.REGTYPE, ""),
    "a file far above": ("variables/../../../up", tarfile.REGTYPE, ""),
    "a folder above": ("../folder", tarfile.DIRTYPE, ""),
    "a link to a file": ("link", tarfile.SYMTYPE, "/etc/passwd"),
    "a link to a folder": ("variables/link", tarfile.SYMTYPE, "../.."),
    "a hard link": ("link", tarfile.LNKTYPE, "/etc/passwd"),
    "a device": ("device", tarfile.CHRTYPE, ""),
    "a pipe": ("pipe", tarfile.FIFOTYPE, ""),
}


@pytest.mark.parametrize(("name", "kind", "link"), MEMBERS.values(), ids=MEMBERS)
def test_members_that_lead_elsewhere(server: LocalServer, tmp_path: Path, name: str, kind: bytes, link: str) -> None:
    server.answers[NAME + "?tf-hub-format=compressed"] = Answer(archive(name, kind, link))
    refusal("modules", lambda: find_module(server.url + NAME), Path(server.url.partition("//")[2]))
    assert [path.name for path in tmp_path.iterdir()] == ["modules"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_an_archive_that_swells(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    monkeypatch.setattr(download, "MOST_BYTES", MOST_BYTES // 4)
    info = tarfile.TarInfo("saved_model.pb")
    info.type, info.size = kind, MOST_BYTES
    content = info.tobuf(tarfile.GNU_FORMAT) + bytes(MOST_BYTES)
    server.answers[NAME + "?tf-hub-format=compressed"] = Answer(gzip.compress(content, 1))
    message = refusal("modules", lambda: find_module(server.url + NAME), Path(server.url.partition("//")[2]))
    assert ("bytes came out of the archive" if kind == tarfile.REGTYPE else "bytes about a member") in message
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_file_of_holes(server: LocalServer, tmp_path: Path) -> None:
    """In GNU's old format a header of 512 bytes makes a file of 1 TiB."""
    info = tarfile.TarInfo("saved_model.pb")
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"\x80" + (2**40).to_bytes(11, "big")
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))
    server.answers[NAME + "?tf-hub-format=compressed"] = Answer(gzip.compress(bytes(header) + bytes(1024)))
    message = refusal("modules", lambda: find_module(server.url + NAME), Path(server.url.partition("//")[2]))
    assert "is not a plain file" in message
    assert list((tmp_path / "modules").iterdir()) == []


def test_an_absolute_name_is_one_inside(server: LocalServer, tmp_path: Path) -> None:
    server.answers[NAME + "?tf-hub-format=compressed"] = Answer(
        archive(str(tmp_path / "absolute"), tarfile.REGTYPE, "")
    )
    try:
        folder = find_module(server.url + NAME)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert folder is not None and tmp_path / "modules" in folder.parents
    assert not (tmp_path / "absolute").exists()
