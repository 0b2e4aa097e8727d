"""Results folders of strangers: whatever stands in their files, every command ends in one line, or does its work."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from commands import run_train
from errors_expected import said, says
from small_trials import trials_command

from trainer import messages
from trainer.cli import predict_command

MISSING = object()
LONG = "9" * 4300
ESCAPE = "\x1b]0;owned\x07\x1b[2J"
CONFIGS: list[tuple[str, Any]] = [
    ("version", "2"),
    ("version", 1),
    ("version", 10**300),
    ("settings", MISSING),
    ("settings", 1),
    ("settings.batch_size", 0),
    ("settings.batch_size", 10**30),
    ("settings.batch_size", "16"),
    ("settings.window", -5),
    ("settings.window", 1.5),
    ("settings.window", 2**62),
    ("settings.max_epochs", 0),
    ("settings.patience", MISSING),
    ("settings.patience", True),
    ("settings.min_epochs", 2**31 - 1),
    ("settings.seed", -1),
    ("settings.seed", 2**64),
    ("settings.seed", None),
    ("settings.protocol", []),
    ("settings.protocol", ESCAPE),
    ("settings.layer", 7),
    ("settings.layer", ESCAPE),
    ("settings.sizes", {}),
    ("settings.sizes", [1, 2, 3]),
    ("settings.sizes.train", 0),
    ("settings.sizes.test", float("nan")),
    ("settings.sizes.dev", 5),
    ("settings.later", 5),
    ("pool", None),
    ("pool", {"train": 70}),
    ("pool.test", MISSING),
    ("pool.train", 10**400),
    ("pool.train", "x"),
    ("cache.path", "a\0b"),
    ("cache.path", MISSING),
    ("cache.encoding", "0"),
    ("cache.encoding", 7),
    ("cache.encoding", ESCAPE),
    ("cache.encoding", "0" * 64),
    ("cache.encoding_options", 3),
    ("cache.encoder", {}),
    ("cache.label_names", None),
    ("cache.label_names", "np"),
    ("cache.label_names", []),
    ("cache.label_names", ["one"]),
    ("cache.label_names", ["a", "b", "c"]),
    ("cache.label_names", ["a", ESCAPE]),
    ("cache.label_names", ["a", "\ud800"]),
    ("cache.label_names", [["a"], ["b"]]),
    ("vectors.dim", MISSING),
    ("vectors.dim", "4"),
    ("vectors.source", 5),
    ("vectors.source", "a\0b"),
    ("vectors.source", "\ud800"),
    ("vectors.source", ESCAPE),
    ("vectors.words", 5),
    ("vectors.words", {"w1": 5}),
    ("vectors.sha256", MISSING),
    ("models", []),
    ("models", {}),
    ("models.elmo", MISSING),
    ("models.elmo", 1e-3),
    ("models.elmo.learning_rate", 0),
    ("models.elmo.learning_rate", float("inf")),
    ("models.elmo.gamma", MISSING),
    ("models.elmo.gamma", "auto"),
    ("models.elmo.gamma.value", 1e300),
    ("models.elmo.gamma.value", "auto"),
    ("models.elmo.gamma.asked", ESCAPE),
    ("models.../../elsewhere/secret", {"learning_rate": 1e-3}),
]
CONTENTS: list[bytes] = [
    b"",
    b"[]",
    b"null",
    b"7",
    b"\xff\xfe",
    b"{" * 100_000,
    b"[" * 3000 + b"]" * 3000,
    b'{"settings": ' + b"9" * 5000 + b"}",
]
ROWS: list[tuple[str, str]] = [
    ("trial", LONG),
    ("trial", LONG + "9"),
    ("trial", "0"),
    ("trial", "1e3"),
    ("trial", "100001"),
    ("model", "../../elsewhere/secret"),
    ("model", "/etc/passwd"),
    ("model", ".."),
    ("model", ESCAPE),
    ("model", "a\nb"),
    ("model", ""),
    ("model", "m" * 100_000),
    ("model", "unheard-of"),
    ("accuracy", "nan"),
    ("accuracy", "-0.5"),
    ("accuracy", ESCAPE),
    ("best_epoch", LONG),
    ("epochs", LONG),
    ("validation_loss", "-1"),
    ("validation_loss", "inf"),
    ("seconds", "inf"),
    ("seed", LONG),
    ("seed", "-1"),
    ("train_hash", "g"),
    ("test_hash", "0" * 5000),
]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("strange")
    command = trials_command(folder)
    done = run_train(*command, "--out", folder / "results")
    assert done.exit_code == 0, done.output
    (folder / "elsewhere").mkdir()
    np.savez(folder / "elsewhere" / "secret-002.npz", secret=np.zeros(3, np.float32))
    return command


@pytest.fixture
def folder(command: list[str], tmp_path: Path) -> Path:
    place = Path(command[2]).parent
    shutil.copytree(place / "results", tmp_path / "results")
    return tmp_path / "results"


def run_all(command: list[str], folder: Path, names: str = "plot evaluate predict trials") -> dict[str, Result]:
    """Run commands on a folder; none may end in a traceback, steer the terminal, or say more than one line of error."""
    model = ["--results", folder, "--cache", command[2], "--split", "test", "--model", "elmo"]
    lines: dict[str, list[object]] = {
        "plot": ["plot", folder, "--out", folder / "p.png"],
        "evaluate": ["evaluate", *model, "--trial", 1],
        "predict": ["predict", *model, "--out", folder / "p.csv"],
        "trials": [*command, "--out", folder],
    }
    found = {}
    for name in names.split():
        done = run_train(*lines[name])
        errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert done.exit_code in (0, 1) and len(errors) == done.exit_code, (name, done.output)
        assert not set(done.stdout) & set("\x1b\x07\r"), (name, done.stdout)
        assert not set(done.stderr) & set("\x1b\x07"), (name, done.stderr)  # a progress bar has its own \r
        assert all(len(line) < 2000 for line in errors), (name, errors)
        found[name] = done
    return found


def put(value: dict[str, Any], place: str, new: Any) -> None:
    *sections, name = place.split(".", 1) if place.startswith("models...") else place.split(".")
    for section in sections:
        value = value[section]
    if new is MISSING:
        del value[name]
    else:
        value[name] = new


@pytest.mark.parametrize(("place", "new"), CONFIGS, ids=[f"{place}-{i}" for i, (place, _) in enumerate(CONFIGS)])
def test_values_of_a_configuration(command: list[str], folder: Path, place: str, new: Any) -> None:
    path = folder / "config.json"
    value = json.loads(path.read_text())
    put(value, place, new)
    path.write_text(json.dumps(value))
    # `plot` reads trials.csv alone.
    done = run_all(command, folder, "evaluate predict trials")
    assert any(result.exit_code for result in done.values()), "nobody noticed"


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
def test_contents_of_a_configuration(command: list[str], folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    done = run_all(command, folder)
    assert [done[name].exit_code for name in ("plot", "evaluate", "predict", "trials")] == [0, 1, 1, 1]
    for name in ("evaluate", "trials"):
        assert says(done[name].stderr, messages.CONFIG_INVALID, path=folder / "config.json", name="trials")


@pytest.mark.parametrize(("column", "new"), ROWS, ids=[f"{column}-{i}" for i, (column, _) in enumerate(ROWS)])
def test_values_of_trials(command: list[str], folder: Path, column: str, new: str) -> None:
    path = folder / "trials.csv"
    header, *rows = path.read_text().splitlines()
    fields = rows[-1].split(",")
    fields[header.split(",").index(column)] = f'"{new}"'
    path.write_text("\n".join([header, *rows[:-1], ",".join(fields)]) + "\n")
    done = run_all(command, folder, "plot predict trials")  # `evaluate` reads config.json and weights
    assert "secret" not in (folder / "summary.json").read_text()
    codes = [result.exit_code for result in done.values()]
    assert codes == ([0, 0, 0] if new in ("unheard-of", "inf") and column != "seconds" else [1, 1, 1])


@pytest.mark.parametrize("name", ["config.json", "trials.csv"])
def test_files_that_are_none(command: list[str], folder: Path, name: str) -> None:
    makers = {
        "folder": lambda path: path.mkdir(),
        "pipe": os.mkfifo,
        "device": lambda path: path.symlink_to("/dev/zero"),
    }
    for make in makers.values():
        path = folder / name
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        make(path)
        done = run_all(command, folder)
        assert done["trials"].exit_code == done["predict"].exit_code == 1


def test_weights_that_are_a_pipe(command: list[str], folder: Path) -> None:
    (folder / "weights" / "elmo-001.npz").unlink()
    os.mkfifo(folder / "weights" / "elmo-001.npz")
    done = run_all(command, folder, "evaluate trials")
    assert (done["evaluate"].exit_code, done["trials"].exit_code) == (1, 0)
    special = said(messages.SPECIAL_FILE, path=folder / "weights" / "elmo-001.npz")
    assert special in done["evaluate"].stderr and special.removesuffix(".") in done["trials"].stderr


def test_vectors_from_a_pipe(command: list[str], folder: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "v.vec")
    value = json.loads((folder / "config.json").read_text())
    value["vectors"]["source"] = str(tmp_path / "v.vec")
    (folder / "config.json").write_text(json.dumps(value))
    for result in run_all(command, folder, "evaluate predict").values():
        special = said(messages.VECTORS_SPECIAL, path=folder, found=tmp_path / "v.vec")
        assert result.exit_code == 1 and special in result.stderr


def test_results_that_are_a_file(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "five.txt").write_text("5\n")
    for result in run_all(command, tmp_path / "five.txt").values():
        assert result.exit_code == 1 and "five.txt" in result.stderr


def test_names_cannot_steer_the_terminal(command: list[str], folder: Path, tmp_path: Path) -> None:
    """Those of classes, vectors, encoder and folders are anyone's; what is printed of them is printable."""
    path = folder / "config.json"
    value = json.loads(path.read_text())
    value["cache"]["label_names"] = [f"bad{ESCAPE}", "good\nError: forged"]
    value["cache"]["encoder"] = value["cache"]["path"] = value["vectors"]["name"] = ESCAPE
    path.write_text(json.dumps(value))
    evil = folder.with_name(f"r{ESCAPE.replace('/', '')}")
    folder.rename(evil)
    done = run_all(command, evil)
    assert [result.exit_code for result in done.values()] == [0, 1, 0, 1]
    assert "bad\ufffd]0;owned" in done["predict"].output and "r\ufffd]0;owned" in done["plot"].output
    with open(evil / "p.csv", newline="") as file:
        assert "bad" in file.readline()


def test_a_missing_weights_file_leaves_the_table(command: list[str], folder: Path) -> None:
    (folder / "weights" / "elmo-001.npz").unlink()
    (folder / "weights" / "basic-002.npz").write_bytes(b"not weights")
    for name in ("summary.json", "accuracies.png"):
        (folder / name).unlink()
    done = run_all(command, folder, "trials")["trials"]
    assert done.exit_code == 0 and "elmo - basic" in done.stdout
    assert "Trainable parameters: basic" in done.stdout
    missing = {"path": folder / "weights" / "elmo-001.npz", "folder": folder, "trial": 1, "name": "elmo"}
    assert said(messages.WEIGHTS_MISSING, **missing).removesuffix(".") in done.stderr
    assert "(and 1 more)" in done.stderr
    assert json.loads((folder / "summary.json").read_text())["models"]["elmo"]["n"] == 2
    assert (folder / "accuracies.png").exists()


@pytest.mark.parametrize(
    "weights",
    [
        {"scalar_mix/w": np.zeros(0, np.float32), "scalar_mix/gamma": np.float32(1)},
        {"scalar_mix/w": np.zeros(3, np.float32)},
        {"scalar_mix/w": np.zeros(3, np.float32), "scalar_mix/gamma": np.zeros(2, np.float32)},
        {"scalar_mix/w": np.array(["a"]), "scalar_mix/gamma": np.float32(1)},
    ],
)
def test_weights_that_are_no_mix(command: list[str], folder: Path, weights: dict[str, Any]) -> None:
    np.savez(folder / "weights" / "elmo-001.npz", **weights)
    done = run_all(command, folder, "evaluate trials")
    assert (done["evaluate"].exit_code, done["trials"].exit_code) == (1, 0)
    assert says(done["trials"].stderr, messages.WEIGHTS_DAMAGED, path=folder / "weights" / "elmo-001.npz")


@pytest.mark.parametrize(
    ("losses", "chosen"),
    [
        ({"1": "nan", "2": "0.9"}, "elmo, trial 2"),
        ({"1": "inf", "2": "nan"}, "elmo, trial 1"),
        ({"1": "nan", "2": "nan"}, None),
    ],
)
def test_a_loss_that_is_not_a_number_is_not_the_lowest(
    command: list[str], folder: Path, losses: dict[str, str], chosen: str | None
) -> None:
    path = folder / "trials.csv"
    header, *rows = (line.split(",") for line in path.read_text().splitlines())
    column = header.index("validation_loss")
    for row in rows:
        row[column] = losses[row[0]]
    path.write_text("".join(",".join(row) + "\n" for row in [header, *rows]))
    done = run_all(command, folder, "predict")["predict"]
    if chosen:
        assert chosen in done.stdout
    else:
        no_loss = said(messages.NO_VALIDATION_LOSS, predict_command, path=folder, name="elmo")
        assert done.exit_code == 1 and no_loss in done.stderr
