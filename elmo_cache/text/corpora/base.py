"""What every source of text gives: documents, and a few facts about them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

__all__ = ["IMDB_LABELS", "Corpus", "Document", "order_labels"]

IMDB_LABELS = ("neg", "pos")  # Keras's classes 0 and 1

_NUMBER = re.compile(r"[+-]?[0-9]{1,1000}(\.[0-9]{1,1000})?")


@dataclass(frozen=True, slots=True)
class Document:
    """One text.

    Attributes
    ----------
    split : str
        Such as `train` or `test`.
    order : int
        Unique within its split; sorting by it gives the documents' order in the corpus, whatever order they
        were read in.
    label : str or None
        The name of its class; None in a corpus without labels.
    text : str or tuple of str
        All of it, not yet split into words; or its tokens, which are taken as they are by the rule `tokens`.
    id : str or None
        What its owner calls it, if anything: in all documents of a corpus or in none.
    tags : Mapping[str, tuple of (str or None)]
        By the name of a set of tags, a tag for each token of `text`, which then is a tuple; None for no tag.
    """

    split: str
    order: int
    label: str | None
    text: str | tuple[str, ...]
    id: str | None = None
    tags: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)


class Corpus(Protocol):
    """A source of documents that can be read more than once; anything of this shape can be built into a cache.

    A build reads it as a stream: to make a cache of it, or to see whether the cache that is there holds the same text.
    A corpus may also have `notes`, a list of str: what was done to the text as it was read, which the plan shows.
    """

    @property
    def name(self) -> str:
        """What to call it: `sample`, `imdb`, `aclimdb`, or the file's name without its folder."""

    @property
    def tokenizer(self) -> str | None:
        """The tokeniser it is used with by default; None if its text suggests none."""

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """Class names in the order of their indices; None: `order_labels` of those that occur."""

    @property
    def word_ranks(self) -> Mapping[str, int] | None:
        """Word to 1-based frequency rank, where the corpus brings its own; else None."""

    @property
    def split_rule(self) -> dict[str, Any]:
        """How documents were divided into splits, in JSON types; part of what identifies the corpus."""

    @property
    def size(self) -> int:
        """How much there is to read, in `unit`: for a progress bar, and so an estimate will do."""

    @property
    def position(self) -> int:
        """How much has been read, in `unit`; advances while `documents()` is iterated."""

    @property
    def unit(self) -> str:
        """`B` or `docs`: what `size` and `position` count."""

    def documents(self) -> Iterator[Document]:
        """All documents as a stream; every call starts again from the beginning.

        Yields
        ------
        Document
            In any order; `Document.order` says where it stands in its split.

        Raises
        ------
        CorpusError
            At the first document that cannot be read, with its place.
        """


def order_labels(names: Iterable[str]) -> tuple[str, ...]:
    """The distinct names in the order of their class indices: sorted, and by value if all are numbers.

    Parameters
    ----------
    names : iterable of str
        Class names, as often as you like.

    Returns
    -------
    tuple of str
        Each of them once.

    Examples
    --------
    >>> order_labels(["10", "9", "10"]), order_labels(["10.0", "9.5"]), order_labels(["pos", "neg"])
    (('9', '10'), ('9.5', '10.0'), ('neg', 'pos'))
    """
    distinct = set(names)
    if all(_NUMBER.fullmatch(name) for name in distinct):
        return tuple(sorted(distinct, key=lambda name: (Fraction(name), name)))
    return tuple(sorted(distinct))
