"""Records, of which documents are made: a text, and where there is one a label, a split, an id, and tags."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from reprlib import repr as show
from types import MappingProxyType
from typing import NamedTuple

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.base import Document
from elmo_cache.text.corpora.lines import LineReader

__all__ = [
    "LABEL_COLUMN",
    "ONLY_SPLIT",
    "SPLIT_COLUMN",
    "TEXT_COLUMN",
    "TOKENS_COLUMN",
    "Columns",
    "Record",
    "Remarks",
    "check_names",
    "check_split",
    "documents_of",
    "missing_column",
    "missing_value",
    "shown_classes",
    "unknown_label",
]

TEXT_COLUMN = "text"
TOKENS_COLUMN = "tokens"
LABEL_COLUMN = "label"
SPLIT_COLUMN = "split"
ONLY_SPLIT = "train"

_SPLIT_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_TAGS: Mapping[str, tuple[str | None, ...]] = MappingProxyType({})


class Record(NamedTuple):
    """One document as the file has it; `label`, `split` and `id` are None, and `tags` empty, where not in use."""

    line: int
    text: str | tuple[str, ...]
    label: str | None
    split: str | None
    id: str | None = None
    tags: Mapping[str, tuple[str | None, ...]] = _NO_TAGS


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what; one of None is not in use. Those of `tags` hold lists, a tag for each token."""

    text: str = TEXT_COLUMN
    label: str | None = None
    split: str | None = None
    id: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def roles(self) -> tuple[tuple[str, str], ...]:
        """What is held and the column that holds it, for each column in use; the `tags` come last."""
        single = (("text", self.text), ("label", self.label), ("split", self.split), ("id", self.id))
        return (
            *((role, column) for role, column in single if column is not None),
            *(("tags", column) for column in self.tags),
        )

    def choose(self, found: Collection[str], where: str, *, by_option: bool = True) -> "Columns":
        """The columns to use of those found: what was asked for, or else those with the default names.

        Raises
        ------
        CorpusError
            If one that was asked for is not there, which with `by_option` an option would name; or is there twice.
        """
        text = self.text
        if text == TEXT_COLUMN and text not in found and TOKENS_COLUMN in found:
            text = TOKENS_COLUMN
        label, split = (
            wanted or (default if default in found and default != text else None)
            for wanted, default in ((self.label, LABEL_COLUMN), (self.split, SPLIT_COLUMN))
        )
        chosen = replace(self, text=text, label=label, split=split)
        for role, column in chosen.roles:
            if column not in found:
                raise missing_column(where, role, column, found, by_option=by_option)
            if list(found).count(column) > 1:
                raise CorpusError(messages.COLUMN_TWICE, where=where, column=column)
        return chosen


@dataclass
class Remarks:
    """What was done to a text that its owner should know; counted while it is read.

    Attributes
    ----------
    n_labels : int
        Labels that lost white space around them.
    header : dict of str to None
        Cells of a header that did, as they stand there.
    n_returns : int
        Lines with a carriage return inside, which ends no line.
    is_split_by_returns : bool
        Whether carriage returns alone end the lines.
    """

    n_labels: int = 0
    header: dict[str, None] = field(default_factory=dict)
    n_returns: int = 0
    is_split_by_returns: bool = False

    @property
    def notes(self) -> list[str]:
        """A sentence on each."""
        from cache.runtime.console import (
            human_count,  # a library of command lines, to be spared who has nothing to note
        )

        notes = []
        if self.header:
            shown = ", ".join(repr(cell[:40]) for cell in self.header)
            notes.append(f"spaces around header cells were dropped: {shown}")
        if self.n_labels:
            notes.append(f"spaces around {human_count(self.n_labels, 'label')} were dropped")
        if self.is_split_by_returns:
            notes.append("there is no line feed in the file: each carriage return was taken as the end of a line")
        if self.n_returns:
            notes.append(
                f"{human_count(self.n_returns, 'line')} with a carriage return inside, which was taken as text: only a "
                "line feed ends a line"
            )
        return notes


def documents_of(
    parts: Iterable[tuple[str | None, str, Iterable[Record]]],
    label_names: Sequence[str] | None,
    remarks: Remarks,
    path: object,
) -> Iterator[Document]:
    """Number the documents of each split, and check the names of splits and classes.

    Parameters
    ----------
    parts : iterable of (split, where, records)
        The split of all records, or None where each says its own or all are in `ONLY_SPLIT`; what errors call a record,
        before its `line`; and the records, with labels as they stand in the text.
    label_names : sequence of str or None
        The classes, if they are known.
    remarks : Remarks
        Where the labels that lost white space are counted.
    path : object
        What errors call all of it.

    Raises
    ------
    CorpusError
        At the first record of a split that cannot have its name, or with a label that is none of `label_names`; or if
        there are no records.
    """
    n_seen: dict[str, int] = {}
    for split, where, records in parts:
        for record in records:
            label = record.label
            if label is not None and label != (stripped := label.strip()):
                remarks.n_labels += 1
                label = stripped
            if label_names is not None and label not in label_names:
                place, expected = f"{where} {record.line}", ", ".join(label_names)
                if label is None:
                    raise CorpusError(messages.NO_LABEL, where=place, expected=expected)
                raise unknown_label(label, label_names, place)
            name = split or record.split or ONLY_SPLIT
            if split is None and record.split is not None:
                check_split(record.split, f"{where} {record.line}")
            order = n_seen.get(name, 0)
            n_seen[name] = order + 1
            yield Document(name, order, label, record.text, record.id, record.tags)
    if not n_seen:
        raise CorpusError(messages.NO_DOCUMENTS, path=path)


def check_split(name: str, where: str) -> None:
    """Raise `CorpusError` if a split cannot have that name."""
    if not _SPLIT_NAME.fullmatch(name):
        expected = "a name of 1 to 64 letters, digits, '_' or '-'"
        raise CorpusError(
            messages.INVALID_ENTRY, where=where, name="the split", found=repr(name[:80]), expected=expected
        )


def check_names(label_names: Sequence[str]) -> tuple[str, ...]:
    """Return names of classes as a tuple; raise `CorpusError` if one is empty or there twice."""
    names = () if isinstance(label_names, str) else tuple(name.strip() for name in label_names)
    if not names or not all(names) or len(set(names)) < len(names):
        expected = "a list of distinct class names, none of them empty"
        raise CorpusError(messages.INVALID_VALUE, name="label_names", found=show(label_names), expected=expected)
    return names


def missing_value(reader: LineReader, line: int, column: str | None) -> CorpusError:
    """Return the error of a record that lacks a value."""
    return CorpusError(messages.NO_VALUE, where=f"{reader.at(line)}, column {column!r}", name="value")


def missing_column(
    where: str, role: str, column: str, found: Collection[str], *, by_option: bool = True
) -> CorpusError:
    """Return the error of a place that lacks the column for a role, which with `by_option` an option names."""
    shown = ", ".join(repr(name[:40]) for name in list(found)[:20]) or "none"
    if not by_option:
        return CorpusError(messages.NO_COLUMN_FOR, where=where, column=column, role=role, found=shown)
    option = "tag_columns" if role == "tags" else f"{role}_column"
    return CorpusError(messages.NO_COLUMN, where=where, column=column, found=shown, name=option)


def shown_classes(found: Iterable[Sequence[str] | None]) -> str:
    """Return several lists of class names as errors show them."""
    return " | ".join(", ".join(names or ()) or "none" for names in found)


def unknown_label(label: str, label_names: Sequence[str], where: str) -> CorpusError:
    """Return the error of a label that is not one of the classes."""
    expected = f"one of {', '.join(label_names)}"
    return CorpusError(messages.INVALID_ENTRY, where=where, name="the label", found=repr(label), expected=expected)
