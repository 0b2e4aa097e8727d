"""The plan that divides the documents of a split into shards."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from reprlib import repr as show  # a file can hold anything
from typing import Any

import numpy as np

from cache import messages
from cache.errors import InvalidValueError

__all__ = ["SplitPlan", "extend_plan", "parse_count"]

_COUNT_STOP = 2**48  # of documents or tokens: whatever is made of them fits into 64 bits


@dataclass(frozen=True)
class SplitPlan:
    """The planned shards of a split.

    Attributes
    ----------
    n_corpus_documents, n_corpus_tokens : int
        All documents of the split, planned or not; their words are in the documents file.
    document_stops, token_stops : tuple of int
        Shard k holds the documents, and the tokens, from `stops[k - 1]` (0 for the first) to `stops[k]`.
    """

    n_corpus_documents: int
    n_corpus_tokens: int
    document_stops: tuple[int, ...] = ()
    token_stops: tuple[int, ...] = ()

    @property
    def n_documents(self) -> int:
        """Documents in the plan."""
        return self.document_stops[-1] if self.document_stops else 0

    @property
    def n_tokens(self) -> int:
        """Tokens in the plan."""
        return self.token_stops[-1] if self.token_stops else 0

    @property
    def n_shards(self) -> int:
        """Shards in the plan."""
        return len(self.document_stops)

    def document_range(self, index: int) -> tuple[int, int]:
        """Return the first document of shard `index` and the one after its last."""
        return (self.document_stops[index - 1] if index else 0), self.document_stops[index]

    def token_range(self, index: int) -> tuple[int, int]:
        """Return the first token of shard `index` and the one after its last."""
        return (self.token_stops[index - 1] if index else 0), self.token_stops[index]

    def shard_n_tokens(self, index: int) -> int:
        """Return the number of tokens in shard `index`."""
        first, last = self.token_range(index)
        return last - first

    def shortened(self, n_shards: int) -> "SplitPlan":
        """Return the plan of the first shards alone."""
        return replace(self, document_stops=self.document_stops[:n_shards], token_stops=self.token_stops[:n_shards])

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that the manifest holds."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "SplitPlan":
        """Return the plan that `to_json` wrote; raise `ValueError`, `KeyError` or `TypeError` if it is invalid."""
        plan = cls(
            parse_count(value["n_corpus_documents"]),
            parse_count(value["n_corpus_tokens"]),
            tuple(parse_count(stop) for stop in value["document_stops"]),
            tuple(parse_count(stop) for stop in value["token_stops"]),
        )
        documents, tokens = (0, *plan.document_stops), (0, *plan.token_stops)
        if (
            len(documents) != len(tokens)
            or any(start >= stop for start, stop in pairwise(documents))
            or any(start > stop for start, stop in pairwise(tokens))
            or documents[-1] > plan.n_corpus_documents
            or tokens[-1] > plan.n_corpus_tokens
        ):
            raise InvalidValueError(messages.PLAN_INVALID)
        return plan


def extend_plan(plan: SplitPlan, indptr: np.ndarray, n_documents: int, shard_tokens: int) -> SplitPlan:
    """Plan shards up to document `n_documents`, greedily from the last planned one.

    A shard is closed before the document that would take it over `shard_tokens`; a longer document has a
    shard to itself. Shards planned before stay as they are, also a short last one.

    Parameters
    ----------
    plan : SplitPlan
        What is planned so far.
    indptr : ndarray of int64, (n_corpus_documents + 1,)
        Token offsets of all documents of the split.
    n_documents : int
        Documents wanted; fewer than planned changes nothing.
    shard_tokens : int
        Tokens a shard may hold.

    Returns
    -------
    SplitPlan

    Examples
    --------
    >>> plan = extend_plan(SplitPlan(4, 10), np.array([0, 3, 5, 9, 10]), 4, shard_tokens=5)
    >>> plan.document_stops, plan.token_stops
    ((2, 4), (5, 10))
    """
    n_documents = min(n_documents, plan.n_corpus_documents)
    stops = list(plan.document_stops)
    start = plan.n_documents
    while start < n_documents:
        fitting = int(np.searchsorted(indptr, indptr[start] + shard_tokens, side="right")) - 1
        start = min(max(fitting, start + 1), n_documents)
        stops.append(start)
    return replace(plan, document_stops=tuple(stops), token_stops=tuple(int(indptr[stop]) for stop in stops))


def parse_count(value: Any) -> int:
    """Return a number of documents or tokens out of JSON, or raise `ValueError`."""
    if type(value) is not int or value >= _COUNT_STOP:
        raise InvalidValueError(messages.COUNT_INVALID, found=show(value))
    return value
