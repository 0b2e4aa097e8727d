"""A user's own file: the documents it gives."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from errors_expected import raises
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import Corpus, Document, open_corpus

STRANGE = "NUL \x00 bell \x07 escape \x1b, 👩‍👧 🎬 \u2028\u2029\x85\x1c\x0b\x0c no line ends, \ufeff, \U0010ffff"
# tmp_path is one folder for all of hypothesis's examples; each writes its file anew.
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
texts = st.text(st.characters(exclude_categories=["Cs"]))


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def read(path: Path, **options: Any) -> list[Document]:
    return list(open_corpus(path, **options).documents())


def lines_of(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def documents(rows: Iterable[tuple[str, int, str | None, str]]) -> list[Document]:
    return [Document(*row) for row in rows]


# What a good file gives.


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.tsv", "\t"), ("A.CSV", ",")])
def test_table(tmp_path: Path, name: str, separator: str) -> None:
    rows = [["id", "text", "label", "split"], ["1", "Good", "pos", "train"], ["2", "Bad", "neg", "test"]]
    rows += [["3", "", "pos", "test"], ["4", "Fine", "neg", "train"]]
    corpus = open_corpus(write(tmp_path, name, "".join(separator.join(row) + "\n" for row in rows)))
    assert list(corpus.documents()) == documents(
        [
            ("train", 0, "pos", "Good"),
            ("test", 0, "neg", "Bad"),
            ("test", 1, "pos", ""),
            ("train", 1, "neg", "Fine"),
        ]
    )
    assert (corpus.name, corpus.tokenizer, corpus.word_ranks, corpus.label_names) == (name, None, None, None)
    assert corpus.split_rule == {"rule": "column", "column": "split"}


def test_table_columns_by_options(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "split,label,text,body,stars,part\nx,y,z,Good,5,a\nx,y,z,Bad,1,b\n")
    corpus = open_corpus(path, text_column="body", label_column="stars", split_column="part", label_names=["1", "5"])
    assert list(corpus.documents()) == documents([("a", 0, "5", "Good"), ("b", 0, "1", "Bad")])
    assert corpus.label_names == ("1", "5")
    assert corpus.split_rule == {"rule": "column", "column": "part"}


def test_table_of_text_alone(tmp_path: Path) -> None:
    corpus = open_corpus(write(tmp_path, "a.csv", "text\none\ntwo"))
    assert list(corpus.documents()) == documents([("train", 0, None, "one"), ("train", 1, None, "two")])
    assert corpus.split_rule == {"rule": "all in train"}


def test_text_column_named_label_is_no_label(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a.csv", "label\none\n"), text_column="label") == [Document("train", 0, None, "one")]
    path = write(tmp_path, "a.jsonl", lines_of({"split": "one"}, {"split": "two"}))
    assert [d.text for d in read(path, text_column="split")] == ["one", "two"]


def test_table_quoting_line_ends_and_blank_lines(tmp_path: Path) -> None:
    content = '\ufefftext,label\r\n\r\n"a ""b"", c\nd\re\r\nf",pos\r\n\r\ng,neg\r\n'
    assert [(d.text, d.label) for d in read(write(tmp_path, "a.csv", content))] == [
        ('a "b", c\nd\re\r\nf', "pos"),
        ("g", "neg"),
    ]


def test_table_with_carriage_returns_alone(tmp_path: Path) -> None:
    assert [d.text for d in read(write(tmp_path, "a.csv", "text\rone\rtwo\r"))] == ["one", "two"]


def test_json_lines(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "a.jsonl",
        "\ufeff"
        + lines_of({"text": "Good", "label": 1, "split": "train"}, {"split": "test", "label": 0, "text": "B\nad"})
        + "\n  \r\n"
        + lines_of({"text": "", "label": 10, "split": "test", "other": None}),
    )
    assert read(path) == documents([("train", 0, "1", "Good"), ("test", 0, "0", "B\nad"), ("test", 1, "10", "")])


def test_json_labels_of_each_type(tmp_path: Path) -> None:
    for values, names in (
        ([True, False], ["true", "false"]),
        ([3, -1], ["3", "-1"]),
        (["a", " B "], ["a", "B"]),
        ([1.0, 2.0], ["1", "2"]),
    ):
        path = write(tmp_path, "a.jsonl", lines_of(*({"text": "x", "y": value} for value in values)))
        assert [d.label for d in read(path, label_column="y")] == names


def test_json_without_labels(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", lines_of({"body": "one"}, {"body": "two"}))
    assert read(path, text_column="body") == documents([("train", 0, None, "one"), ("train", 1, None, "two")])


def test_text_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "\ufeffone\n\ntwo\r\nthree\r\r\nfour\rand five\n\n")
    assert [d.text for d in read(path)] == ["one", "", "two", "three\r", "four\rand five", ""]
    assert {(d.split, d.label) for d in read(path)} == {("train", None)}


def test_text_without_last_line_feed(tmp_path: Path) -> None:
    assert [d.text for d in read(write(tmp_path, "a.txt", "one\ntwo"))] == ["one", "two"]
    assert [d.text for d in read(write(tmp_path, "a.txt", "\n"))] == [""]


def test_strange_characters_survive(tmp_path: Path) -> None:
    table = io.StringIO(newline="")
    csv.writer(table).writerows([["text"], [STRANGE]])
    for name, content in (
        ("a.txt", STRANGE + "\n"),
        ("a.csv", table.getvalue()),
        ("a.jsonl", lines_of({"text": STRANGE})),
        ("b.jsonl", json.dumps({"text": STRANGE}, ensure_ascii=False)),
    ):
        assert [d.text for d in read(write(tmp_path, name, content))] == [STRANGE], name


def test_a_cell_longer_than_the_csv_module_takes(tmp_path: Path) -> None:
    text = "word " * 100_000
    assert len(text) > 131_072
    assert [d.text for d in read(write(tmp_path, "a.csv", f"text\n{text}\n"))] == [text]


def test_position_runs_to_size_and_back(tmp_path: Path) -> None:
    contents = {
        "a.txt": "one\ntwo\n",
        "a.csv": "text\none\ntwo",
        "a.jsonl": lines_of({"text": "1"}, {"text": "é"}),
    }
    for name, content in contents.items():
        path = write(tmp_path, name, content)
        corpus: Corpus = open_corpus(path)
        assert (corpus.position, corpus.size, corpus.unit) == (0, path.stat().st_size, "B")
        stream = corpus.documents()
        next(stream)
        assert 0 < corpus.position < corpus.size
        assert len(list(stream)) == 1
        assert corpus.position == corpus.size
        assert len(list(corpus.documents())) == 2


def test_reads_as_a_stream(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text\n" + "word\n" * 1_000_000)
    corpus = open_corpus(path)
    next(corpus.documents())
    assert corpus.position < 100


# Properties.


@same_folder
@given(rows=st.lists(st.tuples(texts, st.text('ab\x00é\n\r", \t').filter(str.strip)), min_size=1), tabs=st.booleans())
def test_any_table_comes_back(tmp_path: Path, rows: list[tuple[str, str]], tabs: bool) -> None:
    table = io.StringIO(newline="")
    csv.writer(table, delimiter="\t" if tabs else ",").writerows([("text", "label"), *rows])
    found = read(write(tmp_path, "a.tsv" if tabs else "a.csv", table.getvalue()), quoting="csv")
    assert [(d.text, d.label) for d in found] == [(text, label.strip()) for text, label in rows]
    assert [d.order for d in found] == list(range(len(rows)))


@same_folder
@given(rows=st.lists(texts, min_size=1), ascii_only=st.booleans())
def test_any_json_lines_come_back(tmp_path: Path, rows: list[str], ascii_only: bool) -> None:
    content = "".join(json.dumps({"text": text}, ensure_ascii=ascii_only) + "\n" for text in rows)
    assert [d.text for d in read(write(tmp_path, "a.jsonl", content))] == rows


@same_folder
@given(rows=st.lists(texts.map(lambda text: text.replace("\n", " ").rstrip("\r")), min_size=1))
def test_any_text_lines_come_back(tmp_path: Path, rows: list[str]) -> None:
    content = b"\xef\xbb\xbf" + "".join(text + "\n" for text in rows).encode("utf-8")
    assert [d.text for d in read(write(tmp_path, "a.txt", content))] == rows


@same_folder
@given(
    content=st.binary()
    | st.lists(st.sampled_from([b"text", b"label", b",", b'"', b"\n", b"\r", b"{", b"}", b":", b"[", b"x", b"\xff"]))
    .map(b"".join)
    .map(lambda tail: b"text,label\n" + tail),
    name=st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.txt"]),
)
def test_any_bytes_give_documents_or_one_line(tmp_path: Path, content: bytes, name: str) -> None:
    path = write(tmp_path, name, content)
    try:
        found = read(path)
    except CorpusError as error:
        assert str(error).startswith(str(path)) and len(str(error).splitlines()) == 1
    else:
        assert found
        for document in found:
            document.text.encode("utf-8")


# Quotation marks in .tsv.

CASES = Path(__file__).resolve().parent / "cases"


def test_quotation_marks_of_a_tsv_are_part_of_its_text() -> None:
    for name in ("a", "b", "c", "d", "labeled"):
        columns = {"text_column": "review", "label_column": "sentiment"} if name == "labeled" else {}
        lines = (CASES / f"{name}.tsv").read_text("utf-8").splitlines()
        cells = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]
        found = read(CASES / f"{name}.tsv", **columns)
        assert [(d.text, d.label) for d in found] == [
            (row[columns.get("text_column", "text")], row[columns.get("label_column", "label")]) for row in cells
        ]
    assert len(read(CASES / "c.tsv")) == 5


def test_doubtful_quotation_marks_of_a_tsv() -> None:
    path = CASES / "e.tsv"
    with raises(messages.QUOTING_DOUBTFUL, CorpusError, where=f"{path}, line 2"):
        open_corpus(path)
    assert [d.text for d in read(path, quoting="csv")] == ["Splendid film", "not my thing"]
    assert [d.text for d in read(path, quoting="none")] == ['"Splendid film"', "not my thing"]


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ('text\tlabel\n"a\tb"\tx\nc\ty\n', ["a\tb", "c"]),  # a tab inside
        ('text\tlabel\n"a\nb"\tx\n', ["a\nb"]),  # a line end inside
        ('"text"\t"label"\n"a"\t"x"\n', ["a"]),  # the header too is quoted
        ('text\tlabel\na "b" c\tx\n', ['a "b" c']),
        ("text\tlabel\na\tx\n", ["a"]),
    ],
)
def test_a_tsv_that_is_quoted(tmp_path: Path, content: str, texts: list[str]) -> None:
    assert [d.text for d in read(write(tmp_path, "a.tsv", content))] == texts


def test_one_column_with_a_quoted_line_end_is_doubtful(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", 'text\n"a\nb"\n')
    with raises(messages.QUOTING_DOUBTFUL, CorpusError, where=f"{path}, line 2"):
        open_corpus(path)
    assert [d.text for d in read(path, quoting="csv")] == ["a\nb"]


def test_a_csv_without_quoting(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'text,label\n"a,x\nb",y\n')
    assert [d.text for d in read(path, quoting="none")] == ['"a', 'b"']
    with raises(messages.INVALID_VALUE, CorpusError, name="quoting", found="'all'", expected="one of csv, none"):
        open_corpus(path, quoting="all")
    for other in (write(tmp_path, "a.jsonl", '{"text": "a"}\n'), write(tmp_path, "a.txt", "a\n")):
        with raises(messages.OPTION_NOT_APPLICABLE, CorpusError, name="quoting", corpus=str(other)):
            open_corpus(other, quoting="csv")
