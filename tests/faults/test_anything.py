"""Property-based: whatever stands in a file, its reader gives a sound value or refuses in one line that names it."""

import copy
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_corpus import MemoryCorpus
from numpy_encoder import ALL_LAYERS, HashEncoder, expected_float16
from small_cache import write_cache
from tally import record
from tiny_elmo import OPTIONS

from cache import CacheError, FeatureCache, Layers, verify
from cache.hashing import fingerprint
from cache.manifest import parse_manifest
from elmo_cache import TextRule, build
from elmo_cache.commands.reporting import cache_facts, describe_cache
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.text.corpora.imdb import read_word_index
from elmo_cache.text.tokenization import TOKENIZERS, get_tokenizer
from trainer.protocols import Sizes
from trainer.runs.config import RunConfig
from trainer.runs.saved_weights import load_weights, save_weights, weights_path
from trainer.runs.settings import MODELS, Settings

quick = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
numbers = st.integers() | st.floats() | st.sampled_from([0, -1, 1, 2**31, 2**48, 2**63, 10**12, 10**30, 1e308, 1e-320])
scalars = st.none() | st.booleans() | numbers | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in inner for found in [(*path, key), *places(item, (*path, key))]]


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a copy of a JSON value with something else at one place."""
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return changed


def sound_or_refused(kind: str, work: Callable[[], Any], where: object) -> None:
    try:
        work()
    except CacheError as error:
        assert "\n" not in str(error) and str(where) in str(error) and len(str(error)) < 2000, str(error)
        record(f"anything: {kind}", detected=1)
    else:
        record(f"anything: {kind}", survived=1)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("c") / "c"
    write_cache(folder, layers=ALL_LAYERS)
    return folder


def read(directory: Path) -> None:
    with FeatureCache(directory) as features:
        "\n".join(describe_cache(cache_facts(features))).encode()
        features.vocabulary, repr(features)
        for name in features:
            split = features[name]
            split.labels, split.doc_ids, [split[i] for i in range(len(split))], split.load()
    verify(directory)


@given(st.data())
@quick
def test_a_manifest_with_something_else_in_it(directory: Path, data: st.DataObject) -> None:
    """Its digest and its fingerprints fit; what the reader makes of it takes no memory and leaves no folder."""
    path = directory / "manifest.json"
    original = path.read_bytes()
    value = json.loads(original)
    del value["digest"]
    try:
        value = put(value, data.draw(st.sampled_from(places(value))), data.draw(values))
        try:
            value["encoding_fingerprint"] = fingerprint({"encoding": value["encoding"], "layers": value["layers"]})
            value["digest"] = fingerprint(value)
        except (KeyError, ValueError):
            value["digest"] = None
        path.write_text(json.dumps(value))
        sound_or_refused("manifests", lambda: read(directory), directory)
    finally:
        path.write_bytes(original)


@given(st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode()))
@quick
def test_a_manifest_of_anything(content: bytes) -> None:
    sound_or_refused("manifests", lambda: parse_manifest(content, "the file", "repair it"), "the file")


@given(st.data())
@quick
def test_options_with_something_else_in_them(data: st.DataObject) -> None:
    options = OPTIONS.to_json()
    options = put(options, data.draw(st.sampled_from(places(options))), data.draw(values))

    def parse() -> None:
        found = BiLMOptions.parse(json.dumps(options), "the file")
        assert BiLMOptions.parse(json.dumps(found.to_json()), "the file") == found

    sound_or_refused("options", parse, "the file")


@given(st.binary(max_size=40) | values.map(lambda value: json.dumps(value).encode()))
@quick
def test_files_of_anything(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    sound_or_refused("options", lambda: BiLMOptions.parse(content, str(path)), path)
    sound_or_refused("word indices", lambda: read_word_index(path), path)
    (tmp_path / "config.json").write_bytes(content)
    sound_or_refused("run configurations", lambda: RunConfig.read(tmp_path), tmp_path)


CONFIG = {
    "settings": Settings().to_json(),
    "pool": {"train": 900, "test": 600},
    "cache": {
        "path": "c",
        "encoder": "e",
        "corpus": "d",
        "encoding": "0" * 64,
        "encoding_options": {},
        "corpus_fingerprint": "1" * 64,
        "label_names": ["neg", "pos"],
    },
    "vectors": {"source": "muse", "name": "muse", "dim": 300, "sha256": "2" * 64, "words": {"a": "3" * 64}},
}
SETTINGS_2 = {name: value for name, value in CONFIG["settings"].items() if name != "balanced"}
OF_MODELS = {
    "basic": {"learning_rate": 1e-3},
    "elmo": {"learning_rate": 1e-3, "gamma": {"asked": "auto", "value": 0.5}},
}
CONFIGS = [
    {**CONFIG, "version": 3, "models": {**OF_MODELS, "tfidf-lr": {}, "mine": {"source_sha256": "4" * 64}}},
    {**CONFIG, "version": 2, "models": OF_MODELS, "settings": SETTINGS_2},
    {**CONFIG, "gamma": 0.5, "settings": {**SETTINGS_2, "gamma": "auto", "learning_rates": {"elmo": 1e-3}}},
]


@given(st.data())
@quick
def test_a_configuration_with_something_else_in_it(tmp_path: Path, data: st.DataObject) -> None:
    config = data.draw(st.sampled_from(CONFIGS))
    changed = put(config, data.draw(st.sampled_from(places(config))), data.draw(values))
    (tmp_path / "config.json").write_text(json.dumps(changed))

    def use() -> None:
        found = RunConfig.read(tmp_path)
        assert found is not None
        for model in found.models:
            if model in MODELS:
                found.settings_of(model)
        found.cache["path"], found.cache["encoding"][:16], tuple(found.cache["label_names"]), found.auto_gamma
        found.write(tmp_path)
        assert RunConfig.read(tmp_path) == found

    sound_or_refused("run configurations", use, tmp_path)


@given(numbers, numbers, numbers)
@quick
def test_sizes(train: Any, validation: Any, test: Any) -> None:
    sound_or_refused("sizes", lambda: Sizes(train, validation, test), "size")


@given(st.data())
@quick
def test_trained_weights_with_a_byte_changed(tmp_path: Path, data: st.DataObject) -> None:
    (tmp_path / "weights").mkdir(exist_ok=True)
    save_weights(tmp_path, "elmo", 1, {"a/b": np.arange(6.0).reshape(2, 3), "c": np.float32(1)})
    path = weights_path(tmp_path, "elmo", 1)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.sampled_from([None, None, -1, 100]))])

    def use() -> None:
        for array in load_weights(tmp_path, "elmo", 1).values():
            assert array.dtype.kind == "f" and array.size <= 6

    sound_or_refused("trained weights", use, path)


@given(st.binary(max_size=300), st.sampled_from(["a.npy", "a", "../a.npy", "/a.npy", ""]))
@quick
def test_trained_weights_of_anything(tmp_path: Path, content: bytes, name: str) -> None:
    path = weights_path(tmp_path, "elmo", 1)
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name or "x", content)
    sound_or_refused("trained weights", lambda: load_weights(tmp_path, "elmo", 1), path)


texts = st.text(max_size=40) | st.sampled_from(
    ["", " ", "\ud800", "a\0b", "x" * 3000, "é\u0301🎬 " * 400, "\u2028\x85"]
)


@given(
    st.lists(
        st.tuples(st.sampled_from(["train", "test"]), st.text(st.characters(codec="utf-8"), max_size=3), texts),
        min_size=1,
        max_size=9,
    ),
    st.sampled_from(sorted(set(TOKENIZERS) - {"tokens"})),
    st.sampled_from([1, 7, 10**6]),
    st.sampled_from([0, 3]),
    st.booleans(),
)
@settings(quick, max_examples=40)
def test_any_text_through_a_build(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[tuple[str, str, str]],
    tokenizer: str,
    shard_tokens: int,
    window: int,
    layered: bool,
) -> None:
    """Words, labels and vectors come back as they went in, whatever the characters and the lengths."""
    out = tmp_path_factory.mktemp("any") / "c"
    encoder = HashEncoder(layers=ALL_LAYERS) if layered else HashEncoder()
    rule = TextRule(tokenizer, max_tokens=window)
    with build(MemoryCorpus(list(documents)), encoder, out, rule=rule, shard_tokens=shard_tokens) as features:
        for name in features:
            split = features[name]
            source = [(label, text) for split_name, label, text in documents if split_name == name]
            words = [get_tokenizer(tokenizer)(text)[-window:] for _, text in source]
            assert [split.tokens(i) for i in range(len(split))] == [words[k] for k in split.doc_ids]
            assert split.labels is not None and features.label_names is not None
            assert [features.label_names[i] for i in split.labels] == [source[k][0] for k in split.doc_ids]
            layers = encoder.layers or Layers.single(encoder.dim)
            for rows, wanted in zip(split, expected_float16(encoder, [words[k] for k in split.doc_ids]), strict=True):
                np.testing.assert_array_equal(rows, layers.combine(layers.default, layers.split_columns(wanted)))
    assert verify(out) == []
    record("anything: texts", survived=1)
