"""The factor on ELMo vectors: what `auto` comes to, and that it goes wherever the weights go."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from commands import error_of, run_train
from errors_expected import raises, says
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder
from old_results import make_version_1
from small_trials import corpus, experiment, outcomes, trials_command, vectors_of

from cache import FeatureCache, Layers
from elmo_cache import build
from trainer import gamma as gamma_module
from trainer import messages
from trainer.errors import TrialsError
from trainer.experiment import Experiment
from trainer.gamma import balancing_gamma
from trainer.runs.results import read_results
from trainer.runs.trials import run_trials
from trainer.vectors.static import StaticVectors


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeatureCache]:
    with build(corpus(), HashEncoder(dim=12), tmp_path_factory.mktemp("gamma") / "c", shard_tokens=400) as opened:
        yield opened


def some_vectors(features: FeatureCache) -> StaticVectors:
    """Vectors for three words of four."""
    full = vectors_of(features)
    found = np.arange(len(full.matrix)) % 4 > 0
    return StaticVectors("some", full.matrix * found[:, np.newaxis], found, 0)


def lengths(features: FeatureCache, views: list[str | None], n_docs: int, window: int) -> tuple[float, float]:
    """The mean lengths of static and of ELMo vectors, in float64 from the tokens' rows laid end to end."""
    static, elmo = [], []
    vectors = some_vectors(features)
    for i in range(n_docs):
        ids = features["train"].token_ids(i)[-window:]
        layers = [features.split("train", view)[i].astype(np.float64)[-window:] for view in views]
        static.append(vectors.matrix.astype(np.float64)[ids][vectors.found[ids]])
        elmo.append(np.mean(layers, axis=0)[vectors.found[ids]])
    norms = [np.linalg.norm(np.concatenate(rows), axis=1).mean() for rows in (static, elmo)]
    return norms[0], norms[1]


@pytest.mark.parametrize(("window", "sample_size", "pool"), [(40, 1000, 70), (9, 1000, 70), (40, 5, 70), (40, 9, 7)])
def test_auto_makes_both_kinds_of_vectors_equally_long(
    features: FeatureCache, monkeypatch: pytest.MonkeyPatch, window: int, sample_size: int, pool: int
) -> None:
    monkeypatch.setattr(gamma_module, "SAMPLE_SIZE", sample_size)
    scaled = Experiment(
        features,
        some_vectors(features),
        experiment(features, gamma="auto", window=window).settings,
        {"train": pool, "test": 50},
    )
    static, elmo = lengths(features, [None], min(pool, sample_size), window)
    assert scaled.gamma == float(f"{static / elmo:.4g}") != 1.0
    assert scaled.gamma * elmo == pytest.approx(static, rel=5e-4)


def test_several_layers_count_as_their_mean(tmp_path: Path) -> None:
    layers = Layers(
        {"layer_0": 4, "layer_1": 8, "layer_2": 8},
        {"mix": {"layer_0": 1.0}, "0": {"layer_0": 1.0}, "1": {"layer_1": 1.0}, "2": {"layer_2": 1.0}},
        "mix",
    )
    with build(corpus(), HashEncoder(dim=20, layers=layers), tmp_path / "c") as features:
        settings = experiment(features, layer="scalar-mix", gamma="auto").settings
        static, elmo = lengths(features, ["0", "1", "2"], 70, 40)
        assert Experiment(features, some_vectors(features), settings).gamma == float(f"{static / elmo:.4g}")


def test_large_values_do_not_overflow(tmp_path: Path) -> None:
    """As they would in float16, where a square may be 65,504 at most."""
    encoder = HashEncoder(dim=12)
    encode = encoder.encode
    encoder.encode = lambda *args, **more: [100 * rows for rows in encode(*args, **more)]  # type: ignore[method-assign]
    with build(corpus(), encoder, tmp_path / "c") as features:
        static, elmo = lengths(features, [None], 70, 40)
        found = balancing_gamma([features["train"]], some_vectors(features), 40)
        assert elmo > 1000 and found == float(f"{static / elmo:.4g}")


def test_test_documents_have_no_say(tmp_path: Path) -> None:
    found = []
    for name, seed in (("a", 1), ("b", 2)):
        rng = np.random.default_rng(seed)
        test = [("test", ("neg", "pos")[i % 2], " ".join(f"w{k}" for k in rng.integers(0, 40, 9))) for i in range(50)]
        train = [(d.split, d.label, d.text) for d in corpus().documents() if d.split == "train"]
        with build(MemoryCorpus(train + test), HashEncoder(dim=12), tmp_path / name) as features:
            found.append(experiment(features, gamma="auto").gamma)
    assert found[0] == found[1]


@pytest.mark.parametrize(("found", "values"), [(False, 1), (True, 0)])
def test_nothing_to_compare_is_refused(features: FeatureCache, found: bool, values: int) -> None:
    n_words = len(features.vocabulary)
    vectors = StaticVectors("few", np.full((n_words, 3), values, np.float32), np.full(n_words, found), 0)
    with raises(messages.NO_LENGTHS, TrialsError, n=70, name="few"):
        balancing_gamma([features["train"]], vectors, 40)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Two trials with `--gamma auto`, and the command."""
    folder = tmp_path_factory.mktemp("auto")
    command = [*trials_command(folder), "--gamma", "auto", "--patience", "3", "--min-epochs", "4"]
    done = run_train(*command, "--out", folder / "results")
    assert done.exit_code == 0, done.output
    config = json.loads((folder / "results" / "config.json").read_text())
    gamma = config["models"]["elmo"]["gamma"]
    assert gamma["asked"] == "auto" and 0 < gamma["value"] != 1 and "gamma" not in config["models"]["basic"]
    assert f"learning rate basic 0.001, elmo 0.001; gamma {gamma['value']:g} (auto)" in done.output
    assert (config["settings"]["patience"], config["settings"]["min_epochs"]) == (3, 4)
    assert min(r.epochs for r in read_results(folder / "results" / "trials.csv")) >= 4
    return folder, command


def copy_with_gamma(folder: Path, out: Path, number: float) -> Path:
    """Results whose `config.json` says that another number was found."""
    shutil.copytree(folder / "results", out)
    put_gamma(out, number)
    return out


def put_gamma(out: Path, number: float) -> None:
    config = json.loads((out / "config.json").read_text())
    config["models"]["elmo"]["gamma"]["value"] = number
    (out / "config.json").write_text(json.dumps(config))


@pytest.mark.slow
def test_trials_that_are_added_use_the_number_found_before(place: tuple[Path, list[str]], tmp_path: Path) -> None:
    folder, command = place
    other = copy_with_gamma(folder, tmp_path / "other", 40.0)
    for out in (folder / "results", other):
        assert run_train(*command, "--n", 3, "--out", out).exit_code == 0
    ours, others = (outcomes(read_results(out / "trials.csv")) for out in (folder / "results", other))
    assert ours[3, "basic"] == others[3, "basic"] and ours[3, "elmo"] != others[3, "elmo"]
    for options, data in (
        (["--gamma", "1"], {"name": "elmo.gamma"}),
        (["--patience", "2"], {"name": "settings.patience", "found": 3, "expected": 2}),
        (["--min-epochs", "1"], {"name": "settings.min_epochs", "found": 4, "expected": 1}),
    ):
        line = error_of(run_train(*command, *options, "--out", folder / "results"))
        assert says(line, messages.OTHER_SETTINGS, path=folder / "results") and says(line, messages.DIFFERENCE, **data)


def test_trials_from_python_find_the_number_or_are_refused(features: FeatureCache, tmp_path: Path) -> None:
    out = tmp_path / "results"
    run_trials(experiment(features, gamma="auto"), ["elmo"], 1, out)
    run_trials(experiment(features, gamma="auto"), ["elmo"], 2, out)
    put_gamma(out, 2.0)
    with raises(messages.OTHER_SETTINGS, TrialsError, path=out, found=re.compile(r"elmo\.gamma.*2\.0")):
        run_trials(experiment(features, gamma="auto"), ["elmo"], 3, out)


@pytest.mark.slow
def test_evaluate_and_predict_carry_the_number(place: tuple[Path, list[str]], tmp_path: Path) -> None:
    folder, _ = place
    other = copy_with_gamma(folder, tmp_path / "other", 40.0)
    with FeatureCache(folder / "c") as features:  # the documents that the trial was tested on
        chosen = features["test"][experiment(features).trial(1).test]
        assert chosen.labels is not None
        labels = dict(zip(chosen.doc_ids.tolist(), chosen.labels.tolist(), strict=True))
    predicted = {}
    for results in (folder / "results", other):
        options = ("--results", results, "--cache", folder / "c", "--split", "test", "--trial", 1, "--model", "elmo")
        assert run_train("predict", *options, "--out", tmp_path / "p.csv").exit_code == 0
        with open(tmp_path / "p.csv", newline="") as file:
            rows = {int(row["doc_id"]): row for row in csv.DictReader(file)}
        right = sum(row["label"] == ("neg", "pos")[labels[i]] for i, row in rows.items() if i in labels)
        done = run_train("evaluate", *options)
        assert done.exit_code == 0, done.output
        predicted[results] = ([row["probability_pos"] for row in rows.values()], done.output, right / len(labels))
    (ours, _, accuracy), (others, _, _) = predicted.values()
    (trial,) = (r for r in read_results(folder / "results" / "trials.csv") if (r.trial, r.model) == (1, "elmo"))
    assert accuracy == trial.accuracy, "as in the trial"
    assert ours != others


@pytest.mark.slow
def test_results_without_a_gamma_go_on_with_one(features: FeatureCache, tmp_path: Path) -> None:
    out = tmp_path / "results"
    run_trials(experiment(features), ["elmo"], 2, tmp_path / "now")
    run_trials(experiment(features), ["elmo"], 1, out)
    config = make_version_1(out)
    del config["gamma"], config["settings"]["gamma"], config["settings"]["min_epochs"]
    (out / "config.json").write_text(json.dumps(config))
    run_trials(experiment(features), ["elmo"], 2, out)
    assert outcomes(read_results(out / "trials.csv")) == outcomes(read_results(tmp_path / "now" / "trials.csv"))
