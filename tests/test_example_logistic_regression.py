"""`examples/logistic_regression.py`, run on a small cache: what it prints, draws and refuses."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner, Result
from errors_expected import said
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cache import FeatureCache, Split, messages
from elmo_cache import build

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "logistic_regression.py"
N_TRAIN, N_TEST = 210, 40


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("logistic_regression", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of reviews that mostly say what they think, and static vectors for it."""
    folder = tmp_path_factory.mktemp("example")
    rng = np.random.default_rng(0)
    documents: list[tuple[str, str | None, str]] = []
    for i in range(N_TRAIN + N_TEST):
        words = [f"w{k}" for k in rng.integers(0, 20, size=rng.integers(3, 12))]
        words.insert(0, ("bad", "good")[i % 2] if rng.random() < 0.8 else "odd")
        documents.append(("train" if i < N_TRAIN else "test", ("neg", "pos")[i % 2], " ".join(words)))
    vocabulary = sorted({word for *_, text in documents for word in text.split()})
    lines = [f"{word} " + " ".join(f"{value:.4f}" for value in rng.standard_normal(3)) for word in vocabulary]
    (folder / "small.vec").write_text("\n".join(lines) + "\n")
    build(MemoryCorpus(documents), HashEncoder(dim=6), folder / "c").close()
    return folder


def run(example: ModuleType, folder: Path, out: str = "curve.png", cache: str = "c") -> Result:
    arguments = ["--cache", str(folder / cache), "--vectors", str(folder / "small.vec"), "--out", str(folder / out)]
    return CliRunner().invoke(example.main, arguments)


def test_table_and_picture(example: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "REVIEWS_DRAWN", 400)
    result = run(example, folder)

    assert result.exit_code == 0, result.output
    title, header, small, whole, _ = result.stdout.splitlines()
    assert title.startswith(f"Accuracy in % on {N_TEST} test reviews")
    assert header.split() == ["reviews", "sets", "ELMo", "(hash)", "small.vec"]
    assert small.split()[:2] == ["200", "2"] and small.count("±") == 2
    with FeatureCache(folder / "c") as features:
        train, test = features["train"], features["test"]
        assert whole.split() == [str(N_TRAIN), "1", f"{100 * accuracy_by_hand(train, test):.1f}", whole.split()[-1]]
    assert float(whole.split()[2]) > 70, "there is something to learn"

    from matplotlib.image import imread

    assert imread(folder / "curve.png").shape[:2] == (920, 1600)


def test_no_more_is_read_than_the_largest_training_set(
    example: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example, "SIZES", (50, 120))
    monkeypatch.setattr(example, "REVIEWS_DRAWN", 200)
    read: list[int] = []
    monkeypatch.setattr(example, "pool", lambda *args, pool=example.pool: read.append(len(args[1])) or pool(*args))
    result = run(example, folder, "small.png")
    assert [line.split()[:2] for line in result.stdout.splitlines()[2:4]] == [["50", "4"], ["120", "1"]]
    assert read == [120, N_TEST, 120, N_TEST]


def accuracy_by_hand(train: Split, test: Split) -> float:
    assert train.labels is not None and test.labels is not None
    train_x, test_x = (
        np.array([split[i].astype(np.float32).mean(axis=0) for i in range(len(split))]) for split in (train, test)
    )
    rows = np.random.default_rng([0, N_TRAIN, 0]).permutation(N_TRAIN)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    search = GridSearchCV(model, {"logisticregression__C": [1e-4, 1e-3, 0.01, 0.1, 1]}, cv=5)
    return float(search.fit(train_x[rows], train.labels[rows]).score(test_x, test.labels))


def test_training_sets(example: ModuleType) -> None:
    sets = list(example.training_sets(20_000, 0))
    sizes = [len(rows) for rows in sets]
    assert {size: sizes.count(size) for size in sizes} == {200: 10, 500: 10, 1000: 10, 2000: 5, 5000: 2, 15000: 1}
    assert len({tuple(sorted(rows)) for rows in sets}) == len(sets)
    assert all(np.array_equal(rows, again) for rows, again in zip(sets, example.training_sets(20_000, 0), strict=True))
    assert not np.array_equal(sets[0], next(example.training_sets(20_000, 1)))
    assert all(len(set(rows)) == len(rows) for rows in sets)
    assert [sorted(rows) for rows in example.training_sets(60, 0)] == [list(range(60))]


def test_what_is_refused(example: ModuleType, folder: Path) -> None:
    found = run(example, folder, cache="none")
    assert found.exit_code == 1 and found.stderr == f"Error: {said(messages.NO_CACHE, path=folder / 'none')}\n"

    build(MemoryCorpus([("train", None, "a"), ("test", None, "b")]), HashEncoder(), folder / "bare").close()
    found = run(example, folder, cache="bare")
    assert found.exit_code == 1 and "needs reviews with labels" in found.stderr

    few: list[tuple[str, str | None, str]] = [("train", "ab"[i % 2], f"w{i}") for i in range(8)]
    build(MemoryCorpus([*few, ("test", "a", "w0")]), HashEncoder(), folder / "few").close()
    found = run(example, folder, cache="few")
    assert found.exit_code == 1 and "a class with fewer than 5 training reviews" in found.stderr
