"""Rows of Arrow tables as records, whoever made them: pandas, polars, Parquet, Hugging Face's datasets."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.records import Columns, Record

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["choose_columns", "class_names", "import_pyarrow", "is_list", "label_name", "plain", "read_batches"]


def import_pyarrow(what: str) -> Any:
    """Return the module `pyarrow`.

    Raises
    ------
    CorpusError
        If it is not installed; `what` is what needs it.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise CorpusError(messages.NEEDS_PYARROW, name=what) from error
    return pyarrow


def choose_columns(wanted: Columns, schema: "pa.Schema", where: str) -> Columns:
    """Return the columns to use of a table: those asked for, else `text` or `tokens`, `label` and `split`.

    Raises
    ------
    CorpusError
        If one that was asked for is not there, is there twice, or holds something else.
    """
    pa = import_pyarrow(where)
    chosen = wanted.choose(schema.names, where, by_option=False)
    for role, column in chosen.roles:
        kind = _value_type(pa, schema.field(column).type)
        if not _fits(pa, role, kind):
            raise CorpusError(
                messages.COLUMN_TYPE, where=where, column=column, found=str(kind), expected=_EXPECTED[role], role=role
            )
    return chosen


_EXPECTED = {
    "text": "strings or lists of strings",
    "label": "strings or whole numbers",
    "split": "strings",
    "id": "strings or whole numbers",
    "tags": "lists of strings or of whole numbers",
}


def _fits(pa: Any, what: str, kind: Any) -> bool:
    """Tell whether a column of a type can have a role."""
    if pa.types.is_null(kind):
        return True
    if is_list(kind):
        of = _value_type(pa, kind.value_type)
        return (what == "text" and _is_string(pa, of)) or (what == "tags" and _is_name(pa, of))
    return (what in ("text", "split") and _is_string(pa, kind)) or (what in ("label", "id") and _is_name(pa, kind))


def class_names(schema: "pa.Schema", column: str | None) -> tuple[str, ...] | None:
    """Return the names of classes that Hugging Face's datasets left with a table, for a column of their numbers."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        feature = features[column]
        names = feature.get("feature", feature)["names"]  # of a list, those of what is in it
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None
    return tuple(map(str, names)) if isinstance(names, list) else None


def read_batches(
    batches: Iterable["pa.RecordBatch | pa.Table"],
    columns: Columns,
    names: Sequence[str] | None,
    where: str,
    tag_names: Mapping[str, Sequence[str] | None] = MappingProxyType({}),
) -> Iterator[Record]:
    """Yield the rows of batches with the same columns; `line` is the row's number, from 0.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch or pyarrow.Table
        In bounded memory, if they are.
    columns : Columns
        What `choose_columns` chose.
    names : sequence of str or None
        Names for labels that are numbers of classes.
    where : str
        What errors call the table.
    tag_names : Mapping from columns to sequence of str or None
        Likewise for numbers of tags.

    Raises
    ------
    CorpusError
        At the first row without text, label or split, or with a label that is none.
    """
    row = 0
    for batch in batches:
        texts, labels, splits, ids = (
            [None] * batch.num_rows if name is None else _values(batch.column(name), name, where)
            for name in (columns.text, columns.label, columns.split, columns.id)
        )
        tagged = [_values(batch.column(name), name, where) for name in columns.tags]
        for i, (text, label, split, id) in enumerate(zip(texts, labels, splits, ids, strict=True)):
            if text is None or (isinstance(text, list) and None in text):
                raise _no_value(f"{where}, row {row}, column {columns.text!r}", "text")
            if columns.label is not None:
                label = label_name(label, names, f"{where}, row {row}, column {columns.label!r}")
            if columns.split is not None and not split:
                raise _no_value(f"{where}, row {row}, column {columns.split!r}", "split")
            if columns.id is not None:
                id = label_name(id, None, f"{where}, row {row}, column {columns.id!r}", "id").strip()
            tags = {}
            for name, values in zip(columns.tags, tagged, strict=True):
                place = f"{where}, row {row}, column {name!r}"
                if values[i] is None:
                    raise _no_value(place, "tags")
                known = tag_names.get(name)
                tags[name] = tuple(
                    None if tag is None else label_name(tag, known, place, "tag").strip() for tag in values[i]
                )
            yield Record(row, tuple(text) if isinstance(text, list) else text, label, split, id, tags)
            row += 1


def _values(column: Any, name: str, where: str) -> list[Any]:
    """Return the values of a column, once it is known to be sound: in a damaged file, offsets can lead anywhere."""
    pa = import_pyarrow(where)
    try:
        column.validate(full=True)
        return list(column.to_pylist())
    except (pa.ArrowException, ValueError, OverflowError) as error:  # such as a time after the year 9999
        raise CorpusError(messages.DAMAGED, where=f"{where}, column {name!r}", error=error) from error


def _no_value(where: str, name: str) -> CorpusError:
    return CorpusError(messages.NO_VALUE, where=where, name=name)


def plain(value: Any) -> Any:
    """Return a scalar of NumPy or Arrow as one of Python, and anything else as it is."""
    if isinstance(value, np.generic):
        return value.item()
    return value.as_py() if hasattr(value, "as_py") else value


def label_name(value: object, names: Sequence[str] | None, where: str, what: str = "label") -> str:
    """Return the name of a class, from what stands in a column of labels.

    A whole number written as a float, which pandas makes of a column with gaps, is that number. With `names`, numbers
    count them from 0.

    Raises
    ------
    CorpusError
        If the value is missing or no label.

    Examples
    --------
    >>> label_name(1.0, None, "row 0"), label_name(1, ("neg", "pos"), "row 0"), label_name(True, None, "row 0")
    ('1', 'pos', 'true')
    """
    value = plain(value)
    if value is None or (isinstance(value, float) and value != value) or (isinstance(value, str) and not value.strip()):
        raise _no_value(where, what)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    expected = "a string or a whole number"
    if isinstance(value, int):
        if names is None:
            return str(value)
        if 0 <= value < len(names):
            return names[value]
        expected = f"0 to {len(names) - 1} for {', '.join(names)}"
    name = f"the {what}"
    raise CorpusError(messages.INVALID_ENTRY, where=where, name=name, found=repr(value), expected=expected)


def _value_type(pa: Any, kind: Any) -> Any:
    """Return the type of the values of a dictionary, which pandas calls categories."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_string(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_name(pa: Any, kind: Any) -> bool:
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return _is_string(pa, kind) or bool(is_number)


def is_list(kind: "pa.DataType") -> bool:
    """Tell whether a column of this type holds lists."""
    pa = import_pyarrow("a table")
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
