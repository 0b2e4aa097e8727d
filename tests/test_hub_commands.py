"""Modules of TensorFlow Hub at the command line: builds with both engines, and `encoders --check`."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tensorflow_hub
from commands import command, run_cache
from errors_expected import said
from hub_module import OPTIONS, write_module

from cache import FeatureCache
from elmo_cache import messages
from elmo_cache.encoders import load_encoder
from elmo_cache.encoders.bilm.encoder import BiLMEncoder
from elmo_cache.encoders.hub import checking
from elmo_cache.encoders.hub.resolution import cache_folder


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_module(
        tmp_path_factory.mktemp("module") / "elmo", signatures=["tokens"], mix_weights=(1.0, 0.0, -1.0), gamma=2.0
    )


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.txt"
    path.write_text("".join(f"review {i} was {'not ' * (i % 5)}good \U0001f600\n" for i in range(20)) + "\n")
    return path


@pytest.fixture
def quick_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracing takes time, for each length."""
    monkeypatch.setattr(checking, "SENTENCES", [["one", "two"], ["two", "three"], ["é"]])
    monkeypatch.setattr(checking, "BiLMEncoder", partial(BiLMEncoder, time_chunk=2))
    # Of any encoder: `test_report_of_encoders.py`.
    monkeypatch.setattr("elmo_cache.commands.encoders._report", lambda name: load_encoder(name))


@pytest.mark.slow
def test_build_with_both_engines(tmp_path: Path, module: Path, reviews: Path) -> None:
    arguments = ["--corpus", reviews, "--encoder", module, "--limit", "train=15"]
    result = run_cache("build", tmp_path / "native.elmo", *arguments)
    assert result.exit_code == 0, result.output
    done = command("build", tmp_path / "hub.elmo", *arguments, "--engine", "hub")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "WARNING" not in done.stderr
    found = {}
    for engine, output in {"native": result.stdout, "hub": done.stdout}.items():
        assert "holds train 15 documents" in output
        with FeatureCache(tmp_path / f"{engine}.elmo") as features:
            train = features["train"]
            found[engine] = np.concatenate([train[i] for i in range(len(train))])
            assert str(module) not in str(features.manifest)

    assert found["hub"].shape == found["native"].shape and len(found["hub"]) > 60
    step = np.spacing(np.maximum(np.abs(found["hub"]), np.abs(found["native"])))
    assert (np.abs(found["hub"].astype("f4") - found["native"].astype("f4")) <= step).all()
    # Vectors alike, encodings not: the cache of one engine is not extended with the other.
    again = run_cache("build", tmp_path / "hub.elmo", "--corpus", reviews, "--encoder", module)
    names = "encoder is 'tf-hub module' there, you asked for 'elmo 2x12_6'"
    found = f"{names}; encoder.model is 'tf-hub' there, you asked for 'elmo'; "
    expected = said(messages.OTHER_SETTINGS, path=tmp_path / "hub.elmo", found=found).partition("; . ")[0]
    assert again.exit_code == 1 and again.stderr.startswith(f"Error: {expected}; ")


def test_encode_with_both_engines(tmp_path: Path, module: Path) -> None:
    found = []
    for engine in ("native", "hub"):
        out = tmp_path / f"{engine}.npz"
        result = run_cache(
            "encode", "good \U0001f600", "one more", "--encoder", module, "--engine", engine, "--out", out
        )
        assert result.exit_code == 0, result.output
        with np.load(out) as arrays:
            found.append(arrays["vectors"])
    assert found[0].shape == (4, 12) and np.abs(found[0]).max() > 0.01
    np.testing.assert_allclose(found[0], found[1], atol=2e-5)


def test_build_without_what_the_engine_needs(tmp_path: Path, reviews: Path) -> None:
    result = run_cache("build", tmp_path / "out.elmo", "--corpus", reviews, "--engine", "hub")

    assert result.exit_code == 1
    assert result.stderr == f"Error: {said(messages.ENGINE_NEEDS_MODULE, name='imdb-v3')}\n"
    assert not (tmp_path / "out.elmo").exists()


def test_check(module: Path, quick_check: None) -> None:
    result = run_cache("encoders", "--check", module)

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()[1:]
    assert lines[:5] == [
        str(module),
        "  signatures  tokens",
        "  sizes       2x12_6, 12-d, 7 filters, 2 highway layers, 17,620 weights",
        "  char_embed  262 rows, the first a masking row, which is dropped",
        "  mix         1.33048, 0.489457, 0.180061: the weight of each layer",
    ]
    assert [line.split()[0] for line in lines[7:11]] == ["elmo", "word_emb", "lstm_outputs1", "lstm_outputs2"]
    for line in lines[7:11]:
        assert len(line.split()) == 6 and all(float(cell) < 1e-5 for cell in line.split()[1:])
    assert lines[-2:] == ["native agrees with hub (within 0.0001): yes", "stateless: yes"]


def test_check_loads_the_graph_once(module: Path, quick_check: None, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, load = [], tensorflow_hub.load
    monkeypatch.setattr(tensorflow_hub, "load", lambda path, **tags: loaded.append(path) or load(path, **tags))

    assert len(checking.check_module(module).differences) == 4
    assert loaded == [str(module)]


def test_check_of_a_module_that_keeps_state(tmp_path: Path, quick_check: None) -> None:
    noisy = write_module(tmp_path / "m", signatures=["tokens"], outputs=["elmo"], noise=0.1, mask_row=False)

    result = run_cache("encoders", "--check", noisy)

    assert result.exit_code == 1
    assert "char_embed  261 rows\n" in result.stdout
    assert "single layers cannot be compared: " in result.stdout
    assert result.stdout.endswith("native agrees with hub (within 0.0001): no\nstateless: no\n")


def test_check_of_a_module_of_another_formula(tmp_path: Path, quick_check: None) -> None:
    # The variables are those of any ELMo; that this one has tanh where the original has relu, only its graph says.
    other = write_module(tmp_path / "m", replace(OPTIONS, activation="tanh"), signatures=["tokens"], outputs=["elmo"])

    result = run_cache("encoders", "--check", other)

    assert result.exit_code == 1
    assert result.stdout.endswith("native agrees with hub (within 0.0001): no\nstateless: yes\n")


def test_check_of_foreign_variables(tmp_path: Path, quick_check: None) -> None:
    foreign = write_module(tmp_path / "m", names=lambda name: f"x/{name}", signatures=["tokens"], outputs=["elmo"])

    result = run_cache("encoders", "--check", foreign)

    assert result.exit_code == 1
    assert "the native engine cannot be compared: " in result.stdout
    assert result.stdout.startswith("not run by our own model: ")
    assert result.stdout.endswith("native agrees with hub (within 0.0001): not compared\nstateless: yes\n")


@pytest.mark.slow
def test_check_of_a_module_that_cannot_be_run(tmp_path: Path) -> None:
    result = run_cache("encoders", "--check", write_module(tmp_path / "m", signatures=["default"]))

    assert result.exit_code == 1
    device, error = result.stderr.splitlines()
    assert device == "native on CPU, hub on CPU, float32"
    assert error == f"Error: {said(messages.NO_SIGNATURE, path=tmp_path / 'm', name='tokens', found='default')}"


def test_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    # A port that nothing listens on, in the way of every address.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    result = run_cache("build", tmp_path / "out.elmo", "--encoder", "original", "--dry-run")

    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    url = "https://tfhub.dev/google/elmo/3"
    data = {"name": url, "url": f"{url}?tf-hub-format=compressed", "size": " (about 350 MB)"}
    expected = said(messages.MODULE_NOT_DOWNLOADED, **data, path=cache_folder(url), error="ERROR")
    before, after = expected.split("ERROR")
    assert line.startswith(f"Error: {before}") and line.endswith(after)


def test_encoders_says_how_the_original_is_had() -> None:
    assert (
        "--encoder original is https://tfhub.dev/google/elmo/3, a download of about 350 MB"
        in run_cache("encoders").stdout
    )
