"""The encoder that lives on its device, by TensorFlow: what a GPU would run, on the CPU, held against the oracle.

The encoders here believe that they are on a GPU. What only a card can show is not shown: speed, TF32, and that
TensorFlow itself keeps nothing on the host.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from errors_expected import holds, raises
from memory_corpus import MemoryCorpus
from small_cache import contents
from tiny_elmo import OPTIONS, TOLERANCE, WORDS, as_encoded, assert_close, expected_layers, open_elmo, write_elmo
from tiny_elmo import tiny_encoder as encoder_of

from cache.errors import CacheWarning
from elmo_cache import EncoderError, build, messages
from elmo_cache.encoders.bilm import resident, tensorflow_model
from elmo_cache.encoders.bilm.encoder import BiLMEncoder
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import random_weights
from elmo_cache.encoders.devices import Device

DOCUMENTS = [*WORDS, [f"w{i % 13}" for i in range(70)], ["a"], []]
ARCHITECTURES: dict[str, BiLMOptions] = {
    "1_layer": replace(OPTIONS, n_layers=1),
    "2_layers_tanh": replace(OPTIONS, use_skip_connections=False, activation="tanh", n_highway=2, max_characters=9),
    "3_layers_skip": replace(OPTIONS, n_layers=3, n_highway=0, cell_clip=0.3, proj_clip=0.1),
    "no_clips": replace(OPTIONS, cell_clip=None, proj_clip=None),
}
COMPILED = {("1_layer", "mix"), ("3_layers_skip", "all")}


@pytest.fixture(autouse=True)
def on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BiLMEncoder, "device", Device("tensorflow", "gpu", "a card", 8.0))
    # A card's large batches of words, and a loop of long turns to compile, take long on a CPU.
    monkeypatch.setitem(resident.WORD_BATCHES, "gpu", (32, 256))
    monkeypatch.setitem(resident.UNROLL, "gpu", 2)


def without_xla(encoder: BiLMEncoder) -> BiLMEncoder:
    encoder._resident.program.compiled = False
    return encoder


QUICK = {("2_layers_tanh", "all"), ("3_layers_skip", "all")}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=() if (name, kind) in QUICK else pytest.mark.slow)
        for name in ARCHITECTURES
        for kind in ("mix", "all")
    ],
)
def test_float32_is_the_oracle(tmp_path: Path, name: str, kind: str) -> None:
    folder = write_elmo(tmp_path, ARCHITECTURES[name])
    expected = [as_encoded(layers, kind) for layers in expected_layers(folder, DOCUMENTS)]
    encoders = [without_xla(open_elmo(folder, layers=kind))]
    if (name, kind) in COMPILED:
        encoders.append(open_elmo(folder, layers=kind))
    for encoder in encoders:
        found = encoder.encode(DOCUMENTS)

        assert [array.dtype for array in found] == [np.float32] * len(DOCUMENTS)
        assert_close(found, expected, TOLERANCE)
        rows, finite = encoder.begin(DOCUMENTS)()
        assert finite and np.array_equal(rows, np.concatenate(found).astype(np.float16))


@pytest.mark.parametrize(
    ("precision", "step", "compiled"),
    [
        ("float16", 2**-11, True),
        ("bfloat16", 2**-8, False),
        pytest.param("float16", 2**-11, False, marks=pytest.mark.slow),
        pytest.param("bfloat16", 2**-8, True, marks=pytest.mark.slow),
    ],
)
def test_lower_precisions(tmp_path: Path, precision: str, step: float, compiled: bool) -> None:
    folder = write_elmo(tmp_path)
    expected = np.concatenate([as_encoded(layers, "all") for layers in expected_layers(folder, DOCUMENTS)])
    encoder = open_elmo(folder, layers="all", precision=precision)
    encoder._resident.program.compiled = compiled

    found = np.concatenate(encoder.encode(DOCUMENTS))

    relative = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    # It is that precision: not a better one under its name, and not a worse one.
    assert relative.max() < 4 * step and relative.mean() > step / 20, (relative.max(), relative.mean())


@pytest.mark.parametrize("mix", [[0.2, -0.5, 1.7], [0.0, 1.0, 0.0]], ids=str)
def test_mix_of_ones_own(tmp_path: Path, mix: list[float]) -> None:
    folder = write_elmo(tmp_path, seed=5)
    found = without_xla(open_elmo(folder, mix=mix)).encode(DOCUMENTS)
    assert_close(found, [as_encoded(layers, "mix", mix) for layers in expected_layers(folder, DOCUMENTS)])


@pytest.mark.parametrize(
    ("n_streams", "time_chunk"),
    [(2, 3), (128, 2), *(pytest.param(*packing, marks=pytest.mark.slow) for packing in ((1, 1), (5, 8)))],
    ids=str,
)
def test_any_packing_and_neighbours(tmp_path: Path, n_streams: int, time_chunk: int) -> None:
    folder = write_elmo(tmp_path)
    encoder = without_xla(open_elmo(folder, layers="all", n_streams=n_streams, time_chunk=time_chunk))
    expected = [as_encoded(layers, "all") for layers in expected_layers(folder, DOCUMENTS)]

    assert_close(encoder.encode(DOCUMENTS), expected)
    assert_close(encoder.encode(DOCUMENTS[::-1])[::-1], expected)


def test_any_number_of_rows() -> None:
    encoder = without_xla(encoder_of(replace(OPTIONS, n_layers=1), n_streams=32, time_chunk=64))
    for n_rows in (1, 65, 16_384 + 1025):
        lengths = [n_rows // 32 + (i < n_rows % 32) for i in range(32)]
        documents = [[f"w{(i * j) % 7}" for j in range(length)] for i, length in enumerate(lengths)]

        found = encoder.encode(documents)

        some = [i for i, document in enumerate(documents) if document][::15]
        assert [len(array) for array in found] == lengths
        assert_close([found[i] for i in some], [encoder.encode([documents[i]])[0] for i in some], 1e-5)


def hlo_of(encoder: BiLMEncoder) -> str:
    """Return the compiled program of a chunk of steps."""
    encoder.encode([["a"]])
    program, arrays = encoder._resident.program, encoder._resident._arrays
    states, out, bad = program.zeros(1, 64, "float16")
    steps = program.put(np.zeros((2, 4, 1), np.int32))
    arguments = (arrays, program.zero_table(64), states, out, bad, steps, steps)
    # The text of a program is to be had outside of a call alone; the switch is as within one.
    with tensorflow_model._tf32_is(encoder.precision == "tf32"):
        return str(
            tf.function(program._advance, jit_compile=True).experimental_get_compiler_ir(*arguments)(stage="hlo")
        )


def dots_of(hlo: str) -> list[str]:
    return re.findall(r"= (\S+ dot\(.*)", hlo)


def test_a_step_has_two_products_whose_sums_are_float32() -> None:
    dots = dots_of(hlo_of(encoder_of(precision="float16")))
    # Of all layers and directions at once.
    assert len(dots) == 2 * resident.UNROLL["gpu"]
    assert all(dot.startswith("f32[4,") and dot.count("f16[4,") == 2 for dot in dots), dots


@pytest.mark.slow
def test_float32_asks_for_float32_also_where_a_card_has_tf32() -> None:
    highest = "operand_precision={highest,highest}"
    dots = {precision: dots_of(hlo_of(encoder_of(precision=precision))) for precision in ("float32", "tf32")}
    assert dots["float32"] and all(highest in dot for dot in dots["float32"]), dots
    assert dots["tf32"] and not any(highest in dot for dot in dots["tf32"]), dots


def test_tf32_is_on_within_its_own_calls_alone() -> None:
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    seen: dict[str, bool] = {}
    before = enabled()
    encoders = {precision: encoder_of(precision=precision) for precision in ("tf32", "float32")}
    for precision, encoder in encoders.items():
        program = encoder._resident.program
        program.look = program._function(lambda precision=precision: seen.setdefault(precision, enabled()) and None)
        program.look()
    assert seen == {"tf32": True, "float32": False} and enabled() == before


def reviews(n: int, length: int) -> MemoryCorpus:
    return MemoryCorpus([("train", "ab"[i % 2], " ".join(f"w{i * k % 37}" for k in range(length))) for i in range(n)])


def test_one_compilation_serves_all_shards_and_bytes_are_the_same_resumed(tmp_path: Path) -> None:
    encoder, corpus = encoder_of(n_streams=4), reviews(64, 20)
    build(corpus, encoder, tmp_path / "whole", shard_tokens=160).close()

    assert len(list((tmp_path / "whole").glob("train-*.h5"))) == 8
    assert encoder._resident.program.n_traced == 1 and encoder._resident.program.compiled
    build(corpus, encoder, tmp_path / "part", shard_tokens=160).close()
    for path in sorted((tmp_path / "part").glob("train-*.h5"))[1::2]:
        path.unlink()
    build(corpus, encoder_of(n_streams=4), tmp_path / "part").close()
    assert contents(tmp_path / "part") == contents(tmp_path / "whole")


def test_what_crosses_is_counted_and_little() -> None:
    rng = np.random.default_rng(0)
    documents = [
        [f"w{word}" for word in rng.zipf(1.3, size=length) % 1500] for length in rng.integers(50, 400, size=120)
    ]
    encoder = without_xla(encoder_of(n_streams=32, time_chunk=16))
    model, n_tokens = encoder._resident, sum(map(len, documents))

    rows, _ = encoder.begin(documents)()

    up, down = model.bytes_to_device, model.bytes_from_device
    assert rows.dtype == np.float16 and rows.nbytes <= down <= rows.nbytes + 64 * 2 * encoder.dim
    assert 8 * n_tokens < up and up + down <= (2 * encoder.dim + 16) * n_tokens


def test_the_device_gets_nothing_that_tensorflow_keeps_on_the_host() -> None:
    encoder = without_xla(encoder_of())
    program, given = encoder._resident.program, []
    for name in ("fill_table", "advance", "cut"):
        function = getattr(program, name)
        setattr(program, name, lambda *a, function=function: (given.extend(tf.nest.flatten(a)), function(*a))[1])

    encoder.encode(DOCUMENTS)

    tensors = [x for x in given if not isinstance(x, int)]  # the sizes of `cut` are part of its program
    assert tensors and all(tf.is_tensor(x) and x.dtype != tf.int32 for x in tensors)


def test_what_float16_cannot_hold_is_found(tmp_path: Path) -> None:
    weights = dict(random_weights(OPTIONS))
    weights["char_embed"] = weights["char_embed"].copy()
    weights["char_embed"][ord("!")] = 1e6
    texts = [f"word{i} and word" for i in range(20)]
    texts[13] = "one two three ! five"
    encoder = without_xla(encoder_of(weights=weights, layers="all"))

    where = {"split": "train", "document": 13, "token": 3, "layer": "layer_0"}
    with raises(messages.CANNOT_STORE, EncoderError, found="A number beyond float16 (±65,504)", **where):
        build(MemoryCorpus([("train", "a", text) for text in texts]), encoder, tmp_path / "c", shard_tokens=200)


def test_documents_are_stateless_even_beside_broken_ones() -> None:
    weights = dict(random_weights(OPTIONS))
    weights["char_embed"] = weights["char_embed"].copy()
    weights["char_embed"][ord("!")] = 3e38
    options = replace(OPTIONS, cell_clip=None, proj_clip=None)
    encoder = without_xla(encoder_of(options, weights=weights, n_streams=1))
    good = [["fine", "film"], ["dull"]]

    found = encoder.encode([good[0], ["!", "a"], good[1]])

    assert not np.isfinite(found[1]).all()
    assert_close([found[0], found[2]], encoder.encode(good), 1e-6)


def test_progress_adds_up() -> None:
    steps: list[int] = []
    without_xla(encoder_of()).encode([DOCUMENTS[-3]], progress=steps.append)
    assert sum(steps) == 70 and len(steps) > 10


@pytest.fixture
def xla_is_broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    function = tf.function

    def broken(given: Any, *, jit_compile: bool = False) -> Any:
        def fail(*_: Any) -> None:
            raise tf.errors.InternalError(None, None, "libdevice is required by this HLO module\nbut was not found")

        return fail if jit_compile else function(given)

    monkeypatch.setattr(tf, "function", broken)
    yield


def test_where_xla_does_not_work_it_is_said_once_and_done_without(xla_is_broken: None) -> None:
    encoder = encoder_of()
    with pytest.warns(CacheWarning) as warned:
        found = encoder.encode(DOCUMENTS)
    error = "libdevice is required by this HLO module but was not found"
    (warning,) = warned
    holds(warning.message, messages.NO_XLA, error=error)
    assert_close(found, without_xla(encoder_of()).encode(DOCUMENTS), 0.0)
