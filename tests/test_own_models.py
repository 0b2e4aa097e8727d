"""Models of your own, by file or as objects: trained, added, used again, and refused with your own line."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from commands import error_of, run_train
from errors_expected import raises, said, says
from numpy_encoder import ALL_LAYERS, HashEncoder
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from small_trials import SIZE_OPTIONS, corpus, experiment, outcomes, trials_command, vectors_of

from cache import FeatureCache
from cache.adapters.sklearn import Pooled
from elmo_cache import build
from trainer import messages
from trainer.errors import TrialsError
from trainer.experiment import Experiment
from trainer.learners.keras import KerasLearner
from trainer.learners.sklearn import SklearnLearner
from trainer.models.convolutional import build_model
from trainer.models.named import models_of
from trainer.runs.results import TrialResult, read_results
from trainer.runs.trials import run_trials

MY_MODELS = """
import keras
from keras import layers
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from cache.adapters.sklearn import Pooled

def wide(static, feature_dims, n_classes):
    x = features = keras.Input((None, feature_dims["features"]), name="features")
    x = layers.Dense(8, activation="relu")(x)
    x = layers.Dropout(0.2)(layers.BatchNormalization()(layers.GlobalMaxPooling1D()(x)))
    return keras.Model(features, layers.Dense(n_classes, activation="softmax")(x))

def from_words(static, feature_dims, n_classes):
    words = layers.Embedding(*static.shape, weights=[static], trainable=False)
    token_ids = keras.Input((30,), dtype="int32", name="token_ids")
    return keras.Sequential(
        [token_ids, words, layers.GlobalAveragePooling1D(), layers.Dense(1, activation="sigmoid")]
    )

def pooled(static, feature_dims, n_classes):
    return make_pipeline(Pooled("max"), LogisticRegression())

estimator = make_pipeline(Pooled("mean"), LogisticRegression())
"""
RATE = ("--learning-rate", "wide=0.03", "--learning-rate", "from_words=0.03")
NAMES = ("wide", "from_words", "pooled", "estimator")


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeatureCache]:
    with build(corpus(), HashEncoder(dim=12), tmp_path_factory.mktemp("own") / "c", shard_tokens=400) as opened:
        yield opened


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("own-command")
    (folder / "my_models.py").write_text(MY_MODELS)
    return trials_command(folder)


def place(command: list[str]) -> Path:
    return Path(command[2]).parent / "my_models.py"


@pytest.fixture(scope="module")
def results(command: list[str]) -> Path:
    """Two trials of `basic`, and then of four models of a file."""
    out = place(command).parent / "results"
    assert run_train(*command, "--models", "basic", "--out", out).exit_code == 0
    before = (out / "weights" / "basic-001.npz").stat().st_mtime_ns, read_results(out / "trials.csv")
    models = ",".join(["basic", *(f"{place(command)}:{name}" for name in NAMES)])
    done = run_train(*command, "--models", models, "--out", out, *RATE)
    assert done.exit_code == 0, done.output
    assert before[0] == (out / "weights" / "basic-001.npz").stat().st_mtime_ns
    assert before[1] == [r for r in read_results(out / "trials.csv") if r.model == "basic"]
    assert "learning rate basic 0.001, wide 0.03, from_words 0.03\n" in done.output
    return out


def test_models_of_a_file_are_added_to_a_folder(results: Path, command: list[str]) -> None:
    found = read_results(results / "trials.csv")
    assert {(r.trial, r.model) for r in found} == {(k, model) for k in (1, 2) for model in ("basic", *NAMES)}
    assert all(r.epochs == 1 for r in found if r.model in ("pooled", "estimator"))
    models = json.loads((results / "config.json").read_text())["models"]
    (digest,) = {models[name].pop("source_sha256") for name in NAMES}
    assert len(digest) == 64 and models["wide"] == {"learning_rate": 3e-2} and models["pooled"] == {}
    weights = {path.name for path in (results / "weights").iterdir()}
    assert weights == {f"{model}-00{k}.npz" for k in (1, 2) for model in ("basic", "wide", "from_words")}
    parameters = json.loads((results / "summary.json").read_text())["trainable_parameters"]
    assert parameters["wide"] == 12 * 8 + 8 + 2 * 8 + 8 * 2 + 2 and parameters["from_words"] == 4 + 1


@pytest.mark.slow
def test_workers_train_the_same_models(results: Path, command: list[str], tmp_path: Path) -> None:
    """With other rounding: they have fewer threads, which add in another order."""
    models = ",".join(f"{place(command)}:{name}" for name in NAMES)
    done = run_train(*command, "--models", models, "--out", tmp_path / "r", "--workers", 2, *RATE)
    assert done.exit_code == 0, done.output
    first = [r for r in read_results(results / "trials.csv") if r.model != "basic"]
    again = read_results(tmp_path / "r" / "trials.csv")
    assert [(r.trial, r.model, r.test_hash) for r in again] == [(r.trial, r.model, r.test_hash) for r in first]
    losses = [[r.validation_loss for r in found] for found in (again, first)]
    np.testing.assert_allclose(*losses, rtol=1e-2)
    assert np.abs([a.accuracy - b.accuracy for a, b in zip(again, first, strict=True)]).max() <= 1.1 / 30


def test_a_trial_alone_is_the_same_to_the_digit(features: FeatureCache, command: list[str]) -> None:
    """Dropout and first weights depend on seed and trial alone, whatever was trained before."""
    mine = experiment(features, max_epochs=3, learning_rates={"wide": 0.03})
    mine.models = models_of([f"{place(command)}:wide"])
    first, _, again = (mine.run("wide", number) for number in (2, 1, 2))
    assert first.fit == again.fit and outcomes([first.result]) == outcomes([again.result])
    for name, value in first.weights.items():
        np.testing.assert_array_equal(value, again.weights[name])


@pytest.mark.parametrize("name", ["wide", "from_words"])
def test_saved_weights_score_what_the_trial_scored(
    results: Path, command: list[str], tmp_path: Path, name: str
) -> None:
    """Also what BatchNormalization has kept, and wherever the documents stand."""
    model = f"{place(command)}:{name}"
    (wanted,) = (r for r in read_results(results / "trials.csv") if (r.trial, r.model) == (2, name))
    with FeatureCache(command[2]) as features:
        vectors = experiment(features).vectors
        own = models_of([model])
        settings = experiment(features, window=500).settings
        alone = Experiment(features, vectors, settings, models=own)
        test = alone.trial(2).test
        ids = features["test"].doc_ids[test]
        labels = [(features.label_names or ())[i] for i in features["test"].labels]  # type: ignore[union-attr]
        right = dict(zip(features["test"].doc_ids.tolist(), labels, strict=True))
    out = tmp_path / "p.csv"
    options = ("--results", results, "--cache", command[2], "--model", model, "--trial", 2)
    done = run_train("predict", *options, "--split", "test", "--out", out)
    assert done.exit_code == 0, done.output
    rows = [line.split(",") for line in out.read_text().splitlines()[1:]]
    hits = [right[int(row[0])] == row[1] for row in rows if int(row[0]) in ids]
    assert np.mean(hits) == pytest.approx(wanted.accuracy)
    done = run_train("evaluate", *options)
    assert done.exit_code == 0 and f"{name}, trial 2: " in done.output and "macro-F1" in done.output


def test_what_trials_do_not_keep_cannot_be_used(results: Path, command: list[str], tmp_path: Path) -> None:
    def error(model: object) -> str:
        return error_of(run_train("predict", "--results", results, "--cache", command[2], "--model", model))

    assert said(messages.NOT_SAVED, name="pooled") in error(f"{place(command)}:pooled")
    assert says(error("wide"), messages.INVALID_VALUE, name="model", found="wide")
    changed = tmp_path / "my_models.py"
    changed.write_text(MY_MODELS + "\n")
    assert says(error(f"{changed}:wide"), messages.MODEL_DIFFERS, name=f"{changed}:wide", path=results)
    line = error_of(run_train(*command, "--models", f"{changed}:wide", "--out", results, "--n", 3))
    assert says(line, messages.OTHER_SETTINGS, path=results)
    assert says(line, messages.DIFFERENCE, name="wide.source_sha256")


def test_a_module_by_its_name(command: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "package_of_models").mkdir()
    shutil.copy(place(command), tmp_path / "package_of_models" / "mine.py")
    monkeypatch.syspath_prepend(tmp_path)
    options = ("--models", "package_of_models.mine:pooled", "--out", tmp_path / "r")
    done = run_train(*command, *options, "--n", 1)
    assert done.exit_code == 0 and [r.model for r in read_results(tmp_path / "r" / "trials.csv")] == ["pooled"]


def linear(static: np.ndarray, feature_dims: dict[str, int], n_classes: int) -> keras.Model:
    x = features = keras.Input((None, feature_dims["features"]), name="features")
    mask = keras.Input((None,), dtype="bool", name="mask")
    x = keras.layers.GlobalAveragePooling1D()(x, mask=mask)
    return keras.Model([features, mask], keras.layers.Dense(n_classes, activation="softmax")(x))


def test_functions_and_estimators_as_objects(features: FeatureCache, tmp_path: Path) -> None:
    estimator = make_pipeline(Pooled("mean"), LogisticRegression(random_state=0))
    models = models_of({"linear": linear, "lr": estimator})
    mine = experiment(features, max_epochs=2)
    mine.models = models
    found = run_trials(mine, list(models), 1, tmp_path / "r")
    trial = mine.trial(1)
    train, test = features["train"][trial.train], features["test"][trial.test]
    right = estimator.fit(train, train.labels).score(test, test.labels)
    assert [r.model for r in found] == ["linear", "lr"] and found[1].accuracy == right
    with raises(messages.MODEL_TYPE, TrialsError, name="A model", found="int", expected=re.compile("^a name, ")):
        models_of([3])
    with raises(messages.UNNAMED_ESTIMATOR, TrialsError):
        models_of([estimator])


def test_padding_to_the_longest_of_a_batch_does_not_matter_to_a_mask(features: FeatureCache) -> None:
    mine = experiment(features)
    mine.models = models_of([linear])
    learner = mine.learner("linear")
    assert isinstance(learner, KerasLearner)
    learner.start(1)
    positions = np.random.default_rng(0).permutation(len(features["test"]))
    together = learner.probabilities("test", positions)
    kernel, bias = (np.asarray(v.numpy(), np.float64) for v in learner.model.trainable_variables)
    for i, p in zip(positions.tolist(), together, strict=True):
        logits = features["test"][i][-40:].astype(np.float64).mean(axis=0) @ kernel + bias
        np.testing.assert_allclose(p, np.exp(logits) / np.exp(logits).sum(), atol=1e-5)


def ragged(static: np.ndarray, feature_dims: dict[str, int], n_classes: int) -> keras.Model:
    return build_model("elmo", static, feature_dims, n_classes)


def test_a_model_of_documents_end_to_end(features: FeatureCache) -> None:
    """As the built-in convolutions take them: from other first weights it learns as they do."""
    mine = experiment(features, max_epochs=2)
    mine.models = models_of([ragged])
    own, built_in = mine.run("ragged", 1), mine.run("elmo", 1)
    assert own.result.test_hash == built_in.result.test_hash and len(own.fit.training_losses) == 2
    assert own.fit.training_losses[1] < own.fit.training_losses[0]
    assert [w.shape for w in own.weights.values()] == [w.shape for w in built_in.weights.values()]


@pytest.mark.slow
def test_the_lstm_is_built_in_and_reads_the_layers(tmp_path: Path) -> None:
    with build(corpus(), HashEncoder(layers=ALL_LAYERS), tmp_path / "c", shard_tokens=400) as features:
        for layer in (None, "scalar-mix"):
            found = run_trials(experiment(features, layer=layer, max_epochs=2), ["elmo-lstm"], 1, tmp_path / str(layer))
            assert found[0].epochs == 2 and 0 <= found[0].accuracy <= 1
        mixing = Experiment(features, vectors_of(features), experiment(features, layer="scalar-mix").settings)
        assert isinstance(mixing.learner("tfidf-lr"), SklearnLearner)
        with raises(messages.ONE_LAYER_MODEL, TrialsError, name="elmo-lr", found=3):
            mixing.learner("elmo-lr")


OWN_CODE = messages.OWN_CODE
FAULTS: list[tuple[str, str, dict[str, Any]]] = [
    ("def wide(static, dims, n:\n", OWN_CODE, {"where": "{path}, line 1", "error": r": def wide\(static, dims, n:$"}),
    (
        "import nothing_like_it\n",
        OWN_CODE,
        {
            "where": "{path}, line 1",
            "error": "^ModuleNotFoundError: No module named 'nothing_like_it' in `import nothing",
        },
    ),
    ("def narrow(*a): pass\ndef _x(): pass\n", messages.NO_MODEL_THERE, {"name": "wide", "found": "narrow"}),
    ("x = 1\n", messages.NO_MODEL_THERE, {"name": "wide", "found": "none"}),
    ("wide = 7\n", messages.MODEL_TYPE, {"name": "{path}: wide", "found": "int"}),
    ("def wide(*a):\n    return [1]\n", messages.MODEL_TYPE, {"name": "The value of {path}:wide", "found": "list"}),
    (
        "def wide(*a):\n    return 1 / 0\n",
        OWN_CODE,
        {"where": "{path}, line 2", "error": "^ZeroDivisionError: division by zero in `return 1 / 0`$"},
    ),
    (
        "def wide(static):\n    return 1\n",
        OWN_CODE,
        {"where": "{path}:wide", "error": r"^TypeError: wide\(\) takes 1 positional argument"},
    ),
    (
        "from cache.adapters.sklearn import Pooled\ndef wide(*a):\n    return Pooled('sum').fit(a)\n",
        OWN_CODE,
        {"where": "{path}, line 3", "error": "^TypeError: "},
    ),
    (
        "from cache.pooling import check_pooling\ndef wide(*a):\n    check_pooling('sum')\n",
        OWN_CODE,
        {"where": "{path}, line 3", "error": "^InvalidValueError: pooling "},
    ),
    (
        "import keras\ndef wide(*a):\n    x = keras.Input((None, 12), name='features')\n"
        "    return keras.Model(x, keras.layers.Dense(3)(keras.layers.GlobalMaxPooling1D()(x)))\n",
        messages.OUTPUT_SHAPE,
        {"name": "{path}:wide", "found": "(None, 3)", "expected": "(None, 2) or (None, 1)", "n": 2},
    ),
    (
        "import keras\ndef wide(*a):\n    x = keras.Input((None, 12), name='feature')\n"
        "    return keras.Model(x, keras.layers.Dense(2)(keras.layers.GlobalMaxPooling1D()(x)))\n",
        messages.UNKNOWN_INPUT,
        {"found": "feature", "expected": "features, mask, token_ids", "example": "features"},
    ),
    (
        "import keras\ndef wide(*a):\n    x = keras.Input((None, 5), name='features')\n"
        "    return keras.Model(x, keras.layers.Dense(2)(keras.layers.GlobalMaxPooling1D()(x)))\n",
        messages.INPUT_SHAPE,
        {"input": "features", "found": (None, None, 5), "expected": (None, None, 12)},
    ),
    (
        "import keras\nclass Sub(keras.Model):\n    pass\ndef wide(*a):\n    return Sub()\n",
        messages.NO_INPUTS,
        {"name": "{path}:wide"},
    ),
    ("from sklearn.svm import LinearSVC\nwide = LinearSVC()\n", messages.NO_PROBABILITIES, {"found": "LinearSVC"}),
    (
        "from sklearn.dummy import DummyClassifier\nfrom sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import FunctionTransformer\ndef bad(X):\n    return X.nothing\n"
        "wide = make_pipeline(FunctionTransformer(bad), DummyClassifier())\n",
        OWN_CODE,
        {
            "where": "{path}, line 5",
            "error": "^AttributeError: 'Split' object has no attribute 'nothing' in `return X.nothing`$",
        },
    ),
    (
        "import keras\nclass Odd(keras.layers.Layer):\n    def call(self, x, training=None):\n"
        "        return x.nothing if training else x\ndef wide(*a):\n    x = keras.Input((None, 12), name='features')\n"
        "    y = keras.layers.Dense(2, 'softmax')(keras.layers.GlobalMaxPooling1D()(x))\n"
        "    return keras.Model(x, Odd()(y))\n",
        OWN_CODE,
        {"where": "{path}, line 4", "error": "nothing"},
    ),
    (
        "import keras\ndef wide(*a):\n    x = keras.Input((None, 12), name='features')\n"
        "    return keras.Model(x, keras.layers.Dense(2)(keras.layers.GlobalMaxPooling1D()(x)))\n",
        messages.NOT_PROBABILITIES,
        {"name": "{path}:wide"},
    ),
]


@pytest.mark.parametrize(("content", "message", "data"), FAULTS)
def test_unusable_files_give_one_line(
    command: list[str], tmp_path: Path, content: str, message: str, data: dict[str, Any]
) -> None:
    path = tmp_path / "models.py"
    path.write_text(content)
    line = error_of(run_train(*command, "--n", 1, "--models", f"{path}:wide", "--out", tmp_path / "r"))
    data = {name: value.format(path=path) if isinstance(value, str) else value for name, value in data.items()}
    error = data.pop("error", "")
    assert says(line, message, **data), line
    assert message != OWN_CODE or re.search(error, line.partition(f"{data['where']}: ")[2]), line
    assert not read_results(tmp_path / "r" / "trials.csv")


@pytest.mark.parametrize(
    ("name", "message", "data"),
    [
        ("nowhere.py:wide", messages.NO_MODEL_FILE, {"path": re.compile("nowhere.py$")}),
        ("no_such.module:wide", messages.NO_MODULE, {"name": "no_such.module", "expected": "./no_such.py:NAME"}),
        (
            "models.py",
            messages.INVALID_VALUE,
            {"found": "models.py", "expected": re.compile("^some of basic, ")},
        ),
        ("models.py:", messages.INVALID_VALUE, {"name": "models", "found": "models.py:"}),
        ("models.py:a b", messages.INVALID_VALUE, {"name": "models", "found": "models.py:a b"}),
        ("models.py:basic", messages.BUILT_IN_NAME, {"name": "basic"}),
        ("models.py:wide,other.py:wide", messages.MODEL_TWICE, {"name": "wide"}),
    ],
)
def test_names_that_lead_nowhere(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    message: str,
    data: dict[str, Any],
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("models.py", "other.py"):
        (tmp_path / file).write_text("basic = wide = print\n")
    with raises(message, TrialsError, **data):
        models_of(name.split(","))
    assert "Error: " in error_of(run_train(*command, "--models", name, "--out", "r"))
    assert not Path("r").exists()


def test_sizes_and_results_are_what_they_are_for_any_model(command: list[str], tmp_path: Path) -> None:
    """A model that knows the answer is right, whatever the order in which documents are read."""
    path = tmp_path / "oracle.py"
    path.write_text(
        "import numpy as np\nfrom sklearn.base import BaseEstimator, ClassifierMixin\n"
        "class Knows(ClassifierMixin, BaseEstimator):\n"
        "    def fit(self, X, y, validation):\n"
        "        assert len(X) == len(y) == 24 and len(validation[0]) == len(validation[1]) == 16\n"
        "        self.classes_ = np.array([0, 1])\n        return self\n"
        "    def predict_proba(self, X):\n"
        "        good = np.array([X.tokens(i)[0] == 'good' for i in range(len(X))], float)\n"
        "        return np.stack([1 - good, good], axis=1)\n"
        "knows = Knows()\n"
    )
    options = (*SIZE_OPTIONS, "--models", f"{path}:knows,tfidf-lr,static-lr,elmo-lr", "--out", tmp_path / "r")
    done = run_train(*command, *options)
    assert done.exit_code == 0, done.output
    found: list[TrialResult] = read_results(tmp_path / "r" / "trials.csv")
    assert [r.model for r in found] == ["tfidf-lr", "static-lr", "elmo-lr", "knows"] * 2
    assert all((r.accuracy, r.macro_f1) == (1, 1) and r.log_loss < 1e-6 for r in found if r.model == "knows")
    assert "learning rate" not in done.output and not list((tmp_path / "r" / "weights").iterdir())
