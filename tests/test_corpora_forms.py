"""Tables as other programs write them: every form gives, row for row, what its own library reads back."""

import bz2
import gzip
import json
import lzma
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from errors_expected import raises
from numpy_encoder import HashEncoder
from sklearn.datasets import load_files

from elmo_cache import build, messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import Document, open_corpus

TEXTS = [
    'A "fine" film, warm',
    "dull;\tand long",
    "",
    "नमस्ते 😀",
    "two\nlines\r\nof text",
    " <br />spaces ",
    'ends in "',
]
LABELS = ["pos", "neg", "pos", "pos", "neg", "neg", "pos"]
SPLITS = ["train", "test", "train", "test", "train", "train", "test"]
FRAME = pd.DataFrame({"text": TEXTS, "label": LABELS, "split": SPLITS})


def read(path: Path, **options: Any) -> list[Document]:
    return list(open_corpus(path, **options).documents())


def rows_of(documents: list[Document]) -> list[tuple[Any, ...]]:
    return [(d.text, d.label, d.split) for d in documents]


def frame_rows(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(frame[["text", "label", "split"]].itertuples(index=False, name=None))


def check_orders(documents: list[Document]) -> None:
    for split in {d.split for d in documents}:
        orders = [d.order for d in documents if d.split == split]
        assert orders == list(range(len(orders)))


WRITERS: dict[str, tuple[Callable[[Path], Any], Callable[[Path], pd.DataFrame]]] = {
    "pandas.csv": (
        lambda path: FRAME.to_csv(path, index=False),
        lambda path: pd.read_csv(path, keep_default_na=False),
    ),
    "index.csv": (lambda path: FRAME.to_csv(path), lambda path: pd.read_csv(path, keep_default_na=False)),
    "polars.csv": (
        lambda path: pl.from_pandas(FRAME).write_csv(path),
        lambda path: pl.read_csv(path).fill_null("").to_pandas(),
    ),
    "records.json": (lambda path: FRAME.to_json(path, orient="records"), pd.read_json),
    "lines.jsonl": (
        lambda path: FRAME.to_json(path, orient="records", lines=True),
        lambda path: pd.read_json(path, lines=True),
    ),
    "polars.jsonl": (lambda path: pl.from_pandas(FRAME).write_ndjson(path), lambda p: pl.read_ndjson(p).to_pandas()),
    "pandas.parquet": (lambda path: FRAME.to_parquet(path), pd.read_parquet),
    "groups.parquet": (lambda path: FRAME.to_parquet(path, row_group_size=2), pd.read_parquet),
    "category.parquet": (lambda path: FRAME.astype({"label": "category"}).to_parquet(path), pd.read_parquet),
    "polars.parquet": (
        lambda path: pl.from_pandas(FRAME).write_parquet(path),
        lambda path: pl.read_parquet(path).to_pandas(),
    ),
    "pandas.feather": (lambda path: FRAME.to_feather(path), pd.read_feather),
    "polars.arrow": (lambda path: pl.from_pandas(FRAME).write_ipc(path), lambda p: pl.read_ipc(p).to_pandas()),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_row_is_what_its_library_reads(tmp_path: Path, name: str) -> None:
    write, read_back = WRITERS[name]
    write(tmp_path / name)
    documents = read(tmp_path / name)
    assert rows_of(documents) == frame_rows(read_back(tmp_path / name)) == frame_rows(FRAME)
    check_orders(documents)


@pytest.mark.parametrize("orient", ["columns", "index", "split", "table"])
def test_other_orients_of_pandas_json_are_refused(tmp_path: Path, orient: Any) -> None:
    FRAME.to_json(tmp_path / "a.json", orient=orient)
    expected = "an array of objects, as pandas writes with orient='records'"
    with raises(messages.UNEXPECTED, CorpusError, where=tmp_path / "a.json", found="a JSON object", expected=expected):
        read(tmp_path / "a.json")


def test_labels_that_pandas_made_floats(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", "b", "c"], "stars": [1, None, 10]}).dropna()
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "a.parquet")
    assert json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])["stars"] == 1.0
    for name in ("a.jsonl", "a.parquet"):
        assert [d.label for d in read(tmp_path / name, label_column="stars")] == ["1", "10"]


def _zip(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/reviews.csv", content)
        archive.writestr("__MACOSX/._reviews.csv", b"\0")


def _zst(path: Path, content: bytes) -> None:
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(content)


COMPRESS: dict[str, Callable[[Path, bytes], Any]] = {
    ".gz": lambda path, content: path.write_bytes(gzip.compress(content)),
    ".bz2": lambda path, content: path.write_bytes(bz2.compress(content)),
    ".xz": lambda path, content: path.write_bytes(lzma.compress(content)),
    ".zst": _zst,
    ".zip": _zip,
}


@pytest.mark.parametrize("ending", COMPRESS)
def test_compressed(tmp_path: Path, ending: str) -> None:
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    COMPRESS[ending](tmp_path / f"b.csv{ending}", (tmp_path / "a.csv").read_bytes())
    corpus = open_corpus(tmp_path / f"b.csv{ending}")
    assert rows_of(list(corpus.documents())) == frame_rows(FRAME)
    assert 0 < corpus.position <= corpus.size == (tmp_path / f"b.csv{ending}").stat().st_size


def test_compressed_by_pandas(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "a.csv.bz2", "a.csv.xz", "a.csv.zip"):
        FRAME.to_csv(tmp_path / name, index=False)
        assert rows_of(read(tmp_path / name)) == frame_rows(FRAME), name


@pytest.mark.parametrize("ending", COMPRESS)
def test_half_a_compressed_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.jsonl{ending}"
    lines = b"".join(b'{"text": "%d"}\n' % i for i in range(20_000))
    COMPRESS[ending](path, lines)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CorpusError, match=r"a\.jsonl\.") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_several_files_in_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("train.csv", "test.csv"):
            archive.writestr(name, "text\na\n")
    path = tmp_path / "a.zip"
    with raises(messages.ZIP_OF_SEVERAL_FILES, CorpusError, path=path, n=2, names="train.csv, test.csv"):
        open_corpus(path)


# Hugging Face's datasets.

FEATURES = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["zz", "aa"])})


def hf(*labels: int) -> datasets.Dataset:
    return datasets.Dataset.from_dict({"text": [f"text {i}" for i in range(len(labels))], "label": labels}, FEATURES)


def test_a_saved_dataset(tmp_path: Path) -> None:
    made = hf(0, 1, 1, 0, 1)
    made.save_to_disk(tmp_path / "d", num_shards=2)
    corpus = open_corpus(tmp_path / "d")
    assert corpus.label_names == ("zz", "aa")
    back = datasets.load_from_disk(tmp_path / "d")
    names = back.features["label"].names
    assert [(d.text, d.label) for d in corpus.documents()] == [(row["text"], names[row["label"]]) for row in back]
    assert {d.split for d in corpus.documents()} == {"train"}


def test_a_saved_dataset_dict(tmp_path: Path) -> None:
    datasets.DatasetDict({"train": hf(0, 1, 0), "test": hf(1), "unsupervised": hf(0)}).save_to_disk(tmp_path / "d")
    documents = read(tmp_path / "d")
    back = datasets.load_from_disk(tmp_path / "d")
    for split in back:
        assert [(d.text, d.label) for d in documents if d.split == split] == [
            (row["text"], ("zz", "aa")[row["label"]]) for row in back[split]
        ]
    check_orders(documents)


def test_a_parquet_file_of_hugging_face_names_its_classes(tmp_path: Path) -> None:
    hf(1, 0).to_parquet(tmp_path / "a.parquet")
    corpus = open_corpus(tmp_path / "a.parquet")
    assert (corpus.label_names, [d.label for d in corpus.documents()]) == (("zz", "aa"), ["aa", "zz"])
    renamed = open_corpus(tmp_path / "a.parquet", label_names=["first", "second"])
    assert [d.label for d in renamed.documents()] == ["second", "first"]


def test_a_folder_of_parquet_as_the_hub_has_it(tmp_path: Path) -> None:
    for name, labels in (
        ("train-00000-of-00002", (0, 1)),
        ("train-00001-of-00002", (1,)),
        ("test-00000-of-00001", (0,)),
    ):
        hf(*labels).to_parquet(tmp_path / f"{name}.parquet")
    documents = read(tmp_path)
    assert [d.label for d in documents if d.split == "train"] == ["zz", "aa", "aa"]
    assert [d.label for d in documents if d.split == "test"] == ["zz"]
    check_orders(documents)


def test_a_label_of_minus_one(tmp_path: Path) -> None:
    hf(0, -1).to_parquet(tmp_path / "a.parquet")
    where, expected = f"{tmp_path / 'a.parquet'}, row 1, column 'label'", "0 to 1 for zz, aa"
    with raises(messages.INVALID_ENTRY, CorpusError, where=where, name="the label", found="-1", expected=expected):
        read(tmp_path / "a.parquet")


# Kaggle's two.


def test_labeled_train_data_of_kaggle(tmp_path: Path) -> None:
    """Quoted, and quotation marks inside have a backslash: read as Kaggle's page says, with `quoting=3`."""
    path = tmp_path / "labeledTrainData.tsv"
    path.write_text(
        "id\tsentiment\treview\n"
        '"5814_8"\t1\t"With all this stuff going down at the moment with MJ i\'ve started listening"\n'
        '"2381_9"\t1\t"\\"The Classic War of the Worlds\\" by Timothy Hines is a very entertaining film"\n'
        '"7759_3"\t0\t"The film starts with a manager (Nicholas Bell)<br /><br />giving welcome, \\"investors\\""\n',
        encoding="utf-8",
    )
    table = pd.read_csv(path, header=0, delimiter="\t", quoting=3)
    documents = read(path, text_column="review", label_column="sentiment", id_column="id")
    assert [(d.text, d.label, d.id) for d in documents] == [
        (row.review, str(row.sentiment), row.id) for row in table.itertuples()
    ]


def test_imdb_dataset_of_kaggle(tmp_path: Path) -> None:
    path = tmp_path / "IMDB Dataset.csv"
    path.write_text(
        "review,sentiment\n"
        '"One of the other reviewers has mentioned that ""Oz"" hooked me.<br /><br />The first thing",positive\n'
        '"A wonderful little production, with ""Truly"" good actors",positive\n'
        "Basically there's a family where a little boy (Jake) thinks there's a zombie,negative\n",
        encoding="utf-8",
    )
    table = pd.read_csv(path)
    documents = read(path, text_column="review", label_column="sentiment")
    assert [(d.text, d.label) for d in documents] == list(table.itertuples(index=False, name=None))


# Lines, sequences, folders.


def test_labels_of_fasttext(tmp_path: Path) -> None:
    path = tmp_path / "cooking.txt"
    path.write_text("__label__pos A fine film .\n__label__neg dull\n__label__neg \n", encoding="utf-8")
    assert [(d.label, d.text) for d in read(path)] == [("pos", "A fine film ."), ("neg", "dull"), ("neg", "")]


@pytest.mark.parametrize(
    ("content", "message", "line", "found"),
    [
        ("__label__a x\ny\n", messages.FASTTEXT_LABELS_MIXED, 2, "without"),
        ("x\n__label__a y\n", messages.FASTTEXT_LABELS_MIXED, 2, "with"),
        ("__label__a __label__b x\n", messages.UNEXPECTED, 1, "several labels"),
        ("__label__ x\n", messages.UNEXPECTED, 1, "no label"),
    ],
)
def test_bad_labels_of_fasttext(tmp_path: Path, content: str, message: str, line: int, found: str) -> None:
    (tmp_path / "a.txt").write_text(content)
    with raises(message, CorpusError, where=f"{tmp_path / 'a.txt'}, line {line}", found=found):
        read(tmp_path / "a.txt")


@pytest.mark.parametrize("name", ["p.fasta", "p.fa.gz"])
def test_fasta(tmp_path: Path, name: str) -> None:
    content = b">sp|P1|A_HUMAN Protein A\r\nMKV\r\nLL a\r\n\r\n>b\nAA*\n>empty\n"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    corpus = open_corpus(tmp_path / name)
    assert corpus.tokenizer == "characters"
    assert [(d.id, d.text) for d in corpus.documents()] == [("sp|P1|A_HUMAN", "MKVLLa"), ("b", "AA*"), ("empty", "")]


def test_bad_fasta(tmp_path: Path) -> None:
    path = tmp_path / "a.fasta"
    path.write_text("")
    with raises(messages.NO_FASTA_RECORDS, CorpusError, path=path):
        read(path)
    path.write_text("MKV\n>a\n")
    with raises(messages.UNEXPECTED, CorpusError, where=f"{path}, line 1", found="text before the first record"):
        read(path)


def make_folders(folder: Path) -> None:
    for label, texts in (("pos", ["fine\n", "warm"]), ("neg", ["dull"])):
        (folder / label).mkdir(parents=True)
        for k, text in enumerate(texts):
            (folder / label / f"{k}.txt").write_text(text)


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    make_folders(tmp_path)
    (tmp_path / ".DS_Store").touch()
    found = load_files(tmp_path, encoding="utf-8", shuffle=False)
    expected = sorted(zip(found.data, (found.target_names[k] for k in found.target), strict=True))
    documents = read(tmp_path)
    assert sorted((d.text, d.label) for d in documents) == expected
    assert {d.split for d in documents} == {"train"}


def test_folders_of_classes_by_split(tmp_path: Path) -> None:
    for split in ("train", "test"):
        make_folders(tmp_path / split)
    (tmp_path / "test" / "pos" / "0.txt").write_text("other")
    documents = read(tmp_path)
    for split in ("train", "test"):
        found = load_files(tmp_path / split, encoding="utf-8", shuffle=False)
        expected = sorted(zip(found.data, (found.target_names[k] for k in found.target), strict=True))
        assert sorted((d.text, d.label) for d in documents if d.split == split) == expected
    check_orders(documents)


# What is not right.


def test_another_delimiter_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text;label\nfine, warm;pos\n")
    where = f"{tmp_path / 'a.csv'}, line 1"
    with raises(messages.WRONG_DELIMITER, CorpusError, where=where, found="text;label", expected="';'"):
        read(tmp_path / "a.csv")
    assert [(d.text, d.label) for d in read(tmp_path / "a.csv", delimiter=";")] == [("fine, warm", "pos")]
    (tmp_path / "b.csv").write_text("text\tlabel\nfine, warm\tpos\n")
    with raises(messages.WRONG_DELIMITER, CorpusError, found="text\tlabel", expected="tab"):
        read(tmp_path / "b.csv")
    for tab in ("tab", "\\t", "\t"):
        assert [(d.text, d.label) for d in read(tmp_path / "b.csv", delimiter=tab)] == [("fine, warm", "pos")]


def test_classes_that_are_numbers_are_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\na,10.0\nb,9.5\nc,-1\n")
    features = build(tmp_path / "a.csv", HashEncoder(), tmp_path / "c")
    assert features.label_names == ("-1", "9.5", "10.0")


def test_another_encoding(tmp_path: Path) -> None:
    FRAME[:2].assign(text=["café", "naïve"]).to_csv(tmp_path / "a.csv", index=False, encoding="cp1252")
    where = f"{tmp_path / 'a.csv'}, line 2"
    with raises(messages.NOT_IN_ENCODING, CorpusError, where=where, expected="UTF-8"):
        read(tmp_path / "a.csv")
    assert [d.text for d in read(tmp_path / "a.csv", encoding="cp1252")] == ["café", "naïve"]
    for wrong in ("utf-16", "none-such"):
        with raises(messages.INVALID_VALUE, CorpusError, name="encoding", found=repr(wrong)):
            read(tmp_path / "a.csv", encoding=wrong)


def test_spaces_around_names_and_labels(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text , label\n a ,pos \nb, pos\n")
    assert [(d.text, d.label) for d in read(tmp_path / "a.csv")] == [(" a ", "pos"), ("b", "pos")]


def wrong_type(column: str, found: str, expected: str) -> CorpusError:
    return CorpusError(messages.COLUMN_TYPE, column=column, found=found, expected=expected, role=column)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (
            pd.DataFrame({"text": ["a", None]}),
            CorpusError(messages.NO_VALUE, where=re.compile("row 1, column 'text'$"), name="text"),
        ),
        (
            pd.DataFrame({"text": ["a", "b"], "label": [1.0, None]}),
            CorpusError(messages.NO_VALUE, where=re.compile("row 1, column 'label'$"), name="label"),
        ),
        (
            pd.DataFrame({"text": ["a"], "split": [""]}),
            CorpusError(messages.NO_VALUE, where=re.compile("row 0, column 'split'$"), name="split"),
        ),
        (
            pd.DataFrame({"text": ["a", "b"], "label": [1.5, 2]}),
            CorpusError(messages.INVALID_ENTRY, name="the label", found="1.5", expected="a string or a whole number"),
        ),
        (
            pd.DataFrame({"text": ["a"], "split": ["a b"]}),
            CorpusError(messages.INVALID_ENTRY, name="the split", found="'a b'"),
        ),
        (pd.DataFrame({"text": [b"a"]}), wrong_type("text", "binary", "strings or lists of strings")),
        (pd.DataFrame({"text": [1, 2]}), wrong_type("text", "int64", "strings or lists of strings")),
        (
            pd.DataFrame({"text": [[["a"]]]}),
            wrong_type("text", "list<element: list<element: string>>", "strings or lists of strings"),
        ),
        (
            pd.DataFrame({"text": ["a"], "label": [["x"]]}),
            wrong_type("label", "list<element: string>", "strings or whole numbers"),
        ),
        (
            pd.DataFrame({"body": ["a"]}),
            CorpusError(messages.NO_COLUMN_FOR, column="text", role="text", found="'body'"),
        ),
        (pd.DataFrame({"text": pd.Series([], dtype=str)}), CorpusError(messages.NO_DOCUMENTS)),
    ],
)
def test_a_table_that_cannot_be_read(tmp_path: Path, frame: pd.DataFrame, says: CorpusError) -> None:
    frame.to_parquet(tmp_path / "a.parquet")
    with raises(says) as caught:
        read(tmp_path / "a.parquet")
    assert "a.parquet" in str(caught.value)


def test_a_table_without_the_column_asked_for(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["a"]}).to_parquet(tmp_path / "a.parquet")
    with raises(messages.NO_COLUMN_FOR, CorpusError, where=tmp_path / "a.parquet", column="y", role="label"):
        read(tmp_path / "a.parquet", label_column="y")


@pytest.mark.parametrize("name", ["a.parquet", "a.feather", "a.arrow"])
@pytest.mark.parametrize("content", [b"", b"PAR1 and nothing", b"ARROW1\0\0" + b"x" * 100])
def test_a_file_that_is_no_table(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with raises(messages.CANNOT_READ, CorpusError, path=tmp_path / name):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.parquet", "a.feather"])
def test_half_a_table(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    frame = pd.DataFrame({"text": [f"{i:x}" * 20 for i in range(5_000)]})
    (frame.to_feather if name == "a.feather" else frame.to_parquet)(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with raises(messages.CANNOT_READ, CorpusError, path=path):
        read(path)
