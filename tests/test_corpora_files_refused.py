"""A user's own file that cannot be read: what it is refused for, and where."""

import csv
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from errors_expected import raises

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import Document, delimited, lines, open_corpus


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def read(path: Path, **options: Any) -> list[Document]:
    return list(open_corpus(path, **options).documents())


def lines_of(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def refused(path: Path, message: str, line: int | None = None, options: Any = None, /, **data: Any) -> None:
    """Check that reading the file ends with a message that says where in it something is wrong."""
    if line is not None:
        data["where"] = f"{path}, line {line}"
    with raises(message, CorpusError, **data) as caught:
        read(path, **(options or {}))
    assert str(path) in str(caught.value)


def not_utf_8(line: int, error: str) -> tuple[str, int, dict[str, Any]]:
    return messages.NOT_IN_ENCODING, line, {"expected": "UTF-8", "error": f"{error} of the line"}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", b"one\ntw\xffo\n", not_utf_8(2, "byte 0xff at offset 2")),
        ("a.csv", b'text\none\n"tw\no\xe9"\n', not_utf_8(4, "byte 0xe9 at offset 1")),
        ("a.tsv", b"te\xffxt\none\n", not_utf_8(1, "byte 0xff at offset 2")),
        ("a.jsonl", b'{"text": "one"}\n{"text": "\xc3"}\n', not_utf_8(2, "byte 0xc3 at offset 10")),
    ],
)
def test_not_utf_8(tmp_path: Path, name: str, content: bytes, says: tuple[str, int, dict[str, Any]]) -> None:
    message, line, data = says
    refused(write(tmp_path, name, content), message, line, **data)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "one\n".encode("utf-16")),
        ("a.txt", "one\r\ntwo\n".encode("utf-16-le")),
        ("a.txt", "один и два\n".encode("utf-16-be")),
        ("a.csv", "text,label\nодин,x\n".encode("utf-16-le")),
        ("a.txt.gz", gzip.compress("one\ntwo\n".encode("utf-16-le"), mtime=0)),
    ],
)
def test_utf_16(tmp_path: Path, name: str, content: bytes) -> None:
    path = write(tmp_path, name, content)
    refused(path, messages.IN_UTF_16, path=path)


@pytest.mark.parametrize(
    ("options", "column", "parameter"),
    [
        ({}, "text", "text_column"),
        ({"text_column": "x"}, "x", "text_column"),
        ({"text_column": "body", "label_column": "y"}, "y", "label_column"),
        ({"text_column": "body", "split_column": "z"}, "z", "split_column"),
    ],
)
def test_missing_column(tmp_path: Path, options: dict[str, Any], column: str, parameter: str) -> None:
    for path in (
        write(tmp_path, "a.csv", "body,stars\nGood,5\n"),
        write(tmp_path, "a.jsonl", lines_of({"body": "Good", "stars": 5})),
    ):
        refused(path, messages.NO_COLUMN, 1, options, column=column, found="'body', 'stars'", name=parameter)


def test_labels_without_their_column(tmp_path: Path) -> None:
    options = {"text_column": "body", "label_names": ["1"]}
    refused(write(tmp_path, "a.csv", "body,stars\nGood,5\n"), messages.NO_LABEL, 2, options, expected="1")
    path = write(tmp_path, "a.jsonl", lines_of({"body": "Good", "stars": 5}))
    refused(path, messages.NO_LABEL, 1, options, expected="1")


def test_column_missing_later(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", lines_of({"text": "one"}, {"body": "two"}))
    refused(path, messages.NO_COLUMN, 2, column="text", found="'body'", name="text_column")


def test_column_twice(tmp_path: Path) -> None:
    refused(write(tmp_path, "a.csv", "text,a,text\n1,2,3\n"), messages.COLUMN_TWICE, 1, column="text")
    refused(write(tmp_path, "a.csv", "text,label,label\n1,2,3\n"), messages.COLUMN_TWICE, 1, column="label")


@pytest.mark.parametrize(("row", "n_cells"), [("one", 1), ("a,b,c", 3)])
def test_cells_too_few_or_many(tmp_path: Path, row: str, n_cells: int) -> None:
    # The row before holds line ends: the number is the line's, not the row's.
    path = write(tmp_path, "a.csv", f'text,label\n"x\ny\nz",pos\n{row}\n')
    refused(path, messages.CELLS_DIFFER, 5, found=n_cells, expected=2)
    path = write(tmp_path, "a.csv", f"text,label\nx,pos\n{row}\n")
    refused(path, messages.UNQUOTED_CELLS_DIFFER, 3, {"quoting": "none"}, found=n_cells, expected=2)


@pytest.mark.parametrize("rows", ["one,pos\ntwo,\n", "one,\ntwo,pos\n"])
def test_label_missing_in_a_table(tmp_path: Path, rows: str) -> None:
    line = 1 + (2 if rows.endswith(",\n") else 1)
    path = write(tmp_path, "a.csv", f"text,label\n{rows}")
    refused(path, messages.NO_VALUE, where=f"{path}, line {line}, column 'label'", name="value")


@pytest.mark.parametrize("second", [{"text": "b"}, {"text": "b", "label": None}, {"text": "b", "label": ""}])
def test_label_missing_in_json(tmp_path: Path, second: dict[str, Any]) -> None:
    path = write(tmp_path, "a.jsonl", lines_of({"text": "a", "label": 0}, second))
    refused(path, messages.NO_VALUE, where=f"{path}, line 2, column 'label'", name="value")


def test_label_or_split_only_later(tmp_path: Path) -> None:
    for column in ("label", "split"):
        path = write(tmp_path, "a.jsonl", lines_of({"text": "a"}, {"text": "b", column: "x"}))
        refused(path, messages.COLUMN_OF_SOME_RECORDS, 2, column=column)


def test_unknown_label(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,pos\nb,Neg\n")
    options = {"label_names": ["neg", "pos"]}
    refused(path, messages.INVALID_ENTRY, 3, options, name="the label", found="'Neg'", expected="one of neg, pos")


@pytest.mark.parametrize("names", [[], ["a", "a"], ["a", ""], "no"])
def test_labels_that_are_no_classes(tmp_path: Path, names: list[str]) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,a\n")
    expected = "a list of distinct class names, none of them empty"
    with raises(messages.INVALID_VALUE, CorpusError, name="label_names", found=repr(names), expected=expected):
        open_corpus(path, label_names=names)


@pytest.mark.parametrize(
    ("line", "message", "data"),
    [
        ('{"text": "b"', messages.NOT_JSON, {"error": re.compile("^Expecting ',' delimiter")}),
        ("b", messages.NOT_JSON, {"error": re.compile("^Expecting value")}),
        ("[" * 100_000, messages.NOT_JSON, {"error": re.compile("^maximum recursion depth")}),
        ('{"text": 1' + "0" * 5000 + "}", messages.NOT_JSON, {"error": re.compile("^Exceeds the limit")}),
        ('["b"]', messages.UNEXPECTED, {"found": "a JSON array"}),
        ('"b"', messages.UNEXPECTED, {"found": "a JSON string"}),
        ("null", messages.UNEXPECTED, {"found": "a JSON null"}),
        ("1.5", messages.UNEXPECTED, {"found": "a JSON number"}),
    ],
)
def test_bad_json(tmp_path: Path, line: str, message: str, data: dict[str, Any]) -> None:
    path = write(tmp_path, "a.jsonl", '{"text": "a"}\n' + line + "\n")
    refused(path, message, 2, expected="an object per line", **data)


@pytest.mark.parametrize(("text", "found"), [(5, "a JSON number"), (None, "a JSON null"), (True, "a JSON boolean")])
def test_json_text_of_another_type(tmp_path: Path, text: object, found: str) -> None:
    path = write(tmp_path, "a.jsonl", lines_of({"text": "a"}, {"text": text}))
    refused(path, messages.INVALID_ENTRY, 2, name="'text'", found=found, expected="a string or an array of strings")


@pytest.mark.parametrize(("label", "found"), [(1.5, "a JSON number"), ([], "a JSON array"), ({}, "a JSON object")])
def test_json_label_of_another_type(tmp_path: Path, label: object, found: str) -> None:
    path = write(tmp_path, "a.jsonl", lines_of({"text": "a", "label": label}))
    expected = "a string, a whole number or a boolean"
    refused(path, messages.INVALID_ENTRY, 1, name="'label'", found=found, expected=expected)


@pytest.mark.parametrize("column", ["text", "label"])
def test_half_a_surrogate_pair_in_json(tmp_path: Path, column: str) -> None:
    path = write(tmp_path, "a.jsonl", lines_of({"text": "a", "label": "b", column: "b \ud83d"}))
    refused(path, messages.HALF_SURROGATE, 1, name=repr(column), found="\\ud83d")


@pytest.mark.parametrize("split", ["", "a b", "../x", "ä", "x" * 65])
def test_split_name(tmp_path: Path, split: str) -> None:
    said = {"name": "the split", "found": repr(split), "expected": "a name of 1 to 64 letters, digits, '_' or '-'"}
    refused(write(tmp_path, "a.csv", f'text,split\na,"{split}"\n'), messages.INVALID_ENTRY, 2, **said)
    path = write(tmp_path, "a.jsonl", lines_of({"text": "a", "split": split}))
    if split:
        refused(path, messages.INVALID_ENTRY, 1, **said)
    else:
        refused(path, messages.NO_VALUE, where=f"{path}, line 1, column 'split'", name="value")


def test_json_split_of_another_type(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", lines_of({"text": "a", "split": 1}))
    refused(path, messages.INVALID_ENTRY, 1, name="'split'", found="a JSON number", expected="a string")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", ""),
        ("a.csv", ""),
        ("a.csv", "\n\n"),
        ("a.csv", "text\n"),
        ("a.jsonl", ""),
        ("a.jsonl", "\n"),
    ],
)
def test_empty_corpus(tmp_path: Path, name: str, content: str) -> None:
    path = write(tmp_path, name, content)
    refused(path, messages.NO_DOCUMENTS, path=path)


@pytest.mark.parametrize(("rows", "line"), [('"x\ny",a\n"b,a\nc,a\n', 4), ('a,a\n"b"c,a\n', 3), ('a,a\na,"b', 3)])
def test_quotation_marks(tmp_path: Path, rows: str, line: int) -> None:
    refused(write(tmp_path, "a.csv", f"text,label\n{rows}"), messages.BAD_ROW, line)


def test_zero_characters_in_utf_8_are_text(tmp_path: Path) -> None:
    rows = ["a\0b", "\0\0 c", "d"]
    assert [d.text for d in read(write(tmp_path, "a.txt", "\n".join(rows) + "\n"))] == rows


@pytest.mark.parametrize(("name", "content"), [("a.txt", b"\xef\xbb\xbf"), ("a.txt", b""), ("a.csv", b"\xef\xbb\xbf")])
def test_nothing_but_a_byte_order_mark(tmp_path: Path, name: str, content: bytes) -> None:
    path = write(tmp_path, name, content)
    refused(path, messages.NO_DOCUMENTS, path=path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_key_that_stands_there_twice(tmp_path: Path, name: str) -> None:
    brackets = ("[", "]") if name == "a.json" else ("", "")
    good = '{"text": "a", "meta": {"x": 1, "x": 2}, "n": 1, "n": 2, "label": "p"}'  # not what is read
    assert [d.text for d in read(write(tmp_path, name, good.join(brackets)))] == ["a"]
    for key in ("text", "label"):
        twice = f'{{"text": "a", "label": "p", "{key}": "b"}}'
        refused(write(tmp_path, name, twice.join(brackets)), messages.COLUMN_TWICE, 1, column=key)


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
def test_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    path = write(tmp_path, name, '"text"\n'[: 7 if name == "a.csv" else 0] + "x" * 101)
    refused(path, messages.LINE_TOO_LONG, 2 if name == "a.csv" else 1, most=100)


def test_cell_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = csv.field_size_limit(100)
    try:
        monkeypatch.setattr(delimited, "MAX_LINE_BYTES", 100)
        path = write(tmp_path, "a.csv", 'text\n"' + "x\n" * 100)
        refused(path, messages.BAD_ROW, 2, error="field larger than field limit (100)")
    finally:
        csv.field_size_limit(before)


def test_file_that_goes_away(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "one\n")
    corpus = open_corpus(path)
    path.unlink()
    with raises(messages.CANNOT_READ, CorpusError, path=path, error="No such file or directory"):
        list(corpus.documents())


def test_a_wrong_first_record_shows_on_opening(tmp_path: Path) -> None:
    with raises(messages.NO_COLUMN, CorpusError, column="text", found="'body'"):
        open_corpus(write(tmp_path, "a.csv", "body\nGood\n"))
