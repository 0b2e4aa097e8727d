"""From a handle to a module's folder: the cache of TensorFlow Hub, and a download from a server of our own."""

import grp
import gzip
import hashlib
import io
import os
import pwd
import re
import shutil
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from errors_expected import holds
from hub_module import OPTIONS, module_values, write_variables
from local_server import Answer, LocalServer, local_server
from tiny_elmo import refusal

from cache import CacheError
from cache import messages as cache_messages
from cache.errors import DownloadError
from cache.runtime import downloads
from elmo_cache import load_encoder, messages
from elmo_cache.encoders.bilm.weights import random_weights
from elmo_cache.encoders.hub import download
from elmo_cache.encoders.hub.resolution import ORIGINAL, cache_folder, find_module

KAGGLE = "https://www.kaggle.com/models/google/elmo/TensorFlow1/elmo/3"
NAME = "/google/elmo/3"
QUERY = "?tf-hub-format=compressed"


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files of a module, but for the graph, which the native engine does not read."""
    folder = tmp_path_factory.mktemp("modules") / "elmo"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")
    write_variables(folder, module_values(random_weights(OPTIONS)))
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with local_server() as server:
        yield server


def archive(module: Path, leave_out: str | None = None) -> bytes:
    """A module as TensorFlow Hub serves it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(module.rglob("*")):
            if path.name != leave_out:
                tar.add(path, f"./{path.relative_to(module)}", recursive=False)
    return buffer.getvalue()


def modules_in(cache: Path) -> list[str]:
    """Everything in the cache."""
    return [path.name for path in cache.iterdir()]


def failure(server: LocalServer, cache: Path) -> CacheError:
    """Return why a download failed; nothing is left, and the message says what else can be done."""
    handle = server.url + NAME
    error = refusal(load_encoder, handle)
    said = {"name": handle, "url": f"{handle}{QUERY}", "size": " (about 350 MB)", "path": cache_folder(handle)}
    holds(error, messages.MODULE_NOT_DOWNLOADED, **said)
    assert modules_in(cache) == []
    reason = error.data["error"]
    assert isinstance(reason, DownloadError)
    return reason


@pytest.mark.parametrize(("name", "handle"), [("original", ORIGINAL), (ORIGINAL, ORIGINAL), (KAGGLE, KAGGLE)])
def test_cached(module: Path, cache: Path, name: str, handle: str) -> None:
    folder = cache / hashlib.sha1(handle.encode()).hexdigest()
    shutil.copytree(module, folder)

    assert find_module(name) == folder
    assert load_encoder(name).description == load_encoder(module).description


def test_the_folder_of_the_notebook() -> None:
    # As logs of version 2 print it.
    assert cache_folder("https://tfhub.dev/google/elmo/2").name == "9bb74bc86f9caffc8c47dd7b33ec4bb354d9602d"


def test_without_a_chosen_folder(module: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What `tensorflow_hub` has cached is found; a download goes to the user's own folder, which comes first."""
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    name = hashlib.sha1(ORIGINAL.encode()).hexdigest()
    own, other = tmp_path / "user" / "elmo-cache" / "tfhub" / name, tmp_path / "tfhub_modules" / name

    assert cache_folder(ORIGINAL) == own
    shutil.copytree(module, other)
    assert find_module("original") == other
    shutil.copytree(module, own)
    assert find_module("original") == own


@pytest.mark.parametrize("engine", ["native", "hub"])
@pytest.mark.parametrize("left", [[], ["variables"], ["variables", "assets"], ["saved_model.pb"]], ids=str)
def test_emptied_cache(cache: Path, left: list[str], engine: str) -> None:
    folder = cache_folder(ORIGINAL)
    folder.mkdir(parents=True)
    for name in left:
        (folder / name).touch() if "." in name else (folder / name).mkdir()

    error = refusal(load_encoder, "original", engine=engine)

    lacking = "variables/variables.index" if left == ["saved_model.pb"] else "saved_model.pb"
    holds(error, messages.CACHED_MODULE_INCOMPLETE, name=ORIGINAL, found=lacking, path=folder)


def test_download(module: Path, cache: Path, server: LocalServer) -> None:
    server.answers[NAME + QUERY] = Answer(archive(module))

    encoder = load_encoder(server.url + NAME)

    assert encoder.description == load_encoder(module).description
    assert modules_in(cache) == [hashlib.sha1((server.url + NAME).encode()).hexdigest()]
    assert load_encoder(server.url + NAME).description == encoder.description
    assert server.asked == [NAME + QUERY]


def test_download_from_where_it_is_redirected_and_of_no_announced_length(
    module: Path, cache: Path, server: LocalServer
) -> None:
    data = archive(module)
    server.answers[NAME + QUERY] = Answer(b"moved", 302, {"Location": "/elsewhere.tar.gz"})
    server.answers["/elsewhere.tar.gz"] = Answer([data[:1000], data[1000:]])

    assert load_encoder(server.url + NAME).description == load_encoder(module).description


@pytest.mark.parametrize("kept", [0, 1, 200, 0.5, 0.99], ids=str)
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "not_announced"])
def test_truncated_archive(module: Path, cache: Path, server: LocalServer, kept: float, announced: bool) -> None:
    data = archive(module)
    sent = data[: int(kept * len(data)) if isinstance(kept, float) else kept]
    server.answers[NAME + QUERY] = (
        Answer(sent, headers={"Content-Length": str(len(data))}) if announced else Answer([sent])
    )

    reason = failure(server, cache)

    assert len(str(reason)) < 300
    if announced:
        assert f"{len(sent)} bytes read, {len(data) - len(sent)} more expected" in reason.data["error"]
    server.answers[NAME + QUERY] = Answer(data)
    assert load_encoder(server.url + NAME).description == load_encoder(module).description


def test_archive_that_ends_between_two_files(module: Path, cache: Path, server: LocalServer) -> None:
    # `tarfile` takes it for whole.
    blocks = gzip.decompress(archive(module))
    server.answers[NAME + QUERY] = Answer(gzip.compress(blocks[: blocks.index(b"./variables/")]))

    holds(failure(server, cache), messages.MODULE_LACKS, name="variables/variables.index")


@pytest.mark.parametrize("name", ["saved_model.pb", "variables.index", "variables.data-00000-of-00001"])
def test_archive_of_something_else(module: Path, cache: Path, server: LocalServer, name: str) -> None:
    server.answers[NAME + QUERY] = Answer(archive(module, leave_out=name))

    holds(failure(server, cache), messages.MODULE_LACKS, name=re.compile(f"{name}$"))


@pytest.mark.parametrize("body", [b"", b"<html>Please log in</html>" * 100], ids=["nothing", "page"])
def test_no_archive(cache: Path, server: LocalServer, body: bytes) -> None:
    server.answers[NAME + QUERY] = Answer(body)

    holds(failure(server, cache), messages.NOT_A_MODULE)


@pytest.mark.parametrize("status", [404, 403, 503])
def test_error_of_the_server(cache: Path, server: LocalServer, status: int) -> None:
    server.answers[NAME + QUERY] = Answer(status=status)

    holds(failure(server, cache), cache_messages.DOWNLOAD_FAILED, error=re.compile(f"^{status} "))


def test_refused_connection(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with local_server() as server:
        pass

    holds(failure(server, cache), cache_messages.DOWNLOAD_FAILED, error=re.compile("refused"))


def test_silent_server(cache: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()

    def silence() -> Iterator[bytes]:
        yield b"\x1f\x8b"
        stop.wait(10)

    monkeypatch.setattr(downloads, "TIMEOUT_S", 0.2)
    server.answers[NAME + QUERY] = Answer(silence())
    try:
        holds(failure(server, cache), cache_messages.DOWNLOAD_FAILED, error=re.compile("timed out"))
    finally:
        stop.set()


@pytest.mark.parametrize("where", ["fetch_file", "_extract"])
def test_interrupted(
    module: Path, cache: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    original = getattr(download, where)

    def interrupt(*args: Any, **settings: Any) -> None:
        original(*args, **settings)
        raise KeyboardInterrupt

    server.answers[NAME + QUERY] = Answer(archive(module))
    with monkeypatch.context() as patch:
        patch.setattr(download, where, interrupt)
        with pytest.raises(KeyboardInterrupt):
            load_encoder(server.url + NAME)

    assert modules_in(cache) == []
    assert load_encoder(server.url + NAME).description == load_encoder(module).description


def test_what_a_killed_download_left_is_removed_after_a_day(module: Path, cache: Path, server: LocalServer) -> None:
    folder = cache_folder(server.url + NAME)
    for left, age_s in (("old", 90_000), ("young", 80_000)):
        path = folder.with_name(f".{folder.name}.{left}")
        (path / "module").mkdir(parents=True)
        os.utime(path, (time.time() - age_s,) * 2)
    server.answers[NAME + QUERY] = Answer(archive(module))

    find_module(server.url + NAME)

    assert sorted(modules_in(cache)) == sorted([folder.name, f".{folder.name}.young"])


def test_another_download_was_quicker(
    module: Path, cache: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, unpack = cache_folder(server.url + NAME), download._unpack

    def unpack_late(*args: Any) -> None:
        unpack(*args)
        shutil.copytree(module, folder)

    monkeypatch.setattr(download, "_unpack", unpack_late)
    server.answers[NAME + QUERY] = Answer(archive(module))

    assert find_module(server.url + NAME) == folder
    assert modules_in(cache) == [folder.name]


@pytest.mark.parametrize("announced", ["gzip", "tar"])
def test_a_server_that_has_unpacked_it(module: Path, cache: Path, server: LocalServer, announced: str) -> None:
    data = archive(module)
    server.answers[NAME + QUERY] = (
        Answer(data, headers={"Content-Encoding": "gzip"}) if announced == "gzip" else Answer(gzip.decompress(data))
    )
    assert load_encoder(server.url + NAME).description == load_encoder(module).description


def test_an_archive_whose_checksum_is_wrong(module: Path, cache: Path, server: LocalServer) -> None:
    data = bytearray(archive(module))
    data[-8] ^= 1
    server.answers[NAME + QUERY] = Answer(bytes(data))
    holds(failure(server, cache), messages.NOT_A_MODULE, error=re.compile("CRC check failed"))


def shared_root(cache: Path, folder: Path) -> None:
    cache.chmod(0o777)


def shared_folder(cache: Path, folder: Path) -> None:
    folder.chmod(0o777)


def shared_file(cache: Path, folder: Path) -> None:
    (folder / "variables" / "variables.index").chmod(0o666)


def shared_with_a_group(cache: Path, folder: Path) -> None:
    folder.chmod(0o775)


def sticky_folder(cache: Path, folder: Path) -> None:
    folder.chmod(0o1777)


@pytest.mark.parametrize(
    ("share", "what"),
    [
        (shared_root, ""),
        (shared_folder, "NAME"),
        (shared_file, "NAME/variables/variables.index"),
        (shared_with_a_group, "NAME"),
        (sticky_folder, "NAME"),
    ],
)
def test_a_cache_that_others_can_write_to(
    module: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: Callable[[Path, Path], None],
    what: str,
) -> None:
    folder = cache_folder(ORIGINAL)
    shutil.copytree(module, folder)
    share(cache, folder)
    monkeypatch.setattr(grp, "getgrgid", lambda _: grp.struct_group(("staff", "x", 50, ["a", "b"])))

    fault = f"others can write to {cache / what.replace('NAME', folder.name)}"
    holds(refusal(load_encoder, "original"), messages.MODULES_NOT_TRUSTED, error=fault, name=ORIGINAL)


def test_a_download_into_a_folder_that_others_can_write_to(cache: Path, server: LocalServer) -> None:
    cache.mkdir()
    cache.chmod(0o777)

    error = refusal(load_encoder, server.url + NAME)
    holds(error, messages.MODULES_NOT_TRUSTED, error=f"others can write to {cache}", name=server.url + NAME)
    assert server.asked == []


@pytest.mark.parametrize("what", ["", "NAME", "NAME/saved_model.pb"])
def test_a_cache_of_another_user(module: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    folder = cache_folder(ORIGINAL)
    shutil.copytree(module, folder)
    path = cache / what.replace("NAME", folder.name)
    if os.getuid() == 0:
        os.chown(path, 12345, -1)
    else:  # all of it is, for somebody else
        path, user = cache, os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: user + 1)

    fault = f"{path} belongs to another user"
    holds(refusal(load_encoder, "original"), messages.MODULES_NOT_TRUSTED, error=fault, name=ORIGINAL)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a link away")
def test_another_users_link_to_ones_own_folder(module: Path, cache: Path) -> None:
    cache.mkdir()
    os.symlink(module, cache_folder(ORIGINAL))
    os.chown(cache_folder(ORIGINAL), 12345, -1, follow_symlinks=False)

    fault = f"{cache_folder(ORIGINAL)} belongs to another user"
    holds(refusal(load_encoder, "original"), messages.MODULES_NOT_TRUSTED, error=fault, name=ORIGINAL)


def test_ones_own_folder_in_a_shared_and_sticky_one_is_taken(
    module: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `/tmp` is; and a group that is one's own may write, as many systems set it up."""
    folder = cache_folder(ORIGINAL)
    shutil.copytree(module, folder)
    cache.chmod(0o1777)
    folder.chmod(0o775)
    name = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr(grp, "getgrgid", lambda group: grp.struct_group((name, "x", group, [])))

    assert find_module("original") == folder


def test_cache_that_cannot_be_written(tmp_path: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "file" / "cache"))

    path = tmp_path / "file" / "cache"
    reason = DownloadError(messages.MODULE_NOT_KEPT, path=path, error="Not a directory")
    holds(refusal(load_encoder, server.url + NAME), messages.MODULE_NOT_DOWNLOADED, error=reason)
