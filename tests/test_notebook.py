"""`examples/elmo_sentiment.ipynb`: it runs, and what is committed of it is clean."""

import base64
import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from run_notebook import NOTEBOOK, execute, parameters_of, pictures_of, read_notebook, text_of

from cache import FeatureCache
from trainer.runs.results import read_results

SMALL = """
N_TRAIN, N_TEST = 120, 60
N_TRIALS = 2
TRAIN_SIZE, VALIDATION_SIZE, TEST_SIZE = 40, 30, 50
CURVE_SIZES = (20, 40, 90)
SEED = 3
"""
ACCURACY = re.compile(r"^ +(\d+) +(\d+\.\d) +(\d+\.\d)$", re.MULTILINE)
PROGRESS = re.compile(r"[a-z ,]+: +\d+%\|.*")
PATHS = re.compile(r"/(home|root|tmp|work|usr|opt|private|Users|Volumes|mnt|var)\b")


def check_outputs(notebook: object, source: str) -> dict[str, object]:
    """Check what every run must show for its constants, which are returned."""
    constants: dict[str, object] = {}
    exec(source, constants)
    shown = text_of(notebook, "stdout")
    rows = ACCURACY.findall(shown)
    assert [int(trial) for trial, _, _ in rows] == list(range(1, constants["N_TRIALS"] + 1))
    for column, name in ((1, "basic"), (2, "elmo")):
        mean = np.mean([float(row[column]) for row in rows])
        (means,) = re.findall(r"^ +mean +([\d.]+) +([\d.]+)$", shown, re.MULTILINE)
        assert float(means[column - 1]) == pytest.approx(mean, abs=0.11), name
    for name in ("N_TRAIN", "N_TEST"):
        assert re.search(rf"^{name[2:].lower():5}  +{constants[name]:,} reviews, \d+ positive", shown, re.MULTILINE)
    assert re.search(r"nearest use of the same kind: \d+%; any other use, by chance: \d+%", shown)
    for name in ("ELMo (imdb-v3)", "static (glove-50d)"):
        (line,) = [line for line in shown.splitlines() if line.startswith(name)]
        curve = re.findall(r"([\d,]+): (\d+\.\d) %", line)
        assert tuple(int(size.replace(",", "")) for size, _ in curve) == constants["CURVE_SIZES"]
        assert all(40 < float(accuracy) < 95 for _, accuracy in curve)
    check_pictures(pictures_of(notebook))
    return constants


def check_pictures(pictures: list[str]) -> None:
    """Four, each with something drawn on it."""
    from matplotlib.image import imread

    assert len(pictures) == 4
    for picture in pictures:
        pixels = imread(io.BytesIO(base64.b64decode(picture)))
        assert pixels.shape[0] > 300 and pixels.shape[1] > 600
        assert 0.01 < np.mean(pixels[..., :3].min(axis=2) < 0.6) < 0.2, "neither blank nor full, bands left aside"


@pytest.mark.slow
def test_it_runs_with_small_sizes(tmp_path: Path) -> None:
    notebook = execute(tmp_path, SMALL)

    check_outputs(notebook, SMALL)
    said = [line for line in re.split(r"[\r\n]+", text_of(notebook, "stderr")) if line]
    assert [line for line in said if not PROGRESS.fullmatch(line)] == [], "progress bars, and no warning"
    with FeatureCache(tmp_path / "elmo_sentiment" / "imdb.elmo") as features:
        assert features.complete and [len(features[name]) for name in ("train", "test")] == [120, 60]
    (results,) = (tmp_path / "elmo_sentiment").glob("results-*")
    kept = {(r.trial, r.model): f"{100 * r.accuracy:.1f}" for r in read_results(results / "trials.csv")}
    shown = ACCURACY.findall(text_of(notebook, "stdout"))
    assert kept == {(int(trial), m): a for trial, *both in shown for m, a in zip(("basic", "elmo"), both, strict=True)}


@pytest.mark.slow
def test_it_runs_with_its_own_sizes(tmp_path: Path) -> None:
    constants = check_outputs(execute(tmp_path), parameters_of(read_notebook()).source)
    assert constants["N_TRIALS"] == 10


def test_what_is_committed_is_what_a_run_shows() -> None:
    notebook = read_notebook()
    constants = check_outputs(notebook, parameters_of(notebook).source)
    assert [constants[name] for name in ("N_TRAIN", "N_TEST", "N_TRIALS")] == [1000, 500, 10]
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == list(
        range(1, sum(cell.cell_type == "code" for cell in notebook.cells) + 1)
    ), "run from top to bottom, once"


def test_what_is_committed_is_clean() -> None:
    notebook = read_notebook()
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3" and notebook.metadata.language_info == {"name": "python"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}
        for output in cell.get("outputs", ()):
            assert output.output_type != "error" and output.get("name") != "stderr"
            assert not any("widget" in kind for kind in output.get("data", ()))
    without_pictures = NOTEBOOK.read_text(encoding="utf-8")
    for picture in pictures_of(notebook):
        without_pictures = without_pictures.replace(picture.rstrip().replace("\n", "\\n"), "")
    assert len(without_pictures) < 40_000, "the pictures are gone from it"
    assert not PATHS.search(without_pictures) and sys.prefix not in without_pictures
    assert NOTEBOOK.stat().st_size < 10**6
