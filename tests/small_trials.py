"""A small corpus, and trials on a cache of it that take a second."""

from pathlib import Path
from typing import Any

import numpy as np
from commands import run_train
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder
from scipy.special import softmax

from cache import FeatureCache
from elmo_cache import build
from trainer.experiment import Experiment
from trainer.protocols import Sizes
from trainer.runs.results import TrialResult, read_results
from trainer.runs.settings import Settings
from trainer.vectors import StaticVectors

SIZES = Sizes(24, 16, 30)
SIZE_OPTIONS = ("--train-size", 24, "--val-size", 16, "--test-size", 30)


def corpus(n_train: int = 70, n_test: int = 50, seed: int = 0) -> MemoryCorpus:
    rng = np.random.default_rng(seed)
    documents: list[tuple[str, str | None, str]] = []
    for i in range(n_train + n_test):
        words = [f"w{k}" for k in rng.integers(0, 40, size=rng.integers(2, 30))]
        words.insert(0, ("bad", "good")[i % 2])
        documents.append(("train" if i < n_train else "test", ("neg", "pos")[i % 2], " ".join(words)))
    return MemoryCorpus(documents)


def vectors_of(features: FeatureCache, dim: int = 6) -> StaticVectors:
    rng = np.random.default_rng(5)
    by_word = {word: rng.standard_normal(dim) for word in sorted(features.vocabulary)}
    matrix = np.array([by_word[word] for word in features.vocabulary], np.float32)
    return StaticVectors("random", matrix, np.ones(len(matrix), bool), 0)


def experiment(features: FeatureCache, **changes: Any) -> Experiment:
    settings = {"sizes": SIZES, "max_epochs": 3, "vectors": "random", "window": 40, **changes}
    return Experiment(features, vectors_of(features), Settings(**settings))


def trials_command(folder: Path) -> list[str]:
    """Build a small cache and vectors for it, and return a command that trains on them."""
    with build(corpus(), HashEncoder(dim=12), folder / "c", shard_tokens=400) as features:
        rng = np.random.default_rng(1)
        lines = [f"{word} " + " ".join(f"{x:.4f}" for x in rng.standard_normal(4)) for word in features.vocabulary]
    (folder / "v.vec").write_text(f"{len(lines)} 4\n" + "\n".join(lines) + "\n")
    command = ["trials", "--cache", str(folder / "c"), "--vectors", str(folder / "v.vec"), "--n", "2"]
    return [*command, *map(str, SIZE_OPTIONS)]


def accuracies(command: list[str], out: Path, workers: str) -> list[tuple[int, str, float, int, str]]:
    """Run what `trials_command` returns with these `--workers`, and return what each trial came to."""
    result = run_train(*command, "--workers", workers, "--out", out)
    assert result.exit_code == 0, result.output
    assert len(list((out / "weights").iterdir())) == 4
    return [(r.trial, r.model, r.accuracy, r.epochs, r.test_hash) for r in read_results(out / "trials.csv")]


def outcomes(results: list[TrialResult]) -> dict[tuple[int, str], tuple[Any, ...]]:
    """Everything of the results but the seconds they took."""
    return {
        (r.trial, r.model): (r.accuracy, r.best_epoch, r.epochs, r.validation_loss, r.train_hash, r.test_hash)
        for r in results
    }


def learned(mix: Any) -> dict[str, Any]:
    """The shares of the layers in a model's `ScalarMix`, and its gamma."""
    exponents, gamma = mix.get_weights()
    return {"shares": softmax(exponents).tolist(), "gamma": float(gamma)}
