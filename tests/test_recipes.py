"""`docs/recipes.md`: every recipe runs, on files like those that it names."""

import contextlib
import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from documents import MADE_SMALL, Page, execute, prepare, run

from elmo_cache import FeatureCache

PAGE = Page("docs/recipes.md")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("recipes")
    prepare(folder)
    with contextlib.chdir(folder):
        write_kaggles(folder / "IMDB Dataset.csv", n=1000)
        os.rename("new.txt", "reviews.txt")
        write_tags(folder / "ewt.conllu")
        with pytest.MonkeyPatch.context() as tokens:
            tokens.setitem(MADE_SMALL, "build", ["--encoder", "elmo"])
            run("elmo-cache build ewt.elmo --corpus ewt.conllu --tag-column upos --test-share 0.3")
        yield folder


def write_kaggles(path: Path, n: int) -> None:
    """Write a table with the columns of Kaggle's; a word of each review tells its class."""
    rng = np.random.default_rng(0)
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["review", "sentiment"])
        for i in range(n):
            words = [("bad", "good")[i % 2], *(f"w{k}" for k in rng.integers(0, 30, rng.integers(1, 5)))]
            rows.writerow([" ".join(words), ("negative", "positive")[i % 2]])


def write_tags(path: Path) -> None:
    with open(path, "w") as file:
        for i in range(120):
            for k, word in enumerate(["good", "w1", f"w{i % 20}"], 1):
                file.write(f"{k}\t{word}\t_\t{'ADJ' if word == 'good' else 'NOUN'}\t_\t_\t0\t_\t_\t_\n")
            file.write("\n")


@pytest.fixture(scope="module")
def kaggle(place: Path) -> list[str]:
    """Run the commands of the recipes on this file, and return what they print."""
    return [run(command) for command in PAGE.lines("sh") if "kaggle" in command]


@pytest.mark.slow
def test_a_kaggle_file_to_a_table(place: Path, kaggle: list[str]) -> None:
    with FeatureCache("kaggle.elmo") as features:
        assert (len(features["train"]), len(features["test"])) == (800, 200)
        assert features.label_names == ("negative", "positive")
    assert "mean" in kaggle[1] and Path("kaggle.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_two_learning_rates(place: Path, kaggle: list[str]) -> None:
    assert "kaggle-slow" in kaggle[5] and "trials" in kaggle[5]
    assert Path("rates.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_new_sentences(place: Path, kaggle: list[str]) -> None:
    assert "this film was a delight" in kaggle[6] and "i want my two hours back" in kaggle[6]
    with open("predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == ["a good film", "a bad film"]


def test_a_data_frame_to_a_score(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.symlink("elmo", "imdb-v3")  # a small one of that name
    block = PAGE.snippet("cross_val_score").replace('"imdb-v3"', '"./imdb-v3"')
    assert execute(block, {})["scores"].mean() > 0.6
    assert capsys.readouterr().out.count("%") == 2


@pytest.mark.slow
def test_an_lstm_in_keras(place: Path, kaggle: list[str]) -> None:
    found = execute(PAGE.snippet("keras.layers.Bidirectional").replace("epochs=3", "epochs=1"), {})
    assert 0.3 < found["accuracy"] <= 1 and len(found["train"]) == 800


@pytest.mark.slow
def test_an_lstm_in_pytorch(place: Path, kaggle: list[str]) -> None:
    pytest.importorskip("torch")
    found = execute(PAGE.snippet("torch.nn.LSTM"), {})
    assert found["n_correct"] > 0.8 * len(found["test"])


def test_a_tagger(place: Path) -> None:
    found = execute(PAGE.snippet('tags="upos"'), {})
    assert found["accuracy"] > 0.6 and found["features"].tag_names("upos") == ("ADJ", "NOUN")


@pytest.mark.slow
def test_a_word_in_context(place: Path, kaggle: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    execute(PAGE.snippet("train.nearest"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and "good" in lines[0]
    similarities = [float(line.split()[0]) for line in lines[1:]]
    assert similarities == sorted(similarities, reverse=True) and 0 < similarities[0] <= 1
