"""`load_encoder` on archives: found wherever they keep their files, refused where they are damaged or hostile."""

import re
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from errors_expected import holds
from tiny_elmo import changed_options, refusal, write_elmo, write_options, zipped

from elmo_cache import load_encoder, messages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_elmo(tmp_path / "elmo")


@pytest.mark.parametrize("prefix", ["", "elmo/", "a/b/c/", "./"], ids=repr)
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_archive(tmp_path: Path, folder: Path, prefix: str, compression: int) -> None:
    (folder / "vocab.txt").write_text("the\n")
    path = zipped(folder, tmp_path / "144.zip", prefix, compression)
    encoder = load_encoder(path)

    assert encoder.description == load_encoder(folder).description
    assert (encoder.name, encoder.tokenizer) == ("elmo 2x12_6", "words")


def test_archive_in_capitals(tmp_path: Path, folder: Path) -> None:
    assert load_encoder(zipped(folder, tmp_path / "ELMO.ZIP")).name == "elmo 2x12_6"


def test_archive_with_folders_of_their_own(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "elmo.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("options.json.hdf5")
        archive.write(folder / "options.json", "o/options.json")
        archive.write(folder / "weights.hdf5", "w/model.hdf5")

    assert load_encoder(path).description == load_encoder(folder).description


def test_errors_name_the_archives_member(tmp_path: Path, folder: Path) -> None:
    write_options(folder, changed_options("lstm", dim="many"))
    path = zipped(folder, tmp_path / "elmo.zip", "deep/")

    said = {"name": "lstm.dim", "found": "'many'", "expected": "int"}
    holds(refusal(load_encoder, path), messages.INVALID_ENTRY, where=f"{path}:deep/options.json", **said)


def test_archive_with_truncated_weights(tmp_path: Path, folder: Path) -> None:
    (folder / "weights.hdf5").write_bytes((folder / "weights.hdf5").read_bytes()[:5000])
    path = zipped(folder, tmp_path / "elmo.zip")

    holds(refusal(load_encoder, path), messages.DAMAGED, where=f"{path}:weights.hdf5")


@pytest.mark.parametrize("kept", [0, 1, 4, 100, 0.5, 0.9, -1, -22], ids=str)
def test_archive_cut_short(tmp_path: Path, folder: Path, kept: float) -> None:
    data = zipped(folder, tmp_path / "whole.zip").read_bytes()
    path = tmp_path / "elmo.zip"
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])

    holds(refusal(load_encoder, path), messages.DAMAGED, where=path)


def test_not_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "elmo.zip"
    path.write_bytes(b"<html>404 Not Found</html>" * 100)

    holds(refusal(load_encoder, path), messages.DAMAGED, where=path)


def test_archive_damaged_anywhere(tmp_path: Path, folder: Path) -> None:
    data, path = zipped(folder, tmp_path / "elmo.zip").read_bytes(), tmp_path / "elmo.zip"
    random = np.random.default_rng(0)
    n_refused = 0
    for _ in range(300):
        damaged = bytearray(data)
        # The headers are at both ends.
        for position in [random.integers(60), random.integers(len(data)), len(data) - 1 - random.integers(250)]:
            damaged[position] = random.integers(256)
        path.write_bytes(damaged)
        try:
            load_encoder(path)
        except Exception:
            refusal(load_encoder, path)
            n_refused += 1

    assert n_refused > 100


@pytest.mark.parametrize("member", ["options.json", "weights.hdf5"])
def test_archive_that_swells(tmp_path: Path, folder: Path, member: str) -> None:
    # 128 MiB of spaces in 128 KiB.
    (folder / member).write_bytes(b" " * 2**27)
    path = zipped(folder, tmp_path / "elmo.zip")
    (folder / member).unlink()

    tracemalloc.start()
    try:
        error = refusal(load_encoder, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    said = {"found": "134,217,728 bytes", "expected": re.compile("^at most ")}
    holds(error, messages.UNEXPECTED, where=f"{path}:{member}", **said)
    assert peak < 2**23
    assert path.stat().st_size < 2**20


def test_archive_that_lies_about_its_size(tmp_path: Path, folder: Path) -> None:
    # The directory says 1,000 bytes, the data goes on to 64 MiB.
    (folder / "weights.hdf5").write_bytes(b" " * 2**26)
    data = zipped(folder, tmp_path / "elmo.zip").read_bytes()
    data = data.replace((2**26).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    (tmp_path / "elmo.zip").write_bytes(data)

    tracemalloc.start()
    try:
        refusal(load_encoder, tmp_path / "elmo.zip")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 2**23
