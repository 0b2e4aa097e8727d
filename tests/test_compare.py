"""`elmo-train compare` and `elmo-train plot` as a user types them, on results that lie there."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from commands import error_of, run_train
from errors_expected import said
from published_trials import BASIC, ELMO, results_of
from scipy.stats import permutation_test

from trainer import messages
from trainer.errors import TrialsError
from trainer.report import METRICS, comparison_table
from trainer.report.styles import styles_of
from trainer.runs.results import TrialResult
from trainer.runs.rows import write_rows
from trainer.runs.settings import MODELS

WORSE = [x - 1.4 for x in ELMO[:-1]] + [ELMO[-1] + 0.2]


def folder_of(path: Path, results: Sequence[TrialResult]) -> Path:
    path.mkdir()
    write_rows(path / "trials.csv", TrialResult, results)
    return path


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [
        folder_of(tmp_path / "fast", results_of(basic=BASIC, elmo=ELMO)),
        folder_of(tmp_path / "slow", results_of(elmo=WORSE)),
    ]


def test_table_and_picture(runs: list[Path], tmp_path: Path) -> None:
    done = run_train("compare", *runs, "--out", tmp_path / "c.png")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split()[:3] for line in lines[3:6]] == [
        ["fast", "basic", "10"],
        ["fast", "elmo", "10"],
        ["slow", "elmo", "10"],
    ]
    assert "elmo: paired differences in percentage points" in lines and "basic: paired" not in done.stdout
    (row,) = [line.split() for line in lines if line.startswith("slow - fast")]
    right = permutation_test(
        ([a - b for a, b in zip(WORSE, ELMO, strict=True)],),
        lambda x, axis: x.mean(axis=axis),
        permutation_type="samples",
        n_resamples=2**10,
        vectorized=True,
    )
    assert (row[3], row[4]) == ("10", "-1.2") and float(row[-4]) == pytest.approx(right.pvalue, rel=0.01)
    assert row[-3:] == ["1", "0", "9"]
    assert "elmo: fast was better than slow by 1.2 points on average in these 10 trials" in " ".join(lines)
    assert "all trials share one test set" in done.stdout
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG") and lines[-1] == str(tmp_path / "c.png")


def test_chosen_models_metric_and_title(runs: list[Path], tmp_path: Path) -> None:
    options = ("--models", "elmo", "--title", "Rates $x", "--out", tmp_path / "c.svg")
    done = run_train("compare", *runs, *options)
    assert done.exit_code == 0 and "basic" not in done.stdout
    assert "<!-- Rates $x -->" in (tmp_path / "c.svg").read_text()
    none = said(messages.NO_TRIALS_OF, path=runs[0], name="tfidf-lr", found="basic, elmo")
    assert error_of(run_train("compare", *runs, "--models", "tfidf-lr")) == f"Error: {none}"
    refused = error_of(run_train("compare", *runs, "--metric", "log-loss", "--out", tmp_path / "d.png"))
    assert said(messages.NO_METRIC, name="log-loss") in refused and not (tmp_path / "d.png").exists()


def test_runs_without_a_model_in_common(tmp_path: Path) -> None:
    runs = {"one": results_of(basic=BASIC), "two": results_of(elmo=ELMO, tfidf_lr=BASIC)}
    found = comparison_table(runs, METRICS["accuracy"])
    assert "\nPaired differences in percentage points\n" in found
    assert "elmo (two) - basic (one)" in found and "tfidf-lr (two) - basic (one)" in found
    assert "elmo (two) was better than basic (one) by 10.4 points" in found


def test_only_the_trials_that_both_have(tmp_path: Path) -> None:
    runs = {"one": results_of(elmo=ELMO), "two": results_of(elmo=ELMO[:4])}
    assert "two - one       4  +0.0" in comparison_table(runs)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"seed": 1}, TrialsError(messages.OTHER_SEED, found=0, expected=1)),
        ({"train_hash": "ff"}, TrialsError(messages.OTHER_IN_TRIAL, trial=1, name="training")),
        (
            {"test_hash": "ff", "validation_hash": "ff"},
            TrialsError(messages.OTHER_IN_TRIAL, trial=1, name="validation and test"),
        ),
        ({"trial": 11}, None),
    ],
)
def test_runs_that_do_not_share_documents(
    tmp_path: Path, change: dict[str, int | str], error: TrialsError | None
) -> None:
    results = results_of(elmo=[70])
    runs = [
        folder_of(tmp_path / "a", results),
        folder_of(tmp_path / "b", [replace(results[0], **change)]),  # type: ignore[arg-type]
    ]
    refused = error_of(run_train("compare", *runs, "--out", tmp_path / "c.png"))
    if error is None:
        assert refused == f"Error: {said(messages.NO_COMMON_TRIAL, name='a', other='b')}"
    else:
        assert refused == f"Error: {said(messages.OTHER_DOCUMENTS, name='a', other='b', error=error)}"
    assert not (tmp_path / "c.png").exists()


def test_runs_on_other_corpora(runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Config:
        def __init__(self, folder: Path) -> None:
            self.cache = {"corpus_fingerprint": folder.name}

    monkeypatch.setattr("trainer.commands.plot.RunConfig.read", Config)
    refused = error_of(run_train("compare", *runs, "--out", tmp_path / "c.png"))
    error = TrialsError(messages.OTHER_CORPUS)
    assert refused == f"Error: {said(messages.OTHER_DOCUMENTS, name='fast', other='slow', error=error)}"


def test_what_is_no_run(runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kaggle.elmo").mkdir()
    (tmp_path / "kaggle.elmo" / "manifest.json").write_text("{}")
    (tmp_path / "packed.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "reviews.csv").write_text("text\n")
    for command in ("plot", "compare"):
        typed = {"command": f"elmo-train {command}"}
        for name, message, data in (
            ("kaggle.elmo", messages.RUN_IS_CACHE, typed),
            ("packed.h5", messages.RUN_IS_CACHE, typed),
            ("slow/trials.csv", messages.RUN_IS_FILE, {**typed, "expected": "slow"}),
            ("reviews.csv", messages.RUN_IS_FILE, {**typed, "expected": "results"}),
            ("nowhere", messages.NO_RUN, {}),
        ):
            expected = f"Error: {said(message, path=name, **data)}"
            assert error_of(run_train(command, name, "slow")) == expected, (command, name)
        picture = said(messages.PICTURE_NAME, path="a.gif", name="a", found=".gif", expected=".png, .svg, .pdf")
        assert error_of(run_train(command, "slow", "--out", "a.gif")) == f"Error: {picture}"
    assert error_of(run_train("compare", "slow")) == f"Error: {said(messages.ONE_RUN)}"
    (tmp_path / "tags").mkdir()
    assert error_of(run_train("compare", "slow", "tags")) == f"Error: {said(messages.NOT_COMPARABLE, path='tags')}"


def test_several_runs_leave_the_pictures_of_the_runs(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_train("plot", *runs).stdout == "comparison.png\n"
    assert run_train("plot", runs[0]).stdout == f"{runs[0] / 'accuracies.png'}\n"
    assert not (runs[1] / "accuracies.png").exists()


def test_a_curve_is_drawn_again(tmp_path: Path) -> None:
    (tmp_path / "curve").mkdir()
    for size in (50, 200):
        folder_of(tmp_path / "curve" / f"train-{size}", results_of(basic=BASIC, elmo=ELMO))
    (tmp_path / "curve" / "train-900").mkdir()  # just begun
    (tmp_path / "curve" / "curve.csv").write_text("train_size\n")
    done = run_train("plot", tmp_path / "curve", "--title", "Reviews", "--out", tmp_path / "c.svg")
    assert done.exit_code == 0, done.output
    drawn = (tmp_path / "c.svg").read_text()
    assert all(f"<!-- {text} -->" in drawn for text in ("Reviews", "50", "200", "basic", "elmo"))
    assert "<!-- 900 -->" not in drawn
    refused = error_of(run_train("plot", tmp_path / "curve", "--losses"))
    assert refused == f"Error: {said(messages.CURVE_ALONE, path=tmp_path / 'curve')}"


def test_a_colour_for_each_model() -> None:
    built_in = styles_of(MODELS)
    assert len({style.color for style in built_in.values()}) == len({s.marker for s in built_in.values()}) == 7
    own = styles_of(["mine", "elmo", "yours"])
    assert own["elmo"] == built_in["elmo"] and own["mine"] == styles_of(["mine"])["mine"]
    assert not {own["mine"].color, own["yours"].color} & {style.color for style in built_in.values()}
    assert len({style.color for style in styles_of([f"m{k}" for k in range(6)]).values()}) == 6
    assert len(styles_of([f"m{k}" for k in range(60)])) == 60


@pytest.mark.parametrize(
    ("command", "out", "message", "default"),
    [
        (["trials"], "five.txt", messages.OUT_IS_FILE, "results"),
        (["trials"], "new.csv", messages.OUT_IS_FILE, "results"),
        (["curve", "--sizes", "5,10"], "plot.png", messages.OUT_IS_FILE, "curve"),
        (["tag", "--cache", "c.elmo"], "five.txt", messages.OUT_IS_FILE, "results-tags"),
        (["trials"], "c.elmo", messages.OUT_IS_CACHE, "results"),
    ],
)
def test_what_is_no_place_for_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], out: str, message: str, default: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "five.txt").write_text("five\n")
    (tmp_path / "c.elmo").mkdir()
    (tmp_path / "c.elmo" / "manifest.json").write_text(json.dumps({}))
    before = sorted(path.name for path in tmp_path.rglob("*"))
    refused = error_of(run_train(*command, "--out", out))
    assert refused == f"Error: {said(message, path=out, expected=default)}"
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_folder_with_a_number_in_its_name_is_one(runs: list[Path], tmp_path: Path) -> None:
    """`results-0.001` has no ending."""
    shutil.copytree(runs[0], tmp_path / "results-0.001")
    refused = error_of(run_train("trials", "--cache", tmp_path / "nowhere.elmo", "--out", tmp_path / "results-0.001"))
    assert "nowhere.elmo" in refused and "--out" not in refused
