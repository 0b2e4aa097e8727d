"""Making shards: words in, files of float16 vectors out; what other caches have of them is copied."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from threading import Lock

import numpy as np

from cache.documents import Documents
from cache.layers import Layers
from cache.manifest import Manifest, shard_name
from cache.shard import ShardHeader, shard_header, write_shard
from elmo_cache.encoders import Encoder
from elmo_cache.errors import EncoderError
from elmo_cache.extraction.memory import RowMemory
from elmo_cache.extraction.reuse import NOTHING, Reuse

__all__ = ["make_shards"]

_FLOAT16_MAX = 65504
_IN_HAND = 3
_Advance = Callable[[int], object]
_Finish = Callable[[], tuple[np.ndarray, bool]]


@dataclass(frozen=True)
class _Shard:
    """A shard to make.

    `doc_ids` are its documents' places in the corpus, `offsets` where the rows of each begin and end, `is_new` marks
    those to encode, `words` are theirs alone, and `numbers` say which old document each of the others is.
    """

    header: ShardHeader
    doc_ids: np.ndarray
    offsets: np.ndarray
    is_new: np.ndarray
    words: Sequence[Sequence[str]]
    numbers: np.ndarray

    @property
    def n_new_tokens(self) -> int:
        return sum(map(len, self.words))


@dataclass(frozen=True)
class _Begun:
    """A shard that the encoder has begun: what a writer needs to finish it. What is in a list is the writer's alone."""

    shard: _Shard
    finish: list[_Finish]
    copied: list[np.ndarray | None]
    memory: RowMemory


def make_shards(
    directory: Path,
    manifest: Manifest,
    encoder: Encoder,
    shards: Iterable[tuple[str, int]],
    advance: _Advance,
    reuse: Reuse = NOTHING,
) -> None:
    """Encode and write shards; those that are there already are passed over.

    At most `_IN_HAND` shards are begun and not written. An encoder that works by itself has the next ones to do while
    the rows of earlier ones are fetched, hashed and written, each shard by a thread of its own.

    Parameters
    ----------
    directory : Path
        The cache, with the documents files of `manifest`.
    manifest : Manifest
        What it says.
    encoder : Encoder
        The one of its encoding.
    shards : iterable of (split, index)
        Those to make.
    advance : callable
        Called with the number of tokens done since the last call.
    reuse : Reuse
        Which documents are copied, not encoded.

    Raises
    ------
    EncoderError
        If a vector is NaN or beyond float16, with its document and layer; or of the wrong shape.
    OutputError
        If a shard cannot be written.
    CorruptFileError
        If rows of another cache cannot be read.
    """
    lock = Lock()

    def count(n_tokens: int) -> None:
        with lock:
            advance(n_tokens)

    n_columns = manifest.layers.n_columns
    memory = RowMemory(encoder.name)
    try:
        with ThreadPoolExecutor(_IN_HAND, "shard-writer") as writers:
            in_hand: deque[Future[None]] = deque()
            for shard in _missing(directory, manifest, shards, count, reuse):
                while in_hand and (in_hand[0].done() or len(in_hand) >= _IN_HAND):
                    in_hand.popleft().result()
                finish = _begin(encoder, shard, n_columns, count)
                begun = _Begun(shard, finish, [_with_copied_rows(shard, n_columns, reuse)], memory)
                count(shard.header.n_tokens - shard.n_new_tokens)
                in_hand.append(writers.submit(_write, directory, manifest.layers, begun))
                del begun, finish
            for written in in_hand:
                written.result()
    finally:
        for header in memory.spoiled:  # once no writer is at work
            (directory / shard_name(header.split, header.index)).unlink(missing_ok=True)
        reuse.old.close()


def _missing(
    directory: Path,
    manifest: Manifest,
    shards: Iterable[tuple[str, int]],
    count: Callable[[int], None],
    reuse: Reuse,
) -> Iterator[_Shard]:
    """Yield each missing shard."""
    for split, group in groupby(shards, key=lambda shard: shard[0]):
        documents = Documents(directory, split, manifest)
        try:
            for _, index in group:
                header = shard_header(manifest, split, index)
                if (directory / shard_name(split, index)).exists():  # another build made it meanwhile
                    count(header.n_tokens)
                    continue
                start, stop = header.start, header.stop
                numbers = reuse.numbers.get((split, index), np.full(stop - start, -1))
                is_new = numbers < 0
                offsets = documents.indptr[start : stop + 1] - documents.indptr[start]
                words = documents.words(start, stop, is_new)
                yield _Shard(header, documents.doc_ids[start:stop], offsets, is_new, words, numbers)
        finally:
            documents.close()


def _with_copied_rows(shard: _Shard, n_columns: int, reuse: Reuse) -> np.ndarray | None:
    """Return the rows of a shard, of which those to encode are still to be filled in; None if that is all of them."""
    if shard.is_new.all():
        return None
    rows = np.empty((shard.header.n_tokens, n_columns), np.float16)
    order = np.argsort(shard.numbers, kind="stable")  # each file of the others is opened once
    for i in order[shard.numbers[order] >= 0].tolist():
        reuse.old.read(int(shard.numbers[i]), rows[shard.offsets[i] : shard.offsets[i + 1]])
    return rows


def _begin(encoder: Encoder, shard: _Shard, n_columns: int, count: Callable[[int], None]) -> list[_Finish]:
    """Begin a shard; the one function in the list, which can be taken out of it, waits for the rows to encode."""
    n_tokens, done = shard.n_new_tokens, 0

    def counted(n_tokens: int) -> None:
        nonlocal done
        done += n_tokens
        count(n_tokens)

    if not shard.words:
        return [lambda: (np.empty((0, n_columns), np.float16), True)]
    if not hasattr(encoder, "begin"):
        rows = _joined(encoder, shard, n_columns, counted)
        count(n_tokens - done)
        return [lambda: (rows, False)]
    fetch: _Finish = encoder.begin(shard.words, progress=counted)

    def finish() -> tuple[np.ndarray, bool]:
        rows, finite = fetch()
        if rows.shape != (n_tokens, n_columns):
            raise EncoderError(
                f"{encoder.name} returned shape {rows.shape} for shard {shard.header.index} of {shard.header.split}, "
                f"expected {(n_tokens, n_columns)}"
            )
        count(n_tokens - done)
        return rows, finite

    return [finish]


def _joined(encoder: Encoder, shard: _Shard, n_columns: int, count: Callable[[int], None]) -> np.ndarray:
    """Return the rows of a shard's new documents, rounded to float16, from arrays of the right shapes."""
    words, positions = shard.words, shard.header.start + np.flatnonzero(shard.is_new)
    rows = np.empty((shard.n_new_tokens, n_columns), np.float16)
    n_arrays = row = 0
    for array in encoder.encode(words, progress=count):
        if n_arrays < len(words):
            n_tokens = len(words[n_arrays])
            if np.shape(array) != (n_tokens, n_columns):
                raise EncoderError(
                    f"{encoder.name} returned shape {np.shape(array)} for document {positions[n_arrays]} of "
                    f"{shard.header.split}, expected {(n_tokens, n_columns)}"
                )
            with np.errstate(over="ignore", invalid="ignore"):
                # At once: an encoder may make the next array in the same memory.
                np.copyto(rows[row : row + n_tokens], array, casting="same_kind")
            row += n_tokens
        n_arrays += 1
    if n_arrays != len(words):
        raise EncoderError(f"{encoder.name} returned {n_arrays} arrays for {len(words)} documents")
    return rows


def _write(directory: Path, layers: Layers, begun: _Begun) -> None:
    """Write a shard, of the rows that were encoded and those that were copied."""
    shard = begun.shard
    new, finite = begun.finish.pop()()
    begun.memory.take(new, shard.header)
    with np.errstate(over="ignore", invalid="ignore"):
        # NumPy rounds correctly; HDF5's own conversion to float16 does not.
        new = new.astype(np.float16, copy=False)
    lengths = np.diff(shard.offsets)[shard.is_new]
    stops = np.concatenate([[0], np.cumsum(lengths)])
    if not finite:
        _check_finite(new, stops, shard.doc_ids[shard.is_new], layers, shard.header.split)
    rows = begun.copied.pop()
    if rows is None:
        rows = new
    else:
        for first, start, n_tokens in zip(shard.offsets[:-1][shard.is_new], stops[:-1], lengths, strict=True):
            rows[first : first + n_tokens] = new[start : start + n_tokens]
    write_shard(directory, shard.header, layers.split_columns(rows))


def _check_finite(rows: np.ndarray, offsets: np.ndarray, doc_ids: np.ndarray, layers: Layers, split: str) -> None:
    for name, part in layers.split_columns(rows).items():
        bad = ~np.isfinite(part).all(axis=1)
        if bad.any():
            row = int(np.argmax(bad))
            document = int(np.searchsorted(offsets, row, side="right")) - 1
            what = "NaN" if np.isnan(part[row]).any() else f"a number beyond float16 (±{_FLOAT16_MAX:,})"
            raise EncoderError(
                f"{what} in {split}, document {doc_ids[document]} of the corpus, token {row - int(offsets[document])}, "
                f"layer {name}: the encoder's weights are broken or too large; this shard was not written"
            )
