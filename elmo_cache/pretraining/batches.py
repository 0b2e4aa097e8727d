"""Documents as parallel streams, cut into batches of one shape, with candidates for the sampled softmax."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import joblib
import numpy as np

from elmo_cache.encoders.bilm.characters import character_ids
from elmo_cache.encoders.bilm.streams import choose_streams, pack
from elmo_cache.pretraining.settings import Settings
from elmo_cache.pretraining.text import BEGIN, END, UNKNOWN, Text

__all__ = ["Batch", "Batches", "Streams", "log_uniform_candidates", "training_streams"]

Batch = dict[str, np.ndarray]

_SHORT_IDS = 15
_PAD_ID = int(character_ids(["x"])[0, -1])
_MOST_HELD_OUT_STREAMS = 64
# The number of distinct words of a batch is estimated from a few batches.
_N_SAMPLED_BATCHES, _HEADROOM = 100, 1.05
_ROUND_TO, _OVERFLOW = 64, 512


class Streams(NamedTuple):
    """Documents end to end in parallel streams, as in `streams.Packing`; every array is `(n_steps, n_streams)`.

    Where `is_first` a forward LSTM starts from zero state, where `is_last` a backward one.
    """

    words: np.ndarray
    is_first: np.ndarray
    is_last: np.ndarray


def training_streams(documents: Sequence[np.ndarray], n_streams: int, n_unroll: int) -> Streams:
    """Put documents end to end in the order given and cut that into streams of equal length, with nothing to fill up.

    A document across the end of a stream goes on in the next one, from zero state. What does not fill another
    `n_unroll` steps of all streams is left out.

    Parameters
    ----------
    documents : sequence of ndarray of int32, (n_tokens,)
        Word indices, without document marks.
    n_streams, n_unroll : int
        Of a batch: columns and rows.
    """
    marks = np.array([BEGIN], np.int32), np.array([END], np.int32)
    flat = np.concatenate([part for document in documents for part in (marks[0], document, marks[1])])
    n_steps = len(flat) // (n_streams * n_unroll) * n_unroll
    words = np.ascontiguousarray(flat[: n_steps * n_streams].reshape(n_streams, n_steps).T)
    is_first, is_last = words == BEGIN, words == END
    is_first[:1] = is_last[-1:] = True
    return Streams(words, is_first, is_last)


def log_uniform_candidates(rng: np.random.Generator, n: int, n_vocabulary: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw distinct vocabulary entries, k with probability `log((k + 2) / (k + 1)) / log(n_vocabulary + 1)`.

    Entries in order of frequency are so drawn by Zipf's law, as by TensorFlow's `log_uniform_candidate_sampler`. In t
    tries an entry of probability p is expected `1 - (1 - p) ** t` times among the distinct ones.

    Parameters
    ----------
    rng : Generator
        Where chance comes from.
    n : int
        How many to draw; far fewer than `n_vocabulary`, or it takes long.
    n_vocabulary : int
        How many there are.

    Returns
    -------
    candidates : ndarray of int32, (n,)
        In the order in which they came.
    log_expected : ndarray of float32, (n_vocabulary,)
        Logarithm of each entry's expected count in such a sample, the number of tries being given.
    """
    draws = np.zeros(0, np.int64)
    first = draws
    while len(first) < n:
        more = np.exp(rng.random(4 * n) * np.log(n_vocabulary + 1)).astype(np.int64) - 1
        draws = np.concatenate([draws, np.minimum(more, n_vocabulary - 1)])
        first = np.sort(np.unique(draws, return_index=True)[1])
    n_tries = first[n - 1] + 1
    k = np.arange(n_vocabulary)
    probability = np.log1p(1 / (k + 1)) / np.log(n_vocabulary + 1)
    log_expected = np.log(-np.expm1(n_tries * np.log1p(-probability)))
    return draws[first[:n]].astype(np.int32), log_expected.astype(np.float32)


class Batches:
    """Makes the batches that `model.LanguageModel` and `model.Perplexity` take.

    A batch is a function of the text, the settings and its number alone: training that goes on from a checkpoint
    needs no state of what came before. The forward direction reads the streams from the beginning and the backward
    one from the end, so that each goes on where its last batch stopped.

    Parameters
    ----------
    text : Text
        The words.
    settings : Settings
        Their numbers, and the seed of everything that is drawn.
    n_vocabulary : int
        Words of the softmax.

    Attributes
    ----------
    n_batches : int
        In an epoch.
    """

    def __init__(self, text: Text, settings: Settings, n_vocabulary: int):
        self.text, self.settings, self.n_vocabulary = text, settings, n_vocabulary
        options, n_unroll = settings.options, settings.unroll
        ids = character_ids(text.words, options.max_characters)
        ids[0] = 0
        self._characters = ids.astype(np.int16)
        # Every filter sees one window of padding alone, so more of it changes no maximum.
        self._short_columns = min(options.max_characters, _SHORT_IDS + max(width for width, _ in options.filters))
        self._is_short = (ids[:, _SHORT_IDS:] == _PAD_ID).all(axis=1)
        self._is_short[0] = True
        index = np.arange(len(text.words))
        self._targets = np.where(index <= n_vocabulary, index, UNKNOWN).astype(np.int32) - 1
        streams = self._epoch(0)
        self.n_batches = len(streams.words) // n_unroll
        chosen = np.linspace(0, self.n_batches - 1, min(self.n_batches, _N_SAMPLED_BATCHES)).astype(int)
        counts = np.array([self._count_words(_read(streams, i, n_unroll)[0]) for i in chosen])
        self._capacity = [_round_up(_HEADROOM * most, _ROUND_TO) for most in counts.max(axis=0, initial=1)]

    def training(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from number `start` on."""
        streams = self._epoch(epoch)

        def make(i: int) -> Batch:
            rng = np.random.default_rng((self.settings.seed, epoch, i))
            batch = self._batch(streams, i, self._capacity)
            batch |= self._candidates(batch, rng)
            return batch | {"dropout_seed": rng.integers(0, 2**32, 2, np.uint32)}

        yield from _ahead(make, range(start, self.n_batches))

    def held_out(self) -> Iterator[Batch]:
        """Yield the held-out documents, packed as in extraction."""
        lengths = [len(document) + 2 for document in self.text.held_out]
        n_streams = choose_streams(lengths, min(self.settings.streams, _MOST_HELD_OUT_STREAMS))
        n_unroll = self.settings.unroll
        packing = pack(self.text.held_out, n_streams, n_unroll)
        streams = Streams(packing.words, packing.words == BEGIN, packing.words == END)
        n_batches = len(streams.words) // n_unroll
        counts = np.array([self._count_words(_read(streams, i, n_unroll)[0]) for i in range(n_batches)])
        capacity = [_round_up(most, _ROUND_TO) for most in counts.max(axis=0)]
        for i in range(n_batches):
            yield self._batch(streams, i, capacity)

    def _epoch(self, epoch: int) -> Streams:
        documents = self.text.documents
        order = np.random.default_rng((self.settings.seed, epoch)).permutation(len(documents))
        return training_streams([documents[i] for i in order], self.settings.streams, self.settings.unroll)

    def _count_words(self, words: np.ndarray) -> tuple[int, int]:
        is_short = self._is_short[np.unique(words)]
        return int(is_short.sum()), int((~is_short).sum())

    def _batch(self, streams: Streams, i: int, capacity: Sequence[int]) -> Batch:
        words, targets, starts, has_target = _read(streams, i, self.settings.unroll)
        distinct, places = np.unique(words, return_inverse=True)
        batch, rows, first = {}, np.empty(len(distinct), np.int32), 0
        for k, (kind, n_columns) in enumerate((("short", self._short_columns), ("long", self._characters.shape[1]))):
            here = np.flatnonzero(self._is_short[distinct] == (kind == "short"))
            n_rows = capacity[k]
            if len(here) > n_rows:  # few shapes, because each is compiled
                n_rows += _round_up(len(here) - n_rows, _OVERFLOW)
            ids = np.zeros((n_rows, n_columns), np.int32)
            ids[: len(here)] = self._characters[distinct[here], :n_columns]
            batch[f"characters_{kind}"] = ids
            rows[here] = first + np.arange(len(here))
            first += n_rows
        for direction, at in enumerate(rows[places].reshape(words.shape)):
            batch[f"words_{direction}"] = at
            batch[f"keep_{direction}"] = (~starts[direction])[..., None].astype(np.float32)
            batch[f"targets_{direction}"] = self._targets[targets[direction]]
            batch[f"weights_{direction}"] = has_target[direction].astype(np.float32)
        return batch

    def _candidates(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Return the softmax rows that a batch needs, the negatives first, and its targets as places among them."""
        negatives, log_expected = log_uniform_candidates(rng, self.settings.negatives, self.n_vocabulary)
        targets = np.stack([batch["targets_0"], batch["targets_1"]])
        others = np.setdiff1d(targets, negatives)
        # At most every word of the batch and, from outside of it, a target for each stream and direction.
        n_rows = len(negatives) + sum(len(batch[f"characters_{kind}"]) for kind in ("short", "long"))
        candidates = np.zeros(n_rows + 2 * self.settings.streams, np.int32)
        candidates[: len(negatives)] = negatives
        candidates[len(negatives) : len(negatives) + len(others)] = others
        place = np.zeros(self.n_vocabulary, np.int32)
        place[others] = len(negatives) + np.arange(len(others))
        place[negatives] = np.arange(len(negatives))
        return {
            "candidates": candidates,
            "corrections": log_expected[candidates],
            "targets_0": place[targets[0]],
            "targets_1": place[targets[1]],
        }


def _ahead(make: Callable[[int], Batch], numbers: Iterable[int]) -> Iterator[Batch]:
    """Yield `make(i)` for each number in order, made by threads while earlier batches are in use."""
    n_threads = max(1, min(8, joblib.cpu_count() - 1))
    with ThreadPoolExecutor(n_threads) as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for i in numbers:
                waiting.append(pool.submit(make, i))
                if len(waiting) > 2 * n_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _read(streams: Streams, i: int, n_unroll: int) -> tuple[np.ndarray, ...]:
    """Return words, next words, fresh starts, presence of a next word; each `(2, n_unroll, n_streams)`."""
    words, is_first, is_last = streams
    n_steps = len(words)
    parts = []
    for begin, is_start, is_end, step in (
        (i * n_unroll, is_first, is_last, 1),
        (n_steps - (i + 1) * n_unroll, is_last, is_first, -1),
    ):
        here = slice(begin, begin + n_unroll)
        # Beyond the streams' ends there is no next word, whatever is read there.
        following = words[(np.arange(begin, begin + n_unroll) + step) % n_steps]
        parts.append((words[here], following, is_start[here], (words[here] > 0) & ~is_end[here]))
    return tuple(np.stack(arrays) for arrays in zip(*parts, strict=True))


def _round_up(x: float, step: int) -> int:
    return int(-(-x // step) * step)
