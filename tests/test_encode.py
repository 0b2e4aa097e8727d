"""`elmo-cache encode`: the vectors of a few texts, shown or saved, are those that a cache would hold."""

import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from commands import error_of, run_cache
from errors_expected import said
from tiny_elmo import SMALL, assert_close, expected_layers, write_elmo

from cache import CacheError, FeatureCache
from cache import messages as store
from cache.files import temporary_files
from elmo_cache import messages
from elmo_cache.cli import main

TEXTS = ["This film wasn't bad...", "", "naïve 😀 <br />", "This film"]
WORDS = [["This", "film", "was", "n't", "bad", "..."], [], ["naïve", "😀"], ["This", "film"]]


@pytest.fixture(scope="module")
def elmo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_elmo(tmp_path_factory.mktemp("elmo"), SMALL)


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    (tmp_path / "reviews.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return tmp_path / "reviews.txt"


def saved(path: Path) -> tuple[list[np.ndarray], list[list[str]]]:
    """Read a file as the help says, into the vectors and words of each text."""
    with np.load(path, allow_pickle=False) as file:
        assert sorted(file.files) == ["indptr", "texts", "tokens", "vectors"]
        vectors, indptr, tokens, texts = (file[n] for n in ("vectors", "indptr", "tokens", "texts"))
    assert vectors.dtype == np.float32 and indptr.dtype == np.int64 and len(texts) == len(indptr) - 1
    assert tokens.dtype.kind == texts.dtype.kind == "U" and vectors.shape[-2] == indptr[-1] == len(tokens)
    words = tokens.tolist()
    parts = list(itertools.pairwise(indptr))
    return [vectors[..., a:b, :] for a, b in parts], [words[a:b] for a, b in parts]


def test_shapes_are_shown(elmo: Path) -> None:
    done = run_cache("encode", *TEXTS, "x" * 100, "--encoder", elmo)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [
        "    6 tokens  (6, 8)  This film was n't bad ...",
        "    0 tokens  (0, 8)  ",
        "    2 tokens  (2, 8)  naïve 😀",
        "    2 tokens  (2, 8)  This film",
        f"     1 token  (1, 8)  {'x' * 60}…",
    ]


@pytest.mark.parametrize("layers", ["mix", "top", "all"])
def test_what_is_saved_is_what_the_encoder_makes(elmo: Path, reviews: Path, layers: str) -> None:
    out = reviews.with_name("v.npz")
    out.write_text("replaced")
    done = run_cache("encode", "--file", reviews, "--encoder", elmo, "--layers", layers, "--out", out)
    assert done.exit_code == 0 and "4 texts, vectors (" in done.output
    vectors, words = saved(out)
    assert words == WORDS
    right = expected_layers(elmo, WORDS)
    if layers != "all":
        right = [array[-1] if layers == "top" else array.mean(axis=0) for array in right]
    assert_close(vectors, right)
    assert temporary_files(out.parent) == []


def read_back(path: Path, key: str) -> list[np.ndarray]:
    """Read the vectors of each text as the library does that a format is for."""
    if path.suffix == ".jsonl":
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    else:
        records = pq.read_table(path).to_pylist()
    assert [record["text"] for record in records] == TEXTS and [record["tokens"] for record in records] == WORDS
    return [np.array(record[key], np.float32) for record in records]


@pytest.mark.parametrize("layers", ["mix", pytest.param("all", marks=pytest.mark.slow)])
def test_all_formats_hold_the_same(elmo: Path, reviews: Path, layers: str) -> None:
    arguments = ("--file", reviews, "--encoder", elmo, "--layers", layers, "--out")
    for name in ("v.npz", "v.npy", "v.jsonl", "v.parquet"):
        assert run_cache("encode", *arguments, reviews.with_name(name)).exit_code == 0
    vectors, _ = saved(reviews.with_name("v.npz"))
    assert np.array_equal(np.load(reviews.with_name("v.npy")), np.concatenate(vectors, axis=-2))
    for name in ("v.jsonl", "v.parquet"):
        for found, right in zip(read_back(reviews.with_name(name), "vectors"), vectors, strict=True):
            np.testing.assert_array_equal(found.reshape(right.shape), right)
    rows = pq.read_schema(reviews.with_name("v.parquet")).field("vectors").type
    assert str(rows).count("fixed_size_list<") == 1 and str(rows).count("list<") == (3 if layers == "all" else 2)


@pytest.mark.slow
@pytest.mark.parametrize("layers", ["mix", "all"])
def test_one_vector_a_text(elmo: Path, reviews: Path, layers: str) -> None:
    arguments = ("--file", reviews, "--encoder", elmo, "--layers", layers, "--out")
    assert run_cache("encode", *arguments, reviews.with_name("v.npz")).exit_code == 0
    vectors, _ = saved(reviews.with_name("v.npz"))
    right = [rows.mean(axis=-2) if rows.size else np.zeros((*rows.shape[:-2], 8), np.float32) for rows in vectors]
    for name in ("p.npy", "p.jsonl", "p.parquet"):
        assert run_cache("encode", *arguments, reviews.with_name(name), "--pool", "mean").exit_code == 0
    assert_close(np.load(reviews.with_name("p.npy")), np.stack(right, axis=-2))
    for name in ("p.jsonl", "p.parquet"):
        assert_close(read_back(reviews.with_name(name), "vector"), right)
    shown = run_cache("encode", "a film", "--encoder", elmo, "--layers", layers, "--pool", "max").output
    assert ("(3, 8)" if layers == "all" else "(8,)") in shown


def test_a_cache_holds_the_same(elmo: Path, reviews: Path, tmp_path: Path) -> None:
    assert run_cache("build", tmp_path / "c", "--corpus", reviews, "--encoder", elmo).exit_code == 0
    assert run_cache("encode", "--file", reviews, "--encoder", elmo, "--out", tmp_path / "v.npz").exit_code == 0
    vectors, words = saved(tmp_path / "v.npz")
    with FeatureCache(tmp_path / "c") as features:
        train = features["train"]
        for i, doc_id in enumerate(train.doc_ids.tolist()):
            assert train.tokens(i) == words[doc_id]
            np.testing.assert_allclose(train[i].astype(np.float32), vectors[doc_id], rtol=2e-3, atol=1e-5)


def test_standard_input_and_texts_give_the_same(elmo: Path, tmp_path: Path) -> None:
    arguments = ["--encoder", str(elmo), "--tokenizer", "keras", "--out"]
    lines = "\ufeff" + "\r\n".join(TEXTS)
    done = CliRunner().invoke(main, ["encode", "--file", "-", *arguments, str(tmp_path / "a.npz")], input=lines)
    assert done.exit_code == 0, done.output
    assert run_cache("encode", *TEXTS, *arguments, tmp_path / "b.npz").exit_code == 0
    vectors, words = saved(tmp_path / "a.npz")
    assert words[0] == ["this", "film", "wasn't", "bad"] and words == saved(tmp_path / "b.npz")[1]
    for found, right in zip(vectors, saved(tmp_path / "b.npz")[0], strict=True):
        np.testing.assert_array_equal(found, right)


def test_texts_without_words(elmo: Path, tmp_path: Path) -> None:
    assert run_cache("encode", "", " ", "--encoder", elmo, "--out", tmp_path / "v.npz").exit_code == 0
    assert [array.shape for array in saved(tmp_path / "v.npz")[0]] == [(0, 8), (0, 8)]
    assert "0 tokens  (3, 0, 8)" in run_cache("encode", "", "--encoder", elmo, "--layers", "all").output


def cannot_read(path: str, error: str) -> CacheError:
    return CacheError(messages.CANNOT_READ, path=path, error=error)


NO_BYTE_E9 = {"where": "latin.txt, line 2", "expected": "UTF-8", "error": "byte 0xe9 at offset 3 of the line"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], CacheError(messages.NO_TEXT)),
        (["a", "--file", "reviews.txt"], CacheError(messages.TEXT_TWICE, path="reviews.txt")),
        (["--file", "nowhere.txt"], cannot_read("nowhere.txt", "No such file or directory")),
        (["--file", "."], cannot_read(".", "Is a directory")),
        (["--file", "latin.txt"], CacheError(messages.NOT_IN_ENCODING, **NO_BYTE_E9)),
        (["--file", "empty.txt"], CacheError(messages.NO_DOCUMENTS, path="empty.txt")),
        (["--file", "-"], CacheError(messages.NO_DOCUMENTS, path="standard input")),
        (["caf\udce9"], CacheError(messages.TEXT_NOT_UTF_8, n=1, place=3)),
        (["a", "--encoder", "imdb-v9"], CacheError(messages.NO_ENCODER_AT, name="imdb-v9", expected="imdb-v3")),
        (
            ["a", "--out", "v.txt"],
            CacheError(messages.NAME_WITHOUT_FORMAT, path="v.txt", expected=".npz, .npy, .jsonl, .parquet"),
        ),
        (
            ["a", "--out", "v.npz", "--format", "npy"],
            CacheError(messages.NAME_OF_OTHER_FORMAT, path="v.npz", expected="npy"),
        ),
        (
            ["a", "--out", "nowhere/v.npz"],
            CacheError(store.NO_FOLDER, path="nowhere/v.npz", folder="nowhere"),
        ),
        (
            ["a", "--out", "folder.npz"],
            CacheError(store.CANNOT_WRITE, path="folder.npz", error="Is a directory"),
        ),
    ],
)
def test_what_cannot_be(
    reviews: Path, elmo: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: CacheError
) -> None:
    monkeypatch.chdir(reviews.parent)
    Path("latin.txt").write_bytes(b"tea\ncaf\xe9\n")
    Path("empty.txt").write_bytes(b"")
    Path("folder.npz").mkdir()
    before = sorted(reviews.parent.iterdir())
    given = [] if "--encoder" in arguments else ["--encoder", elmo]
    assert error_of(run_cache("encode", *arguments, *given)) == f"Error: {said(says)}"
    assert sorted(reviews.parent.iterdir()) == before
