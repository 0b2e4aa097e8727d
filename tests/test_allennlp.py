"""AllenNLP's ELMos by name, fetched from a server of our own that has a tiny one."""

import itertools
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import run_cache
from errors_expected import holds, raises, said
from local_server import Answer, LocalServer, local_server, no_server
from tiny_elmo import OPTIONS, WORDS, assert_close, refusal, shared_encoder, write_elmo

from cache import CacheError, FeatureCache, OutputError
from cache import messages as store
from cache.errors import DownloadError
from elmo_cache import EncoderError, load_encoder, messages
from elmo_cache.encoders import allennlp
from elmo_cache.encoders.bilm.weights import count_weights

STEM = "elmo_2x1024_128_2048cnn_1xhighway"
FILES = [f"{STEM}_options.json", f"{STEM}_weights.hdf5"]
FOLDER = "/2x1024_128_2048cnn_1xhighway"
OPTIONS_PATH, WEIGHTS_PATH = (f"{FOLDER}/{name}" for name in FILES)
LOGIN_PAGE = b"<!DOCTYPE html><title>Log in</title>"

KILLED = """
import sys
from elmo_cache.encoders import allennlp

allennlp.BASE_URL = sys.argv[1]
allennlp.fetch("small")
"""


@pytest.fixture(scope="module")
def elmo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_elmo(tmp_path_factory.mktemp("elmo"))


@pytest.fixture
def server(elmo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with local_server() as server:
        monkeypatch.setattr(allennlp, "BASE_URL", server.url)
        publish(server, elmo)
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "elmo-cache" / "allennlp" / "small"


def publish(server: LocalServer, elmo: Path) -> None:
    server.answers[OPTIONS_PATH] = Answer((elmo / "options.json").read_bytes())
    server.answers[WEIGHTS_PATH] = Answer((elmo / "weights.hdf5").read_bytes())


def failure(file_name: str) -> CacheError:
    """Return why a file of `allennlp:small` was not fetched, and check what is said around it."""
    error = refusal(load_encoder, "allennlp:small")
    holds(error, messages.NOT_DOWNLOADED, name=f"allennlp:small, file {file_name}", **urls(allennlp.BASE_URL))
    reason = error.data["error"]
    assert isinstance(reason, DownloadError)
    return reason


def urls(base: str) -> dict[str, str]:
    return {"url": f"{base}{OPTIONS_PATH}", "size": " and …_weights.hdf5"}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_published_models() -> None:
    filters = ((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024))
    assert list(allennlp.NAMES) == ["original", "5.5B", "medium", "small"]
    assert allennlp.BASE_URL == "https://allennlp.s3.amazonaws.com/models/elmo"
    for name, elmo in allennlp.NAMES.items():
        sizes = {"dim": 4 * elmo.dim, "projection_dim": elmo.dim // 2, "n_highway": 2 if elmo.dim == 1024 else 1}
        options = replace(OPTIONS, filters=filters, char_dim=16, **sizes)
        assert elmo.architecture == options.architecture
        assert elmo.handle == (
            f"{options.architecture}_2048cnn_{options.n_highway}xhighway{'_5.5B' if name == '5.5B' else ''}"
        )
        assert elmo.size_bytes == pytest.approx(4 * count_weights(options), rel=2e-3)
        assert (elmo.options_name, elmo.weights_name) == (
            f"elmo_{elmo.handle}_options.json",
            f"elmo_{elmo.handle}_weights.hdf5",
        )


def test_success(server: LocalServer, folder: Path, elmo: Path) -> None:
    encoder = load_encoder("allennlp:small")

    assert server.asked == [OPTIONS_PATH, WEIGHTS_PATH]
    assert names_in(folder) == FILES
    assert encoder.description == load_encoder(elmo).description == load_encoder(allennlp.fetch("small")).description
    assert (encoder.name, encoder.tokenizer) == ("elmo 2x12_6", "words")
    encoder.use_computation(shared_encoder("mix").computation)
    assert_close(encoder.encode(WORDS), shared_encoder("mix").encode(WORDS), 0)


def test_settings(server: LocalServer) -> None:
    assert load_encoder("allennlp:small", layers="all").dim == shared_encoder("all").dim
    error = refusal(load_encoder, "allennlp:small", layers="mean")
    holds(error, messages.INVALID_VALUE, name="layers", found="'mean'", expected="one of mix, top, all")


@pytest.mark.parametrize("name", allennlp.NAMES)
def test_each_name_has_its_own_files(server: LocalServer, folder: Path, name: str) -> None:
    published = allennlp.NAMES[name]
    for file_name, path in zip(
        [published.options_name, published.weights_name], [OPTIONS_PATH, WEIGHTS_PATH], strict=True
    ):
        server.answers[f"/{published.handle}/{file_name}"] = server.answers[path]

    assert load_encoder(f"allennlp:{name}").description == shared_encoder("mix").description
    assert names_in(folder.parent) == [name]


def test_what_is_there_needs_no_server(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_encoder("allennlp:small").description
    with no_server() as url:
        monkeypatch.setattr(allennlp, "BASE_URL", url)
        assert load_encoder("allennlp:small").description == first
    assert len(server.asked) == 2


@pytest.mark.parametrize("missing", [0, 1], ids=["options", "weights"])
def test_only_the_missing_file_is_fetched(server: LocalServer, folder: Path, missing: int) -> None:
    load_encoder("allennlp:small")
    (folder / FILES[missing]).unlink()
    load_encoder("allennlp:small")
    assert server.asked[2:] == [[OPTIONS_PATH, WEIGHTS_PATH][missing]]


@pytest.mark.parametrize("name", ["", "large", "Small", "5.5b", "../small", "original/"])
def test_a_name_that_is_none(server: LocalServer, tmp_path: Path, name: str) -> None:
    expected = "allennlp:original, allennlp:5.5B, allennlp:medium, allennlp:small"
    holds(refusal(load_encoder, f"allennlp:{name}"), messages.NO_ENCODER, name=f"allennlp:{name}", expected=expected)
    assert server.asked == [] and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("which", [0, 1], ids=["options", "weights"])
@pytest.mark.parametrize(
    ("answer", "reason", "error"),
    [
        (Answer(status=404), store.DOWNLOAD_FAILED, "^404 Client Error"),
        (Answer(b"{", headers={"Content-Length": "100"}), store.DOWNLOAD_FAILED, "."),
        (Answer(LOGIN_PAGE), store.DOWNLOAD_WRONG, "^it is not "),
        (Answer(b""), store.DOWNLOAD_WRONG, "^it is not "),
    ],
    ids=["404", "truncated", "login_page", "empty"],
)
def test_a_download_that_fails(
    server: LocalServer, folder: Path, elmo: Path, which: int, answer: Answer, reason: str, error: str
) -> None:
    server.answers[[OPTIONS_PATH, WEIGHTS_PATH][which]] = answer

    holds(failure(FILES[which]), reason, error=re.compile(error))

    assert names_in(folder) == FILES[:which]
    publish(server, elmo)
    assert load_encoder("allennlp:small").description == shared_encoder("mix").description
    assert server.asked.count(OPTIONS_PATH) == 2 - which, "what had come whole was kept"


def test_offline(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with no_server() as url:
        monkeypatch.setattr(allennlp, "BASE_URL", url)
        holds(failure(FILES[0]), store.DOWNLOAD_FAILED, error=re.compile("refused"))


@pytest.mark.parametrize("which", [0, 1], ids=["options", "weights"])
def test_a_server_that_does_not_end(
    server: LocalServer, folder: Path, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    monkeypatch.setitem(allennlp.NAMES, "small", replace(allennlp.NAMES["small"], size_bytes=10**6))
    server.answers[[OPTIONS_PATH, WEIGHTS_PATH][which]] = Answer(itertools.repeat(b" " * 2**16))
    holds(failure(FILES[which]), store.DOWNLOAD_TOO_LARGE, expected=[2**20, 2 * 10**6][which])
    assert names_in(folder) == FILES[:which]


def test_killed(server: LocalServer, folder: Path, elmo: Path) -> None:
    half_is_out, go_on = threading.Event(), threading.Event()

    def stalling() -> Iterator[bytes]:
        yield (elmo / "weights.hdf5").read_bytes()[:5000]
        half_is_out.set()
        go_on.wait(60)

    server.answers[WEIGHTS_PATH] = Answer(stalling())
    process = subprocess.Popen([sys.executable, "-c", KILLED, server.url])
    assert half_is_out.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    go_on.set()
    assert [name for name in names_in(folder) if name in FILES] == FILES[:1] and len(names_in(folder)) == 2

    publish(server, elmo)
    assert load_encoder("allennlp:small").description == shared_encoder("mix").description
    assert names_in(folder) == FILES


@pytest.mark.parametrize("which", [0, 1], ids=["options", "weights"])
def test_damaged_after_the_download(server: LocalServer, folder: Path, which: int) -> None:
    path = allennlp.fetch("small") / FILES[which]
    path.write_bytes(path.read_bytes()[:100])

    damage = EncoderError(messages.DAMAGED if which else messages.NOT_JSON, where=str(path))
    holds(refusal(load_encoder, "allennlp:small"), messages.DOWNLOADED_FILE_DAMAGED, error=damage)
    path.unlink()
    assert load_encoder("allennlp:small").description == shared_encoder("mix").description


def test_options_that_may_not_be_read(server: LocalServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allennlp.fetch("small")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with raises(messages.CANNOT_READ, EncoderError, path=folder / FILES[0], error="Permission denied"):
        allennlp.load("small")


def test_no_folder_can_be_made(server: LocalServer, folder: Path) -> None:
    folder.parent.parent.touch()
    holds(failure(FILES[0]), store.DOWNLOAD_FOLDER, path=folder, error="Not a directory")


def test_the_disk_takes_no_more(server: LocalServer, folder: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        with raises(store.FILE_TOO_LARGE, OutputError, path=folder / FILES[1], error="File too large"):
            load_encoder("allennlp:small")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names_in(folder) == FILES[:1]


def test_progress(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    bars: list[tuple[Any, ...]] = []
    advances: list[int] = []

    @contextmanager
    def recorded(*arguments: Any) -> Iterator[Any]:
        with allennlp_bar(*arguments) as bar:
            bars.append(arguments)
            monkeypatch.setattr(bar, "update", advances.append)
            yield bar

    allennlp_bar = allennlp.progress_bar
    monkeypatch.setattr(allennlp, "progress_bar", recorded)
    folder = allennlp.fetch("small")

    assert bars == [(54_400_000, "allennlp:small", "B")]
    assert sum(advances) == sum(path.stat().st_size for path in folder.iterdir())


def test_build_as_a_user_types_it(server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lines.txt").write_text("a slow start\nbut what a finish\n")
    arguments = ("build", tmp_path / "c.elmo", "--corpus", tmp_path / "lines.txt", "--encoder", "allennlp:small")
    with no_server() as url, monkeypatch.context() as patch:
        patch.setattr(allennlp, "BASE_URL", url)
        result = run_cache(*arguments)
    name = f"allennlp:small, file {FILES[0]}"
    before, after = said(messages.NOT_DOWNLOADED, name=name, error="ERROR", **urls(url)).split("ERROR")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"Error: {before}") and result.stderr.endswith(f"{after}\n")
    assert not (tmp_path / "c.elmo").exists()

    result = run_cache(*arguments)
    assert result.exit_code == 0, result.output
    with FeatureCache(tmp_path / "c.elmo") as features:
        assert features.complete and features["train"].dim == 12
        words = [features["train"].tokens(i) for i in range(2)]
        assert sorted(words) == [["a", "slow", "start"], ["but", "what", "a", "finish"]]
        expected = shared_encoder("mix").encode(words)
        assert_close([features["train"][i].astype(np.float32) for i in range(2)], expected, 1e-2)
