"""Tests of the resident encoder, for a process of their own: `KERAS_BACKEND=jax python -m pytest tests/on_jax.py`."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from errors_expected import holds, raises
from memory_corpus import MemoryCorpus
from small_cache import contents
from tiny_elmo import (
    OPTIONS,
    TOLERANCE,
    WORDS,
    as_encoded,
    assert_close,
    expected_layers,
    louder,
    open_elmo,
    tiny_encoder,
    write_elmo,
)

from cache import FeatureCache, MismatchError, verify
from cache.manifest import read_manifest
from elmo_cache import EncoderError, build, messages
from elmo_cache.encoders.bilm.encoder import BiLMEncoder
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import random_weights
from elmo_cache.encoders.devices import Device

LONG = [f"w{i % 13}" for i in range(70)]
DOCUMENTS = [*WORDS, LONG, ["a"], [], LONG[:16]]

ARCHITECTURES: dict[str, BiLMOptions] = {
    "1_layer": replace(OPTIONS, n_layers=1),
    "2_layers_skip": OPTIONS,
    "2_layers_tanh": replace(OPTIONS, use_skip_connections=False, activation="tanh", n_highway=2),
    "3_layers_skip": replace(OPTIONS, n_layers=3, n_highway=0),
    "3_layers_no_clip": replace(OPTIONS, n_layers=3, use_skip_connections=False, cell_clip=None, proj_clip=None),
    "clips": replace(OPTIONS, cell_clip=0.3, proj_clip=0.1),
    "long_words": replace(OPTIONS, max_characters=9),
}


def begun(encoder: BiLMEncoder, documents: Sequence[Sequence[str]]) -> tuple[np.ndarray, bool]:
    return encoder.begin(documents)()


# Each part of the arithmetic once; what is compiled costs seconds.
ESSENTIAL = {("2_layers_skip", "all"), ("clips", "all"), ("3_layers_skip", "mix"), ("1_layer", "top")}
slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=() if (name, kind) in ESSENTIAL else slow)
        for name in ARCHITECTURES
        for kind in ("mix", "top", "all")
    ],
)
def test_float32_is_the_oracle(tmp_path: Path, name: str, kind: str) -> None:
    weights = louder(random_weights(ARCHITECTURES[name])) if name == "clips" else None
    folder = write_elmo(tmp_path, ARCHITECTURES[name], weights=weights)
    encoder = open_elmo(folder, layers=kind)

    found = encoder.encode(DOCUMENTS)

    assert [array.dtype for array in found] == [np.float32] * len(DOCUMENTS)
    assert_close(found, [as_encoded(layers, kind) for layers in expected_layers(folder, DOCUMENTS)], TOLERANCE)
    rows, finite = begun(encoder, DOCUMENTS)
    assert finite and np.array_equal(rows, np.concatenate(found).astype(np.float16))


@pytest.mark.parametrize(
    ("precision", "step", "kind"),
    [
        ("float16", 2**-11, "all"),
        ("bfloat16", 2**-8, "mix"),
        pytest.param("float16", 2**-11, "mix", marks=slow),
        pytest.param("bfloat16", 2**-8, "all", marks=slow),
    ],
)
def test_lower_precisions(tmp_path: Path, precision: str, step: float, kind: str) -> None:
    folder = write_elmo(tmp_path)
    expected = np.concatenate([as_encoded(layers, kind) for layers in expected_layers(folder, DOCUMENTS)])

    found = np.concatenate(open_elmo(folder, layers=kind, precision=precision).encode(DOCUMENTS))

    relative = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    # It is that precision: not a better one under its name, and not a worse one.
    assert relative.max() < 4 * step and relative.mean() > step / 20, (relative.max(), relative.mean())


@pytest.mark.parametrize("precision", ["float16", pytest.param("bfloat16", marks=slow)])
def test_the_products_inputs_are_of_the_precision(precision: str) -> None:
    encoder = tiny_encoder(precision=precision)
    encoder.encode([["a"]])
    program, arrays = encoder._resident.program, encoder._resident._arrays
    states, out, bad = program.zeros(1, 64, "float16")
    steps = np.zeros((2, 4, 1), np.int32)
    text = str(jax.make_jaxpr(program._advance)(arrays, program.zero_table(64), states, out, bad, steps, steps))
    # Both products of a step, and no other: all layers and directions in one.
    assert text.count("dot_general") == 2
    assert text.count("preferred_element_type=float32") == 2
    assert {arrays[name].dtype.name for name in ("kernel", "projection", "CNN_proj/W_proj")} == {precision}


@pytest.mark.parametrize("mix", [[0.2, -0.5, 1.7], pytest.param([0.0, 1.0, 0.0], marks=slow)], ids=str)
def test_mix_of_ones_own(tmp_path: Path, mix: list[float]) -> None:
    folder = write_elmo(tmp_path, seed=5)

    found = open_elmo(folder, mix=mix).encode(DOCUMENTS)

    assert_close(found, [as_encoded(layers, "mix", mix) for layers in expected_layers(folder, DOCUMENTS)])


@pytest.mark.parametrize(
    ("n_streams", "time_chunk"),
    [
        (2, 3),
        *(
            pytest.param(n_streams, time_chunk, marks=slow)
            for n_streams, time_chunk in ((1, 4), (1, 1), (5, 7), (8, 12), (128, 2))
        ),
    ],
    ids=str,
)
def test_any_packing_and_neighbours(tmp_path: Path, n_streams: int, time_chunk: int) -> None:
    folder = write_elmo(tmp_path)
    encoder = open_elmo(folder, layers="all", n_streams=n_streams, time_chunk=time_chunk)
    expected = [as_encoded(layers, "all") for layers in expected_layers(folder, DOCUMENTS)]

    assert_close(encoder.encode(DOCUMENTS), expected)
    assert_close(encoder.encode(DOCUMENTS[::-1])[::-1], expected)
    assert_close(encoder.encode(DOCUMENTS[3:4]), expected[3:4])


@slow
def test_any_number_of_words(tmp_path: Path) -> None:
    folder = write_elmo(tmp_path, replace(OPTIONS, n_layers=1))
    encoder = open_elmo(folder, layers="all")
    # Upwards, so that its tables are no larger than those of an encoder of its own would be.
    for n_words in (28, 29, 30, 253, 254, 300):
        documents = [[f"w{i}" for i in range(n_words)]]
        assert_close(
            encoder.encode(documents), [as_encoded(layers, "all") for layers in expected_layers(folder, documents)]
        )


@slow
def test_any_number_of_rows() -> None:
    encoder = tiny_encoder(replace(OPTIONS, n_layers=1), n_streams=32, time_chunk=64)
    # Upwards, so that it has no more rows than an encoder of its own would have.
    for n_rows in (1, 63, 64, 65, 1023, 1024, 1089, 16_384 + 1025):
        lengths = [n_rows // 32 + (i < n_rows % 32) for i in range(32)]
        documents = [[f"w{(i * j) % 7}" for j in range(length)] for i, length in enumerate(lengths)]

        found = encoder.encode(documents)

        some = [i for i, document in enumerate(documents) if document][::7]
        assert [len(array) for array in found] == lengths
        assert_close([found[i] for i in some], [encoder.encode([documents[i]])[0] for i in some], 1e-5)


def test_documents_are_stateless_even_beside_broken_ones() -> None:
    # Weights that overflow on one word alone: the others in its stream must not see it.
    weights = dict(random_weights(OPTIONS))
    weights["char_embed"] = weights["char_embed"].copy()
    weights["char_embed"][ord("!")] = 3e38
    options = replace(OPTIONS, cell_clip=None, proj_clip=None)
    encoder = tiny_encoder(options, weights=weights, n_streams=1)
    good = [["fine", "film"], ["dull"]]

    found = encoder.encode([good[0], ["!", "a"], good[1]])

    assert not np.isfinite(found[1]).all()
    assert_close([found[0], found[2]], encoder.encode(good), 1e-6)


def test_progress_adds_up_and_comes_on_the_way() -> None:
    steps: list[int] = []

    tiny_encoder().encode([LONG], progress=steps.append)

    assert sum(steps) == len(LONG) and len(steps) >= len(LONG) // 4 and max(steps) <= 8


def reviews(n: int, length: int) -> MemoryCorpus:
    return MemoryCorpus([("train", "ab"[i % 2], " ".join(f"w{i * k % 37}" for k in range(length))) for i in range(n)])


def test_one_compilation_serves_all_shards(tmp_path: Path) -> None:
    encoder = tiny_encoder(n_streams=4)
    build(reviews(64, 20), encoder, tmp_path / "c", shard_tokens=160).close()

    assert len(list((tmp_path / "c").glob("train-*.h5"))) == 8
    assert encoder._resident.program.n_traced == encoder._resident.program.advance._cache_size() == 1
    encoder.encode([["one", "two"]] * 8)
    assert encoder._resident.program.n_traced == 2  # float32


def test_what_crosses_is_counted_and_little(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    documents = [
        [f"w{word}" for word in rng.zipf(1.3, size=length) % 1500] for length in rng.integers(50, 400, size=120)
    ]
    encoder = tiny_encoder(n_streams=32, time_chunk=16)
    begun(encoder, documents)  # compiles
    model, n_tokens = encoder._resident, sum(map(len, documents))
    before = model.bytes_to_device, model.bytes_from_device

    # What is not put and got in so many words is refused: nothing crosses that is not counted.
    with jax.transfer_guard("disallow"):
        rows, _ = begun(encoder, documents)

    up, down = model.bytes_to_device - before[0], model.bytes_from_device - before[1]
    assert rows.nbytes <= down <= rows.nbytes + 64 * 2 * encoder.dim
    assert 8 * n_tokens < up
    assert up + down <= (2 * encoder.dim + 16) * n_tokens


def test_the_guard_would_notice() -> None:
    add = jax.jit(lambda x, y: x + y)
    x = jax.device_put(np.float32(1))
    with jax.transfer_guard("disallow"), pytest.raises(Exception, match="Disallowed host-to-device transfer"):
        add(x, np.float32(2))


def test_a_build_has_the_bytes_of_the_rows(tmp_path: Path) -> None:
    corpus = reviews(30, 11)
    for kind in ("mix", "all"):
        build(corpus, tiny_encoder(layers=kind), tmp_path / kind, shard_tokens=70).close()
        assert not verify(tmp_path / kind)
        with FeatureCache(tmp_path / kind) as features:
            split = features["train"]
            expected = tiny_encoder(layers="mix").encode([split.tokens(i) for i in range(len(split))])
            for i in range(len(split)):
                # The mix of layers that were rounded one by one is a rounding or two off.
                assert np.abs(split[i].astype(np.float32) - expected[i]).max() < (1e-3 if kind == "mix" else 4e-3)


@slow
def test_the_same_bytes_alone_resumed_or_by_another_process(tmp_path: Path) -> None:
    corpus = reviews(40, 13)
    build(corpus, tiny_encoder(), tmp_path / "whole", shard_tokens=90).close()
    build(corpus, tiny_encoder(), tmp_path / "part", shard_tokens=90).close()
    removed = sorted((tmp_path / "part").glob("train-*.h5"))[1::2]
    for path in removed:
        path.unlink()
    build(corpus, tiny_encoder(), tmp_path / "part").close()

    assert len(removed) > 1
    assert contents(tmp_path / "part") == contents(tmp_path / "whole")


def test_a_cache_begun_with_another_packing_goes_on(tmp_path: Path) -> None:
    corpus = reviews(40, 13)
    begun = tiny_encoder(n_streams=3, time_chunk=5)
    encoder = tiny_encoder(n_streams=8, time_chunk=4)
    for folder, second in (("c", encoder), ("by-one", begun)):
        build(corpus, begun, tmp_path / folder, limit={"train": 9}, shard_tokens=90).close()
        build(corpus, second, tmp_path / folder).close()

    assert contents(tmp_path / "c") == contents(tmp_path / "by-one")
    assert (encoder.n_streams, encoder.time_chunk) == (8, 4), "the caller's encoder stays as it was"
    assert read_manifest(tmp_path / "c").computation == {"n_streams": 3, "time_chunk": 5}
    with FeatureCache(tmp_path / "c") as features:
        assert features["train"].complete


def test_what_float16_cannot_hold_is_found(tmp_path: Path) -> None:
    weights = dict(random_weights(OPTIONS))
    weights["char_embed"] = weights["char_embed"].copy()
    weights["char_embed"][ord("!")] = 1e6
    texts = [f"word{i} and word" for i in range(20)]
    texts[13] = "one two three ! five"
    corpus = MemoryCorpus([("train", "a", text) for text in texts])
    encoder = tiny_encoder(weights=weights, layers="all")

    where = {"split": "train", "document": 13, "token": 3, "layer": "layer_0"}
    with raises(messages.CANNOT_STORE, EncoderError, found="A number beyond float16 (±65,504)", **where):
        build(corpus, encoder, tmp_path / "c", shard_tokens=200)
    assert not list((tmp_path / "c").glob("train-*.h5"))


def test_an_lstm_that_overflows_is_found(tmp_path: Path) -> None:
    weights = dict(random_weights(OPTIONS))
    name = "RNN_1/RNN/MultiRNNCell/Cell1/LSTMCell/W_P_0"
    weights[name] = np.where(weights[name] > 0, 3e38, -3e38).astype(np.float32)
    encoder = tiny_encoder(replace(OPTIONS, proj_clip=None), weights=weights, layers="all")

    with raises(messages.CANNOT_STORE, EncoderError, split="train", layer="layer_2"):
        build(reviews(20, 5), encoder, tmp_path / "c")


def test_numbers_near_the_end_of_float16() -> None:
    # Half-way between the largest number and infinity rounding goes up; below it, down.
    from elmo_cache.encoders.bilm.jax_model import _put

    values = np.array([65504.0, 65519.9, 65520.0, -65520.0, np.nan, 1e-8], np.float32)[:, None]
    for value in values:
        row = jax.numpy.asarray(value[None])
        out, bad = _put(jax.numpy.zeros((1, 1, 1), "float16"), False, jax.numpy.zeros(1, int), 0, row)
        with np.errstate(over="ignore"):
            expected = value.astype(np.float16)
        assert np.array_equal(np.asarray(out)[0, 0], expected, equal_nan=True)
        assert bool(bad) == (not np.isfinite(expected).all())


def test_a_row_of_no_word_counts_for_nothing() -> None:
    from elmo_cache.encoders.bilm.jax_model import _put

    out, bad = _put(
        jax.numpy.ones((2, 1, 1), "float16"), False, jax.numpy.array([-1, 1]), 0, jax.numpy.array([[np.nan], [5.0]])
    )
    assert np.asarray(out).ravel().tolist() == [1.0, 5.0] and not bool(bad)


@pytest.mark.parametrize(
    ("device", "precision", "says"),
    [
        (Device("jax", "cpu", "CPU"), "tf32", EncoderError(messages.NO_TF32, found="CPU")),
        (Device("jax", "gpu", "Tesla V100", 7.0), "tf32", EncoderError(messages.NO_TF32, found="Tesla V100")),
        (Device("jax", "gpu", "AMD", None), "tf32", EncoderError(messages.NO_TF32, found="AMD")),
        (
            Device("tensorflow", "cpu", "CPU"),
            "float16",
            EncoderError(messages.NO_JAX, precision="float16", found="TensorFlow on a CPU"),
        ),
        (
            Device("torch", "gpu", "NVIDIA H100", 9.0),
            "tf32",
            EncoderError(messages.NO_JAX, precision="tf32", found="torch"),
        ),
    ],
    ids=str,
)
def test_refused_precisions(device: Device, precision: str, says: EncoderError) -> None:
    holds(device.refusal(precision), says)


@pytest.mark.parametrize("precision", ["float32", "tf32", "float16", "bfloat16"])
def test_an_h100_has_all(precision: str) -> None:
    for backend in ("jax", "tensorflow"):
        assert Device(backend, "gpu", "NVIDIA H100", 9.0).refusal(precision) is None


def test_tf32_is_refused_on_a_cpu_before_anything_is_written(tmp_path: Path) -> None:
    with raises(messages.NO_TF32, EncoderError):
        build(reviews(3, 4), tiny_encoder(precision="tf32"), tmp_path / "c")
    assert not (tmp_path / "c").exists()
    with raises(messages.NO_TF32, EncoderError):
        tiny_encoder(precision="tf32").encode([["a"]])


def test_the_device_is_named() -> None:
    encoder: Any = tiny_encoder()
    assert str(encoder.device) == "CPU" and encoder.device.backend == "jax"
    assert (BiLMEncoder(random_weights(OPTIONS), OPTIONS, name="t").computation) == {"n_streams": 128, "time_chunk": 16}


def test_a_gpu_that_is_not_used_is_told_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device("jax", "cpu", "CPU")
    assert device.unused_gpu() is None
    monkeypatch.setattr("elmo_cache.encoders.devices._gpu_is_present", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES hides it" in str(device.unused_gpu())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert "JAX_PLATFORMS is cpu" in str(device.unused_gpu())
    monkeypatch.delenv("JAX_PLATFORMS")
    assert "pip install 'jax[cuda12]'" in str(device.unused_gpu())
    assert Device("jax", "gpu", "NVIDIA H100", 9.0).unused_gpu() is None


def test_a_given_number_of_streams_must_be_the_caches(tmp_path: Path) -> None:
    from elmo_cache.commands.build import _check_streams
    from elmo_cache.extraction.build import Build

    corpus = reviews(10, 4)
    encoder = tiny_encoder()
    encoder.n_streams = 8
    build(corpus, encoder, tmp_path / "c").close()
    with Build(corpus, tiny_encoder(), tmp_path / "c") as begun:
        _check_streams(begun.plan, None)
        _check_streams(begun.plan, 8)
        with raises(messages.OTHER_STREAMS, MismatchError, found=5, path=tmp_path / "c", expected=8):
            _check_streams(begun.plan, 5)


def test_shards_are_begun_before_earlier_ones_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, begin = tiny_encoder(), BiLMEncoder.begin
    two_begun, n_begun, n_in_hand, most = threading.Event(), 0, 0, 0

    def watched(documents: Sequence[Sequence[str]], **settings: Any) -> Callable[[], tuple[np.ndarray, bool]]:
        nonlocal n_begun, n_in_hand, most
        n_begun += 1
        n_in_hand += 1
        most = max(most, n_in_hand)
        if n_begun == 2:
            two_begun.set()
        fetch = begin(encoder, documents, **settings)

        def finished() -> tuple[np.ndarray, bool]:
            nonlocal n_in_hand
            assert two_begun.wait(60), "the first shard's rows were wanted before the second was begun"
            n_in_hand -= 1
            return fetch()

        return finished

    monkeypatch.setattr(encoder, "begin", watched)
    build(reviews(40, 10), encoder, tmp_path / "c", shard_tokens=60).close()

    assert n_begun == 7 and 2 <= most <= 3


def test_rows_are_cut_out_before_the_next_call_is_given_to_the_device() -> None:
    # A device does things in the order in which it is told of them.
    encoder = tiny_encoder()
    encoder.encode([["a"]])
    calls: list[str] = []
    program = encoder._resident.program
    for name in ("advance", "cut"):
        function = getattr(program, name)
        setattr(program, name, lambda *given, name=name, function=function: (calls.append(name), function(*given))[1])

    first, second = encoder.begin([LONG]), encoder.begin([["a"]])

    assert calls.index("cut") < len(calls) - 1 - calls[::-1].index("advance")
    n_calls = len(calls)
    first(), second()
    assert len(calls) == n_calls
