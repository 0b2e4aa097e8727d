"""From a corpus, read once as a stream, to what the documents files hold.

Token ids go to a nameless temporary file while the text streams by, because two things are known only at its end:
which words are frequent, and the permutation in which documents are stored. In memory stay about 80 bytes a
document and the vocabulary.
"""

import hashlib
import shutil
import tempfile
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cache.documents import encode_vocabulary, write_documents
from cache.errors import OutputError
from cache.hashing import fingerprint
from cache.manifest import Manifest, check_split_name
from elmo_cache.corpora import Corpus
from elmo_cache.corpora.base import order_labels
from elmo_cache.errors import CorpusError
from elmo_cache.tokenization import get_tokenizer

__all__ = ["Ingestion", "TextRule", "ingest"]

PAD, START, UNKNOWN = "<PAD>", "<START>", "<UNK>"
_BLOCK_TOKENS = 2**20


@dataclass(frozen=True)
class TextRule:
    """How text becomes the tokens that an encoder reads.

    Attributes
    ----------
    tokenizer : {"keras", "words", "whitespace"}
        The rule that splits text.
    num_words : int or None
        As in Keras's `load_data`: keep the words of rank 1 to `num_words - 4`, turn the others into `<UNK>` and put
        `<START>` first.
    word_ranks : Mapping[str, int] or None
        Frequency ranks from 1 for `num_words`; None: those of the corpus itself, or of its `train` split.
    max_tokens : int
        The window; 0 for none.
    keep : {"last", "first"}
        The end that a longer document keeps.
    literal_padding : bool
        Put the word `<PAD>` in front of shorter documents until they fill the window.
    """

    tokenizer: str = "keras"
    num_words: int | None = None
    word_ranks: Mapping[str, int] | None = None
    max_tokens: int = 500
    keep: str = "last"
    literal_padding: bool = False

    def __post_init__(self) -> None:
        get_tokenizer(self.tokenizer)
        if self.keep not in ("last", "first"):
            raise CorpusError(f"--keep is {self.keep!r}, expected 'last' or 'first'")
        if self.max_tokens < 0:
            raise CorpusError(f"--max-tokens is {self.max_tokens}, expected 0 (no window) or more")
        if self.num_words is not None and self.num_words < 5:
            raise CorpusError(f"--num-words is {self.num_words}, expected at least 5: four ids are reserved")
        if self.literal_padding and not self.max_tokens:
            raise CorpusError("--literal-padding fills the window, and there is none: give --max-tokens")

    def to_json(self) -> dict[str, Any]:
        """Return what goes into the encoding's fingerprint."""
        ranks = None
        if self.num_words is not None:
            ranks = fingerprint(dict(self.word_ranks)) if self.word_ranks is not None else "train split"
        return {
            "tokenizer": self.tokenizer,
            "num_words": self.num_words,
            "word_ranks": ranks,
            "max_tokens": self.max_tokens,
            "keep": self.keep if self.max_tokens else None,
            "literal_padding": self.literal_padding,
        }


@dataclass
class _SplitFacts:
    orders: "array[int]" = field(default_factory=lambda: array("q"))
    labels: "array[int]" = field(default_factory=lambda: array("i"))
    lengths: "array[int]" = field(default_factory=lambda: array("q"))
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    digests: bytearray = field(default_factory=bytearray)
    # Known at the end of the stream: the corpus position of each stored document, and its place in the stream.
    positions: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    stored_order: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


class Ingestion:
    """A corpus that has been read: what it holds, and the means to write its documents files.

    Attributes
    ----------
    corpus_json : dict
        Content, split rule and order seed: equal for equal corpora, wherever their files lay.
    label_names : tuple of str or None
        Class names by class index.
    """

    def __init__(
        self, corpus: Corpus, rule: TextRule, *, tokenise: bool, order_seed: int, spool_directory: Path | None
    ):
        self._rule = rule
        self._tokenise = tokenise
        self._order_seed = order_seed
        self._splits: dict[str, _SplitFacts] = {}
        self._words: dict[str, int] = {}
        self._label_codes: dict[str, int] = {}
        self._n_spooled = 0
        self._spool_directory = spool_directory
        try:
            self._spool = tempfile.TemporaryFile(dir=spool_directory)  # noqa: SIM115, closed by close()
        except OSError as error:
            raise self._refused(error) from error
        self._corpus = corpus
        self.label_names: tuple[str, ...] | None = None
        self.corpus_json: dict[str, Any] = {}

    def close(self) -> None:
        """Drop the temporary file."""
        with suppress(OSError):  # a full disk refuses again what it refused
            self._spool.close()

    @property
    def split_names(self) -> list[str]:
        """The splits that were found."""
        return list(self._splits)

    def read(self, progress: Callable[[int], None] | None = None) -> None:
        """Read the corpus; `progress` is called with the advance of `corpus.position`."""
        before = 0
        for count, document in enumerate(self._corpus.documents()):
            facts = self._splits.get(document.split)
            if facts is None:
                try:
                    check_split_name(document.split)
                except ValueError as error:
                    raise CorpusError(f"{self._corpus.name}: {error}") from error
                facts = self._splits.setdefault(document.split, _SplitFacts())
            facts.orders.append(document.order)
            label = "" if document.label is None else document.label
            facts.labels.append(
                -1 if document.label is None else self._label_codes.setdefault(label, len(self._label_codes))
            )
            text = document.text.encode("utf-8", "surrogatepass")
            facts.digests += hashlib.sha256(label.encode() + b"\0" + text).digest()
            if self._tokenise:
                self._append_tokens(facts, document.text)
            if progress and not count % 64:
                progress(self._corpus.position - before)
                before = self._corpus.position
        if progress:
            progress(self._corpus.size - before)
        if not self._splits:
            raise CorpusError(f"{self._corpus.name} holds no documents")
        self._describe()

    def _append_tokens(self, facts: _SplitFacts, text: str) -> None:
        words = self._words
        ids = array("i", [words.setdefault(w, len(words)) for w in get_tokenizer(self._rule.tokenizer)(text)])
        facts.offsets.append(self._n_spooled)
        facts.lengths.append(len(ids))
        try:
            self._spool.write(ids.tobytes())
        except OSError as error:
            raise self._refused(error) from error
        self._n_spooled += len(ids)

    def _describe(self) -> None:
        found = order_labels(self._label_codes)
        unlabelled = any(-1 in facts.labels for facts in self._splits.values())
        if unlabelled and found:
            raise CorpusError(f"{self._corpus.name}: some documents have a label and some have none")
        self.label_names = None if unlabelled else (self._corpus.label_names or found)
        # Train before test, whatever the order in which an archive lists them.
        order = {"train": 0, "validation": 1, "test": 2}
        self._splits = dict(sorted(self._splits.items(), key=lambda item: (order.get(item[0], 3), item[0])))
        content = {}
        for name, facts in self._splits.items():
            by_position = self._by_position(name)
            facts.positions = self._permutation(name)
            facts.stored_order = by_position[facts.positions]
            digests = np.frombuffer(facts.digests, np.uint8).reshape(-1, 32)[by_position]
            content[name] = {
                "n_documents": len(facts.orders),
                "sha256": hashlib.sha256(np.ascontiguousarray(digests).data).hexdigest(),
            }
        self.corpus_json = {
            "content": content,
            "split_rule": dict(self._corpus.split_rule),
            "label_names": None if self.label_names is None else list(self.label_names),
            "order_seed": self._order_seed,
        }

    def n_documents(self, split: str) -> int:
        """Return the number of documents in a split."""
        return len(self._splits[split].orders)

    def lengths(self, split: str) -> np.ndarray:
        """Return the tokens of each document in stored order, after the window."""
        return self._windowed(self._unwindowed_lengths(split))

    def _unwindowed_lengths(self, split: str) -> np.ndarray:
        n_start = int(self._rule.num_words is not None)
        return np.asarray(self._splits[split].lengths)[self._splits[split].stored_order] + n_start

    def _windowed(self, lengths: np.ndarray) -> np.ndarray:
        if self._rule.literal_padding:
            return np.full_like(lengths, self._rule.max_tokens)
        return np.minimum(lengths, self._rule.max_tokens) if self._rule.max_tokens else lengths

    def _by_position(self, split: str) -> np.ndarray:
        orders = np.asarray(self._splits[split].orders)
        by_position = np.argsort(orders, kind="stable")
        if np.any(np.diff(orders[by_position]) == 0):
            raise CorpusError(f"{self._corpus.name}: two documents of split {split} have the same place in the corpus")
        return by_position

    def _permutation(self, split: str) -> np.ndarray:
        # RandomState, unlike Generator, promises the same stream in every version of NumPy.
        seeds = np.random.SeedSequence([self._order_seed, *split.encode()])
        return np.random.RandomState(np.random.MT19937(seeds)).permutation(self.n_documents(split))

    def write(self, directory: Path, manifest: Manifest) -> None:
        """Write the documents file of every split."""
        vocabulary, final_ids = self._vocabulary()
        encoded = encode_vocabulary(vocabulary)
        special = {word: i for i, word in enumerate(vocabulary[:3]) if word in (PAD, START, UNKNOWN)}
        for split, facts in self._splits.items():
            unwindowed = self._unwindowed_lengths(split)
            lengths = self._windowed(unwindowed)
            codes = None
            if self.label_names is not None:
                index = {name: i for i, name in enumerate(self.label_names)}
                class_of = np.array([index[name] for name in self._label_codes], np.int32)
                codes = class_of[np.asarray(facts.labels)[facts.stored_order]]
            write_documents(
                directory,
                split,
                manifest,
                token_ids=self._token_blocks(split, final_ids, special),
                lengths=lengths,
                labels=codes,
                doc_ids=facts.positions,
                truncated=(unwindowed > self._rule.max_tokens)
                if self._rule.max_tokens
                else np.zeros(len(lengths), bool),
                vocabulary=encoded,
            )

    def n_truncated(self) -> int:
        """Return how many documents the window cut."""
        return sum(int(self._is_cut(self._unwindowed_lengths(name)).sum()) for name in self._splits)

    def _is_cut(self, lengths: np.ndarray) -> np.ndarray:
        window = self._rule.max_tokens
        return lengths > window if window else np.zeros(len(lengths), bool)

    def _spooled(self) -> np.ndarray:
        if not self._n_spooled:
            return np.zeros(0, np.int32)
        try:
            self._spool.flush()
            return np.memmap(self._spool, np.int32, "r", shape=(self._n_spooled,))
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> OutputError:
        place = self._spool_directory or Path(tempfile.gettempdir())
        return OutputError(
            f"the words of the corpus, {4 * self._n_spooled:,} bytes so far, cannot be kept in a temporary file in "
            f"{place}: {error.strerror}; free some space and run the same command again "
            f"({shutil.disk_usage(place).free:,} bytes are free)"
        )

    def _counts(self, splits: list[str]) -> np.ndarray:
        counts = np.zeros(len(self._words), np.int64)
        spooled = self._spooled()
        for split in splits:
            facts = self._splits[split]
            for start in range(0, len(facts.offsets), 4096):
                offsets, lengths = facts.offsets[start : start + 4096], facts.lengths[start : start + 4096]
                parts = [spooled[o : o + n] for o, n in zip(offsets, lengths, strict=True)]
                counts += np.bincount(np.concatenate(parts), minlength=len(counts))
        return counts

    def _vocabulary(self) -> tuple[list[str], np.ndarray]:
        """Return the words by final id, and the final id of every id in the temporary file."""
        words = list(self._words)
        counts = self._counts(list(self._splits))
        known = np.ones(len(words), bool)
        special = [PAD] if self._rule.literal_padding else []
        if self._rule.num_words is not None:
            special += [START, UNKNOWN]
            ranks = self._ranks(words)
            known = np.array(
                [ranks.get(word, self._rule.num_words) <= self._rule.num_words - 4 for word in words], bool
            )
        kept = [i for i in range(len(words)) if known[i] and words[i] not in special]
        kept.sort(key=lambda i: (-counts[i], words[i].encode("utf-8", "surrogatepass")))
        vocabulary = special + [words[i] for i in kept]
        final = {word: i for i, word in enumerate(vocabulary)}
        unknown = final.get(UNKNOWN, -1)
        return vocabulary, np.array([final.get(w, unknown) for w in words], np.int32)

    def _ranks(self, words: list[str]) -> Mapping[str, int]:
        if self._rule.word_ranks is not None:
            return self._rule.word_ranks
        if "train" not in self._splits:
            raise CorpusError(
                f"{self._corpus.name}: --num-words ranks words by the train split, and there is none "
                f"(found {', '.join(self._splits)}); give a word index"
            )
        counts = self._counts(["train"])
        order = sorted(range(len(words)), key=lambda i: (-counts[i], words[i].encode("utf-8", "surrogatepass")))
        return {words[i]: rank for rank, i in enumerate(order, 1) if counts[i]}

    def _token_blocks(self, split: str, final_ids: np.ndarray, special: Mapping[str, int]) -> Iterator[np.ndarray]:
        facts, spooled, window = self._splits[split], self._spooled(), self._rule.max_tokens
        start = np.array([special[START]] if self._rule.num_words is not None else [], np.int32)
        block: list[np.ndarray] = []
        n_tokens = 0
        for i in facts.stored_order.tolist():
            ids = final_ids[spooled[facts.offsets[i] : facts.offsets[i] + facts.lengths[i]]]
            ids = np.concatenate([start, ids])
            if window:
                ids = ids[-window:] if self._rule.keep == "last" else ids[:window]
            if self._rule.literal_padding and len(ids) < window:
                ids = np.concatenate([np.full(window - len(ids), special[PAD], np.int32), ids])
            block.append(ids)
            n_tokens += len(ids)
            if n_tokens >= _BLOCK_TOKENS:
                yield np.concatenate(block)
                block, n_tokens = [], 0
        if block:
            yield np.concatenate(block)


def ingest(
    corpus: Corpus,
    rule: TextRule,
    *,
    tokenise: bool = True,
    order_seed: int = 0,
    spool_directory: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Ingestion:
    """Read a corpus from beginning to end.

    Parameters
    ----------
    corpus : Corpus
        The text.
    rule : TextRule
        How to tokenise it.
    tokenise : bool
        False reads the text only to see whether it is the corpus that a cache was made of.
    order_seed : int
        Seed of the permutation in which documents are stored.
    spool_directory : Path, optional
        Where the nameless temporary file lies; default: the system's place.
    progress : callable, optional
        Called with the advance of `corpus.position`.

    Raises
    ------
    CorpusError
        If the text cannot be read as documents.
    """
    ingestion = Ingestion(corpus, rule, tokenise=tokenise, order_seed=order_seed, spool_directory=spool_directory)
    try:
        ingestion.read(progress)
    except BaseException:
        ingestion.close()
        raise
    return ingestion
