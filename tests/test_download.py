"""A file fetched from a server of our own: whole under its name, or not there."""

import gzip
import itertools
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from errors_expected import raises
from local_server import Answer, LocalServer, local_server, no_server

from cache import OutputError, messages
from cache.errors import DownloadError
from cache.files import atomic_path
from cache.runtime.downloads import fetch_file, user_folder

CONTENT = bytes(range(256)) * 1000
MOST = 10**6


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with local_server() as server:
        server.answers["/x"] = Answer(CONTENT)
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "user" / "cache" / "x.bin"


def fails(url: str, path: Path, message: str, most_bytes: int = MOST, **data: object) -> None:
    """Check the reason of a download that fails, and that it leaves nothing."""
    with raises(message, DownloadError, **data) as caught:
        fetch_file(url + "/x", path, most_bytes=most_bytes)
    assert isinstance(caught.value, OSError) and len(str(caught.value)) < 200
    assert list(path.parent.iterdir()) == []


def fetch_again(server: LocalServer, path: Path) -> None:
    server.answers["/x"] = Answer(CONTENT)
    fetch_file(server.url + "/x", path, most_bytes=MOST)
    assert path.read_bytes() == CONTENT


def test_success(server: LocalServer, path: Path) -> None:
    advances: list[int] = []

    fetch_file(server.url + "/x", path, most_bytes=len(CONTENT), progress=advances.append)

    assert path.read_bytes() == CONTENT
    assert sum(advances) == len(CONTENT) and len(advances) > 1
    assert [found.name for found in path.parent.iterdir()] == ["x.bin"]


def test_an_empty_file(server: LocalServer, path: Path) -> None:
    server.answers["/x"] = Answer(b"")
    fetch_file(server.url + "/x", path, most_bytes=MOST)
    assert path.read_bytes() == b""


def test_without_an_announced_length(server: LocalServer, path: Path) -> None:
    server.answers["/x"] = Answer([CONTENT[:9], CONTENT[9:]])
    fetch_file(server.url + "/x", path, most_bytes=MOST)
    assert path.read_bytes() == CONTENT


def test_compressed_on_the_way(server: LocalServer, path: Path) -> None:
    server.answers["/x"] = Answer(gzip.compress(CONTENT), headers={"Content-Encoding": "gzip"})
    fetch_file(server.url + "/x", path, most_bytes=MOST)
    assert path.read_bytes() == CONTENT


def test_from_another_place(server: LocalServer, path: Path) -> None:
    server.answers["/x"] = Answer(b"over there", 302, {"Location": "/y"})
    server.answers["/y"] = Answer(CONTENT)
    fetch_file(server.url + "/x", path, most_bytes=MOST)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(("status", "reason"), [(404, "404 Client Error"), (503, "503 Server Error")])
def test_an_error_of_the_server(server: LocalServer, path: Path, status: int, reason: str) -> None:
    server.answers["/x"] = Answer(CONTENT, status)
    fails(server.url, path, messages.DOWNLOAD_FAILED, error=re.compile(f"^{reason}"))
    fetch_again(server, path)


def test_a_refused_connection(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with no_server() as url:
        fails(url, path, messages.DOWNLOAD_FAILED, error=re.compile("^(?!.*Max retries).*refused"))


@pytest.mark.parametrize("n_sent", [0, 1, len(CONTENT) - 1])
def test_a_body_cut_short(server: LocalServer, path: Path, n_sent: int) -> None:
    server.answers["/x"] = Answer(CONTENT[:n_sent], headers={"Content-Length": str(len(CONTENT))})
    fails(server.url, path, messages.DOWNLOAD_FAILED, error=re.compile(f"{n_sent} bytes read"))
    fetch_again(server, path)


def test_another_length_than_announced(server: LocalServer, path: Path) -> None:
    # In chunks, the connection says itself where the body ends; a proxy that lost some of it keeps the old length.
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (1000, CONTENT[:1000])
    server.answers["/x"] = Answer(body, headers={"Transfer-Encoding": "chunked", "Content-Length": str(len(CONTENT))})
    fails(server.url, path, messages.DOWNLOAD_CUT_SHORT, found=1000, expected=len(CONTENT))
    fetch_again(server, path)


@pytest.mark.parametrize("body", [CONTENT, itertools.repeat(b"x" * 1000)], ids=["announced", "endless"])
def test_more_than_may_come(server: LocalServer, path: Path, body: bytes | Iterator[bytes]) -> None:
    server.answers["/x"] = Answer(body)
    most_bytes = len(CONTENT) - 1
    fails(server.url, path, messages.DOWNLOAD_TOO_LARGE, most_bytes, expected=most_bytes)
    fetch_again(server, path)


def test_a_fault_in_what_came(server: LocalServer, path: Path) -> None:
    def fault(temporary: Path) -> str | None:
        return f"begins with {temporary.read_bytes()[:1].hex()}" if temporary.read_bytes() != CONTENT[1:] else None

    with raises(messages.DOWNLOAD_WRONG, DownloadError, error="begins with 00"):
        fetch_file(server.url + "/x", path, most_bytes=MOST, fault=fault)
    assert list(path.parent.iterdir()) == []
    server.answers["/x"] = Answer(CONTENT[1:])
    fetch_file(server.url + "/x", path, most_bytes=MOST, fault=fault)
    assert path.read_bytes() == CONTENT[1:]


def test_what_is_there_is_replaced_by_a_whole_file_alone(server: LocalServer, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"old")
    server.answers["/x"] = Answer(CONTENT[:-1], headers={"Content-Length": str(len(CONTENT))})
    with pytest.raises(DownloadError):
        fetch_file(server.url + "/x", path, most_bytes=MOST)
    assert path.read_bytes() == b"old"
    fetch_again(server, path)


def test_interrupted(server: LocalServer, path: Path) -> None:
    def interrupt(n_bytes: int) -> None:
        (unfinished,) = path.parent.iterdir()
        assert 0 < n_bytes < len(CONTENT) and unfinished != path
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_file(server.url + "/x", path, most_bytes=MOST, progress=interrupt)
    assert list(path.parent.iterdir()) == []
    fetch_again(server, path)


def test_what_the_dead_left_is_removed_and_what_the_living_write_is_not(server: LocalServer, path: Path) -> None:
    path.parent.mkdir(parents=True)
    (path.parent / ".x.bin.0123456789ab.tmp").write_bytes(CONTENT[:5])
    with atomic_path(path) as temporary:
        fetch_file(server.url + "/x", path, most_bytes=MOST)
        assert sorted(path.parent.iterdir()) == [temporary, path]
        temporary.write_bytes(CONTENT)


def test_no_folder_can_be_made(server: LocalServer, path: Path) -> None:
    path.parent.parent.touch()
    with raises(messages.DOWNLOAD_FOLDER, DownloadError, path=path.parent, error="Not a directory"):
        fetch_file(server.url + "/x", path, most_bytes=MOST)
    assert server.asked == []


def test_the_disk_takes_no_more(server: LocalServer, path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with raises(messages.FILE_TOO_LARGE, OutputError, path=path, error="File too large"):
            fetch_file(server.url + "/x", path, most_bytes=MOST)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(path.parent.iterdir()) == []
    fetch_again(server, path)


def test_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "elmo-cache"
    assert list(tmp_path.iterdir()) == []


def test_pooch_waits_for_a_download() -> None:
    code = "import sys, elmo_cache.cli, trainer.cli, cache.runtime.downloads; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert not {"pooch", "requests"} & set(result.stdout.split())
