"""Parquet, Feather and Arrow files, one or a folder of them, and what Hugging Face's `save_to_disk` leaves."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cache.files import is_special
from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.arrow import choose_columns, class_names, import_pyarrow, is_list, read_batches
from elmo_cache.text.corpora.base import Document
from elmo_cache.text.corpora.records import ONLY_SPLIT, Columns, Record, Remarks, check_names, documents_of

__all__ = ["TABLE_EXTENSIONS", "TableCorpus", "split_of_name"]

TABLE_EXTENSIONS = (".parquet", ".feather", ".arrow")
_BATCH_ROWS = 1_000
_SPLIT_IN_NAME = re.compile(r"(?<![a-z])(train|validation|valid|val|dev|test)(?![a-z])", re.IGNORECASE)
_SPLITS = {"valid": "validation", "val": "validation", "dev": "validation"}


class _File(NamedTuple):
    path: Path
    split: str | None


class TableCorpus:
    """The documents of columnar files, read as a stream in bounded memory.

    Parameters
    ----------
    path : Path
        One of these:

        * a file `.parquet`, `.feather` or `.arrow`;
        * a folder with such files: each is of the split in its name (`train-00000-of-00002.parquet`), read in the order
          of the names;
        * the folder of a `Dataset` or a `DatasetDict` that `save_to_disk` wrote.
    columns : Columns
        Those to read, as `choose_columns`.
    label_names : sequence of str, optional
        The classes in the order of their indices. Default: those that Hugging Face's datasets left in the file.

    Raises
    ------
    CorpusError
        If pyarrow is missing, there is no such file, or a column is missing.
    """

    word_ranks = None
    unit = "docs"

    def __init__(self, path: Path, columns: Columns, label_names: Sequence[str] | None = None) -> None:
        self.name = path.name
        self._wanted = columns
        self._files = list(_files_of(path))
        schemas = [_open(file.path)[0] for file in self._files]
        self.columns = chosen = choose_columns(columns, schemas[0], str(self._files[0].path))
        self.label_names = class_names(schemas[0], chosen.label) if label_names is None else check_names(label_names)
        self.tokenizer = "tokens" if is_list(schemas[0].field(chosen.text).type) else None
        self.size = sum(_open(file.path)[1] for file in self._files)
        self.position = 0
        self._remarks = Remarks()

    @property
    def notes(self) -> list[str]:
        """What was done to the text, as far as it has been read."""
        return self._remarks.notes

    @property
    def split_rule(self) -> dict[str, Any]:
        """The column that names the split, the names of files, or that there is one split."""
        if self._files[0].split is not None:
            return {"rule": "names of files"}
        if self.columns.split is not None:
            return {"rule": "column", "column": self.columns.split}
        return {"rule": f"all in {ONLY_SPLIT}"}

    def documents(self) -> Iterator[Document]:
        """All documents, file by file.

        Raises
        ------
        CorpusError
            At the first row that cannot be read, with its number from 0; or if there are no rows.
        """
        self.position, self._remarks = 0, Remarks()
        parts = ((file.split, f"{file.path}, row", self._records(file)) for file in self._files)
        for document in documents_of(parts, self.label_names, self._remarks, self._files[0].path):
            self.position += 1
            yield document

    def _records(self, file: _File) -> Iterator[Record]:
        schema, _, batches = _open(file.path)
        columns = choose_columns(self._wanted, schema, str(file.path))
        tags = {name: class_names(schema, name) for name in columns.tags}
        yield from read_batches(batches(), columns, self.label_names, str(file.path), tags)


def split_of_name(name: str) -> str | None:
    """Return the split that a file's name speaks of.

    Examples
    --------
    >>> split_of_name("train-00000-of-00002.parquet"), split_of_name("my_dev.csv"), split_of_name("contest.csv")
    ('train', 'validation', None)
    """
    found = {match.lower() for match in _SPLIT_IN_NAME.findall(name)}
    splits = {_SPLITS.get(word, word) for word in found}
    return splits.pop() if len(splits) == 1 else None


def _files_of(path: Path) -> Iterator[_File]:
    if not path.is_dir():
        yield _File(path, None)
        return
    if (path / "dataset_dict.json").is_file():
        for folder in sorted(child for child in path.iterdir() if child.is_dir()):
            for file in _listed(folder):
                yield _File(file, folder.name)
        return
    files = _listed(path)
    if (path / "state.json").is_file():
        yield from (_File(file, None) for file in files)
        return
    if not files:
        raise CorpusError(messages.NO_TEXTS_IN_FOLDER, path=path, extensions=", ".join(TABLE_EXTENSIONS))
    splits = [split_of_name(file.name) for file in files]
    if len(files) > 1 and None in splits:
        raise CorpusError(messages.SPLIT_NOT_IN_NAME, path=path, name=files[splits.index(None)].name)
    yield from (_File(file, split) for file, split in zip(files, splits, strict=True))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in TABLE_EXTENSIONS)
    except OSError as error:
        raise CorpusError(messages.CANNOT_READ, path=folder, error=error) from error


def _open(path: Path) -> Any:
    """Return schema, number of rows, and a function that gives the rows in batches."""
    pa = import_pyarrow(str(path))
    if is_special(path):  # pyarrow would wait for it, and not even Ctrl-C would end that
        raise CorpusError(messages.NOT_A_FILE, path=path)
    try:
        if path.suffix.lower() == ".parquet":
            import pyarrow.parquet as pq

            file = pq.ParquetFile(path, page_checksum_verification=True)  # of the pages that have checksums
            return (
                _with_names(file.schema_arrow),
                file.metadata.num_rows,
                lambda: _guarded(path, file.iter_batches(_BATCH_ROWS)),
            )
        source = pa.memory_map(str(path))
        try:
            reader = pa.ipc.open_file(source)
        except pa.ArrowInvalid:  # a stream, as Hugging Face's datasets write
            reader = pa.ipc.open_stream(source)
            return (
                _with_names(reader.schema),
                0,
                lambda: _guarded(path, _sliced(pa.ipc.open_stream(pa.memory_map(str(path))))),
            )
        n_rows = sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
        return _with_names(reader.schema), n_rows, lambda: _guarded(path, _sliced(batches))
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise CorpusError(messages.CANNOT_READ, path=path, error=error) from error


def _with_names(schema: Any) -> Any:
    """Return a schema; raise `UnicodeDecodeError` if the names of its columns are no text, as in a damaged file."""
    assert schema.names is not None
    return schema


def _sliced(batches: Any) -> Iterator[Any]:
    return (batch.slice(i, _BATCH_ROWS) for batch in batches for i in range(0, batch.num_rows, _BATCH_ROWS))


def _guarded(path: Path, batches: Any) -> Iterator[Any]:
    pa = import_pyarrow(str(path))
    try:
        yield from batches
    except (OSError, pa.ArrowException) as error:
        raise CorpusError(messages.CANNOT_READ, path=path, error=error) from error
