"""`build` in Python: what its parameters mean, and the one line that each wrong one gets."""

import inspect
import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest
from numpy_encoder import HashEncoder

from cache import FeatureCache
from cache.errors import CacheError
from elmo_cache import CorpusError, EncoderError, TextRule, build, load_encoder
from elmo_cache.extraction.plan import BuildSettings

FRAME = pd.DataFrame({"text": ["a b", "c", "d e"], "label": ["x", "y", "x"], "key": ["r1", "r2", "r3"]})


def sources(folder: Path) -> list[Any]:
    FRAME.to_csv(folder / "a.csv", index=False)
    FRAME.to_parquet(folder / "a.parquet")
    FRAME.to_json(folder / "a.jsonl", orient="records", lines=True)
    files = [folder / name for name in ("a.csv", "a.parquet", "a.jsonl")]
    return [FRAME, datasets.Dataset.from_pandas(FRAME), *files, str(files[0])]


def test_names_of_documents_and_of_classes(tmp_path: Path) -> None:
    for k, source in enumerate(sources(tmp_path)):
        options: dict[str, Any] = {"id": "key", "label_names": ["y", "x"]}
        with build(source, HashEncoder(), tmp_path / f"{k}.elmo", rule=TextRule("whitespace"), **options) as features:
            train = features["train"].by_corpus_order()
            assert features.label_names == ("y", "x") and train.labels is not None
            assert train.ids == ["r1", "r2", "r3"] and train.labels.tolist() == [1, 0, 1]
            split, position = features.find("r3")
            assert np.array_equal(features[split][position], train[2])
    labels = build(["a", "b"], HashEncoder(), tmp_path / "texts", labels=[1, 0], label_names=["no", "yes"])["train"]
    assert labels.by_corpus_order().labels.tolist() == [1, 0]  # type: ignore[union-attr]


def test_normalize_without_a_rule(tmp_path: Path) -> None:
    features = build([["cafe\u0301"]], HashEncoder(), tmp_path / "c", normalize="nfc")
    assert features["train"].tokens(0) == ["café"]
    with pytest.raises(CorpusError, match="normalize is that of the rule: give it to TextRule"):
        build(["a"], HashEncoder(), tmp_path / "d", rule=TextRule(), normalize="nfc")
    with pytest.raises(CorpusError, match="normalize is 'x', expected one of nfc"):
        build(["a"], HashEncoder(), tmp_path / "d", normalize="x")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"corpus": None}, "the texts: NoneType, expected an iterable of texts"),
        ({"corpus": 3}, "the texts: int, expected an iterable of texts"),
        ({"corpus": ""}, "the corpus has an empty name; expected sample"),
        ({"encoder": None}, "encoder is None, expected a name, a path, or an object"),
        ({"encoder": 3}, "encoder is 3, expected a name"),
        ({"out": None}, "out is None, expected the path of a folder"),
        ({"limit": 5}, "limit is 5, expected documents by split, as {'train': 4000}"),
        ({"limit": {"train": "5"}}, "limit train='5': expected a whole number of documents"),
        ({"limit": {"train": None}}, "limit train=None: expected a whole number of documents"),
        ({"rule": "words"}, "rule is 'words', expected a TextRule"),
        ({"shard_tokens": "5"}, "shard_tokens is '5', expected a whole number"),
        ({"workers": None}, "workers is None, expected a number of processes"),
        ({"reuse": 3}, "reuse is 3, expected paths of caches"),
        ({"reuse": [3]}, "reuse is 3, expected paths of caches"),
        ({"id": "key"}, "text, label, split, id and tags name columns, and texts have none"),
        ({"label_names": []}, "label_names is empty: expected distinct class names"),
        ({"label_names": "no"}, "label_names is 'no', expected a list of names"),
        ({"corpus": FRAME, "id": "nothing"}, "no column 'nothing' for the id"),
        ({"corpus": FRAME, "label_names": ["x"]}, "document 1: label 'y', expected one of x"),
        ({"corpus": "sample", "label_names": ["a", "b"]}, "label_names does not apply to the corpus sample"),
    ],
    ids=str,
)
def test_what_is_refused(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    arguments = {"corpus": ["a", "b"], "encoder": HashEncoder(), "out": tmp_path / "c", **changed}
    with pytest.raises(CacheError) as caught:
        build(**arguments)
    assert says in str(caught.value) and "\n" not in str(caught.value) and isinstance(caught.value, ValueError)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("name", [3, None, ["imdb-v3"]])
def test_an_encoder_of_no_name(name: Any) -> None:
    with pytest.raises(EncoderError, match="the encoder is .*, expected a name or a path"):
        load_encoder(name)


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    numbers = {"shard_tokens": np.int64(60), "workers": np.int64(1), "limit": {"train": np.int64(1)}}
    with build(["a", "b"], HashEncoder(), tmp_path / "c", **numbers) as features:  # type: ignore[arg-type]
        assert len(features["train"]) == 1
    assert json.loads((tmp_path / "c" / "manifest.json").read_text())["shard_tokens"] == 60
    assert len(FeatureCache(tmp_path / "c")["train"]) == 1


def test_the_signature_shows_the_default_of_the_command() -> None:
    assert inspect.signature(build).parameters["shard_tokens"].default == BuildSettings().shard_tokens
