"""Several `elmo-train trials` at the same moment in one folder, each in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from errors_expected import raises, says
from small_trials import trials_command

from trainer import messages
from trainer.errors import TrialsError
from trainer.runs.folder import only_run
from trainer.runs.results import read_results

FILES = ("trials.csv", "epochs.csv", "classes.csv", "summary.json", "config.json", "accuracies.png")
N_TRIALS = 2
N_ROUNDS = 3

# Imports everything, then runs a command for each line that it is sent, and answers with its exit code and its error.
PROGRAM = """
import contextlib, io, json, sys
import trainer.learners.keras
from trainer.cli import main
answers = sys.stdout
print("ready", file=answers, flush=True)
for line in sys.stdin:
    code, error = 0, io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(error):
        try:
            main(json.loads(line))
        except SystemExit as exit:
            code = exit.code or 0
    print(json.dumps([code, error.getvalue()]), file=answers, flush=True)
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [*trials_command(tmp_path_factory.mktemp("at_once")), "--n", str(N_TRIALS)]


@pytest.fixture(scope="module")
def processes() -> Iterator[list["subprocess.Popen[str]"]]:
    """Two processes that are ready to begin."""
    started = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in started:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    yield started
    for process in started:
        process.communicate(timeout=60)
        assert process.returncode == 0


def at_once(processes: list["subprocess.Popen[str]"], *commands: list[str]) -> list[tuple[int, str]]:
    """Run commands that begin at the same moment, and return exit codes and what they wrote to stderr."""
    for process, line in zip(processes, commands, strict=True):
        assert process.stdin is not None
        process.stdin.write(json.dumps(line) + "\n")
        process.stdin.flush()
    return [json.loads(process.stdout.readline()) for process in processes if process.stdout is not None]


def refused(outcome: tuple[int, str]) -> bool:
    code, error = outcome
    if code == 0:
        return False
    assert code == 1, error
    line = error.strip().splitlines()[-1]
    assert line.startswith("Error: ")
    assert says(line, messages.ANOTHER_RUN) or says(line, messages.OTHER_SETTINGS), error
    return True


def test_one_run_keeps_another_out(tmp_path: Path) -> None:
    with only_run(tmp_path / "out"):
        with raises(messages.ANOTHER_RUN, TrialsError, path=tmp_path / "out"), only_run(tmp_path / "out"):
            pass
        with only_run(tmp_path / "other"):
            pass
    with only_run(tmp_path / "out"):
        pass
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    "others",
    [[], ["--models", "elmo-only"], ["--seed", "1"]],
    ids=["same", "models", "seed"],
)
def test_no_trial_is_lost(
    processes: list["subprocess.Popen[str]"], command: list[str], tmp_path: Path, others: list[str]
) -> None:
    """One of the two is refused, or both are right."""
    for k in range(N_ROUNDS):
        out = tmp_path / str(k)
        line = [*command, "--out", str(out)]
        outcomes = at_once(processes, [*line, "--models", "basic"], [*line, "--models", "basic", *others])
        assert not all(map(refused, outcomes)), outcomes
        results = read_results(out / "trials.csv")
        models = ["basic", "elmo-only" if "--models" in others else "basic"]
        wanted = {model for model, (code, _) in zip(models, outcomes, strict=True) if code == 0}
        assert {(r.trial, r.model) for r in results} == {(k + 1, model) for k in range(N_TRIALS) for model in wanted}
        config = json.loads((out / "config.json").read_text())
        assert set(config["models"]) == wanted and {r.seed for r in results} == {config["settings"]["seed"]}
        assert len(list((out / "weights").iterdir())) == len(results)
        assert set(json.loads((out / "summary.json").read_text())["models"]) == wanted
        names = {path.name for path in out.iterdir()}
        assert names == {*FILES, "weights"}
