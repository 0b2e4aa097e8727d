"""`pack` and its command: the same bytes every time, nothing from a bad cache, nothing half done."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Any

import h5py
import numpy as np
import pytest
from commands import error_of, run_cache
from errors_expected import raises, said
from numpy_encoder import ALL_LAYERS
from small_cache import contents, replace_dataset, write_cache

from cache import CacheError, CorruptFileError, FeatureCache, Layers, OutputError, messages, pack, verify
from cache.files import temporary_files
from elmo_cache import messages as extraction

ROOT = Path(__file__).parents[1]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c", layers=ALL_LAYERS)
    return tmp_path / "c"


def refused(directory: Path, expected: CacheError, path: Path) -> None:
    """`pack` refuses in one line, and leaves nothing at all."""
    before = sorted(directory.parent.iterdir())
    with raises(expected, path=path):
        pack(directory, directory.parent / "out.h5")
    assert sorted(directory.parent.iterdir()) == before


def test_the_same_cache_gives_the_same_bytes(directory: Path, tmp_path: Path) -> None:
    """Neither time nor place is in it."""
    pack(directory, tmp_path / "a.h5")
    sleep(1.1)
    shutil.copytree(directory, tmp_path / "elsewhere" / "d")
    pack(tmp_path / "elsewhere" / "d", tmp_path / "elsewhere" / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "elsewhere" / "b.h5").read_bytes()
    assert str(tmp_path).encode() not in (tmp_path / "a.h5").read_bytes()


@pytest.mark.parametrize("block_bytes", [1, 40])
def test_blocks_make_no_difference(directory: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    pack(directory, directory.parent / "a.h5")
    monkeypatch.setattr("cache.hashing._BLOCK_BYTES", block_bytes)
    pack(directory, directory.parent / "b.h5")
    assert verify(directory.parent / "b.h5") == []
    with FeatureCache(directory.parent / "a.h5") as a, FeatureCache(directory.parent / "b.h5") as b:
        assert [rows.tobytes() for rows in a["train"]] == [rows.tobytes() for rows in b["train"]]


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """10 MB of vectors pass through blocks of 64 kB."""
    write_cache(tmp_path / "c", {"train": [["a", "b"] * 5000] * 4}, layers=Layers.single(128), shard_tokens=10_000)
    monkeypatch.setattr("cache.hashing._BLOCK_BYTES", 2**16)
    seen: list[int] = []
    tracemalloc.start()
    pack(tmp_path / "c", tmp_path / "c.h5", progress=seen.append)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * 10**6 and max(seen) <= 2**16
    assert sum(seen) >= 40_000 * 256


def test_chunks_are_those_of_a_shard(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", {"train": [["a"] * 100] * 3, "test": []}, shard_tokens=100)
    pack(tmp_path / "c", tmp_path / "c.h5")
    with h5py.File(tmp_path / "c.h5") as file:
        assert file["train/features"].chunks == (128, 8) and file["train/features"].shape == (300, 8)
        assert file["test/features"].chunks is None and file["test/features"].shape == (0, 8)
    assert verify(tmp_path / "c.h5") == []


@pytest.mark.parametrize("name", ["train-00002.h5", "train.documents.h5", "test-00000.h5", "test.documents.h5"])
@pytest.mark.parametrize("end", [0, 1])
def test_a_bad_file_is_named_and_nothing_is_left(directory: Path, name: str, end: int) -> None:
    path = directory / name
    with h5py.File(path, "r+") as file:
        dataset = file["layer_1" if "layer_1" in file else "token_ids"]
        last = dataset[-1:] if end else dataset[:1]
        dataset[-1 if end else 0] = last[0] + 1 if "documents" not in name else (last[0] + 1) % 3
    refused(directory, CorruptFileError(messages.WRONG_CHECKSUM, repair=messages.REPAIR), path)


@pytest.mark.parametrize(
    ("change", "name", "message", "data"),
    [
        (lambda c: (c / "train-00001.h5").write_bytes(b"text"), "train-00001.h5", messages.CANNOT_READ, {}),
        (
            lambda c: shutil.copy(c / "train-00000.h5", c / "train-00001.h5"),
            "train-00001.h5",
            messages.WRONG_FILE,
            {"name": "index", "found": 0, "expected": 1},
        ),
        (lambda c: (c / "test.documents.h5").unlink(), "test.documents.h5", messages.FILE_MISSING, {}),
        (
            lambda c: replace_dataset(c / "train.documents.h5", "labels", np.full(9, 5, "<i4")),
            "train.documents.h5",
            messages.VALUES_INVALID,
            {"name": "labels"},
        ),
        (
            lambda c: (c / "train-00003.h5").unlink(),
            "",
            messages.UNFINISHED,
            {"name": "train", "found": 3, "expected": 4},
        ),
        (lambda c: (c / "manifest.json").write_text("{}"), "manifest.json", messages.NOT_A_MANIFEST, {}),
    ],
)
def test_a_cache_that_is_not_whole(
    directory: Path, change: Callable[[Path], object], name: str, message: str, data: dict[str, Any]
) -> None:
    change(directory)
    refused(directory, CorruptFileError(message, **data), directory / name)


def test_what_a_folder_holds_besides_stays_behind(directory: Path) -> None:
    """Other files, a running build's temporary ones, and datasets that nobody asked for but the hash covers."""
    (directory / "notes.txt").write_text("mine")
    with h5py.File(directory / "train-00000.h5", "r+") as file:
        file["note"] = np.zeros(3)
    replace_dataset(directory / "train-00000.h5", "note", np.ones(3))
    pack(directory, directory.parent / "c.h5")
    assert verify(directory.parent / "c.h5") == []
    with h5py.File(directory.parent / "c.h5") as file:
        assert "note" not in file["train"]


def test_names_that_meet(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", layers=Layers({"labels": 8}, {"x": {"labels": 1.0}}, "x"))
    refused(tmp_path / "c", OutputError(messages.NAME_OF_DOCUMENTS, name="labels"), tmp_path / "c")


def test_nothing_is_overwritten(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.h5"
    for make in (lambda: out.write_text("mine"), lambda: out.symlink_to("nowhere"), out.mkdir):
        make()
        refused(directory, OutputError(messages.FILE_EXISTS), out)
        out.rmdir() if out.is_dir() else out.unlink()

    def meanwhile(n_bytes: int) -> None:
        out.write_text("mine")

    with raises(messages.FILE_EXISTS, OutputError, path=out):
        pack(directory, out, progress=meanwhile)
    assert out.read_text() == "mine" and temporary_files(tmp_path) == []


def test_places_that_cannot_be(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with raises(messages.NO_FOLDER, OutputError, path=tmp_path / "nowhere" / "c.h5", folder=tmp_path / "nowhere"):
        pack(directory, tmp_path / "nowhere" / "c.h5")
    before = contents(directory)
    (tmp_path / "link").symlink_to(directory)
    for inside in (directory / "c.h5", tmp_path / "link" / "train-00009.h5"):
        with raises(messages.INSIDE_CACHE, OutputError, path=inside):
            pack(directory, inside)
    assert contents(directory) == before
    pack(directory, tmp_path / "c.h5")
    with raises(messages.ALREADY_PACKED, OutputError, path=tmp_path / "c.h5"):
        pack(tmp_path / "c.h5", tmp_path / "d.h5")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100))
    refused(directory, OutputError(messages.NO_SPACE, found=100, expected=re.compile(r"^\d+$")), tmp_path / "out.h5")


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", {"train": [["a"] * 30_000]}, layers=Layers.single(64))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, before[1]))
    try:
        expected = OutputError(messages.FILE_TOO_LARGE, error="File too large")
        refused(tmp_path / "c", expected, tmp_path / "out.h5")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_killed_pack_is_cleared_away_by_the_next(directory: Path, tmp_path: Path) -> None:
    program = """
import sys, time
from cache import pack
def stop(n_bytes):
    print("copying", flush=True)
    time.sleep(60)
pack(sys.argv[1], sys.argv[2], progress=stop)
"""
    command = [sys.executable, "-c", program, str(directory), str(tmp_path / "c.h5")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None and process.stdout.readline() == b"copying\n"
        process.send_signal(signal.SIGKILL)
    others = tmp_path / ".d.h5.0123456789ab.tmp"
    others.write_text("another's")
    assert len(temporary_files(tmp_path)) == 2 and not (tmp_path / "c.h5").exists()
    pack(directory, tmp_path / "c.h5")
    assert temporary_files(tmp_path) == [others] and verify(tmp_path / "c.h5") == []


def test_ctrl_c_leaves_nothing_and_says_that_it_begins_anew(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cache.packing.seal", stop)
    done = run_cache("pack", directory, tmp_path / "c.h5")
    assert done.exit_code == 130 and done.stderr.strip() == "Stopped. Run the command again to start over."
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_the_commands(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_cache("pack", "c", "c.h5")
    assert done.exit_code == 0 and re.search(r"c\.h5: [\d.]+ kB, copied from c with every hash right", done.output)
    shown = run_cache("info", "c.h5").output
    assert "c.h5: complete, in one file" in shown and "9 of 9 documents, 18 tokens\n" in shown
    assert "shard" not in shown and "8-d, mix, top, 0, 1, 2" in shown
    assert f'"size_bytes": {os.path.getsize("c.h5")}' in run_cache("info", "c.h5", "--json").output
    assert "all checksums match" in run_cache("verify", "c.h5").output
    assert said(messages.FILE_EXISTS, path="c.h5") in error_of(run_cache("pack", "c", "c.h5"))
    nothing_discarded = said(messages.PACKED_DISCARD, path="c.h5", repair=messages.FETCH_AGAIN)
    assert nothing_discarded in error_of(run_cache("verify", "c.h5", "--discard"))
    refused = error_of(run_cache("build", "c.h5", "--corpus", _lines(tmp_path)))
    assert refused == f"Error: {said(extraction.CACHE_IS_FILE, path='c.h5')}"


def test_verify_names_a_bad_file(directory: Path, tmp_path: Path) -> None:
    pack(directory, tmp_path / "c.h5")
    with h5py.File(tmp_path / "c.h5", "r+") as file:
        file["test/layer_1"][0, 0] += 1
    done = run_cache("verify", tmp_path / "c.h5")
    beginning = said(messages.WRONG_CHECKSUM, path=tmp_path / "c.h5", found="*", expected="", repair="").partition("*")[
        0
    ]
    assert done.exit_code == 1 and done.output.startswith(f"bad: {beginning}")
    assert "1 problem; download the file again, or make it again with `elmo-cache pack`" in done.output


def _lines(folder: Path) -> Any:
    (folder / "lines.txt").write_text("one two\n")
    return folder / "lines.txt"
