"""Documents that Python holds already: texts, lists of tokens, data frames, data sets; by split or not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.arrow import (
    choose_columns,
    class_names,
    import_pyarrow,
    is_list,
    label_name,
    plain,
    read_batches,
)
from elmo_cache.text.corpora.base import Document
from elmo_cache.text.corpora.records import (
    LABEL_COLUMN,
    ONLY_SPLIT,
    TEXT_COLUMN,
    TOKENS_COLUMN,
    Columns,
    Record,
    Remarks,
    check_names,
    check_split,
    documents_of,
    shown_classes,
)

__all__ = ["HeldCorpus", "tag_columns_of"]

_BATCH_ROWS = 1_000


class _Part(NamedTuple):
    """Where the documents of one split come from, or of all if `split` is None."""

    split: str | None
    source: Any
    labels: Any
    tags: Any
    where: str


class HeldCorpus:
    """Documents from objects in memory, read as a stream.

    Parameters
    ----------
    source : object
        One of these, or a mapping from names of splits to them:

        * an iterable of `str`, a text each, or of lists of `str`, the tokens of a document each, which are taken as
          they are; an iterator is read once;
        * a data frame of pandas or polars, a `pyarrow.Table`, or any object with `__arrow_c_stream__` and columns;
        * a `Dataset` of Hugging Face; a `DatasetDict` is a mapping.
    labels : iterable, or mapping from splits to iterables, optional
        For texts and tokens: the class of each, a string, a whole number or a boolean.
    tags : iterable of lists, mapping from names of sets of tags to them, or mapping from splits to either, optional
        For tokens: a tag for each token of each document, a string, or None for no tag. For frames and data sets: the
        name of a column of lists, or a list of such names.
    text, label, split, id : str, optional
        For frames and data sets: the columns; `id` is that of the documents' own names. Default: `text`, or else
        `tokens`; `label` and `split` if they exist; no names.
    label_names : sequence of str, optional
        The classes in the order of their indices; where labels are numbers, 0 is the first.

    Raises
    ------
    CorpusError
        If that is none of these, or a column is missing.

    Examples
    --------
    >>> corpus = HeldCorpus(["a fine film", "dull"], labels=["pos", "neg"])
    >>> [(document.split, document.label, document.text) for document in corpus.documents()]
    [('train', 'pos', 'a fine film'), ('train', 'neg', 'dull')]
    >>> [(document.split, document.text) for document in HeldCorpus({"test": [["Dull", "."]]}).documents()]
    [('test', ('Dull', '.'))]
    """

    word_ranks = None
    unit = "docs"

    def __init__(
        self,
        source: Any,
        *,
        labels: Any = None,
        tags: Any = None,
        text: str | None = None,
        label: str | None = None,
        split: str | None = None,
        id: str | None = None,
        label_names: Sequence[str] | None = None,
    ) -> None:
        tag_columns = tag_columns_of(tags)
        if tag_columns:
            tags = None
        self._columns = Columns(text or TEXT_COLUMN, label, split, id, tag_columns)
        self._column_names_given = (text, label, split, id, tag_columns) != (None, None, None, None, ())
        self._parts = list(_parts(source, labels, tags))
        self.label_names = None if label_names is None else check_names(label_names)
        if self.label_names is None:
            found = dict.fromkeys(self._classes(part) for part in self._parts)
            if len(found) > 1:
                raise CorpusError(messages.CLASSES_DIFFER, name="memory", found=shown_classes(found))
            self.label_names = next(iter(found), None)
        first = next((part for part in self._parts if not _is_frame(part.source)), None)
        self.name = "memory"
        self.tokenizer, self._parts = _peek(self._parts, first, self._columns)
        self.size = sum(_length(part.source) for part in self._parts)
        self.position = 0
        self._n_read = 0
        self._remarks = Remarks()

    @property
    def notes(self) -> list[str]:
        """What was done to the text, as far as it has been read."""
        return self._remarks.notes

    @property
    def split_rule(self) -> dict[str, Any]:
        """That the splits were given by name, by a column, or that there is one."""
        if self._parts[0].split is not None:
            return {"rule": "as given"}
        if _is_frame(self._parts[0].source):
            column = choose_columns(self._columns, _schema(self._parts[0].source), "the frame").split
            if column is not None:
                return {"rule": "column", "column": column}
        return {"rule": f"all in {ONLY_SPLIT}"}

    def documents(self) -> Iterator[Document]:
        """All documents, part by part.

        Raises
        ------
        CorpusError
            At the first that is no document; or if a part is an iterator and was read before.
        """
        self.position = 0
        if self._n_read and any(isinstance(part.source, Iterator) for part in self._parts):
            raise CorpusError(messages.ITERATOR_WAS_READ)
        self._n_read += 1
        self._remarks = Remarks()
        parts = ((part.split, f"{part.where}, document", self._records(part)) for part in self._parts)
        for document in documents_of(parts, self.label_names, self._remarks, self.name):
            self.position += 1
            yield document

    def _classes(self, part: _Part) -> tuple[str, ...] | None:
        if not _is_frame(part.source):
            return None
        schema = _schema(part.source)
        return class_names(schema, choose_columns(self._columns, schema, part.where).label)

    def _records(self, part: _Part) -> Iterator[Record]:
        if not _is_frame(part.source):
            if self._column_names_given:
                raise CorpusError(messages.TEXTS_HAVE_NO_COLUMNS)
            return _listed(part, self.label_names)
        if part.labels is not None or part.tags is not None:
            raise CorpusError(messages.COLUMNS_NOT_NAMED)
        schema = _schema(part.source)
        columns = choose_columns(self._columns, schema, part.where)
        tags = {name: class_names(schema, name) for name in columns.tags}
        return read_batches(_batches(part.source), columns, self.label_names, part.where, tags)


def tag_columns_of(tags: Any) -> tuple[str, ...]:
    """Return the names of columns that `tags` gives; none if it gives the tags themselves."""
    if isinstance(tags, str):
        return (tags,)
    return tuple(tags) if isinstance(tags, list | tuple) and all(isinstance(name, str) for name in tags) else ()


def _parts(source: Any, labels: Any, tags: Any) -> Iterator[_Part]:
    if isinstance(source, Set):
        raise _unexpected("the texts", source, "a list: a set has no order")
    if isinstance(source, Mapping):
        if not source:
            raise CorpusError(messages.NO_DOCUMENTS, path="The mapping of splits")
        if columns := [name for name in (TEXT_COLUMN, TOKENS_COLUMN, LABEL_COLUMN) if name in source]:
            raise CorpusError(messages.COLUMNS_ARE_NO_SPLITS, name=columns[0])
        for what, values in (("labels", labels), ("tags", tags)):
            if values is not None and (not isinstance(values, Mapping) or set(values) != set(source)):
                raise CorpusError(messages.NOT_BY_SPLIT, splits=", ".join(source), name=what)
        for name, part in source.items():
            check_split(name, "the mapping")
            own_labels, own_tags = (None if values is None else values[name] for values in (labels, tags))
            yield _Part(name, part, own_labels, own_tags, f"split {name}")
    else:
        yield _Part(None, source, labels, tags, "the frame" if _is_frame(source) else "the texts")


def _is_frame(source: Any) -> bool:
    """Tell a frame by its columns: a `Series` has none, and neither has a list."""
    if hasattr(source, "__arrow_c_stream__"):
        return hasattr(source, "columns") or hasattr(source, "column_names") or hasattr(source, "schema")
    return _is_data_set(source)


def _is_data_set(source: Any) -> bool:
    return hasattr(source, "column_names") and hasattr(source, "with_format") and hasattr(source, "features")


def _schema(source: Any) -> Any:
    pa = import_pyarrow("a data frame")
    if _is_data_set(source):
        return source.features.arrow_schema
    reader = pa.RecordBatchReader.from_stream(source)
    return reader.schema


def _batches(source: Any) -> Iterator[Any]:
    pa = import_pyarrow("a data frame")
    if _is_data_set(source):  # its own order, where it was shuffled or filtered
        return iter(source.with_format("arrow").iter(batch_size=_BATCH_ROWS))
    reader = pa.RecordBatchReader.from_stream(source)
    return (batch.slice(i, _BATCH_ROWS) for batch in reader for i in range(0, batch.num_rows, _BATCH_ROWS))


def _length(source: Any) -> int:
    return len(source) if hasattr(source, "__len__") else 0


def _peek(parts: list[_Part], first: _Part | None, columns: Columns) -> tuple[str | None, list[_Part]]:
    """Return the tokeniser that the documents ask for: `tokens` where they are lists of tokens."""
    if first is None:
        schema = _schema(parts[0].source)
        kind = schema.field(choose_columns(columns, schema, parts[0].where).text).type
        return ("tokens" if is_list(kind) else None), parts
    if isinstance(first.source, str | bytes) or not isinstance(first.source, Iterable):
        expected = "an iterable of texts or of lists of tokens, a data frame, or a data set"
        raise _unexpected(first.where, first.source, expected)
    documents = iter(first.source)
    begun = next(documents, None)
    if isinstance(first.source, Iterator):
        put_back = first._replace(source=_chain(begun, documents))
        parts = [put_back if part is first else part for part in parts]
    return (None if begun is None or isinstance(plain(begun), str) else "tokens"), parts


def _chain(first: Any, others: Iterator[Any]) -> Iterator[Any]:
    if first is not None:
        yield first
    yield from others


def _listed(part: _Part, names: Sequence[str] | None) -> Iterator[Record]:
    beside = {} if part.labels is None else {"labels": _iterate(part.labels, "labels", part.where)}
    sets = part.tags if isinstance(part.tags, Mapping) else {} if part.tags is None else {"tags": part.tags}
    beside |= {f"tags {name}": _iterate(values, "tags", part.where) for name, values in sets.items()}
    for i, document in enumerate(part.source):
        where = f"{part.where}, document {i}"
        found = {}
        for what, values in beside.items():
            try:
                found[what] = next(values)
            except StopIteration:
                raise CorpusError(messages.TOO_FEW, where=part.where, n=i, name=what) from None
        label = label_name(found["labels"], names, where) if "labels" in found else None
        tags = {name: tuple(map(plain, _iterate(plain(found[f"tags {name}"]), f"tags {name}", where))) for name in sets}
        for name, given in tags.items():
            if strange := [tag for tag in given if tag is not None and not isinstance(tag, str)]:
                raise _unexpected(f"{where}, tags {name}", strange[0], "strings or None")
        yield Record(i, _text_of(document, where), label, None, None, tags)
    for what, values in beside.items():
        if next(values, beside) is not beside:
            raise CorpusError(messages.TOO_MANY, where=part.where, name=what)


def _iterate(values: Any, what: str, where: str) -> Iterator[Any]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise _unexpected(f"{where}, {what}", values, "a list")
    return iter(values)


def _text_of(document: Any, where: str) -> str | tuple[str, ...]:
    document = plain(document)
    if isinstance(document, str):
        return document
    if isinstance(document, Mapping):
        raise _unexpected(where, document, "a str: for columns, make a data frame, such as pandas.DataFrame(…)")
    if isinstance(document, bytes | Set) or not isinstance(document, Iterable):
        raise _unexpected(where, document, "a str or a list of tokens")
    tokens = tuple(map(plain, document))
    for k, token in enumerate(tokens):
        if not isinstance(token, str):
            raise _unexpected(f"{where}, token {k}", token, "a str")
    return tokens


def _unexpected(where: str, found: object, expected: str) -> CorpusError:
    return CorpusError(messages.UNEXPECTED, where=where, found=type(found).__name__, expected=expected)
