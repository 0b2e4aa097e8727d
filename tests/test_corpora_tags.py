"""Tokens with tags: from files and from memory into a cache, row k with tag k."""

import json
import lzma
import re
from pathlib import Path
from typing import Any

import conllu
import datasets
import numpy as np
import pandas as pd
import polars as pl
import pytest
from commands import error_of, run_cache
from errors_expected import raises, said
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy_encoder import HashEncoder

from cache import FeatureCache, MismatchError, verify
from elmo_cache import CorpusError, TextRule, build, messages
from elmo_cache.commands.build import build_command
from elmo_cache.text.corpora import open_corpus
from elmo_cache.text.corpora.conll import CONLLU_COLUMNS, ConllCorpus
from elmo_cache.text.corpora.memory import HeldCorpus

UD = Path(__file__).resolve().parents[2] / "shared" / "data" / "ud" / "en_ewt-ud-dev.conllu.xz"
CONLLU = """\
# newdoc id = a
# sent_id = a-1
# text = Vámonos al mar.
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\tV\tMood=Imp|Number=Plur\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\tP\t_\t5\tcase\t_\t_
4\tel\tel\tDET\tD\t_\t5\tdet\t_\t_
5\tmar\tmar\tNOUN\tN\t_\t1\tobl\t_\tSpaceAfter=No
6\t.\t.\tPUNCT\t_\t_\t1\tpunct\t_\t_

# sent_id = a-2
# text = Sue likes coffee and Bill tea
1\tSue\tSue\tPROPN\tNNP\t_\t2\tnsubj\t2:nsubj\t_
2\tlikes\tlike\tVERB\tVBZ\t_\t0\troot\t0:root\t_
3\t10 000\t10 000\tNUM\tCD\t_\t2\tobj\t2:obj\t_
3.1\tlikes\tlike\tVERB\tVBZ\t_\t_\t_\t2:conj\t_
"""
CONLL = """\
-DOCSTART- -X- -X- O

EU NNP I-NP B-ORG
rejects VBZ I-VP O
# NN I-NP O
call NN I-NP O


Peter NNP I-NP B-PER
"""


def by_conllu(text: str, column: str) -> list[list[tuple[str, str | None]]]:
    """Words and values of a column, as the package `conllu` reads them."""
    return [
        [(word["form"], word[column]) for word in sentence if isinstance(word["id"], int)]
        for sentence in conllu.parse(text)
    ]


def held(features: FeatureCache, name: str | None = None, split: str = "train") -> list[list[tuple[str, str | None]]]:
    """Tokens with their tags, document by document in the order of the corpus."""
    documents, names = features[split].by_corpus_order(), features.tag_names(name)
    return [
        [
            (token, None if tag < 0 else names[tag])
            for token, tag in zip(documents.tokens(i), documents.tags(i, name), strict=True)
        ]
        for i in range(len(documents))
    ]


def make(source: Any, folder: Path, **options: Any) -> FeatureCache:
    return build(source, HashEncoder(), folder / "c", **options)


def test_conllu(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU, encoding="utf-8")
    corpus = ConllCorpus(tmp_path / "a.conllu", tag_columns=["upos", "5", "DEPREL"])
    features = make(corpus, tmp_path)
    assert list(features.manifest.tag_names) == ["upos", "xpos", "deprel"]
    for name in ("upos", "xpos", "deprel"):
        assert held(features, name) == by_conllu(CONLLU, name)
    documents = features["train"].by_corpus_order()
    assert documents.ids == ["a-1", "a-2"] and features["train"][features.find("a-2")[1]].shape == (3, 8)
    assert documents.tokens(1) == ["Sue", "likes", "10 000"]
    assert verify(tmp_path / "c") == []
    lemmas = ConllCorpus(tmp_path / "a.conllu", token_column="lemma")
    assert next(lemmas.documents()).text == ("ir", "nosotros", "a", "el", "mar", ".")


@pytest.mark.skipif(not UD.exists(), reason="the English Web Treebank is not here")
def test_the_english_web_treebank(tmp_path: Path) -> None:
    text = lzma.decompress(UD.read_bytes()).decode("utf-8")
    corpus = ConllCorpus(UD, tag_columns=["upos", "feats"])
    documents = list(corpus.documents())
    right = by_conllu(text, "upos")
    assert [list(zip(d.text, d.tags["upos"], strict=True)) for d in documents] == right and len(right) == 2001
    assert [d.id for d in documents] == [s.metadata["sent_id"] for s in conllu.parse(text)]
    assert held(make(corpus, tmp_path, rule=TextRule(max_tokens=0)), "upos") == right


@pytest.mark.parametrize("name", ["a.conll", "a.iob", "a.iob2", "a.bio"])
@pytest.mark.parametrize("separator", [" ", "\t", "  "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns(tmp_path: Path, name: str, separator: str, end: str) -> None:
    content = "# a comment of another length" + end + CONLL.replace(" ", separator).replace("\n", end)
    (tmp_path / name).write_bytes(content.encode())
    first, second = ConllCorpus(tmp_path / name, tag_columns=["4", "2"]).documents()
    assert first.text == ("EU", "rejects", "#", "call") and second.text == ("Peter",)
    assert first.tags == {"column4": ("B-ORG", "O", "O", "O"), "column2": ("NNP", "VBZ", "NN", "NN")}


def test_comments_with_as_many_columns_as_tokens(tmp_path: Path) -> None:
    content = "# text = x\nEU NNP I-NP B-ORG\n# NN I-NP O\n\n#begin document (x); 0\n# NN B-NP O\nx VB B-VP O\n"
    (tmp_path / "a.conll").write_text(content)
    found = [d.text for d in ConllCorpus(tmp_path / "a.conll", tag_columns=["4"]).documents()]
    assert found == [("EU", "#"), ("#", "x")]
    (tmp_path / "b.conll").write_text("# SYM\n#tag NN\nx NN\n".replace(" ", "\t"))
    assert [d.text for d in ConllCorpus(tmp_path / "b.conll").documents()] == [("#", "#tag", "x")]


def wrong_column(found: str, expected: str = "its number, from 1") -> CorpusError:
    return CorpusError(messages.WRONG_COLUMN_NUMBER, found=found, expected=expected)


def at(line: int, message: str, **data: Any) -> CorpusError:
    return CorpusError(message, where=re.compile(f", line {line}$"), **data)


@pytest.mark.parametrize(
    ("name", "content", "options", "says"),
    [
        ("a.conll", "a X\n\n# SYM\nb X\n", {}, at(3, messages.COMMENT_OR_TOKEN)),
        ("a.conll", "# note\na X\n", {}, at(1, messages.COMMENT_OR_TOKEN)),
        ("a.conll", CONLL, {"token_column": "١"}, wrong_column("١")),
        ("a.conll", CONLL, {"tag_columns": ["ner"]}, wrong_column("ner")),
        ("a.conll", CONLL, {"token_column": "0"}, wrong_column("0")),
        (
            "a.conllu",
            CONLLU,
            {"tag_columns": ["ner"]},
            wrong_column("ner", f"its number, from 1, or one of {', '.join(CONLLU_COLUMNS)}"),
        ),
        ("a.conll", CONLL, {"tag_columns": ["5"]}, at(6, messages.NO_CONLL_COLUMN, column=5, found=4)),
        ("a.conllu", CONLLU, {"tag_columns": ["11"]}, CorpusError(messages.NO_CONLL_COLUMN, column=11, found=10)),
        (
            "a.conllu",
            "1\tThis\n2\tis\tbe\tAUX\n",
            {"tag_columns": ["upos"]},
            at(2, messages.NO_CONLL_COLUMN, column=4, found=2),
        ),
        ("a.conll", "a X\nb\n", {}, at(2, messages.CONLL_COLUMNS_DIFFER, found=1, expected=2)),
        ("a.conll", "a X\n\nb X Y\n", {}, at(3, messages.CONLL_COLUMNS_DIFFER, found=3, expected=2)),
        ("a.conll", "", {}, CorpusError(messages.NO_DOCUMENTS)),
        ("a.conll", "-DOCSTART- O\n\n", {}, CorpusError(messages.NO_DOCUMENTS)),
        ("a.conllu", "# nothing\n", {}, CorpusError(messages.NO_DOCUMENTS)),
        ("a.conllu", "# sent_id = x\nThis is text\n", {}, at(2, messages.NOT_CONLLU)),
        ("a.conllu", "x\tThis\t_\n", {}, at(1, messages.NOT_CONLLU)),
        ("a.conllu", f"{'1' * 5000}\tThis\t_\n", {}, at(1, messages.NOT_CONLLU)),
        (
            "a.conllu",
            "1\tThis\n\n_\tis\tbe\n",
            {},
            at(3, messages.INVALID_ENTRY, name="the number of the word", found="'_'"),
        ),
        ("a.conllu", "1\tThis\n\n1\tNew  York\tNY\n", {}, at(3, messages.CONLLU_SPACES)),
        ("a.conllu", "# global.columns = ID UPOS FORM\n1\tDET\tThis\n", {}, at(1, messages.CONLLU_PLUS)),
        (
            "a.conllu",
            CONLLU.replace("DET", ""),
            {"tag_columns": ["upos"]},
            CorpusError(messages.UNEXPECTED, found="an empty cell for upos in the sentence"),
        ),
        (
            "a.conll",
            "a\tX\nb\t\n",
            {"tag_columns": ["2"]},
            at(2, messages.UNEXPECTED, found="an empty cell for column2 in the sentence"),
        ),
    ],
)
def test_files_that_are_refused(
    tmp_path: Path, name: str, content: str, options: dict[str, Any], says: CorpusError
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with raises(says) as caught:
        list(open_corpus(tmp_path / name, **options).documents())
    assert str(tmp_path / name) in str(caught.value)


def test_the_command_names_its_options(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU, encoding="utf-8")
    plan = run_cache("build", tmp_path / "c", "--corpus", tmp_path / "a.conllu", "--tag-column", "upos", "--dry-run")
    assert plan.exit_code == 0 and "tokens" in plan.output
    refused = run_cache("build", tmp_path / "c", "--corpus", tmp_path / "a.conllu", "--text-column", "x")
    usable = CorpusError("--encoding, --tag-column, --token-column")
    data = {"name": "text_column", "corpus": tmp_path / "a.conllu", "expected": usable}
    assert error_of(refused) == f"Error: {said(messages.OPTION_NOT_APPLICABLE, **data)}"


# Tables with lists.

TOKENS = [["New York", "", "a\tb"], [], ["x", "y"]]
NER = [["B-LOC", None, "O"], [], ["O", "B-PER"]]
POS = [["A", "B", "C"], [], ["B", "A"]]
RIGHT = [list(zip(*pair, strict=True)) for pair in zip(TOKENS, NER, strict=True)]
FRAME = pd.DataFrame({"tokens": TOKENS, "ner": NER, "pos": POS})


def tables(folder: Path) -> list[Any]:
    FRAME.to_parquet(folder / "a.parquet")
    FRAME.to_feather(folder / "a.feather")
    FRAME.to_json(folder / "a.jsonl", orient="records", lines=True)
    FRAME.to_json(folder / "a.json", orient="records")
    pl.from_pandas(FRAME).write_parquet(folder / "polars.parquet")
    datasets.Dataset.from_pandas(FRAME).save_to_disk(folder / "saved")
    files = ("a.parquet", "a.feather", "a.jsonl", "a.json", "polars.parquet", "saved")
    return [folder / name for name in files]


def test_lists_of_tags_in_tables(tmp_path: Path) -> None:
    frames = [FRAME, pl.from_pandas(FRAME), datasets.Dataset.from_pandas(FRAME)]
    for k, source in enumerate([*tables(tmp_path), *frames]):
        features = build(source, HashEncoder(), tmp_path / f"{k}.elmo", tags=["ner", "pos"])
        assert held(features, "ner") == RIGHT, source
        assert features.tag_names("pos") == ("A", "B", "C") and features.encoding["text"]["tokenizer"] == "tokens"
    one = build({"test": FRAME, "train": FRAME}, HashEncoder(), tmp_path / "one.elmo", tags="ner")
    assert held(one, split="test") == RIGHT
    lists = build(TOKENS, HashEncoder(), tmp_path / "lists.elmo", tags={"ner": NER, "pos": POS})
    assert lists.manifest.corpus_fingerprint == features.manifest.corpus_fingerprint


def test_names_of_tags_that_hugging_face_has(tmp_path: Path) -> None:
    names = ["O", "B-PER", "I-PER"]
    features = datasets.Features(
        {
            "tokens": datasets.Sequence(datasets.Value("string")),
            "ner_tags": datasets.Sequence(datasets.ClassLabel(names=names)),
        }
    )
    made = datasets.Dataset.from_dict({"tokens": [["Jo", "Di", "ran"], ["He"]], "ner_tags": [[1, 2, 0], [0]]}, features)
    made.to_parquet(tmp_path / "a.parquet")
    made.save_to_disk(tmp_path / "saved")
    right = [[(token, names[tag]) for token, tag in zip(row["tokens"], row["ner_tags"], strict=True)] for row in made]
    by_split = datasets.DatasetDict({"train": made})
    for k, source in enumerate([made, by_split, tmp_path / "a.parquet", tmp_path / "saved"]):
        found = build(source, HashEncoder(), tmp_path / f"{k}.elmo", tags="ner_tags")
        assert held(found) == right


def test_numbers_as_tags(tmp_path: Path) -> None:
    frame = pd.DataFrame({"tokens": [["a", "b"]], "tags": [[10, 9]]})
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    for corpus in (HeldCorpus(frame, tags="tags"), open_corpus(tmp_path / "a.jsonl", tag_columns=["tags"])):
        assert [document.tags for document in corpus.documents()] == [{"tags": ("10", "9")}]
    assert make(frame, tmp_path, tags="tags").tag_names() == ("9", "10")


NO_LIST = {"name": "'tags'", "expected": "an array, a tag for each token"}
NO_LIST_IN_A_TABLE = {"column": "tags", "expected": "lists of strings or of whole numbers", "role": "tags"}


@pytest.mark.parametrize(
    ("name", "frame", "says"),
    [
        *(
            (name, pd.DataFrame(columns), CorpusError(message, **data))
            for name in ("a.parquet", "a.jsonl")
            for columns, message, data in (
                (
                    {"tokens": [["a", "b"]], "tags": [["X"]]},
                    messages.TAGS_DIFFER,
                    {"found": 1, "name": "tags", "expected": 2},
                ),
                ({"text": ["a"], "tags": [["X"]]}, messages.UNEXPECTED, {"found": "a text with tags"}),
            )
        ),
        *(
            ("a.parquet", pd.DataFrame(columns), CorpusError(message, **data))
            for columns, message, data in (
                (
                    {"tokens": [["a"]], "tags": ["X"]},
                    messages.COLUMN_TYPE,
                    {"found": re.compile("string"), **NO_LIST_IN_A_TABLE},
                ),
                (
                    {"tokens": [["a"]], "tags": [[["X"]]]},
                    messages.COLUMN_TYPE,
                    {"found": re.compile("list<.*list<"), **NO_LIST_IN_A_TABLE},
                ),
                (
                    {"tokens": [["a"]], "tag": [["X"]]},
                    messages.NO_COLUMN_FOR,
                    {"column": "tags", "role": "tags", "found": "'tokens', 'tag'"},
                ),
                (
                    {"tokens": [["a"], ["b"]], "tags": [["X"], None]},
                    messages.NO_VALUE,
                    {"where": re.compile("row 1, column 'tags'$"), "name": "tags"},
                ),
            )
        ),
        *(
            ("a.jsonl", pd.DataFrame(columns), CorpusError(message, **data))
            for columns, message, data in (
                ({"tokens": [["a"]], "tags": ["X"]}, messages.INVALID_ENTRY, {"found": "a JSON string", **NO_LIST}),
                (
                    {"tokens": [["a"]], "tags": [[["X"]]]},
                    messages.INVALID_ENTRY,
                    {"name": "'tags'", "found": "a JSON array", "expected": "a string, a whole number or a boolean"},
                ),
                (
                    {"tokens": [["a"]], "tag": [["X"]]},
                    messages.NO_COLUMN,
                    {"column": "tags", "found": "'tokens', 'tag'", "name": "tag_columns"},
                ),
                (
                    {"tokens": [["a"], ["b"]], "tags": [["X"], None]},
                    messages.INVALID_ENTRY,
                    {"where": re.compile("line 2$"), "found": "a JSON null", **NO_LIST},
                ),
            )
        ),
    ],
)
def test_lists_that_are_refused(tmp_path: Path, name: str, frame: pd.DataFrame, says: CorpusError) -> None:
    if name == "a.parquet":
        frame.to_parquet(tmp_path / name)
    else:
        frame.to_json(tmp_path / name, orient="records", lines=True)
    with raises(says):
        make(tmp_path / name, tmp_path, tags="tags")


def test_another_tag_is_another_corpus(tmp_path: Path) -> None:
    make(TOKENS, tmp_path, tags=NER)
    make(TOKENS, tmp_path, tags=NER)
    for other in (POS, None):
        with raises(messages.CORPUS_CHANGED, MismatchError):
            make(TOKENS, tmp_path, tags=other)


# After the window.

documents_of_tags = st.lists(
    st.lists(st.tuples(st.sampled_from(["a", "b b", "", "<PAD>"]), st.sampled_from(["X", "Y", None])), max_size=9),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(
    rows=documents_of_tags,
    window=st.integers(0, 5),
    keep=st.sampled_from(["last", "first"]),
    padding=st.booleans(),
    num_words=st.sampled_from([None, 5]),
)
def test_every_row_keeps_its_tag(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[tuple[str, str | None]]],
    window: int,
    keep: str,
    padding: bool,
    num_words: int | None,
) -> None:
    padding = padding and window > 0
    rule = TextRule(max_tokens=window, keep=keep, literal_padding=padding, num_words=num_words)
    source = [[token for token, _ in row] for row in rows]
    features = make(source, tmp_path_factory.mktemp("c"), tags=[[tag for _, tag in row] for row in rows], rule=rule)
    names, train = features.tag_names(), features["train"].by_corpus_order()
    for i, row in enumerate(rows):
        expected = [None] * (num_words is not None) + [tag for _, tag in row]
        if window:
            expected = expected[-window:] if keep == "last" else expected[:window]
        if padding:
            expected = [None] * (window - len(expected)) + expected
        tags = train.tags(i)
        assert tags.dtype == np.int32 and len(tags) == len(train.tokens(i)) == len(train[i])
        assert [None if tag < 0 else names[tag] for tag in tags] == expected


def test_a_tagged_line_of_json_by_command(tmp_path: Path) -> None:
    lines = [{"tokens": ["a", "b"], "ner": ["O", None], "label": "x"}, {"tokens": ["c"], "ner": ["B"], "label": "y"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    plan = run_cache("build", tmp_path / "c", "--corpus", tmp_path / "a.jsonl", "--tag-column", "ner", "--dry-run")
    assert plan.exit_code == 0, plan.output
    refused = run_cache("build", tmp_path / "c", "--corpus", tmp_path / "a.jsonl", "--tag-column", "pos")
    data = {"where": f"{tmp_path / 'a.jsonl'}, line 1", "column": "pos", "found": "'tokens', 'ner', 'label'"}
    assert error_of(refused) == f"Error: {said(messages.NO_COLUMN, build_command, **data, name='tag_columns')}"
