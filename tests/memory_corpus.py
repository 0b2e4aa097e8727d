"""A corpus held in memory, for tests of everything behind the corpora."""

from collections.abc import Iterator, Mapping
from typing import Any

from elmo_cache.text.corpora import Document


class MemoryCorpus:
    """Documents given as `(split, label, text)`; `order` is the place in the list unless given."""

    name = "memory"
    tokenizer: str | None = "whitespace"
    unit = "docs"

    def __init__(
        self,
        documents: list[tuple[str, str | None, str]],
        *,
        orders: list[int] | None = None,
        label_names: tuple[str, ...] | None = None,
        word_ranks: Mapping[str, int] | None = None,
    ):
        self.label_names = label_names
        self.word_ranks = word_ranks
        self.split_rule: dict[str, Any] = {"rule": "as given"}
        self.size = len(documents)
        self.position = 0
        self._orders = orders or list(range(len(documents)))
        self._documents = documents

    def documents(self) -> Iterator[Document]:
        self.position = 0
        for order, (split, label, text) in zip(self._orders, self._documents, strict=True):
            self.position += 1
            yield Document(split, order, label, text)
