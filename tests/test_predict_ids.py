"""Predictions of documents that have names of their own: the names are in the file and in the table."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from numpy_encoder import HashEncoder

from elmo_cache import build
from trainer.runs.prediction import Predictions, describe_predictions, write_predictions

KEYS = ["first", "a longer name", "=3", "x\x1b[2J"]


def predictions(folder: Path, *, ids: bool) -> Predictions:
    frame = pd.DataFrame({"text": ["a film", "", "dull", "fine"], "key": KEYS})
    features = build(frame, HashEncoder(), folder / f"c{ids}", id="key" if ids else None)
    second = np.array([0.75, 0.5, 0.25, 1.0], np.float32)
    return Predictions(features["train"].by_corpus_order(), ("neg", "pos"), np.stack([1 - second, second], axis=1))


def test_the_file_has_the_names(tmp_path: Path) -> None:
    found = predictions(tmp_path, ids=True)
    write_predictions(tmp_path / "p.csv", found)
    with open(tmp_path / "p.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["doc_id", "id", "label", "probability_neg", "probability_pos"],
        ["0", KEYS[0], "pos", "0.25", "0.75"],
        ["1", KEYS[1], "", "", ""],
        ["2", KEYS[2], "neg", "0.75", "0.25"],
        ["3", KEYS[3], "pos", "0.0", "1.0"],
    ]
    write_predictions(tmp_path / "q.csv", predictions(tmp_path, ids=False))
    assert (tmp_path / "q.csv").read_text().splitlines()[:2] == [
        "doc_id,label,probability_neg,probability_pos",
        "0,pos,0.25,0.75",
    ]


def test_the_table_has_the_names(tmp_path: Path) -> None:
    lines = describe_predictions(predictions(tmp_path, ids=True), n_shown=3)
    assert lines == [
        "doc_id  id             label  probability  text",
        "     0  first          pos          0.750  a film",
        "     1  a longer name  -                -  (no token)",
        "     2  =3             neg          0.750  dull",
        "… and 1 more. 4 documents: neg 1, pos 2; no class for 1 without a token.",
    ]
    shown = describe_predictions(predictions(tmp_path / "other", ids=True))
    assert "\x1b" not in "".join(shown) and "x\ufffd[2J" in shown[4]
    assert describe_predictions(predictions(tmp_path, ids=False), n_shown=1)[:2] == [
        "doc_id  label  probability  text",
        "     0  pos          0.750  a film",
    ]
