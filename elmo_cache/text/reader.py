"""From a corpus, read once as a stream, to what the documents files hold.

Token ids go to a nameless temporary file while the text streams by, because two things are known only at its end:
which words are frequent, and the permutation in which documents are stored. In memory stay about 80 bytes a
document and the vocabulary.
"""

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from cache.documents import encode_vocabulary, write_documents
from cache.manifest import Manifest
from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.content import check_extras, corpus_identity, document_digest, is_composed
from elmo_cache.text.corpora import Corpus, Document
from elmo_cache.text.corpora.base import order_labels
from elmo_cache.text.corpora.records import check_split, unknown_label
from elmo_cache.text.order import seeded_permutation
from elmo_cache.text.rule import TextRule
from elmo_cache.text.spool import Spool
from elmo_cache.text.tokenization import TOKENS
from elmo_cache.text.vocabulary import PAD, START, choose_vocabulary, rank_words

__all__ = ["ORDER_SEED", "CorpusReader"]

ORDER_SEED = 0
"""Of the permutations in which documents are stored; part of what identifies a corpus."""

_BLOCK_TOKENS = 2**20
_BLOCK_DOCUMENTS = 4096


@dataclass
class _SplitFacts:
    orders: "array[int]" = field(default_factory=lambda: array("q"))
    labels: "array[int]" = field(default_factory=lambda: array("i"))
    lengths: "array[int]" = field(default_factory=lambda: array("q"))
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    digests: bytearray = field(default_factory=bytearray)
    ids: list[str] = field(default_factory=list)
    # Known at the end of the stream: the corpus position of each stored document, and its place in the stream.
    positions: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    stored_order: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


class CorpusReader:
    """A corpus, read from beginning to end: what it holds, and the means to write its documents files; to be closed.

    Parameters
    ----------
    corpus : Corpus
        The text.
    rule : TextRule
        How to tokenise it.
    tokenise : bool
        False reads the text only to see whether it is the corpus that a cache was made of.
    spool_directory : Path, optional
        Where the nameless temporary file lies; default: the system's place.
    progress : callable, optional
        Called with the advance of `corpus.position`.

    Attributes
    ----------
    name : str
        The corpus's.
    tokenised : bool
        Whether the text was split into words, not only compared.
    corpus_json : dict
        Content, split rule and order seed: equal for equal corpora, wherever their files lay.
    label_names : tuple of str or None
        Class names by class index.
    tag_names : dict of str to tuple of str
        For each set of tags, the tags by index.
    has_ids : bool
        Whether its documents have names.
    n_decomposed : int
        Documents that Unicode's form NFC would change, unless the rule brings them into it.

    Raises
    ------
    CorpusError
        If the text cannot be read as documents.
    OutputError
        If the temporary file cannot be written.
    """

    def __init__(
        self,
        corpus: Corpus,
        rule: TextRule,
        *,
        tokenise: bool = True,
        spool_directory: Path | None = None,
        progress: Callable[[int], None] | None = None,
    ):
        self._rule = rule
        self._split = rule.split
        self.name = corpus.name
        self.tokenised = tokenise
        self._splits: dict[str, _SplitFacts] = {}
        self._words: dict[str, int] = defaultdict(count().__next__)  # a new word gets the next number
        self._label_codes: dict[str, int] = {}
        self._spool = Spool(spool_directory)
        self._corpus = corpus
        self._tag_codes: dict[str, dict[str | None, int]] | None = None  # known from the first document on
        self.label_names: tuple[str, ...] | None = None
        self.corpus_json: dict[str, Any] = {}
        self.tag_names: dict[str, tuple[str, ...]] = {}
        self.has_ids = False
        self.n_decomposed = 0
        try:
            self._read(progress)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the temporary file."""
        self._spool.close()

    @property
    def split_names(self) -> list[str]:
        """The splits that were found."""
        return list(self._splits)

    def _read(self, progress: Callable[[int], None] | None) -> None:
        before = 0
        for number, document in enumerate(self._corpus.documents()):
            facts = self._splits.get(document.split)
            if facts is None:
                check_split(document.split, self.name)
                facts = self._splits.setdefault(document.split, _SplitFacts())
            facts.orders.append(document.order)
            label = "" if document.label is None else document.label
            facts.labels.append(
                -1 if document.label is None else self._label_codes.setdefault(label, len(self._label_codes))
            )
            facts.digests += document_digest(document)
            if self._tag_codes is None:
                self._tag_codes = {tags: {} for tags in document.tags}
                self.has_ids = document.id is not None
            check_extras(document, self.has_ids, list(self._tag_codes), self.name)
            if self._rule.normalize is None and not is_composed(document.text):
                self.n_decomposed += 1
            if document.id is not None:
                facts.ids.append(document.id)
            if self.tokenised:
                self._append_tokens(facts, document)
            if progress and not number % 64:
                progress(self._corpus.position - before)
                before = self._corpus.position
        if progress:
            progress(self._corpus.size - before)
        if not self._splits:
            raise CorpusError(messages.NO_DOCUMENTS, path=self.name)
        self._describe()

    def _append_tokens(self, facts: _SplitFacts, document: Document) -> None:
        if not isinstance(document.text, str) and self._rule.tokenizer != TOKENS:
            raise CorpusError(messages.TOKENS_GIVEN, name=self.name, found=self._rule.tokenizer)
        tokens = self._split(document.text)
        ids = array("i", map(self._words.__getitem__, tokens))
        facts.lengths.append(len(ids))
        for name, codes in (self._tag_codes or {}).items():  # behind the tokens, set by set
            ids.extend(codes.setdefault(tag, len(codes)) for tag in document.tags[name])
        facts.offsets.append(self._spool.append(ids))

    def _describe(self) -> None:
        found = order_labels(self._label_codes)
        unlabelled = any(-1 in facts.labels for facts in self._splits.values())
        if unlabelled and found:
            raise CorpusError(messages.SOME_LABELS_MISSING, name=self.name)
        names = self._corpus.label_names or found
        strange = sorted(set(found).difference(names))
        if strange:
            raise unknown_label(strange[0], names, self.name)
        self.label_names = None if unlabelled else names
        # Train before test, whatever the order in which an archive lists them.
        order = {"train": 0, "validation": 1, "test": 2}
        self._splits = dict(sorted(self._splits.items(), key=lambda item: (order.get(item[0], 3), item[0])))
        self.tag_names = {
            name: order_labels(tag for tag in codes if tag is not None)
            for name, codes in (self._tag_codes or {}).items()
        }
        content = {}
        for name, facts in self._splits.items():
            orders = np.asarray(facts.orders)
            by_position = np.argsort(orders, kind="stable")
            if np.any(np.diff(orders[by_position]) == 0):
                raise CorpusError(messages.SAME_ORDER, name=self.name, split=name)
            facts.positions = seeded_permutation(name, len(orders), ORDER_SEED)
            facts.stored_order = by_position[facts.positions]
            digests = np.frombuffer(facts.digests, np.uint8).reshape(-1, 32)[by_position]
            content[name] = {
                "n_documents": len(facts.orders),
                "sha256": hashlib.sha256(np.ascontiguousarray(digests).data).hexdigest(),
            }
        self.corpus_json = corpus_identity(self._corpus, content, self.label_names, ORDER_SEED)

    def class_counts(self) -> dict[str, int]:
        """Return how many documents each class has, in the order of the classes; none without labels."""
        names, by_code = self.label_names or (), list(self._label_codes)
        counts = dict.fromkeys(names, 0)
        for facts in self._splits.values() if names else ():
            for code, n_documents in enumerate(np.bincount(facts.labels, minlength=len(by_code)).tolist()):
                counts[by_code[code]] += n_documents
        return counts

    def word_counts(self) -> tuple[list[str], np.ndarray]:
        """Return the words of a corpus that was tokenised, and how often each occurs, int64."""
        return list(self._words), self._counts(list(self._splits))

    def n_documents(self, split: str) -> int:
        """Return the number of documents in a split."""
        return len(self._splits[split].orders)

    def lengths(self, split: str) -> np.ndarray:
        """Return how many tokens each document has after the window, `(n_docs,)` int64 in stored order."""
        return self._rule.lengths(self._unwindowed_lengths(split))

    def _unwindowed_lengths(self, split: str) -> np.ndarray:
        facts = self._splits[split]
        return np.asarray(facts.lengths)[facts.stored_order] + self._rule.n_start

    def write(self, directory: Path, manifest: Manifest) -> None:
        """Write the documents file of every split into the cache `directory`, for the fingerprints of `manifest`."""
        vocabulary = self.vocabulary
        encoded = encode_vocabulary(vocabulary)
        for split, facts in self._splits.items():
            unwindowed = self._unwindowed_lengths(split)
            codes = None
            if self.label_names is not None:
                index = {name: i for i, name in enumerate(self.label_names)}
                class_of = np.array([index[name] for name in self._label_codes], np.int32)
                codes = class_of[np.asarray(facts.labels)[facts.stored_order]]
            write_documents(
                directory,
                split,
                manifest,
                token_ids=self.token_blocks(split),
                lengths=self._rule.lengths(unwindowed),
                labels=codes,
                doc_ids=facts.positions,
                truncated=self._rule.is_cut(unwindowed),
                vocabulary=encoded,
                ids=encode_vocabulary([facts.ids[i] for i in facts.stored_order.tolist()]) if self.has_ids else None,
                tags={
                    name: self._blocks(split, self._final_tags(name), k, start=-1, pad=-1)
                    for k, name in enumerate(manifest.tag_names, 1)
                },
            )

    def _final_tags(self, name: str) -> np.ndarray:
        """Return the index of every tag of the temporary file; -1 for none."""
        index: dict[str | None, int] = {tag: i for i, tag in enumerate(self.tag_names[name])}
        assert self._tag_codes is not None
        return np.array([index.get(tag, -1) for tag in self._tag_codes[name]], np.int32)

    def n_truncated(self, split: str) -> int:
        """Return how many documents of a split the window cuts."""
        return int(self._rule.is_cut(self._unwindowed_lengths(split)).sum())

    def _counts(self, splits: list[str]) -> np.ndarray:
        facts = [self._splits[split] for split in splits]
        return sum(
            (self._spool.counts(part.offsets, part.lengths, len(self._words)) for part in facts),
            np.zeros(len(self._words), np.int64),
        )

    @property
    def vocabulary(self) -> list[str]:
        """The words by token id."""
        return self._numbering[0]

    def token_blocks(self, split: str) -> Iterator[np.ndarray]:
        """Yield the token ids of a split in stored order, each block int32 of whole documents."""
        vocabulary, final_ids = self._numbering
        special = {word: i for i, word in enumerate(vocabulary[:3])}
        return self._blocks(split, final_ids, 0, start=special.get(START, 0), pad=special.get(PAD, 0))

    @cached_property
    def _numbering(self) -> tuple[list[str], np.ndarray]:
        """Return the words by final id, and the final id of every id in the temporary file."""
        words = list(self._words)
        ranks = None if self._rule.num_words is None else self._ranks(words)
        return choose_vocabulary(words, self._counts(list(self._splits)), self._rule, ranks)

    def _ranks(self, words: list[str]) -> Mapping[str, int]:
        if self._rule.word_ranks is not None:
            return self._rule.word_ranks
        if "train" not in self._splits:
            raise CorpusError(messages.NO_TRAIN_SPLIT, name=self.name, found=", ".join(self._splits))
        return rank_words(words, self._counts(["train"]))

    def _blocks(self, split: str, final: np.ndarray, part: int, *, start: int, pad: int) -> Iterator[np.ndarray]:
        """Yield what belongs to the tokens of a split, in stored order and cut by the window, as `final` numbers it.

        Parameters
        ----------
        split : str
            The split.
        final : ndarray of int32
            The number of each number in the temporary file.
        part : int
            0 for the words, 1 for the first set of tags.
        start, pad : int
            What stands for the words that the rule puts in front.
        """
        facts, spooled = self._splits[split], self._spool.read()
        block: list[np.ndarray] = []
        n_tokens = 0
        for i in facts.stored_order.tolist():
            offset = facts.offsets[i] + part * facts.lengths[i]
            ids = self._rule.windowed(final[spooled[offset : offset + facts.lengths[i]]], start, pad)
            block.append(ids)
            n_tokens += len(ids)
            if n_tokens >= _BLOCK_TOKENS or len(block) >= _BLOCK_DOCUMENTS:
                yield np.concatenate(block)
                block, n_tokens = [], 0
        if block:
            yield np.concatenate(block)
