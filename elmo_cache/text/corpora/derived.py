"""A corpus made of others: joined as splits, divided into splits, or with its classes renamed."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.base import Corpus, Document
from elmo_cache.text.corpora.records import ONLY_SPLIT, check_split, shown_classes
from elmo_cache.text.order import seeded_permutation

__all__ = ["DividedCorpus", "JoinedCorpus", "RenamedCorpus"]


class _Derived:
    """A corpus that is another in all it does not say itself."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self.name = corpus.name
        self.tokenizer = corpus.tokenizer
        self.word_ranks = corpus.word_ranks
        self.unit = corpus.unit
        self.columns = getattr(corpus, "columns", None)

    @property
    def notes(self) -> list[str]:
        """Of the other."""
        return list(getattr(self._corpus, "notes", ()))

    @property
    def size(self) -> int:
        """Of the other."""
        return self._corpus.size

    @property
    def position(self) -> int:
        """In the other."""
        return self._corpus.position


class JoinedCorpus:
    """Several corpora, each of them a split.

    Parameters
    ----------
    parts : sequence of (str, Corpus)
        The name of each split, and its documents; they have no splits of their own.

    Raises
    ------
    CorpusError
        If a name is no split's or there twice, or two corpora are of different kinds; while they are read, if one has
        splits.
    """

    word_ranks = None
    unit = "docs"

    def __init__(self, parts: Sequence[tuple[str, Corpus]]) -> None:
        for split, _ in parts:
            check_split(split, "split names")
        splits = [split for split, _ in parts]
        if len(set(splits)) < len(splits):
            raise CorpusError(messages.SPLIT_TWICE, splits=", ".join(splits))
        tokenizers = {corpus.tokenizer for _, corpus in parts}
        if len(tokenizers) > 1:
            raise CorpusError(messages.TEXTS_AND_TOKENS)
        self._parts = list(parts)
        self.name = " + ".join(corpus.name for _, corpus in parts)
        self.tokenizer = parts[0][1].tokenizer
        self.columns = getattr(parts[0][1], "columns", None)
        self.label_names = parts[0][1].label_names
        found = dict.fromkeys(corpus.label_names for _, corpus in parts)
        if len(found) > 1:
            raise CorpusError(messages.CLASSES_DIFFER, name=self.name, found=shown_classes(found))
        self.size = sum(corpus.size for _, corpus in parts)

    @property
    def position(self) -> int:
        """Over all of them."""
        return sum(corpus.position for _, corpus in self._parts)

    @property
    def notes(self) -> list[str]:
        """Of each."""
        return [f"{corpus.name}: {note}" for _, corpus in self._parts for note in getattr(corpus, "notes", ())]

    @property
    def split_rule(self) -> dict[str, Any]:
        """That each corpus is a split."""
        return {"rule": "as given"}

    def documents(self) -> Iterator[Document]:
        """All documents, corpus by corpus."""
        for split, corpus in self._parts:
            for document in corpus.documents():
                if document.split != ONLY_SPLIT:
                    raise CorpusError(messages.HAS_SPLITS, name=corpus.name, split=document.split)
                yield replace(document, split=split)


class DividedCorpus(_Derived):
    """The documents of a corpus without splits, in `train`, `test` and, if wanted, `validation`.

    Each class is divided alike, and documents with the same text are on one side. The corpus is read twice.

    Parameters
    ----------
    corpus : Corpus
        With all its documents in one split.
    test, validation : float
        Shares of all documents, from 0 to below 1; what is left is `train`.
    seed : int
        Of the order in which texts are dealt out.

    Raises
    ------
    CorpusError
        If a share is not between 0 and 1, both leave nothing to train on, or, while it is read, the corpus has splits.
    """

    def __init__(self, corpus: Corpus, test: float, validation: float = 0.0, seed: int = 0) -> None:
        super().__init__(corpus)
        if not (0 <= test < 1 and 0 <= validation < 1 and 0 < test + validation < 1):
            raise CorpusError(messages.WRONG_SHARES, test=test, validation=validation)
        self.label_names = corpus.label_names
        self._shares = {"test": test, "validation": validation}
        self._seed = seed

    @property
    def split_rule(self) -> dict[str, Any]:
        """Shares and seed."""
        shares = {name: share for name, share in self._shares.items() if share}
        return {"rule": "divided by class, equal texts on one side", "shares": shares, "seed": self._seed}

    def documents(self) -> Iterator[Document]:
        """All documents, each with its split."""
        split_of = self._deal()
        n_seen: dict[str, int] = defaultdict(int)
        for document in self._corpus.documents():
            split = split_of[_digest(document)]
            yield replace(document, split=split, order=n_seen[split])
            n_seen[split] += 1

    def _deal(self) -> dict[bytes, str]:
        counts: dict[bytes, int] = {}
        groups: dict[str, list[bytes]] = defaultdict(list)
        totals: dict[str, int] = defaultdict(int)
        for document in self._corpus.documents():
            if document.split != ONLY_SPLIT:
                raise CorpusError(messages.HAS_SPLITS, name=self.name, split=document.split)
            key, label = _digest(document), document.label or ""
            if key not in counts:
                groups[label].append(key)
            counts[key] = counts.get(key, 0) + 1
            totals[label] += 1
        split_of = {}
        for label, keys in sorted(groups.items()):
            in_order = sorted(keys)
            shuffled = [in_order[i] for i in seeded_permutation(label, len(keys), self._seed)]
            wanted = {name: round(share * totals[label]) for name, share in self._shares.items()}
            for key in shuffled:
                name = next((name for name, left in wanted.items() if left > 0 and counts[key] <= left), "train")
                split_of[key] = name
                if name in wanted:
                    wanted[name] -= counts[key]
        return split_of


class RenamedCorpus(_Derived):
    """A corpus with other names for its classes.

    Parameters
    ----------
    corpus : Corpus
        With labels.
    names : Mapping[str, str]
        From its names to the new ones; a class that is not in it keeps its name.

    Raises
    ------
    CorpusError
        If two classes would have one name; while it is read, if a class of `names` does not occur.
    """

    def __init__(self, corpus: Corpus, names: Mapping[str, str]) -> None:
        super().__init__(corpus)
        self._names = dict(names)
        self.label_names = None
        if corpus.label_names is not None:
            self._check(corpus.label_names)
            self.label_names = tuple(self._names.get(name, name) for name in corpus.label_names)

    @property
    def split_rule(self) -> dict[str, Any]:
        """Of the other; the new names stand in the documents themselves."""
        return self._corpus.split_rule

    def documents(self) -> Iterator[Document]:
        """All documents, with their new labels."""
        found = set()
        for document in self._corpus.documents():
            label = document.label
            if label is not None:
                found.add(label)
                label = self._names.get(label, label)
            yield replace(document, label=label)
        self._check(found)

    def _check(self, found: Any) -> None:
        for old in self._names:
            if old not in found:
                expected = ", ".join(sorted(found)) or "none"
                raise CorpusError(messages.NO_CLASS, name=self.name, found=old, expected=expected)
        renamed = [self._names.get(name, name) for name in found]
        if len(set(renamed)) < len(renamed):
            raise CorpusError(messages.CLASSES_COLLIDE, name=self.name, found=", ".join(sorted(renamed)))


def _digest(document: Document) -> bytes:
    text = document.text if isinstance(document.text, str) else "\0".join(document.text)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
