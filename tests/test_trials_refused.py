"""What trials cannot be run on, or with: refused before anything is written."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from errors_expected import raises
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder
from small_trials import corpus, experiment

from cache import FeatureCache
from elmo_cache import TextRule, build
from trainer import messages
from trainer.errors import TrialsError
from trainer.protocols import Sizes
from trainer.runs.settings import Settings
from trainer.runs.trials import run_trials


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeatureCache]:
    with build(corpus(), HashEncoder(dim=12), tmp_path_factory.mktemp("trials") / "c", shard_tokens=400) as opened:
        yield opened


def test_too_few_documents_name_the_build_that_extends(features: FeatureCache, tmp_path: Path) -> None:
    with raises(messages.TOO_FEW_DOCUMENTS, TrialsError, name="train", limits=re.compile("^--limit train=")):
        run_trials(experiment(features, sizes=Sizes(60, 30, 10)), ["basic"], 1, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_trainable_mix_wants_all_layers(features: FeatureCache, tmp_path: Path) -> None:
    with raises(messages.NO_LAYERS, TrialsError, path=features.path):
        run_trials(experiment(features, layer="scalar-mix"), ["elmo"], 1, tmp_path / "r")


@pytest.mark.parametrize(
    ("documents", "message", "data"),
    [
        ([("train", None, "a"), ("test", None, "b")], messages.NO_LABELS, {}),
        ([("train", "a", "a"), ("train", "a", "b"), ("test", "a", "b")], messages.ONE_CLASS, {"found": "a"}),
    ],
)
def test_caches_without_two_classes_are_refused(
    tmp_path: Path, documents: Any, message: str, data: dict[str, str]
) -> None:
    with build(MemoryCorpus(documents), HashEncoder(), tmp_path / "c") as features:
        with raises(message, TrialsError, path=tmp_path / "c", **data):
            experiment(features)


def test_caches_without_a_test_split_are_refused(tmp_path: Path) -> None:
    with build(MemoryCorpus([("train", "a", "a"), ("train", "b", "c")]), HashEncoder(), tmp_path / "c") as features:
        with raises(messages.SPLIT_MISSING, TrialsError, path=tmp_path / "c", found="train", expected="test"):
            run_trials(experiment(features), ["basic"], 1, tmp_path / "r")


def test_the_notebook_protocol_wants_documents_of_one_length(features: FeatureCache, tmp_path: Path) -> None:
    with raises(messages.NOTEBOOK_LENGTHS, TrialsError):
        run_trials(experiment(features, protocol="notebook"), ["basic"], 1, tmp_path / "r")
    rule = TextRule("whitespace", num_words=30, max_tokens=40, literal_padding=True)
    with build(corpus(), HashEncoder(dim=12), tmp_path / "c", rule=rule) as padded:
        results = run_trials(experiment(padded, protocol="notebook"), ["basic", "elmo"], 2, tmp_path / "r2")
        assert len(results) == 4 and len({r.validation_hash for r in results}) == 1


@pytest.mark.parametrize(
    ("options", "data"),
    [
        ({"protocol": "loose"}, {"found": "loose"}),
        ({"seed": -1}, {"found": -1}),
        ({"learning_rates": {"elmo": 0.0}}, {"name": "learning_rate", "found": "elmo=0.0"}),
        ({"learning_rates": {"elmo": float("nan")}}, {"name": "learning_rate", "found": "elmo=nan"}),
        ({"learning_rates": {"elmo": True}}, {"name": "learning_rate", "found": "elmo=True"}),
        ({"seed": 2**63}, {"found": 2**63}),
        ({"batch_size": 0}, {"found": 0, "expected": re.compile("^a whole number from 1 ")}),
        ({"window": -5}, {"found": -5}),
    ],
)
def test_settings_that_make_no_sense(options: dict[str, Any], data: dict[str, Any]) -> None:
    with raises(messages.INVALID_VALUE, TrialsError, **{"name": next(iter(options)), **data}):
        Settings(**options)


def test_an_unknown_model(features: FeatureCache, tmp_path: Path) -> None:
    with raises(messages.INVALID_VALUE, TrialsError, name="models", found="bert"):
        run_trials(experiment(features), ["bert"], 1, tmp_path / "r")
    with raises(messages.INVALID_VALUE, TrialsError, name="models", found=""):
        run_trials(experiment(features), [], 1, tmp_path / "r")


@pytest.mark.parametrize("n_trials", [0, -1, 10**400, 1.5, True])
def test_numbers_of_trials_that_make_no_sense(features: FeatureCache, tmp_path: Path, n_trials: Any) -> None:
    expected = "a whole number from 1 to 100,000"
    with raises(messages.INVALID_VALUE, TrialsError, name="n", found=n_trials, expected=expected):
        run_trials(experiment(features), ["basic"], n_trials, tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"settings": 1}'])
def test_a_damaged_configuration_is_named(features: FeatureCache, tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with raises(messages.CONFIG_INVALID, TrialsError, path=tmp_path / "config.json", name="trials"):
        run_trials(experiment(features), ["basic"], 1, tmp_path)
