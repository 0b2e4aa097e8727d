"""MUSE's vectors, fetched from a server of our own: whole, or not at all."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from errors_expected import raises
from local_server import Answer, LocalServer, local_server, no_server

from cache import messages as store
from cache.errors import DownloadError, OutputError
from cache.files import temporary_files
from cache.runtime import downloads
from trainer import messages
from trainer.errors import VectorsError
from trainer.vectors import load_static_vectors, muse, source_size

CONTENT = b"3 2\nthe 1 2\nfilm 3 4\ngood 5 6\n"
PATH = "/vectors/wiki.multi.en.vec"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    with local_server() as server:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(muse, "URL", f"{server.url}{PATH}")
        monkeypatch.setattr(muse, "N_BYTES", len(CONTENT))
        monkeypatch.setattr(muse, "HEADER", b"3 2\n")
        server.answers[PATH] = Answer(CONTENT)
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "user" / "cache"


def fails(folder: Path, message: str, **data: object) -> None:
    """Check why the download failed, that the address is named, and that nothing is left."""
    with raises(messages.MUSE_DOWNLOAD, VectorsError, url=muse.URL, error=DownloadError(message, **data)):
        load_static_vectors("muse", ["the"], cache_folder=folder)
    assert not temporary_files(folder / "muse")


def test_the_published_file() -> None:
    assert muse.URL == "https://dl.fbaipublicfiles.com/arrival/vectors/wiki.multi.en.vec"
    assert (muse.N_BYTES, muse.HEADER) == (628_614_720, b"200000 300\n")


def test_fetched_once(server: LocalServer, folder: Path) -> None:
    for n_phases in (2, 1):
        advances: list[int] = []
        total = source_size("muse", cache_folder=folder)
        vectors = load_static_vectors("muse", ["The", "x", "good"], progress=advances.append, cache_folder=folder)
        assert vectors.matrix.tolist() == [[1, 2], [0, 0], [5, 6]]
        assert vectors.name == "muse"
        assert sum(advances) == total == n_phases * len(CONTENT)
    assert server.asked == [PATH]
    assert [path.name for path in (folder / "muse").iterdir()] == ["wiki.multi.en.vec"]


def test_into_the_users_cache_folder(server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert load_static_vectors("muse", ["the"]).found.all()
    assert (tmp_path / "elmo-cache" / "muse" / "wiki.multi.en.vec").read_bytes() == CONTENT


@pytest.mark.parametrize("good_before", [False, True])
def test_offline(server: LocalServer, folder: Path, monkeypatch: pytest.MonkeyPatch, good_before: bool) -> None:
    if good_before:
        muse.fetch(folder)
    with no_server() as url:
        monkeypatch.setattr(muse, "URL", f"{url}/wiki.multi.en.vec")
        if good_before:
            assert load_static_vectors("muse", ["the"], cache_folder=folder).found.all()
        else:
            fails(folder, store.DOWNLOAD_FAILED, error=re.compile("refused"))


def test_not_there(server: LocalServer, folder: Path) -> None:
    server.answers[PATH] = Answer(CONTENT, status=404)
    fails(folder, store.DOWNLOAD_FAILED, error=re.compile("^404 Client Error"))
    server.answers[PATH] = Answer(CONTENT)
    assert load_static_vectors("muse", ["the"], cache_folder=folder).found.all()


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], b"<html>log in</html>", b"9" + CONTENT[1:]])
def test_another_file(server: LocalServer, folder: Path, content: bytes) -> None:
    server.answers[PATH] = Answer(content)
    error = messages.MUSE_WRONG.format(found=len(content), expected=len(CONTENT), header="3 2")
    fails(folder, store.DOWNLOAD_WRONG, error=error)
    assert not (folder / "muse" / "wiki.multi.en.vec").exists()


def test_a_longer_file(server: LocalServer, folder: Path) -> None:
    server.answers[PATH] = Answer(CONTENT + b"x")
    fails(folder, store.DOWNLOAD_TOO_LARGE, expected=len(CONTENT))


def test_broken_off(server: LocalServer, folder: Path) -> None:
    server.answers[PATH] = Answer(CONTENT[:10], headers={"Content-Length": str(len(CONTENT))})
    fails(folder, store.DOWNLOAD_FAILED)
    assert list((folder / "muse").iterdir()) == []
    server.answers[PATH] = Answer(CONTENT)
    assert load_static_vectors("muse", ["the"], cache_folder=folder).found.all()


def test_interrupted(server: LocalServer, folder: Path) -> None:
    def interrupt(n_bytes: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_static_vectors("muse", ["the"], progress=interrupt, cache_folder=folder)
    assert list((folder / "muse").iterdir()) == []


def test_killed(server: LocalServer, folder: Path) -> None:
    (folder / "muse").mkdir(parents=True)
    (folder / "muse" / ".wiki.multi.en.vec.0123456789ab.tmp").write_bytes(CONTENT[:5])
    (folder / ".strange.tmp").touch()
    muse.fetch(folder)
    assert [path.name for path in (folder / "muse").iterdir()] == ["wiki.multi.en.vec"]
    assert (folder / ".strange.tmp").exists()


def test_a_bad_file_is_replaced_by_a_good_one_alone(server: LocalServer, folder: Path) -> None:
    path = folder / "muse" / "wiki.multi.en.vec"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-1])
    server.answers[PATH] = Answer(CONTENT[:-2])
    fails(folder, store.DOWNLOAD_WRONG)
    assert path.read_bytes() == CONTENT[:-1]
    server.answers[PATH] = Answer(CONTENT)
    assert muse.fetch(folder) == path
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(CONTENT).digest()


def test_right_size_but_wrong_inside(server: LocalServer, folder: Path) -> None:
    server.answers[PATH] = Answer(CONTENT.replace(b"film 3 4", b"film 3 x"))
    path = folder / "muse" / "wiki.multi.en.vec"
    data = {"where": f"{path}, line 3", "found": "'x'", "name": "'film'"}
    with raises(messages.MUSE_DAMAGED, VectorsError, error=VectorsError(messages.NOT_A_NUMBER, **data)):
        load_static_vectors("muse", ["film"], cache_folder=folder)


def test_nowhere_to_write(server: LocalServer, folder: Path) -> None:
    folder.parent.mkdir()
    folder.touch()
    expected = DownloadError(store.DOWNLOAD_FOLDER, path=folder / "muse", error="Not a directory")
    with raises(messages.MUSE_DOWNLOAD, VectorsError, error=expected):
        load_static_vectors("muse", ["the"], cache_folder=folder)


def test_disk_full(server: LocalServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(self: downloads._Sink, block: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads._Sink, "write", write)
    with raises(store.DISK_FULL, OutputError, error="No space left on device"):
        load_static_vectors("muse", ["the"], cache_folder=folder)
    assert list((folder / "muse").iterdir()) == []
