"""What a build's plan says that it has understood, and what it warns of."""

import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands import error_of, run_cache
from errors_expected import raises, said
from numpy_encoder import HashEncoder
from tiny_elmo import SMALL, write_elmo

from cache import FeatureCache, MismatchError
from elmo_cache import CorpusError, TextRule, build, messages
from elmo_cache.commands.build import build_command
from elmo_cache.text.corpora.catalog import CHOICES

CAFE = unicodedata.normalize("NFD", "café")
CHINESE = "这部电影真的非常好看我很喜欢"


@pytest.fixture(scope="module")
def elmo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_elmo(tmp_path_factory.mktemp("elmo"), SMALL)


def plan_of(elmo: Path, folder: Path, frame: pd.DataFrame, *options: object, name: str = "a.csv") -> str:
    frame.to_csv(folder / name, index=False) if name == "a.csv" else frame.to_parquet(folder / name)
    done = run_cache("build", folder / "c", "--corpus", folder / name, "--encoder", elmo, "--dry-run", *options)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_columns_and_classes(elmo: Path, tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"body": ["a b", "c d", "e f"], "stars": [10, 9, 10], "part": ["train", "train", "test"]})
    options = ("--text-column", "body", "--label-column", "stars", "--split-column", "part")
    said = plan_of(elmo, tmp_path, frame, *options, name=name)
    assert f"corpus   {name}: 3 documents (train 2, test 1), labels 9 1, 10 2\n" in said
    assert "columns  text 'body', label 'stars', split 'part'\n" in said and "Note" not in said


def test_many_classes(elmo: Path, tmp_path: Path) -> None:
    said = plan_of(elmo, tmp_path, pd.DataFrame({"text": ["a b"] * 8, "label": [f"c{i}" for i in range(8)]}))
    assert "labels c0 1, c1 1, c2 1, c3 1, c4 1, c5 1, … (8 classes)" in said


def test_tags(elmo: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame({"tokens": [["a", "b"]], "ner": [["O", "B"]], "pos": [["X", "X"]]})
    said = plan_of(elmo, tmp_path, frame, "--tag-column", "ner,pos", name="a.parquet")
    assert "columns  text 'tokens', tags ner (2), pos (1)" in said


def test_words_that_are_cut(elmo: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["x" * 49 + " " + "y" * 48, "x" * 49 + " é" + "z" * 60 + " w"]})
    said = plan_of(elmo, tmp_path, frame)
    assert f"Note: 2 words (3 tokens) longer than ELMo reads, and cut: é{'z' * 29}…, {'x' * 30}…" in said
    assert "yyy" not in said


def test_a_language_without_spaces(elmo: Path, tmp_path: Path) -> None:
    said = plan_of(elmo, tmp_path, pd.DataFrame({"text": [CHINESE, CHINESE[::-1], "very good"]}))
    assert "look like phrases of a language written without spaces" in said
    assert "2 of 3 documents with a single token" in said
    for text in ("这 部 电影 真的 非常 好看", "very good film 好看"):
        assert "without spaces" not in plan_of(elmo, tmp_path, pd.DataFrame({"text": [text]}))
    said = plan_of(elmo, tmp_path, pd.DataFrame({"text": [CHINESE]}), "--tokenizer", "characters")
    assert "without spaces" not in said


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--literal-padding", "--max-tokens", "6")], ids=["plain", "padded"])
def test_a_build_that_goes_on_says_the_same(elmo: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    texts = [CHINESE, "x" * 60 + " y", CHINESE[::-1] + " " + "x" * 60, CHINESE * 4, CHINESE[2:]]
    pd.DataFrame({"text": texts}).to_csv(tmp_path / "a.csv")
    build = ("build", tmp_path / "c", "--corpus", tmp_path / "a.csv", "--encoder", elmo, *options)
    first = run_cache(*build, "--limit", "train=1")
    assert first.exit_code == 0, first.output
    (tmp_path / "c" / "train-00000.h5").unlink()
    for more in (("--dry-run",), ("--all", "--workers", "1")):
        again = run_cache(*build, *more)
        assert again.exit_code == 0, again.output
        notes = [line for line in again.output.splitlines() if line.startswith("Note: ")]
        assert notes == [line for line in first.output.splitlines() if line.startswith("Note: ")]
        assert any("2 words (3 tokens) longer than ELMo reads, and cut: " in note for note in notes)
        assert any("without spaces" in note for note in notes)


def test_what_is_empty_is_refused(elmo: Path, tmp_path: Path) -> None:
    pd.DataFrame({"text": ["a"], "label": ["x"]}).to_csv(tmp_path / "a.csv")
    names = "a list of distinct class names, none of them empty"
    split = "a name of 1 to 64 letters, digits, '_' or '-'"
    for options, message, data in (
        (("--corpus", ""), messages.NO_CORPUS_NAME, {"expected": CHOICES}),
        (("--labels", ""), messages.INVALID_VALUE, {"name": "label_names", "found": "['']", "expected": names}),
        (("--text-column", ""), messages.EMPTY_VALUE, {"name": "text_column"}),
        (("--label-column", ""), messages.EMPTY_VALUE, {"name": "label_column"}),
        (("--encoding", ""), messages.EMPTY_VALUE, {"name": "encoding"}),
        (("--delimiter", ""), messages.EMPTY_VALUE, {"name": "delimiter"}),
        (
            ("--split-names", ""),
            messages.INVALID_ENTRY,
            {"where": "split names", "name": "the split", "found": "''", "expected": split},
        ),
    ):
        corpus = () if "--corpus" in options else ("--corpus", tmp_path / "a.csv")
        refused = run_cache("build", tmp_path / "c", "--encoder", elmo, *corpus, *options)
        assert error_of(refused) == f"Error: {said(message, build_command, **data)}"
        assert not (tmp_path / "c").exists()
    refused = run_cache("build", tmp_path / "c", "--corpus", tmp_path / "a.csv", "--tag-column", "")
    assert error_of(refused).startswith("Error: --tag-column ")


def test_decomposed_text(elmo: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": [f"un {CAFE}", "un café", "plain text"]})
    assert "1 document not in Unicode's form NFC" in plan_of(elmo, tmp_path, frame)
    assert "NFC" not in plan_of(elmo, tmp_path, frame, "--normalize", "nfc")
    assert "NFC" not in plan_of(elmo, tmp_path, frame[1:])


def tokens_of(features: FeatureCache) -> list[list[str]]:
    train = features["train"].by_corpus_order()
    return [train.tokens(i) for i in range(len(train))]


@pytest.mark.parametrize("source", [[f"un {CAFE}", "x"], [["un", CAFE], ["x"]]])
def test_normalized_text_has_the_vectors_of_composed_text(tmp_path: Path, source: Any) -> None:
    tokenizer = None if isinstance(source[0], list) else "whitespace"
    features = build(source, HashEncoder(), tmp_path / "nfc", rule=TextRule(tokenizer, normalize="nfc"))
    assert tokens_of(features) == [["un", "café"], ["x"]] and features.encoding["text"]["normalize"] == "nfc"
    composed = build([["un", "café"], ["x"]], HashEncoder(), tmp_path / "composed")
    for one, other in zip(features["train"].by_corpus_order(), composed["train"].by_corpus_order(), strict=True):
        assert np.array_equal(one, other)
    plain = build(source, HashEncoder(), tmp_path / "plain", rule=TextRule(tokenizer))
    assert tokens_of(plain) == [["un", CAFE], ["x"]] and "normalize" not in plain.encoding["text"]
    with raises(messages.OTHER_SETTINGS, MismatchError, found=re.compile(r"^text\.normalize ")):
        build(source, HashEncoder(), tmp_path / "plain", rule=TextRule(tokenizer, normalize="nfc"))


def test_an_unknown_form() -> None:
    with raises(messages.INVALID_VALUE, CorpusError, name="normalize", found="'nfkd'", expected="one of nfc, None"):
        TextRule(normalize="nfkd")


def test_encode_normalizes_where_asked(elmo: Path) -> None:
    for options, word in ((("--normalize", "nfc"), "café"), ((), CAFE)):
        done = run_cache("encode", CAFE, "--encoder", elmo, *options)
        assert done.exit_code == 0 and done.stdout.rstrip().endswith(f"(1, 8)  {word}")


def test_info_shows_tags_and_names(tmp_path: Path) -> None:
    frame = pd.DataFrame({"tokens": [["a", "b"]], "ner": [["O", "B"]]})
    build(frame, HashEncoder(), tmp_path / "c", tags="ner")
    shown = run_cache("info", tmp_path / "c").output
    assert "  tags      ner (2)\n" in shown and "ids" not in shown
    (tmp_path / "a.fasta").write_text(">p1\nMKV\n")
    build(tmp_path / "a.fasta", HashEncoder(), tmp_path / "d")
    assert "  ids       " in run_cache("info", tmp_path / "d").output


def test_the_command_speaks_of_its_options(elmo: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("body;stars\na, b;1\n")
    where, columns = f"{tmp_path / 'a.csv'}, line 1", {"found": "'body', 'stars'"}
    given = ("--delimiter", ";", "--text-column", "body")
    for options, message, data in (
        ((), messages.WRONG_DELIMITER, {"where": where, "found": "body;stars", "expected": "';'"}),
        (
            ("--delimiter", ";"),
            messages.NO_COLUMN,
            {"where": where, "column": "text", "name": "text_column", **columns},
        ),
        (
            (*given, "--label-column", "y"),
            messages.NO_COLUMN,
            {"where": where, "column": "y", "name": "label_column", **columns},
        ),
        (
            (*given, "--labels", "1,2"),
            messages.NO_LABEL,
            {"where": f"{tmp_path / 'a.csv'}, line 2", "expected": "1, 2"},
        ),
        (
            ("--encoding", "latin-none"),
            messages.INVALID_VALUE,
            {
                "name": "encoding",
                "found": "'latin-none'",
                "expected": "one such as utf-8, latin-1 or cp1252, in which a line feed is one byte",
            },
        ),
    ):
        refused = run_cache("build", tmp_path / "c", "--encoder", elmo, "--corpus", tmp_path / "a.csv", *options)
        assert error_of(refused) == f"Error: {said(message, build_command, **data)}"
    refused = run_cache("build", tmp_path / "c", "--corpus", tmp_path / "a.csv", "--token-column", "2")
    assert error_of(refused).startswith("Error: --token-column does not apply ")
