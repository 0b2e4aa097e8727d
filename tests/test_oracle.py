"""The oracle against what bilm-tf, AllenNLP's fixture and simple-elmo computed with TensorFlow."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from oracle import oracle_layers, oracle_mix

# What float32 loses over the longest document here, about 1e-6, and as much again.
TOLERANCE = 2e-6

FIXTURES = Path(__file__).resolve().parents[2] / "shared" / "data" / "elmo_fixtures"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"no ELMo fixtures at {FIXTURES}")

GOLDEN = Path(__file__).resolve().parent / "golden"
GOLDEN_NAMES = ["skip_relu", "noskip_tanh"]


def golden_sentences(name: str) -> list[list[str]]:
    sentences: list[list[str]] = json.loads((GOLDEN / name / "sentences.json").read_text(encoding="ascii"))
    return sentences


def golden_layers(name: str) -> list[Any]:
    with np.load(GOLDEN / name / "layers.npz") as file:
        return [file[f"sentence_{i}"] for i in range(len(file.files))]


def write_options(path: Path, name: str, section: str, **changes: Any) -> Path:
    """Write a golden model's options with some of one section changed."""
    options = json.loads((GOLDEN / name / "options.json").read_text(encoding="ascii"))
    options[section].update(changes)
    path.write_text(json.dumps(options), encoding="ascii")
    return path


def assert_close(found: list[Any], expected: list[Any]) -> None:
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE, err_msg=f"document {i}")


def assert_equal(found: list[Any], expected: list[Any]) -> None:
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_array_equal(a, b, err_msg=f"document {i}")


@needs_fixtures
@pytest.mark.parametrize("stream", [0, 1, 2])
@pytest.mark.parametrize("name", ["bilm_tf", "allennlp"])
class TestFixtures:
    """The fixtures were made statefully, so only a stream's sentence 0 is from zero state."""

    def encode_top(self, name: str, stream: int, n_sentences: int, carry_state: bool) -> tuple[list[Any], list[Any]]:
        model = FIXTURES / name
        lines = json.loads((model / "sentences.json").read_text(encoding="utf-8"))[stream][:n_sentences]
        layers = oracle_layers(
            model / "options.json",
            model / "lm_weights.hdf5",
            [line.split() for line in lines],
            carry_state=carry_state,
        )
        with h5py.File(model / f"lm_embeddings_{stream}.hdf5", "r") as file:
            expected = [np.concatenate(file[str(i)][()], axis=-1) for i in range(n_sentences)]
        return [document[-1] for document in layers], expected

    def test_sentence_0(self, name: str, stream: int) -> None:
        assert_close(*self.encode_top(name, stream, 1, carry_state=False))

    def test_whole_stream_with_carried_state(self, name: str, stream: int) -> None:
        assert_close(*self.encode_top(name, stream, 10, carry_state=True))


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_golden(name: str) -> None:
    layers = oracle_layers(GOLDEN / name / "options.json", GOLDEN / name / "weights.hdf5", golden_sentences(name))
    assert_close(layers, golden_layers(name))


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("lstm", {"cell_clip": None}),
        ("lstm", {"proj_clip": None}),
        ("lstm", {"use_skip_connections": None}),
        ("char_cnn", {"activation": None}),
        ("char_cnn", {"max_characters_per_token": 49}),
        ("char_cnn", {"max_characters_per_token": 51}),
    ],
    ids=lambda value: "-".join(f"{k}-{v}" for k, v in value.items()) if isinstance(value, dict) else value,
)
@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_golden_would_notice(tmp_path: Path, name: str, section: str, changes: dict[str, Any]) -> None:
    # What None stands for where the other golden model has the other setting.
    other = {
        "use_skip_connections": name != "skip_relu",
        "activation": "tanh" if name == "skip_relu" else "relu",
    }
    changes = {key: other.get(key) if value is None else value for key, value in changes.items()}
    options = write_options(tmp_path / "options.json", name, section, **changes)

    layers = oracle_layers(options, GOLDEN / name / "weights.hdf5", golden_sentences(name))

    moved = max(np.abs(a - b).max(initial=0) for a, b in zip(layers, golden_layers(name), strict=True))
    assert moved > 0.01


@pytest.mark.parametrize("clip", ["cell_clip", "proj_clip"])
def test_clip_of_0_is_none(tmp_path: Path, clip: str) -> None:
    weights, sentences = GOLDEN / "skip_relu" / "weights.hdf5", golden_sentences("skip_relu")[:3]
    null = write_options(tmp_path / "null.json", "skip_relu", "lstm", **{clip: None})
    zero = write_options(tmp_path / "zero.json", "skip_relu", "lstm", **{clip: 0})

    assert_equal(oracle_layers(zero, weights, sentences), oracle_layers(null, weights, sentences))


def test_embedding_with_its_masked_row(tmp_path: Path) -> None:
    model = GOLDEN / "skip_relu"
    with (
        h5py.File(model / "weights.hdf5", "r") as source,
        h5py.File(tmp_path / "weights.hdf5", "w") as target,
    ):
        for group in source:
            source.copy(group, target)
        rows = source["char_embed"][()]
        del target["char_embed"]
        # Not zeros: no word of a document is masked, so what is in the row must not matter.
        target["char_embed"] = np.concatenate([np.full_like(rows[:1], 9.0), rows])
    sentences = golden_sentences("skip_relu")

    assert_equal(
        oracle_layers(model / "options.json", tmp_path / "weights.hdf5", sentences),
        oracle_layers(model / "options.json", model / "weights.hdf5", sentences),
    )


def test_float16_weights(tmp_path: Path) -> None:
    model = GOLDEN / "skip_relu"
    paths = {dtype: tmp_path / f"{dtype}.hdf5" for dtype in ("float16", "float32")}
    with h5py.File(model / "weights.hdf5", "r") as source:
        for dtype, path in paths.items():
            with h5py.File(path, "w") as target:
                copy_rounded(source, target, dtype)
    sentences = golden_sentences("skip_relu")
    half, single = (oracle_layers(model / "options.json", path, sentences) for path in paths.values())

    assert_equal(half, single)
    assert half[0].dtype == np.float64


def copy_rounded(source: h5py.File, target: h5py.File, dtype: str) -> None:
    """Copy all arrays rounded to float16, stored as `dtype`."""

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            target[name] = item[()].astype(np.float16).astype(dtype)

    source.visititems(visit)


def test_one_layer_is_the_first_of_two(tmp_path: Path) -> None:
    weights, sentences = GOLDEN / "skip_relu" / "weights.hdf5", golden_sentences("skip_relu")
    options = write_options(tmp_path / "options.json", "skip_relu", "lstm", n_layers=1)

    layers = oracle_layers(options, weights, sentences)

    assert_close(layers, [document[:2] for document in golden_layers("skip_relu")])


def test_documents_do_not_touch_each_other() -> None:
    model = GOLDEN / "skip_relu"
    paths, document = (model / "options.json", model / "weights.hdf5"), golden_sentences("skip_relu")[5]

    apart = oracle_layers(*paths, [document, document])
    carried = oracle_layers(*paths, [document, document], carry_state=True)

    np.testing.assert_array_equal(apart[0], apart[1])
    np.testing.assert_array_equal(carried[0], apart[0])
    assert np.abs(carried[1] - apart[1]).max() > 0.01


def test_empty_document() -> None:
    model = GOLDEN / "skip_relu"
    [layers] = oracle_layers(model / "options.json", model / "weights.hdf5", [[]])
    assert layers.shape == (3, 0, 16)


def test_mix_is_the_mean_of_the_layers() -> None:
    layers = np.array([[[3.0, 0.0]], [[6.0, 3.0]], [[0.0, 6.0]]])
    np.testing.assert_array_equal(oracle_mix(layers), [[3.0, 3.0]])
