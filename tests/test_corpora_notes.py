"""What is done to a text as it is read, and said: spaces that are dropped, carriage returns."""

import json
from pathlib import Path

import pandas as pd
import pytest
from commands import run_cache
from tiny_elmo import SMALL, write_elmo

from elmo_cache.text.corpora import Corpus, corpus_of, open_corpus
from elmo_cache.text.corpora.derived import DividedCorpus, JoinedCorpus, RenamedCorpus

ROWS = [("a film", " pos"), ("dull", "neg"), ("fine", "pos\t"), ("bad", "neg")]


def notes_of(corpus: Corpus) -> list[str]:
    """What a corpus says once it was read, each time the same."""
    for _ in range(2):
        list(corpus.documents())
    return list(corpus.notes)  # type: ignore[attr-defined]


def as_file(folder: Path, name: str) -> Path:
    path = folder / name
    frame = pd.DataFrame(ROWS, columns=["text", "label"])
    if name.endswith("csv"):
        path.write_text("text , label\n" + "".join(f"{text},{label}\n" for text, label in ROWS))
    elif name.endswith("jsonl"):
        path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in ROWS))
    else:
        frame.to_parquet(path)
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_labels_that_lose_their_spaces(tmp_path: Path, name: str) -> None:
    path = as_file(tmp_path, name)
    corpus = open_corpus(path)
    assert [d.label for d in corpus.documents()] == ["pos", "neg", "pos", "neg"]
    header = ["spaces around header cells were dropped: 'text ', ' label'"] if name == "a.csv" else []
    said = [*header, "spaces around 2 labels were dropped"]
    assert notes_of(corpus) == said
    assert notes_of(RenamedCorpus(corpus, {"pos": "good"})) == said
    assert notes_of(DividedCorpus(corpus, 0.5)) == said
    assert notes_of(JoinedCorpus([("train", open_corpus(path))])) == [f"{name}: {note}" for note in said]
    assert [d.label for d in open_corpus(path, label_names=["pos", "neg"]).documents()] == ["pos", "neg"] * 2


def test_labels_in_memory() -> None:
    texts, labels = zip(*ROWS, strict=True)
    for corpus in (corpus_of(texts, labels=labels), corpus_of(pd.DataFrame(ROWS, columns=["text", "label"]))):
        assert notes_of(corpus) == ["spaces around 2 labels were dropped"]
    assert notes_of(corpus_of(["a"], labels=["b"])) == []


def test_the_plan_says_it(tmp_path: Path) -> None:
    elmo = write_elmo(tmp_path / "elmo", SMALL)
    build = ("build", tmp_path / "c", "--encoder", elmo, "--corpus")
    done = run_cache(*build, as_file(tmp_path, "a.csv"), "--dry-run")
    assert done.exit_code == 0, done.output
    assert "Note: spaces around header cells were dropped: 'text ', ' label'\n" in done.output
    assert "Note: spaces around 2 labels were dropped\n" in done.output and "labels neg 2, pos 2" in done.output
    (tmp_path / "b.csv").write_text("text,label\na film,pos\n")
    assert "Note" not in run_cache(*build, tmp_path / "b.csv", "--dry-run").output


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_carriage_returns_alone_end_lines(tmp_path: Path, bom: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(bom + b"one\r\rthree and\rfour")
    corpus = open_corpus(tmp_path / "a.txt")
    assert [d.text for d in corpus.documents()] == ["one", "", "three and", "four"]
    assert notes_of(corpus) == [
        "there is no line feed in the file: each carriage return was taken as the end of a line"
    ]
    (tmp_path / "b.txt").write_bytes(b"__label__a one\r__label__b two\r")
    assert [(d.label, d.text) for d in open_corpus(tmp_path / "b.txt").documents()] == [("a", "one"), ("b", "two")]


def test_a_carriage_return_inside_a_line_is_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo\rparts\n\r\rthree\r\n")
    corpus = open_corpus(tmp_path / "a.txt")
    assert [d.text for d in corpus.documents()] == ["one", "two\rparts", "\r\rthree"]
    assert notes_of(corpus) == [
        "2 lines with a carriage return inside, which was taken as text: only a line feed ends a line"
    ]
    (tmp_path / "b.txt").write_bytes(b"one\r\n\r\n")
    assert notes_of(open_corpus(tmp_path / "b.txt")) == []


def test_encode_says_it_too(tmp_path: Path) -> None:
    elmo = write_elmo(tmp_path / "elmo", SMALL)
    (tmp_path / "a.txt").write_bytes(b"one\rtwo words\r")
    done = run_cache("encode", "--file", tmp_path / "a.txt", "--encoder", elmo)
    assert done.exit_code == 0 and "two words" in done.stdout and "one" in done.stdout
    assert "Note: there is no line feed in the file: each carriage return was taken as the end" in done.stderr
