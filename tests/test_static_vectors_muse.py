"""MUSE's vectors, fetched from a server of our own: whole, or not at all."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cache.adapters import download
from cache.errors import OutputError
from cache.files import temporary_files
from trainer import muse
from trainer.errors import VectorsError
from trainer.static_vectors import load_static_vectors, source_size

CONTENT = b"3 2\nthe 1 2\nfilm 3 4\ngood 5 6\n"
WAY_OUT = "by other means and give the file: --vectors PATH"


class Server(ThreadingHTTPServer):
    """Answers with `content` under `status`, announcing `length` bytes."""

    content = CONTENT
    length: int | None = None
    status = 200
    n_requests = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:  # noqa: N802
        self.server.n_requests += 1
        self.send_response(self.server.status)
        length = self.server.length
        self.send_header("Content-Length", str(len(self.server.content) if length is None else length))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as server:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(muse, "URL", f"http://127.0.0.1:{server.server_port}/vectors/wiki.multi.en.vec")
        monkeypatch.setattr(muse, "N_BYTES", len(CONTENT))
        monkeypatch.setattr(muse, "HEADER", b"3 2\n")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "user" / "cache"


def failure(folder: Path) -> str:
    with pytest.raises(VectorsError) as caught:
        load_static_vectors("muse", ["the"], cache_folder=folder)
    message = str(caught.value)
    assert "\n" not in message and muse.URL in message and message.endswith(WAY_OUT)
    assert not temporary_files(folder / "muse")
    return message


def test_the_published_file() -> None:
    assert muse.URL == "https://dl.fbaipublicfiles.com/arrival/vectors/wiki.multi.en.vec"
    assert (muse.N_BYTES, muse.HEADER) == (628_614_720, b"200000 300\n")


def test_fetched_once(server: Server, folder: Path) -> None:
    for n_phases in (2, 1):
        advances: list[int] = []
        total = source_size("muse", cache_folder=folder)
        vectors = load_static_vectors("muse", ["The", "x", "good"], progress=advances.append, cache_folder=folder)
        assert vectors.matrix.tolist() == [[1, 2], [0, 0], [5, 6]]
        assert vectors.name == "muse"
        assert sum(advances) == total == n_phases * len(CONTENT)
    assert server.n_requests == 1
    assert [path.name for path in (folder / "muse").iterdir()] == ["wiki.multi.en.vec"]


def test_into_the_users_cache_folder(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert load_static_vectors("muse", ["the"]).found.all()
    assert (tmp_path / "elmo-cache" / "muse" / "wiki.multi.en.vec").read_bytes() == CONTENT


@pytest.mark.parametrize("good_before", [False, True])
def test_offline(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, good_before: bool) -> None:
    if good_before:
        muse.fetch(folder)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        monkeypatch.setattr(muse, "URL", f"http://127.0.0.1:{unused.getsockname()[1]}/wiki.multi.en.vec")
        if good_before:
            assert load_static_vectors("muse", ["the"], cache_folder=folder).found.all()
        else:
            assert failure(folder).startswith("muse: cannot be downloaded (") and "refused" in failure(folder)


def test_not_there(server: Server, folder: Path) -> None:
    server.status = 404
    assert failure(folder).startswith("muse: cannot be downloaded (404 Client Error")
    server.status = 200
    assert load_static_vectors("muse", ["the"], cache_folder=folder).found.all()


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], b"<html>log in</html>", b"9" + CONTENT[1:]])
def test_another_file(server: Server, folder: Path, content: bytes) -> None:
    server.content = content
    assert failure(folder).startswith(
        f"muse: {len(content)} bytes came, expected {len(CONTENT)} with the header '3 2'; try again; or get {muse.URL}"
    )
    assert not (folder / "muse" / "wiki.multi.en.vec").exists()


def test_a_longer_file(server: Server, folder: Path) -> None:
    server.content = CONTENT + b"x"
    assert failure(folder).startswith(f"muse: more than {len(CONTENT)} bytes came")


def test_broken_off(server: Server, folder: Path) -> None:
    server.content, server.length = CONTENT[:10], len(CONTENT)
    assert failure(folder).startswith("muse: cannot be downloaded (")
    assert list((folder / "muse").iterdir()) == []
    server.content = CONTENT
    assert load_static_vectors("muse", ["the"], cache_folder=folder).found.all()


def test_interrupted(server: Server, folder: Path) -> None:
    def interrupt(n_bytes: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_static_vectors("muse", ["the"], progress=interrupt, cache_folder=folder)
    assert list((folder / "muse").iterdir()) == []


def test_killed(server: Server, folder: Path) -> None:
    (folder / "muse").mkdir(parents=True)
    (folder / "muse" / ".wiki.multi.en.vec.0123456789ab.tmp").write_bytes(CONTENT[:5])
    (folder / ".strange.tmp").touch()
    muse.fetch(folder)
    assert [path.name for path in (folder / "muse").iterdir()] == ["wiki.multi.en.vec"]
    assert (folder / ".strange.tmp").exists()


def test_a_bad_file_is_replaced_by_a_good_one_alone(server: Server, folder: Path) -> None:
    path = folder / "muse" / "wiki.multi.en.vec"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-1])
    server.content = CONTENT[:-2]
    failure(folder)
    assert path.read_bytes() == CONTENT[:-1]
    server.content = CONTENT
    assert muse.fetch(folder) == path
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(CONTENT).digest()


def test_right_size_but_wrong_inside(server: Server, folder: Path) -> None:
    server.content = CONTENT.replace(b"film 3 4", b"film 3 x")
    path = folder / "muse" / "wiki.multi.en.vec"
    with pytest.raises(VectorsError) as caught:
        load_static_vectors("muse", ["film"], cache_folder=folder)
    assert str(caught.value) == (
        f"{path}, line 3: 'x' is not a number, in the vector of 'film'; remove the file, and the next run fetches it"
    )


def test_nowhere_to_write(server: Server, folder: Path) -> None:
    folder.parent.mkdir()
    folder.touch()
    with pytest.raises(VectorsError, match="muse: cannot be kept in .*muse .Not a directory"):
        load_static_vectors("muse", ["the"], cache_folder=folder)


def test_disk_full(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(self: download._Sink, block: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download._Sink, "write", write)
    with pytest.raises(OutputError, match="No space left on device; free some space"):
        load_static_vectors("muse", ["the"], cache_folder=folder)
    assert list((folder / "muse").iterdir()) == []
