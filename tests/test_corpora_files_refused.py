"""A user's own file that cannot be read: the one line it is refused with, and where."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

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


def failure(path: Path, **options: Any) -> str:
    """The one line that reading the file ends in."""
    with pytest.raises(CorpusError) as caught:
        read(path, **options)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and "\r" not in message
    return message.removeprefix(str(path))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", b"one\ntw\xffo\n", ", line 2: not UTF-8 (byte 0xff at offset 2 of the line); save"),
        ("a.csv", b'text\none\n"tw\no\xe9"\n', ", line 4: not UTF-8 (byte 0xe9 at offset 1"),
        ("a.tsv", b"te\xffxt\none\n", ", line 1: not UTF-8"),
        ("a.jsonl", b'{"text": "one"}\n{"text": "\xc3"}\n', ", line 2: not UTF-8 (byte 0xc3"),
        ("a.txt", "one\n".encode("utf-16"), ": this is UTF-16, expected"),
        ("a.txt", "one\r\ntwo\n".encode("utf-16-le"), ": this is UTF-16, expected"),
        ("a.txt", "один и два\n".encode("utf-16-be"), ": this is UTF-16, expected"),
        ("a.csv", "text,label\nодин,x\n".encode("utf-16-le"), ": this is UTF-16, expected"),
        ("a.txt.gz", gzip.compress("one\ntwo\n".encode("utf-16-le"), mtime=0), ": this is UTF-16, expected"),
    ],
)
def test_not_utf_8(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    assert says in failure(write(tmp_path, name, content))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "no column 'text', found 'body', 'stars'; name the column with text_column"),
        ({"text_column": "x"}, "no column 'x', found 'body', 'stars'; name the column with text_column"),
        (
            {"text_column": "body", "label_column": "y"},
            "no column 'y', found 'body', 'stars'; name the column with label",
        ),
        (
            {"text_column": "body", "split_column": "z"},
            "no column 'z', found 'body', 'stars'; name the column with split",
        ),
        ({"text_column": "body", "label_names": ["1"]}, "expected one of 1; give label_column"),
    ],
)
def test_missing_column(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    assert says in failure(write(tmp_path, "a.csv", "body,stars\nGood,5\n"), **options)
    message = failure(write(tmp_path, "a.jsonl", lines_of({"body": "Good", "stars": 5})), **options)
    assert says in message and ", line 1: " in message


def test_column_missing_later(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", lines_of({"text": "one"}, {"body": "two"}))
    assert ", line 2: no column 'text', found 'body'; name" in failure(path)


def test_column_twice(tmp_path: Path) -> None:
    assert ", line 1: two columns 'text'" in failure(write(tmp_path, "a.csv", "text,a,text\n1,2,3\n"))
    assert ", line 1: two columns 'label'" in failure(write(tmp_path, "a.csv", "text,label,label\n1,2,3\n"))


@pytest.mark.parametrize(("row", "n_cells"), [("one", 1), ("a,b,c", 3)])
def test_cells_too_few_or_many(tmp_path: Path, row: str, n_cells: int) -> None:
    # The row before holds line ends: the number is the line's, not the row's.
    message = failure(write(tmp_path, "a.csv", f'text,label\n"x\ny\nz",pos\n{row}\n'))
    assert f", line 5: {n_cells} cells, expected 2 as in the header" in message


@pytest.mark.parametrize("rows", ["one,pos\ntwo,\n", "one,\ntwo,pos\n"])
def test_label_missing_in_a_table(tmp_path: Path, rows: str) -> None:
    line = 1 + (2 if rows.endswith(",\n") else 1)
    message = failure(write(tmp_path, "a.csv", f"text,label\n{rows}"))
    assert f", line {line}: no value in column 'label', expected one in every record" in message


@pytest.mark.parametrize("second", [{"text": "b"}, {"text": "b", "label": None}, {"text": "b", "label": ""}])
def test_label_missing_in_json(tmp_path: Path, second: dict[str, Any]) -> None:
    path = write(tmp_path, "a.jsonl", lines_of({"text": "a", "label": 0}, second))
    assert ", line 2: no value in column 'label'" in failure(path)


def test_label_or_split_only_later(tmp_path: Path) -> None:
    for column in ("label", "split"):
        path = write(tmp_path, "a.jsonl", lines_of({"text": "a"}, {"text": "b", column: "x"}))
        assert f", line 2: a {column}, but the first record has none" in failure(path)


def test_unknown_label(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,pos\nb,Neg\n")
    assert ", line 3: label 'Neg', expected one of neg,pos" in failure(path, label_names=["neg", "pos"])


@pytest.mark.parametrize("names", [[], ["a", "a"], ["a", ""]])
def test_labels_that_are_no_classes(tmp_path: Path, names: list[str]) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,a\n")
    with pytest.raises(CorpusError, match="label_names .*expected distinct class names, none of them empty"):
        open_corpus(path, label_names=names)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"text": "b"', "not JSON (Expecting ',' delimiter"),
        ("b", "not JSON (Expecting value"),
        ('["b"]', "a JSON array, expected an object"),
        ('"b"', "a JSON string, expected an object"),
        ("null", "a JSON null, expected an object"),
        ("1.5", "a JSON number, expected an object"),
        ("[" * 100_000, "not JSON (maximum recursion depth"),
        ('{"text": 1' + "0" * 5000 + "}", "not JSON (Exceeds the limit"),
        ('{"text": 5}', "'text' is a JSON number, expected a string"),
        ('{"text": null}', "'text' is a JSON null, expected a string"),
        ('{"text": true}', "'text' is a JSON boolean, expected a string"),
        ('{"text": "b \\ud83d"}', "'text' has half a surrogate pair (\\ud83d)"),
    ],
)
def test_bad_json(tmp_path: Path, line: str, says: str) -> None:
    message = failure(write(tmp_path, "a.jsonl", '{"text": "a"}\n' + line + "\n"))
    assert message.startswith(f", line 2: {says}")


@pytest.mark.parametrize(
    ("label", "says"),
    [
        (1.5, "number, expected a string, a whole number or a boolean"),
        ([], "array"),
        ({}, "object"),
        ("\udc00", "surrogate"),
    ],
)
def test_json_label_of_another_type(tmp_path: Path, label: object, says: str) -> None:
    message = failure(write(tmp_path, "a.jsonl", lines_of({"text": "a", "label": label})))
    assert message.startswith(", line 1: 'label' ") and says in message


@pytest.mark.parametrize("split", ["", "a b", "../x", "ä", "x" * 65])
def test_split_name(tmp_path: Path, split: str) -> None:
    expected = f"split {split!r}, expected a name of 1 to 64 letters, digits, '_' or '-'"
    assert expected in failure(write(tmp_path, "a.csv", f'text,split\na,"{split}"\n'))
    message = failure(write(tmp_path, "a.jsonl", lines_of({"text": "a", "split": split})))
    assert (expected if split else "no value in column 'split'") in message


def test_json_split_of_another_type(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", lines_of({"text": "a", "split": 1}))
    assert ", line 1: 'split' is a JSON number, expected a string" in failure(path)


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
    assert failure(write(tmp_path, name, content)) == ": no documents, expected at least one"


@pytest.mark.parametrize(("rows", "line"), [('"x\ny",a\n"b,a\nc,a\n', 4), ('a,a\n"b"c,a\n', 3), ('a,a\na,"b', 3)])
def test_quotation_marks(tmp_path: Path, rows: str, line: int) -> None:
    message = failure(write(tmp_path, "a.csv", f"text,label\n{rows}"))
    assert f", line {line}: not a row of cells (" in message and "check its quotation marks" in message


def test_zero_characters_in_utf_8_are_text(tmp_path: Path) -> None:
    rows = ["a\0b", "\0\0 c", "d"]
    assert [d.text for d in read(write(tmp_path, "a.txt", "\n".join(rows) + "\n"))] == rows


@pytest.mark.parametrize(("name", "content"), [("a.txt", b"\xef\xbb\xbf"), ("a.txt", b""), ("a.csv", b"\xef\xbb\xbf")])
def test_nothing_but_a_byte_order_mark(tmp_path: Path, name: str, content: bytes) -> None:
    assert failure(write(tmp_path, name, content)) == ": no documents, expected at least one"


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_key_that_stands_there_twice(tmp_path: Path, name: str) -> None:
    brackets = ("[", "]") if name == "a.json" else ("", "")
    good = '{"text": "a", "meta": {"x": 1, "x": 2}, "n": 1, "n": 2, "label": "p"}'  # not what is read
    assert [d.text for d in read(write(tmp_path, name, good.join(brackets)))] == ["a"]
    for key in ("text", "label"):
        twice = f'{{"text": "a", "label": "p", "{key}": "b"}}'
        assert f", line 1: the key '{key}' twice, expected once" in failure(write(tmp_path, name, twice.join(brackets)))


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
def test_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    path = write(tmp_path, name, '"text"\n'[: 7 if name == "a.csv" else 0] + "x" * 101)
    assert f", line {2 if name == 'a.csv' else 1}: longer than 100 bytes" in failure(path)


def test_cell_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = csv.field_size_limit(100)
    try:
        monkeypatch.setattr(delimited, "MAX_LINE_BYTES", 100)
        path = write(tmp_path, "a.csv", 'text\n"' + "x\n" * 100)
        assert ", line 2: not a row of cells (field larger than field limit (100))" in failure(path)
    finally:
        csv.field_size_limit(before)


def test_file_that_goes_away(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "one\n")
    corpus = open_corpus(path)
    path.unlink()
    with pytest.raises(CorpusError, match="a.txt: cannot be read .No such file"):
        list(corpus.documents())


def test_a_wrong_first_record_shows_on_opening(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no column 'text'"):
        open_corpus(write(tmp_path, "a.csv", "body\nGood\n"))
