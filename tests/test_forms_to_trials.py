"""From a file as people hold it to a table of accuracies, as a user types it."""

from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from commands import error_of, run_cache, run_train
from small_trials import SIZE_OPTIONS
from tiny_elmo import SMALL, write_elmo

from cache import FeatureCache

FRAME = pd.DataFrame(
    {
        "review": [f"{('bad', 'good')[i % 2]} w{i % 30} w{i % 29} w{i % 23}<br />w{i}" for i in range(120)],
        "sentiment": [("negative", "positive")[i % 2] for i in range(120)],
    }
)
COLUMNS = ["--text-column", "review", "--label-column", "sentiment"]


def train_once(folder: Path) -> Result:
    """Run one trial on a folder's cache `c` and vectors `v.vec`."""
    places = {"--cache": folder / "c", "--vectors": folder / "v.vec", "--out": folder / "r"}
    return run_train("trials", "--n", 1, *(part for place in places.items() for part in place), *SIZE_OPTIONS)


def kaggle(folder: Path) -> list[str]:
    FRAME.to_csv(folder / "IMDB Dataset.csv", index=False)
    rename = ["--rename-labels", "positive=pos,negative=neg"]
    return ["--corpus", str(folder / "IMDB Dataset.csv"), *COLUMNS, "--test-share", "0.4", *rename]


def two_files(folder: Path) -> list[str]:
    FRAME[:70].to_parquet(folder / "train.parquet")
    FRAME[70:].to_parquet(folder / "test.parquet")
    return ["--corpus", str(folder / "train.parquet"), "--corpus", str(folder / "test.parquet"), *COLUMNS]


def saved_to_disk(folder: Path) -> list[str]:
    made = datasets.Dataset.from_pandas(FRAME.rename(columns={"review": "text", "sentiment": "label"}))
    made.class_encode_column("label").train_test_split(50, seed=0).save_to_disk(folder / "saved")
    return ["--corpus", str(folder / "saved")]


@pytest.mark.parametrize(
    "form", [kaggle, *(pytest.param(form, marks=pytest.mark.slow) for form in (two_files, saved_to_disk))]
)
def test_from_a_file_to_accuracies(tmp_path: Path, form: Callable[[Path], list[str]]) -> None:
    elmo = write_elmo(tmp_path / "elmo", SMALL)
    done = run_cache("build", tmp_path / "c", *form(tmp_path), "--encoder", elmo)
    assert done.exit_code == 0, done.output
    with FeatureCache(tmp_path / "c") as features:
        assert features.label_names == (("neg", "pos") if form is kaggle else ("negative", "positive"))
        assert [len(features[name]) for name in features] == ([72, 48] if form is kaggle else [70, 50])
        rng = np.random.default_rng(1)
        lines = [f"{word} " + " ".join(f"{x:.4f}" for x in rng.standard_normal(4)) for word in features.vocabulary]
    (tmp_path / "v.vec").write_text(f"{len(lines)} 4\n" + "\n".join(lines) + "\n")
    trained = train_once(tmp_path)
    assert trained.exit_code == 0 and "mean" in trained.output, trained.output


def test_trials_without_test_name_the_option(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    elmo = write_elmo(tmp_path / "elmo", SMALL)
    built = run_cache("build", tmp_path / "c", "--corpus", tmp_path / "a.csv", *COLUMNS, "--encoder", elmo)
    assert built.exit_code == 0, built.output
    (tmp_path / "v.vec").write_text("1 2\nbad 1 2\n")
    message = error_of(train_once(tmp_path))
    assert "has only train; trials also need test" in message and "--test-share 0.2" in message
