"""Trials: the same twice, independent of each other, resumed, and refused where settings differ."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import raises
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder
from small_trials import corpus, experiment, learned, outcomes, vectors_of

from cache import FeatureCache, Layers
from cache import messages as store
from elmo_cache import TextRule, build
from trainer import messages
from trainer.errors import TrialsError
from trainer.experiment import Experiment
from trainer.models.named import model_of
from trainer.protocols import Sizes
from trainer.runs.config import RunConfig
from trainer.runs.evaluation import SavedTrial, evaluate
from trainer.runs.results import TrialResult
from trainer.runs.saved_weights import weights_summary
from trainer.runs.trials import run_trials
from trainer.vectors import StaticVectors


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeatureCache]:
    with build(corpus(), HashEncoder(dim=12), tmp_path_factory.mktemp("trials") / "c", shard_tokens=400) as opened:
        yield opened


@pytest.fixture(scope="module")
def three(features: FeatureCache, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[TrialResult]]:
    out = tmp_path_factory.mktemp("three") / "results"
    return out, run_trials(experiment(features), ["basic", "elmo"], 3, out)


def test_what_a_run_leaves(three: tuple[Path, list[TrialResult]], features: FeatureCache) -> None:
    out, results = three
    assert [(r.trial, r.model) for r in results] == [(k, m) for k in (1, 2, 3) for m in ("basic", "elmo")]
    with open(out / "trials.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 6
    config = json.loads((out / "config.json").read_text())
    assert config["settings"]["sizes"] == {"train": 24, "validation": 16, "test": 30}
    assert config["pool"] == {"train": 70, "test": 50}
    assert config["cache"]["encoding"] == features.manifest.encoding_fingerprint
    assert config["cache"]["corpus_fingerprint"] == features.manifest.corpus_fingerprint
    assert len(config["vectors"]["sha256"]) == 64
    assert sorted(path.name for path in (out / "weights").iterdir()) == [
        f"{model}-{k:03d}.npz" for model in ("basic", "elmo") for k in (1, 2, 3)
    ]
    for r in results:
        assert r.accuracy * 30 == pytest.approx(round(r.accuracy * 30)), "30 documents were tested"
        assert 1 <= r.best_epoch <= r.epochs <= 3 and np.isfinite(r.validation_loss)


def test_both_models_of_a_trial_see_the_same_documents(three: tuple[Path, list[TrialResult]]) -> None:
    _, results = three
    for k in (1, 2, 3):
        basic, elmo = (r for r in results if r.trial == k)
        assert (basic.train_hash, basic.validation_hash, basic.test_hash) == (
            elmo.train_hash, elmo.validation_hash, elmo.test_hash,
        )  # fmt: skip
    assert len({r.train_hash for r in results}) == 3 and len({r.test_hash for r in results}) == 1


def test_the_same_run_twice_gives_the_same_digits(
    features: FeatureCache, three: tuple[Path, list[TrialResult]], tmp_path: Path
) -> None:
    again = run_trials(experiment(features), ["basic", "elmo"], 3, tmp_path / "r")
    assert outcomes(again) == outcomes(three[1])


def test_a_trial_alone_is_the_same(features: FeatureCache, three: tuple[Path, list[TrialResult]]) -> None:
    result = experiment(features).run("elmo", 3).result
    assert outcomes([result])[3, "elmo"] == outcomes(three[1])[3, "elmo"]


def test_more_trials_and_more_models_are_added(
    features: FeatureCache, three: tuple[Path, list[TrialResult]], tmp_path: Path
) -> None:
    out = tmp_path / "r"
    run_trials(experiment(features), ["elmo"], 1, out)
    run = []
    results = run_trials(experiment(features), ["basic", "elmo"], 3, out, on_result=run.append)
    assert len(run) == 5 and outcomes(results) == outcomes(three[1])


def test_an_interrupted_run_resumes(
    features: FeatureCache, three: tuple[Path, list[TrialResult]], tmp_path: Path
) -> None:
    out = tmp_path / "r"
    seen: list[TrialResult] = []

    def stop(result: TrialResult) -> None:
        seen.append(result)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trials(experiment(features), ["basic", "elmo"], 3, out, on_result=stop)
    results = run_trials(experiment(features), ["basic", "elmo"], 3, out, on_result=seen.append)
    assert len(seen) == 6 and outcomes(results) == outcomes(three[1])


def differing(name: str, found: object, expected: object) -> str:
    return messages.DIFFERENCE.format(name=name, found=found, expected=expected)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"seed": 1}, differing("settings.seed", 0, 1)),
        ({"sizes": Sizes(24, 16, 31)}, re.compile(r"^settings\.sizes .*31")),
        ({"learning_rates": {"elmo": 1e-4}}, differing("elmo.learning_rate", 0.001, 0.0001)),
        ({"max_epochs": 4}, differing("settings.max_epochs", 3, 4)),
        ({"patience": 3}, differing("settings.patience", 2, 3)),
        ({"min_epochs": 2}, differing("settings.min_epochs", 1, 2)),
        ({"gamma": 0.5}, re.compile(r"^elmo\.gamma .*1\.0.*0\.5")),
        ({"gamma": "auto"}, re.compile(r"^elmo\.gamma .*1\.0.*'auto'")),
    ],
)
def test_other_settings_are_refused(
    features: FeatureCache, three: tuple[Path, list[TrialResult]], changes: dict[str, Any], found: object
) -> None:
    with raises(messages.OTHER_SETTINGS, TrialsError, path=three[0], found=found):
        run_trials(experiment(features, **changes), ["basic", "elmo"], 3, three[0])


def test_other_vectors_are_refused(features: FeatureCache, three: tuple[Path, list[TrialResult]]) -> None:
    other = Experiment(features, vectors_of(features, dim=7), experiment(features).settings)
    found = re.compile(re.escape(differing("vectors.dim", 6, 7)))
    with raises(messages.OTHER_SETTINGS, TrialsError, path=three[0], found=found):
        run_trials(other, ["basic"], 3, three[0])


def test_another_cache_is_refused(three: tuple[Path, list[TrialResult]], tmp_path: Path) -> None:
    with build(corpus(seed=9), HashEncoder(dim=12), tmp_path / "c") as other:
        found = re.compile(r"cache\.corpus_fingerprint")
        with raises(messages.OTHER_SETTINGS, TrialsError, path=three[0], found=found):
            run_trials(experiment(other), ["basic"], 3, three[0])


def test_extending_the_cache_leaves_trials_as_they_were(three: tuple[Path, list[TrialResult]], tmp_path: Path) -> None:
    limit = {"train": 60, "test": 45}
    with build(corpus(), HashEncoder(dim=12), tmp_path / "c", limit=limit, shard_tokens=400) as small:
        first = run_trials(experiment(small), ["elmo"], 2, tmp_path / "r")
    with build(corpus(), HashEncoder(dim=12), tmp_path / "c", shard_tokens=400) as large:
        assert len(large["train"]) == 70
        config = RunConfig.read(tmp_path / "r")
        assert config is not None
        found = re.compile(re.escape(differing("pool.train", 60, 70)))
        with raises(messages.OTHER_SETTINGS, TrialsError, path=tmp_path / "r", found=found):
            run_trials(experiment(large), ["elmo"], 3, tmp_path / "r")
        same = Experiment(large, vectors_of(large), experiment(large).settings, config.pool)
        again = run_trials(same, ["elmo"], 3, tmp_path / "r")
        assert outcomes(first).items() <= outcomes(again).items()
        assert same.trial(1).hashes == (first[0].train_hash, first[0].validation_hash, first[0].test_hash)


def test_streaming_gives_what_memory_gives(
    features: FeatureCache, three: tuple[Path, list[TrialResult]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.experiment.LOAD_BYTES", 0)
    result = experiment(features).run("elmo", 1).result
    assert outcomes([result])[1, "elmo"] == outcomes(three[1])[1, "elmo"]


def test_a_learning_rate_of_its_own(features: FeatureCache) -> None:
    slow = experiment(features, learning_rates={"elmo": 1e-6})
    assert float(slow.learner("elmo").model.optimizer.learning_rate) == pytest.approx(1e-6)
    assert float(slow.learner("basic").model.optimizer.learning_rate) == pytest.approx(1e-3)


def saved(out: Path, kind: str, number: int) -> SavedTrial:
    config = RunConfig.read(out)
    assert config is not None
    return SavedTrial(out, config, model_of(kind), number)


def test_saved_weights_score_as_the_trial_did(
    features: FeatureCache, three: tuple[Path, list[TrialResult]], tmp_path: Path
) -> None:
    out, results = three
    chosen = features["test"][experiment(features).trial(2).test]
    # A corpus of just these documents, with another vocabulary: static vectors are gathered anew.
    documents = [("held-out", ("neg", "pos")[int(chosen.labels[i])], " ".join(chosen.tokens(i))) for i in range(30)]
    with build(MemoryCorpus(documents), HashEncoder(dim=12), tmp_path / "c") as other:
        by_word = dict(zip(features.vocabulary, vectors_of(features).matrix, strict=True))
        matrix = np.array([by_word[word] for word in other.vocabulary])
        assert other.vocabulary != features.vocabulary
        static = StaticVectors("random", matrix, np.ones(len(matrix), bool), 0)
        for kind in ("basic", "elmo"):
            scores, n_documents = evaluate(saved(out, kind, 2), other, "held-out", static)
            assert n_documents == 30
            assert scores.accuracy == pytest.approx(
                next(r.accuracy for r in results if (r.trial, r.model) == (2, kind))
            )


def test_weights_are_refused_for_another_encoding_and_where_there_are_none(
    features: FeatureCache, three: tuple[Path, list[TrialResult]], tmp_path: Path
) -> None:
    out, _ = three
    with build(corpus(), HashEncoder(dim=12), tmp_path / "c", rule=TextRule("whitespace", max_tokens=9)) as other:
        with raises(messages.OTHER_ENCODING, TrialsError, path=tmp_path / "c"):
            evaluate(saved(out, "elmo", 1), other, "test", vectors_of(other))
    with raises(messages.WEIGHTS_MISSING, TrialsError, folder=out, trial=9, name="elmo"):
        evaluate(saved(out, "elmo", 9), features, "test", vectors_of(features))
    with raises(store.NO_SPLIT, name="dev"):
        evaluate(saved(out, "elmo", 1), features, "dev", vectors_of(features))
    with raises(messages.VECTORS_DIM, TrialsError, found=7, expected=6):
        evaluate(saved(out, "elmo", 1), features, "test", vectors_of(features, dim=7))


def test_a_trainable_mix_of_all_layers(tmp_path: Path) -> None:
    layers = Layers(
        {"layer_0": 4, "layer_1": 8, "layer_2": 8},
        {"mix": {"layer_0": 1.0}, "0": {"layer_0": 1.0}, "1": {"layer_1": 1.0}, "2": {"layer_2": 1.0}},
        "mix",
    )
    with build(corpus(), HashEncoder(dim=20, layers=layers), tmp_path / "c") as features:
        mixing = experiment(features, layer="scalar-mix")
        results = run_trials(mixing, ["elmo-only"], 1, tmp_path / "r")
        found = learned(mixing.learner("elmo-only").model.get_layer("scalar_mix"))
        assert len(found["shares"]) == 3 and found["gamma"] != 1.0
        scaled = experiment(features, layer="scalar-mix", gamma="auto")
        scaled.run("elmo-only", 1)
        trained = learned(scaled.learner("elmo-only").model.get_layer("scalar_mix"))["gamma"]
        assert trained != scaled.gamma and trained == pytest.approx(scaled.gamma, abs=0.02), (
            "three epochs change little"
        )
        found_in_files, faults = weights_summary(tmp_path / "r", results)
        (mix,) = found_in_files["scalar_mix"]
        assert faults == []
        assert mix["gamma"] == pytest.approx(found["gamma"]) and mix["shares"] == pytest.approx(found["shares"])
