"""The `elmo-train` command as a user types it, on a small cache and a small vector file."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from commands import error_of, run_train
from errors_expected import said, says
from numpy_encoder import HashEncoder
from small_trials import SIZE_OPTIONS, corpus

from cache import messages as store
from elmo_cache import build
from trainer import messages
from trainer.cli import main
from trainer.runs.results import read_results


def command_line(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "trainer.cli", *map(str, arguments)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cache and vectors for most of its words."""
    folder = tmp_path_factory.mktemp("train")
    with build(corpus(), HashEncoder(dim=12), folder / "c.elmo", shard_tokens=400) as features:
        words = features.vocabulary
    rng = np.random.default_rng(0)
    rows = [f"{word} " + " ".join(f"{x:.4f}" for x in rng.standard_normal(6)) for word in words[:-4]]
    (folder / "words.vec").write_text("\n".join([f"{len(rows)} 6", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def arguments(place: Path) -> tuple[object, ...]:
    return ("trials", "--cache", place / "c.elmo", "--vectors", place / "words.vec", *SIZE_OPTIONS)


@pytest.fixture(scope="module")
def results(place: Path, arguments: tuple[object, ...]) -> Path:
    done = run_train(*arguments, "--n", 3, "--out", place / "results")
    assert done.exit_code == 0, done.stderr
    assert "words.vec, 6-d" in done.stdout and "% of tokens" in done.stdout
    assert "24 training, 16 validation, 30 test documents, seed 0" in done.stdout
    table = done.stdout.split("Accuracy in %")[1]
    assert "mean" in table and "elmo - basic" in table
    return place / "results"


FILES = ("trials.csv", "epochs.csv", "classes.csv", "summary.json", "config.json", "accuracies.png")


def test_everything_is_there(results: Path) -> None:
    names = {path.name for path in results.iterdir()}
    assert names == {*FILES, "weights"}
    assert (results / "accuracies.png").read_bytes().startswith(b"\x89PNG")
    summary = json.loads((results / "summary.json").read_text())
    assert summary["trainable_parameters"] == {"basic": 17_717, "elmo": 20_021}
    found = read_results(results / "trials.csv")
    accuracies = [r.accuracy for r in found if r.model == "elmo"]
    assert str(round(np.mean(accuracies), 6))[:6] in json.dumps(summary)


def test_more_trials_are_added(place: Path, results: Path, arguments: tuple[object, ...]) -> None:
    before = read_results(results / "trials.csv")
    done = run_train(*arguments, "--n", 4, "--out", results)
    assert done.exit_code == 0, done.output
    after = read_results(results / "trials.csv")
    assert [r for r in after if r.trial <= 3] == before and len(after) == 8


def test_other_settings_are_refused_in_one_line(results: Path, arguments: tuple[object, ...]) -> None:
    line = error_of(run_train(*arguments, "--out", results, "--seed", 1))
    found = messages.DIFFERENCE.format(name="settings.seed", found=0, expected=1)
    assert said(messages.OTHER_SETTINGS, path=results, found=found) in line


def test_plot_redraws_several_runs(results: Path, tmp_path: Path) -> None:
    done = run_train("plot", results, results, "--out", tmp_path / "both.png")
    assert done.exit_code == 0 and (tmp_path / "both.png").stat().st_size > 10_000
    nothing = said(messages.NO_RESULTS, path=tmp_path, expected="trials.csv and no tags.csv")
    assert nothing in error_of(run_train("plot", tmp_path))


def test_evaluate_scores_saved_weights(place: Path, results: Path) -> None:
    options = ("--results", results, "--trial", 2, "--model", "elmo", "--cache", place / "c.elmo")
    done = run_train("evaluate", *options)
    assert done.exit_code == 0 and "elmo, trial 2: " in done.output and "50 documents of test" in done.output
    no_split = said(store.NO_SPLIT, path=place / "c.elmo", name="dev", found="train, test")
    assert no_split in error_of(run_train("evaluate", *options, "--split", "dev"))
    no_config = said(messages.NO_RESULTS, path=place, expected="config.json")
    assert no_config in error_of(run_train("evaluate", *options[2:], "--results", place))


def test_a_model_named_twice_is_trained_once(arguments: tuple[object, ...], tmp_path: Path) -> None:
    for n in (1, 2):
        done = run_train(*arguments, "--n", n, "--models", "basic,basic", "--out", tmp_path / "r")
        assert done.exit_code == 0, done.output
        assert len(read_results(tmp_path / "r" / "trials.csv")) == n


RATE = {"name": "learning_rate", "expected": "RATE or MODEL=RATE, such as 1e-3 or elmo=3e-4"}
TWO_RATES = {"found": 1e-3, "expected": 3e-4}
GAMMA = {"name": "gamma", "expected": "a number above 0, or auto"}


@pytest.mark.parametrize(
    ("options", "message", "data"),
    [
        (["--cache", "nowhere.elmo"], store.NO_CACHE, {"path": "nowhere.elmo"}),
        (["--vectors", "nowhere.vec"], messages.NO_VECTORS_FILE, {"path": "nowhere.vec"}),
        (["--models", "basic,bert"], messages.INVALID_VALUE, {"name": "models", "found": "bert"}),
        (["--layer", "7"], store.NO_LAYER, {"name": "7"}),
        (["--layer", "scalar-mix"], messages.NO_LAYERS, {}),
        (["--protocol", "notebook"], messages.NOTEBOOK_LENGTHS, {}),
        (["--train-size", "69"], messages.TOO_FEW_DOCUMENTS, {"name": "train"}),
        (["--learning-rate", "lstm=1"], messages.INVALID_VALUE, {"name": "learning_rate", "found": "lstm=1"}),
        (["--learning-rate", "elmo"], messages.INVALID_VALUE, {**RATE, "found": "elmo"}),
        (["--learning-rate", "=1e-3"], messages.INVALID_VALUE, {**RATE, "found": "=1e-3"}),
        (["--learning-rate", "0"], messages.INVALID_VALUE, {"name": "learning_rate", "found": "basic=0.0"}),
        (
            ["--learning-rate", "elmo=1e-3", "--learning-rate", "elmo=3e-4"],
            messages.RATE_TWICE,
            {**TWO_RATES, "name": "elmo"},
        ),
        (
            ["--learning-rate", "1e-3", "--learning-rate", "3e-4"],
            messages.RATE_TWICE,
            {**TWO_RATES, "name": "all models"},
        ),
        (["--gamma", "big"], messages.INVALID_VALUE, {**GAMMA, "found": "big"}),
        (["--gamma", "0"], messages.INVALID_VALUE, {**GAMMA, "found": 0.0}),
        (["--gamma", "nan"], messages.INVALID_VALUE, {**GAMMA, "found": float("nan")}),
        (["--gamma", "inf"], messages.INVALID_VALUE, {**GAMMA, "found": float("inf")}),
        (["--min-epochs", "101"], messages.INVALID_VALUE, {"name": "min_epochs", "found": 101, "expected": "1 to 100"}),
    ],
)
def test_arguments_that_make_no_sense(
    arguments: tuple[object, ...], tmp_path: Path, options: list[str], message: str, data: dict[str, Any]
) -> None:
    done = run_train(*arguments, "--out", tmp_path / "r", *options)
    assert says(error_of(done), message, **data)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("number", ["9" * 30, "9" * 400, "9" * 4299, "9" * 4301, "-1", "1e3"])
@pytest.mark.parametrize(
    "option",
    ["--n", "--train-size", "--val-size", "--test-size", "--seed", "--patience", "--min-epochs", "--trial"],
)
def test_numbers_of_many_digits(
    arguments: tuple[object, ...], results: Path, tmp_path: Path, option: str, number: str
) -> None:
    """Or none that make sense: refused by the command line, and nothing is written."""
    if option == "--trial":
        lines = [
            [name, "--results", results, "--cache", tmp_path, "--model", "elmo"] for name in ("evaluate", "predict")
        ]
    else:
        lines = [(*arguments, "--out", tmp_path / "r")]
    for line in lines:
        done = run_train(*line, option, number)
        assert done.exit_code == 2 and f"Invalid value for '{option}'" in done.stderr and len(done.stderr) < 10_000
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("number", ["9" * 400, "9" * 5000, "1e400", "-1e400", "nan", "1e-400", "1e300", "elmo=1e9"])
@pytest.mark.parametrize("option", ["--learning-rate", "--gamma"])
def test_rates_of_many_digits(arguments: tuple[object, ...], tmp_path: Path, option: str, number: str) -> None:
    done = run_train(*arguments, "--out", tmp_path / "r", option, number)
    assert done.exit_code == 1 and done.stderr.startswith(f"Error: {option}") and len(done.stderr) < 10_000
    assert not (tmp_path / "r").exists()


def test_help_has_examples_and_starts_without_keras() -> None:
    program = """
import sys
from click.testing import CliRunner
from trainer.cli import main
for arguments in (["--help"], *([name, "-h"] for name in main.commands)):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0 and "elmo-train " in done.output
print([name for name in ("tensorflow", "keras", "jax", "torch", "matplotlib", "sklearn") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.slow
def test_ctrl_c_and_the_same_command_again(place: Path, arguments: tuple[object, ...], results: Path) -> None:
    out = place / "interrupted"
    again = (*arguments, "--n", 3, "--out", out)
    process = subprocess.Popen(command_line(*again), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (out / "trials.csv").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130 and "Run the same command to resume" in error and "Traceback" not in error
    assert 0 < len(read_results(out / "trials.csv")) < 6
    assert run_train(*again).exit_code == 0
    undisturbed = {(r.trial, r.model): r.accuracy for r in read_results(results / "trials.csv") if r.trial <= 3}
    assert {(r.trial, r.model): r.accuracy for r in read_results(out / "trials.csv")} == undisturbed


@pytest.mark.parametrize("command", ["trials", "curve", "tag", "predict", "evaluate", "plot", "compare"])
def test_every_option_is_explained(command: str) -> None:
    """And each of those in groups is in one of them."""
    for option in main.commands[command].params:
        assert not isinstance(option, click.Option) or option.help, option.name
    shown = run_train(command, "--help").stdout
    if command in ("trials", "curve", "tag", "predict"):
        assert shown.split("Other options:")[1].split() == ["-h,", "--help", "Show", "this", "message", "and", "exit."]


def test_no_help_text_is_cut_off() -> None:
    listed = run_train("--help").stdout.split("Commands:")[1]
    assert len(listed.splitlines()) == 1 + len(main.commands), "a line for each"
    assert "..." not in listed
