"""One module, four ways to the same vectors: its own graph, our engine, the public files, and the oracle."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errors_expected import holds
from hub_module import OPTIONS, original_names, write_module
from tiny_elmo import WORDS, as_encoded, assert_close, expected_layers, refusal, write_elmo

from cache.hashing import fingerprint
from elmo_cache import Encoder, load_encoder, messages
from elmo_cache.encoders.bilm.encoder import BiLMEncoder
from elmo_cache.encoders.bilm.weights import random_weights
from elmo_cache.encoders.hub.engine import HubEncoder, contents_fingerprints
from elmo_cache.encoders.hub.variables import Checkpoint

DOCUMENTS = [[word for word in document if word] for document in WORDS]
"""The signature takes an empty word for padding."""

MIX_WEIGHTS, GAMMA = (1.0, -2.0, 0.5), 0.75
TUNED: Any = {"signatures": ["tokens"], "mix_weights": MIX_WEIGHTS, "gamma": GAMMA}
MIX = [float(weight) for weight in GAMMA * np.exp(MIX_WEIGHTS) / np.exp(MIX_WEIGHTS).sum()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public files, the module of the same weights, and others."""
    folder = tmp_path_factory.mktemp("modules")
    write_elmo(folder / "files", OPTIONS)
    write_module(folder / "module")
    write_module(folder / "tuned", mask_row=False, **TUNED)
    write_module(folder / "foreign", names=lambda name: f"encoder/{name}", mix_names=("mix/w", "mix/gamma"), **TUNED)
    return folder


@pytest.fixture(scope="module")
def layers(folder: Path) -> list[np.ndarray]:
    """The oracle's layers of `DOCUMENTS`."""
    return expected_layers(folder / "files", DOCUMENTS)


def quick(*arguments: Any, **settings: Any) -> Any:
    """Load an encoder that is quick to trace."""
    encoder = load_encoder(*arguments, **settings)
    encoder.use_computation({"n_streams": 8, "time_chunk": 4})
    return encoder


@pytest.mark.parametrize("kind", ["all", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("mix", "top"))])
@pytest.mark.parametrize(("name", "engine"), [("files", "native"), ("module", "native"), ("module", "hub")])
def test_vectors(folder: Path, layers: list[np.ndarray], name: str, engine: str, kind: str) -> None:
    encoder = quick(folder / name, layers=kind, engine=engine)

    assert type(encoder) is {"native": BiLMEncoder, "hub": HubEncoder}[engine]
    assert encoder.dim == (30 if kind == "all" else 12)
    assert_close(encoder.encode(DOCUMENTS), [as_encoded(document, kind) for document in layers])


@pytest.mark.parametrize("engine", ["native", "hub"])
def test_no_masking_row_and_a_trained_mix(folder: Path, layers: list[np.ndarray], engine: str) -> None:
    encoder = quick(str(folder / "tuned"), engine=engine)

    expected = [as_encoded(document, "mix", MIX) for document in layers]

    assert_close(encoder.encode(DOCUMENTS), expected)
    assert np.abs(expected[0] - as_encoded(layers[0], "mix")).max() > 0.01


def test_files_and_module_are_one_encoding(folder: Path) -> None:
    files, module = load_encoder(folder / "files"), load_encoder(folder / "module")

    assert (module.name, module.dim, module.tokenizer) == (files.name, files.dim, files.tokenizer)
    assert fingerprint(module.description) == fingerprint(files.description)


def test_masking_row_is_no_part_of_the_encoding_and_the_mix_is(folder: Path) -> None:
    module, tuned = load_encoder(folder / "module").description, load_encoder(folder / "tuned").description

    assert {name for name in module if module[name] != tuned[name]} == {"mix"}
    assert tuned["mix"] == pytest.approx(MIX, rel=1e-12)


def test_engines_store_the_same_layers(folder: Path) -> None:
    hub, native = (load_encoder(folder / "tuned", layers="all", engine=engine).layers for engine in ("hub", "native"))

    assert hub == native
    assert list(hub.views["mix"].values()) == pytest.approx(MIX)


def test_foreign_variables(folder: Path, layers: list[np.ndarray]) -> None:
    foreign = folder / "foreign"

    holds(refusal(load_encoder, foreign), messages.OTHER_VARIABLES, path=foreign, error=re.compile("^bilm/"))
    found = load_encoder(foreign, engine="hub").encode(DOCUMENTS)
    assert_close(found, [as_encoded(document, "mix", MIX) for document in layers])
    error = refusal(load_encoder, foreign, layers="all", engine="hub")
    holds(error, messages.NO_MIX, path=foreign, expected="aggregation/weights and aggregation/scaling")


def test_no_signature_tokens(tmp_path: Path, folder: Path) -> None:
    module = write_module(tmp_path / "module", signatures=["default"])

    error = refusal(load_encoder, module, engine="hub")
    holds(error, messages.NO_SIGNATURE, path=module, name="tokens", found="default")
    assert load_encoder(module).description == load_encoder(folder / "module").description


def test_missing_output(tmp_path: Path, layers: list[np.ndarray]) -> None:
    module = write_module(tmp_path / "module", outputs=["elmo", "default"], signatures=["tokens"])

    said = {"name": "tokens", "expected": "word_emb", "layers": "all", "found": "default, elmo"}
    holds(refusal(load_encoder, module, layers="all", engine="hub"), messages.NO_OUTPUT, path=module, **said)
    encoder = load_encoder(module, engine="hub")
    assert_close(encoder.encode(DOCUMENTS), [as_encoded(document, "mix") for document in layers])


def test_outputs_of_other_shapes(tmp_path: Path) -> None:
    module = write_module(tmp_path / "module", swap={"elmo": "default", "word_emb": "elmo"}, signatures=["tokens"])

    said = {"name": "the shape of the output elmo", "found": (1, 12), "expected": "(1, 1, width)"}
    holds(refusal(load_encoder, module, engine="hub"), messages.INVALID_ENTRY, where=module, **said)
    name, expected = "the width of word_emb, lstm_outputs1, lstm_outputs2", "twice the first one for the last two"
    said = {"name": name, "found": [12, 12, 12], "expected": expected}
    holds(refusal(load_encoder, module, layers="all", engine="hub"), messages.INVALID_ENTRY, where=module, **said)


@pytest.fixture(scope="module")
def encoder(folder: Path) -> HubEncoder:
    encoder = load_encoder(folder / "module", engine="hub")
    assert isinstance(encoder, HubEncoder) and isinstance(encoder, Encoder)
    return encoder


def test_batches_do_not_matter(encoder: HubEncoder) -> None:
    together = encoder.encode(DOCUMENTS)
    computation = encoder.computation
    try:
        encoder.use_computation({"batch_tokens": 25})
        small = encoder.encode(DOCUMENTS)
        encoder.use_computation({"batch_tokens": 1})
        alone = encoder.encode(DOCUMENTS)
    finally:
        encoder.use_computation(computation)

    assert_close(small, together, 1e-6)
    assert_close(alone, together, 1e-6)


def test_a_batch_is_bounded(encoder: HubEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, run = [], encoder.module.run
    monkeypatch.setattr(encoder, "batch_tokens", 60)
    monkeypatch.setattr(
        encoder.module, "run", lambda batch, names: sizes.append([*map(len, batch)]) or run(batch, names)
    )
    documents = [["w"] * n for n in (5, 90, 20, 3, 20, 0, 20, 1, 20)]

    encoder.encode(documents)

    assert sorted(n for batch in sizes for n in batch) == [1, 3, 5, 20, 20, 20, 20, 90]
    assert all(len(batch) == 1 or len(batch) * max(batch) <= 60 for batch in sizes)
    assert len(sizes) == 4


@pytest.mark.parametrize("documents", [[], [[]], [[], ["a"], []]], ids=str)
def test_empty(encoder: HubEncoder, documents: list[list[str]]) -> None:
    found = encoder.encode(documents)

    assert [rows.shape for rows in found] == [(len(document), 12) for document in documents]
    assert all(rows.dtype == np.float32 for rows in found)


def test_progress(encoder: HubEncoder) -> None:
    advances: list[int] = []

    encoder.encode(DOCUMENTS, progress=advances.append)

    assert sum(advances) == sum(map(len, DOCUMENTS))


@pytest.mark.parametrize("word", ["", "\ud83d"], ids=ascii)
def test_empty_word(encoder: HubEncoder, word: str) -> None:
    error = refusal(encoder.encode, [["a"], ["b", word, "c"]])
    holds(error, messages.EMPTY_WORD, n=1, place=1, name="tokens")


def test_lone_surrogate_is_passed_over(encoder: HubEncoder) -> None:
    assert_close(encoder.encode([["a\ud83db"]]), encoder.encode([["ab"]]), 0)


def test_string_instead_of_words(encoder: HubEncoder) -> None:
    said = {"found": "str", "expected": "a list of words (split the text first)"}
    holds(refusal(encoder.encode, ["a b"]), messages.UNEXPECTED, where="document 0", **said)


def test_token_that_is_not_a_string(encoder: HubEncoder) -> None:
    said = {"where": "document 1, token 1", "found": "None", "expected": "a string"}
    holds(refusal(encoder.encode, [["a"], ["b", None]]), messages.UNEXPECTED, **said)


def test_any_iterable_is_documents(encoder: HubEncoder) -> None:
    assert_close(encoder.encode(map(iter, DOCUMENTS)), encoder.encode(DOCUMENTS))


def test_description(folder: Path, tmp_path: Path, encoder: HubEncoder) -> None:
    moved = load_encoder(
        shutil.copytree(folder / "module", tmp_path / "a-place-of-its-own"), engine="hub", layers="top"
    )
    text = json.dumps(moved.description)

    assert moved.description == {**encoder.description, "layers": "top"} == json.loads(text)
    assert "a-place-of-its-own" not in text
    assert encoder.description["engine"] == "hub"


def test_contents(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "module", tmp_path / "asset")
    (tmp_path / "asset" / "assets" / "words.txt").write_text("a\n")
    write_module(tmp_path / "same")
    write_module(tmp_path / "weights", weights=random_weights(OPTIONS, seed=1))
    write_module(tmp_path / "graph", noise=1e-9)

    found = {path.name: contents_fingerprints(Checkpoint(path)) for path in [folder / "module", *tmp_path.iterdir()]}

    first = found.pop("module")
    assert {name: {key for key in first if other[key] != first[key]} for name, other in found.items()} == {
        "asset": {"graph"},
        "same": set(),
        "weights": {"variables"},
        "graph": {"graph"},
    }


def test_graph_that_cannot_be_loaded(folder: Path, tmp_path: Path) -> None:
    module = write_module(tmp_path / "module")
    (module / "saved_model.pb").write_bytes(b"<html>404</html>")

    holds(refusal(load_encoder, module, engine="hub"), messages.MODULE_NOT_LOADED, path=module)


def test_settings_that_the_hub_engine_refuses(folder: Path) -> None:
    error = refusal(load_encoder, folder / "module", engine="hub", precision="bfloat16")
    holds(error, messages.ENGINE_IN_FLOAT32, found="bfloat16")
    error = refusal(load_encoder, folder / "module", engine="hub", layers="mean")
    holds(error, messages.INVALID_VALUE, name="layers", found="'mean'", expected="one of mix, top, all")


def test_unknown_engine(folder: Path) -> None:
    error = refusal(load_encoder, folder / "module", engine="onnx")
    holds(error, messages.INVALID_VALUE, name="engine", found="'onnx'", expected="one of native, hub")


@pytest.mark.parametrize("name", ["imdb-v3", "files", "nowhere"])
def test_hub_engine_of_what_is_no_module(folder: Path, name: str) -> None:
    path = name if name == "imdb-v3" else folder / name

    holds(refusal(load_encoder, path, engine="hub"), messages.ENGINE_NEEDS_MODULE, name=str(path))


def test_names_are_those_that_the_notebook_printed() -> None:
    names = [original_names(name) for name in random_weights(OPTIONS)]

    assert len(names) == 37  # and two of the mix
    assert {"bilm/CNN_high_1/b_transform", "bilm/CNN/W_cnn_6", "bilm/char_embed", "bilm/CNN_proj/b_proj"} <= {*names}
    assert "bilm/RNN_1/RNN/MultiRNNCell/Cell1/rnn/lstm_cell/projection/kernel" in names
