"""Trials: the same twice, independent of each other, resumed, and refused where settings differ."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder

from cache import CacheError, FeatureCache, Layers
from elmo_cache import TextRule, build
from trainer.errors import TrialsError
from trainer.evaluation import evaluate
from trainer.experiment import Experiment
from trainer.protocols import Sizes
from trainer.report import TrialResult
from trainer.saved_weights import weights_summary
from trainer.settings import Settings, read_config
from trainer.static_vectors import StaticVectors
from trainer.trials import run_trials

SIZES = Sizes(24, 16, 30)


def corpus(n_train: int = 70, n_test: int = 50, seed: int = 0) -> MemoryCorpus:
    rng = np.random.default_rng(seed)
    documents: list[tuple[str, str | None, str]] = []
    for i in range(n_train + n_test):
        words = [f"w{k}" for k in rng.integers(0, 40, size=rng.integers(2, 30))]
        words.insert(0, ("bad", "good")[i % 2])
        documents.append(("train" if i < n_train else "test", ("neg", "pos")[i % 2], " ".join(words)))
    return MemoryCorpus(documents)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeatureCache]:
    with build(corpus(), HashEncoder(dim=12), tmp_path_factory.mktemp("trials") / "c", shard_tokens=400) as opened:
        yield opened


def vectors_of(features: FeatureCache, dim: int = 6) -> StaticVectors:
    rng = np.random.default_rng(5)
    by_word = {word: rng.standard_normal(dim) for word in sorted(features.vocabulary)}
    matrix = np.array([by_word[word] for word in features.vocabulary], np.float32)
    return StaticVectors("random", matrix, np.ones(len(matrix), bool), 0)


def experiment(features: FeatureCache, **changes: Any) -> Experiment:
    settings = {"sizes": SIZES, "max_epochs": 3, "vectors": "random", "window": 40, **changes}
    return Experiment(features, vectors_of(features), Settings(**settings))


def outcomes(results: list[TrialResult]) -> dict[tuple[int, str], tuple[Any, ...]]:
    """Everything of the results but the seconds they took."""
    return {
        (r.trial, r.model): (r.accuracy, r.best_epoch, r.epochs, r.validation_loss, r.train_hash, r.test_hash)
        for r in results
    }


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
    result, _ = experiment(features).run("elmo", 3)
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, "settings.seed is 0 there, 1 asked for"),
        ({"sizes": Sizes(24, 16, 31)}, "settings.sizes is .*31.* asked for"),
        ({"learning_rates": {"elmo": 1e-4}}, "settings.learning_rates"),
        ({"max_epochs": 4}, "settings.max_epochs is 3 there, 4 asked for"),
    ],
)
def test_other_settings_are_refused(
    features: FeatureCache, three: tuple[Path, list[TrialResult]], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrialsError, match=message):
        run_trials(experiment(features, **changes), ["basic"], 3, three[0])


def test_other_vectors_are_refused(features: FeatureCache, three: tuple[Path, list[TrialResult]]) -> None:
    other = Experiment(features, vectors_of(features, dim=7), experiment(features).settings)
    with pytest.raises(TrialsError, match=r"vectors\.dim is 6 there, 7 asked for"):
        run_trials(other, ["basic"], 3, three[0])


def test_another_cache_is_refused(three: tuple[Path, list[TrialResult]], tmp_path: Path) -> None:
    with build(corpus(seed=9), HashEncoder(dim=12), tmp_path / "c") as other:
        with pytest.raises(TrialsError, match=r"cache\.corpus_fingerprint"):
            run_trials(experiment(other), ["basic"], 3, three[0])


def test_extending_the_cache_leaves_trials_as_they_were(three: tuple[Path, list[TrialResult]], tmp_path: Path) -> None:
    limit = {"train": 60, "test": 45}
    with build(corpus(), HashEncoder(dim=12), tmp_path / "c", limit=limit, shard_tokens=400) as small:
        first = run_trials(experiment(small), ["elmo"], 2, tmp_path / "r")
    with build(corpus(), HashEncoder(dim=12), tmp_path / "c", shard_tokens=400) as large:
        assert len(large["train"]) == 70
        config = read_config(tmp_path / "r")
        assert config is not None
        same = Experiment(large, vectors_of(large), experiment(large).settings, config["pool"])
        again = run_trials(same, ["elmo"], 3, tmp_path / "r")
        assert outcomes(first).items() <= outcomes(again).items()
        assert same.trial(1).hashes == (first[0].train_hash, first[0].validation_hash, first[0].test_hash)


def test_too_few_documents_name_the_build_that_extends(features: FeatureCache, tmp_path: Path) -> None:
    with pytest.raises(TrialsError, match=r"elmo-cache build.*--limit train="):
        run_trials(experiment(features, sizes=Sizes(60, 30, 10)), ["basic"], 1, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_streaming_gives_what_memory_gives(
    features: FeatureCache, three: tuple[Path, list[TrialResult]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.experiment.LOAD_BYTES", 0)
    result, _ = experiment(features).run("elmo", 1)
    assert outcomes([result])[1, "elmo"] == outcomes(three[1])[1, "elmo"]


def test_a_learning_rate_of_its_own(features: FeatureCache) -> None:
    slow = experiment(features, learning_rates={"elmo": 1e-6})
    assert float(slow.model("elmo").optimizer.learning_rate) == pytest.approx(1e-6)
    assert float(slow.model("basic").optimizer.learning_rate) == pytest.approx(1e-3)


def test_saved_weights_score_as_the_trial_did(
    features: FeatureCache, three: tuple[Path, list[TrialResult]], tmp_path: Path
) -> None:
    out, results = three
    config = read_config(out)
    assert config is not None
    chosen = features["test"][experiment(features).trial(2).test]
    # A corpus of just these documents, with another vocabulary: static vectors are gathered anew.
    documents = [("held-out", ("neg", "pos")[int(chosen.labels[i])], " ".join(chosen.tokens(i))) for i in range(30)]
    with build(MemoryCorpus(documents), HashEncoder(dim=12), tmp_path / "c") as other:
        by_word = dict(zip(features.vocabulary, vectors_of(features).matrix, strict=True))
        matrix = np.array([by_word[word] for word in other.vocabulary])
        assert other.vocabulary != features.vocabulary
        static = StaticVectors("random", matrix, np.ones(len(matrix), bool), 0)
        for kind in ("basic", "elmo"):
            accuracy, n_documents = evaluate(out, config, 2, kind, other, "held-out", static)
            assert n_documents == 30
            assert accuracy == pytest.approx(next(r.accuracy for r in results if (r.trial, r.model) == (2, kind)))


def test_weights_are_refused_for_another_encoding_and_where_there_are_none(
    features: FeatureCache, three: tuple[Path, list[TrialResult]], tmp_path: Path
) -> None:
    out, _ = three
    config = read_config(out)
    assert config is not None
    with build(corpus(), HashEncoder(dim=12), tmp_path / "c", rule=TextRule("whitespace", max_tokens=9)) as other:
        with pytest.raises(TrialsError, match="another encoding"):
            evaluate(out, config, 1, "elmo", other, "test", vectors_of(other))
    with pytest.raises(TrialsError, match="has no trial 9 of elmo"):
        evaluate(out, config, 9, "elmo", features, "test", vectors_of(features))
    with pytest.raises(CacheError, match="no split 'dev'"):
        evaluate(out, config, 1, "elmo", features, "dev", vectors_of(features))
    with pytest.raises(TrialsError, match="7-d, the weights were trained with 6-d"):
        evaluate(out, config, 1, "elmo", features, "test", vectors_of(features, dim=7))


def test_a_trainable_mix_of_all_layers(tmp_path: Path) -> None:
    layers = Layers(
        {"layer_0": 4, "layer_1": 8, "layer_2": 8},
        {"mix": {"layer_0": 1.0}, "0": {"layer_0": 1.0}, "1": {"layer_1": 1.0}, "2": {"layer_2": 1.0}},
        "mix",
    )
    with build(corpus(), HashEncoder(dim=20, layers=layers), tmp_path / "c") as features:
        mixing = experiment(features, layer="scalar-mix")
        results = run_trials(mixing, ["elmo-only"], 1, tmp_path / "r")
        learned = mixing.model("elmo-only").get_layer("scalar_mix").learned()
        assert len(learned["shares"]) == 3 and learned["gamma"] != 1.0
        (mix,) = weights_summary(tmp_path / "r", results)["scalar_mix"]
        assert mix["gamma"] == pytest.approx(learned["gamma"]) and mix["shares"] == pytest.approx(learned["shares"])


def test_a_trainable_mix_wants_all_layers(features: FeatureCache, tmp_path: Path) -> None:
    with pytest.raises(TrialsError, match="--layers all"):
        run_trials(experiment(features, layer="scalar-mix"), ["elmo"], 1, tmp_path / "r")


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([("train", None, "a"), ("test", None, "b")], "no labels; these classifiers tell two classes apart"),
        ([("train", "a", "a"), ("train", "b", "a"), ("test", "c", "b")], r"3 classes \(a, b, c\)"),
    ],
)
def test_caches_without_two_classes_are_refused(tmp_path: Path, documents: Any, message: str) -> None:
    with build(MemoryCorpus(documents), HashEncoder(), tmp_path / "c") as features:
        with pytest.raises(TrialsError, match=message):
            experiment(features)


def test_caches_without_a_test_split_are_refused(tmp_path: Path) -> None:
    with build(MemoryCorpus([("train", "a", "a"), ("train", "b", "c")]), HashEncoder(), tmp_path / "c") as features:
        with pytest.raises(TrialsError, match="has the splits train; trials need train and test"):
            run_trials(experiment(features), ["basic"], 1, tmp_path / "r")


def test_the_notebook_protocol_wants_documents_of_one_length(features: FeatureCache, tmp_path: Path) -> None:
    with pytest.raises(TrialsError, match="--literal-padding"):
        run_trials(experiment(features, protocol="notebook"), ["basic"], 1, tmp_path / "r")
    rule = TextRule("whitespace", num_words=30, max_tokens=40, literal_padding=True)
    with build(corpus(), HashEncoder(dim=12), tmp_path / "c", rule=rule) as padded:
        results = run_trials(experiment(padded, protocol="notebook"), ["basic", "elmo"], 2, tmp_path / "r2")
        assert len(results) == 4 and len({r.validation_hash for r in results}) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "loose"}, "'loose'"),
        ({"seed": -1}, "--seed is -1"),
        ({"learning_rates": {"lstm": 1e-3}}, "'lstm'"),
        ({"learning_rates": {"elmo": 0.0}}, r"elmo=0\.0"),
    ],
)
def test_settings_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TrialsError, match=message):
        Settings(**options)


def test_an_unknown_model(features: FeatureCache, tmp_path: Path) -> None:
    with pytest.raises(TrialsError, match="'bert'"):
        run_trials(experiment(features), ["bert"], 1, tmp_path / "r")


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"settings": 1}'])
def test_a_damaged_configuration_is_named(features: FeatureCache, tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(TrialsError, match=r"config\.json"):
        run_trials(experiment(features), ["basic"], 1, tmp_path)
