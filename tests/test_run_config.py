"""`config.json` of a results folder: its versions, and what of it adding trials depends on."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from errors_expected import raises
from numpy_encoder import HashEncoder
from old_results import make_version_1
from small_trials import corpus, experiment, outcomes

from cache import FeatureCache
from elmo_cache import build
from trainer import messages
from trainer.errors import TrialsError
from trainer.models import named
from trainer.runs.config import RunConfig
from trainer.runs.results import read_results
from trainer.runs.settings import CONVOLUTIONS
from trainer.runs.trials import run_trials

GOLDEN = Path(__file__).parent / "golden" / "results_1"


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeatureCache]:
    with build(corpus(), HashEncoder(dim=12), tmp_path_factory.mktemp("config") / "c", shard_tokens=400) as opened:
        yield opened


@pytest.fixture(scope="module")
def finished(features: FeatureCache, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trials of `basic` and of `elmo`."""
    out = tmp_path_factory.mktemp("finished") / "r"
    run_trials(experiment(features), ["basic", "elmo"], 2, out)
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """A copy of them."""
    return Path(shutil.copytree(finished, tmp_path / "r"))


def config_in(folder: Path) -> RunConfig:
    config = RunConfig.read(folder)
    assert config is not None
    return config


def change(folder: Path, **sections: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **sections}))


def test_what_a_folder_keeps(finished: Path, tmp_path: Path) -> None:
    config = config_in(finished)
    assert config.models == {
        "basic": {"learning_rate": 1e-3},
        "elmo": {"learning_rate": 1e-3, "gamma": {"asked": 1.0, "value": 1.0}},
    }
    assert not {"learning_rates", "gamma"} & config.settings.keys()
    assert config.settings_of("elmo").learning_rate("elmo") == 1e-3 and config.settings_of("elmo").gamma == 1.0
    config.write(tmp_path)
    assert config_in(tmp_path) == config
    assert json.loads((tmp_path / "config.json").read_text())["version"] == 3


def test_a_model_that_is_added_is_trained_alone(features: FeatureCache, out: Path) -> None:
    before, run = read_results(out / "trials.csv"), []
    other = experiment(features, learning_rates={"elmo-only": 3e-4}, gamma=0.5)
    results = run_trials(other, ["elmo-only"], 2, out, on_result=run.append)
    assert [(r.trial, r.model) for r in run] == [(1, "elmo-only"), (2, "elmo-only")]
    assert [r for r in results if r.model != "elmo-only"] == before
    assert config_in(out).models["elmo-only"] == {"learning_rate": 3e-4, "gamma": {"asked": 0.5, "value": 0.5}}
    assert config_in(out).models["elmo"]["gamma"]["value"] == 1.0


def test_settings_of_one_model_concern_no_other(features: FeatureCache, out: Path) -> None:
    other = experiment(features, learning_rates={"elmo": 3e-4}, gamma=0.5)
    assert len(run_trials(other, ["basic"], 2, out)) == 4
    found = messages.DIFFERENCE.format(name="elmo.learning_rate", found=0.001, expected=0.0003)
    with raises(messages.OTHER_SETTINGS, TrialsError, path=out, found=re.compile(re.escape(found))):
        run_trials(other, ["basic", "elmo"], 2, out)


def test_settings_of_a_model_that_never_ran_are_not_held_on_to(features: FeatureCache, tmp_path: Path) -> None:
    out = tmp_path / "r"
    out.mkdir()
    RunConfig.of(experiment(features, learning_rates={"basic": 1e-2}, seed=5), ["basic"]).write(out)
    run_trials(experiment(features), ["basic"], 1, out)
    assert config_in(out).models == {"basic": {"learning_rate": 1e-3}} and config_in(out).settings["seed"] == 0


def test_a_folder_depends_only_on_the_models_that_ran_in_it(
    features: FeatureCache, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_results(out / "trials.csv")
    built_in = dict(named._BUILT_IN)
    for n_trials, models in ((3, {**built_in, "elmo-wide": built_in["elmo"]}), (4, {"elmo": built_in["elmo"]})):
        monkeypatch.setattr(named, "_BUILT_IN", models)
        results = run_trials(experiment(features), ["elmo"], n_trials, out)
        assert {(r.trial, r.model) for r in results} == {(r.trial, r.model) for r in before} | {
            (k, "elmo") for k in range(1, n_trials + 1)
        }
        assert {r.model: r for r in before} == {r.model: r for r in results if r.trial < 3}
        assert set(config_in(out).models) == {"basic", "elmo"}


def test_results_of_version_1_go_on(features: FeatureCache, tmp_path: Path) -> None:
    """Written by the code that had one gamma for all, and a learning rate for each model there was."""
    out = Path(shutil.copytree(GOLDEN, tmp_path / "r"))
    before = read_results(out / "trials.csv")
    assert set(config_in(out).models) == set(CONVOLUTIONS) and config_in(out).settings["min_epochs"] == 1
    value = json.loads((out / "config.json").read_text())
    # How a cache is fingerprinted is not what is tested here.
    value["cache"]["encoding"] = features.manifest.encoding_fingerprint
    value["cache"]["corpus_fingerprint"] = features.manifest.corpus_fingerprint
    change(out, cache=value["cache"])
    old = (out / "config.json").read_bytes()
    assert run_trials(experiment(features, learning_rates={"elmo-only": 1e-2}), ["basic"], 2, out) == before
    with raises(messages.OTHER_SETTINGS, TrialsError, path=out, found=re.compile(r"elmo\.gamma")):
        run_trials(experiment(features, gamma=2.0), ["elmo"], 2, out)
    assert json.loads(old)["settings"] == value["settings"]
    results = run_trials(experiment(features, learning_rates={"elmo-only": 1e-2}), ["basic", "elmo-only"], 2, out)
    assert [r for r in results if r.model != "elmo-only"] == before
    assert config_in(out).models["elmo-only"]["learning_rate"] == 1e-2


def test_results_of_version_1_come_out_again(features: FeatureCache, tmp_path: Path) -> None:
    """The same digits, but for the last ones of the losses on another processor."""
    before = read_results(GOLDEN / "trials.csv")
    again = run_trials(experiment(features), ["basic", "elmo"], 2, tmp_path / "r")
    for old, new in zip(before, again, strict=True):
        assert new.validation_loss == pytest.approx(old.validation_loss, rel=1e-6)
        same = replace(new, validation_loss=old.validation_loss, seconds=old.seconds, macro_f1=None, log_loss=None)
        assert same == old
        assert new.macro_f1 is not None and new.log_loss is not None


def test_results_of_earlier_versions_keep_what_they_ran_with(features: FeatureCache, out: Path) -> None:
    ours = config_in(out)
    value = make_version_1(out)
    del value["gamma"], value["settings"]["gamma"], value["settings"]["min_epochs"]
    del value["cache"]["encoding_options"], value["vectors"]["words"]
    (out / "config.json").write_text(json.dumps(value))
    found = config_in(out)
    assert found.settings == ours.settings and found.models.items() >= ours.models.items()
    asked = found.settings_of("elmo")
    assert (asked.gamma, asked.min_epochs, asked.learning_rate("elmo")) == (1.0, 1, 1e-3)
    assert (found.cache["encoding_options"], found.vectors["words"]) == ({}, {})
    results = run_trials(experiment(features, gamma=1.0, learning_rates={"elmo": 1e-3}), ["basic", "elmo"], 2, out)
    assert outcomes(results) == outcomes(read_results(out / "trials.csv"))


def test_a_later_version_is_named(out: Path) -> None:
    change(out, version=4)
    with raises(messages.NEWER_VERSION, TrialsError, path=out / "config.json", found=4, expected=3):
        RunConfig.read(out)


def test_trials_without_a_configuration_are_not_added_to(features: FeatureCache, out: Path) -> None:
    (out / "config.json").unlink()
    with raises(messages.CONFIG_MISSING, TrialsError, path=out, found="trials.csv"):
        run_trials(experiment(features), ["basic"], 3, out)


def test_trials_of_a_model_that_the_configuration_does_not_know(features: FeatureCache, out: Path) -> None:
    change(out, models={"basic": {"learning_rate": 1e-3}})
    assert len(run_trials(experiment(features), ["basic"], 2, out)) == 4
    with raises(messages.SETTINGS_UNKNOWN, TrialsError, path=out, name="elmo"):
        run_trials(experiment(features), ["elmo"], 2, out)
