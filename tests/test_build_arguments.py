"""`build` in Python: what its parameters mean, and the one line that each wrong one gets."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest
from errors_expected import raises
from numpy_encoder import HashEncoder

from cache import FeatureCache
from elmo_cache import CorpusError, EncoderError, TextRule, build, load_encoder, messages
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
    with raises(messages.NORMALIZE_BESIDE_RULE, CorpusError):
        build(["a"], HashEncoder(), tmp_path / "d", rule=TextRule(), normalize="nfc")
    with raises(messages.INVALID_VALUE, CorpusError, name="normalize", found="'x'", expected="one of nfc, None"):
        build(["a"], HashEncoder(), tmp_path / "d", normalize="x")


def invalid(name: str, found: str, expected: str) -> CorpusError:
    return CorpusError(messages.INVALID_VALUE, name=name, found=found, expected=re.compile(f"^{re.escape(expected)}"))


def not_texts(found: str) -> CorpusError:
    expected = "an iterable of texts or of lists of tokens, a data frame, or a data set"
    return CorpusError(messages.UNEXPECTED, where="the texts", found=found, expected=expected)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"corpus": None}, not_texts("NoneType")),
        ({"corpus": 3}, not_texts("int")),
        ({"corpus": ""}, CorpusError(messages.NO_CORPUS_NAME, expected=re.compile("^sample"))),
        ({"encoder": None}, invalid("encoder", "None", "a name, a path, or an object")),
        ({"encoder": 3}, invalid("encoder", "3", "a name, a path, or an object")),
        ({"out": None}, invalid("out", "None", "the path of a folder")),
        ({"limit": 5}, invalid("limit", "5", "documents by split, as {'train': 4000}")),
        ({"limit": {"train": "5"}}, CorpusError(messages.INVALID_LIMIT, split="train", found="'5'")),
        ({"limit": {"train": None}}, CorpusError(messages.INVALID_LIMIT, split="train", found="None")),
        ({"rule": "words"}, invalid("rule", "'words'", "a TextRule")),
        ({"shard_tokens": "5"}, invalid("shard_tokens", "'5'", "a whole number")),
        ({"workers": None}, invalid("workers", "None", "a number of processes")),
        ({"reuse": 3}, invalid("reuse", "3", "paths of caches")),
        ({"reuse": [3]}, invalid("reuse", "3", "paths of caches")),
        ({"id": "key"}, CorpusError(messages.TEXTS_HAVE_NO_COLUMNS)),
        ({"label_names": []}, invalid("label_names", "[]", "a list of distinct class names")),
        ({"label_names": "no"}, invalid("label_names", "'no'", "a list of distinct class names")),
        ({"corpus": FRAME, "id": "nothing"}, CorpusError(messages.NO_COLUMN_FOR, column="nothing", role="id")),
        (
            {"corpus": FRAME, "label_names": ["x"]},
            CorpusError(
                messages.INVALID_ENTRY,
                where=re.compile("document 1$"),
                name="the label",
                found="'y'",
                expected="one of x",
            ),
        ),
        (
            {"corpus": "sample", "label_names": ["a", "b"]},
            CorpusError(messages.OPTION_NEEDS_FILE, name="label_names", corpus="sample"),
        ),
    ],
    ids=repr,
)
def test_what_is_refused(tmp_path: Path, changed: dict[str, Any], says: CorpusError) -> None:
    arguments = {"corpus": ["a", "b"], "encoder": HashEncoder(), "out": tmp_path / "c", **changed}
    with raises(says):
        build(**arguments)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("name", [3, None, ["imdb-v3"]])
def test_an_encoder_of_no_name(name: Any) -> None:
    expected = "a name or a path"
    with raises(messages.INVALID_VALUE, EncoderError, name="encoder", found=repr(name), expected=expected):
        load_encoder(name)


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    numbers = {"shard_tokens": np.int64(60), "workers": np.int64(1), "limit": {"train": np.int64(1)}}
    with build(["a", "b"], HashEncoder(), tmp_path / "c", **numbers) as features:  # type: ignore[arg-type]
        assert len(features["train"]) == 1
    assert json.loads((tmp_path / "c" / "manifest.json").read_text())["shard_tokens"] == 60
    assert len(FeatureCache(tmp_path / "c")["train"]) == 1


def test_the_signature_shows_the_default_of_the_command() -> None:
    assert inspect.signature(build).parameters["shard_tokens"].default == BuildSettings().shard_tokens
