"""Making shards: words in, files of float16 vectors out."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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

__all__ = ["make_shards"]

_FLOAT16_MAX = 65504
_IN_HAND = 3
_Advance = Callable[[int], object]
_Finish = Callable[[], tuple[np.ndarray, bool]]


def make_shards(
    directory: Path, manifest: Manifest, encoder: Encoder, shards: Iterable[tuple[str, int]], advance: _Advance
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

    Raises
    ------
    EncoderError
        If a vector is NaN or beyond float16, with its document and layer; or of the wrong shape.
    OutputError
        If a shard cannot be written.
    """
    lock = Lock()

    def count(n_tokens: int) -> None:
        with lock:
            advance(n_tokens)

    with ThreadPoolExecutor(_IN_HAND, "shard-writer") as writers:
        in_hand: deque[Future[None]] = deque()
        for header, doc_ids, words in _missing(directory, manifest, shards, count):
            while in_hand and (in_hand[0].done() or len(in_hand) >= _IN_HAND):
                in_hand.popleft().result()
            begun = _begin(encoder, header, words, manifest.layers.n_columns, count)
            lengths = [len(document) for document in words]
            in_hand.append(writers.submit(_write, directory, manifest.layers, header, begun, lengths, doc_ids))
            del begun  # the writer's alone, as the rows are that it holds
        for written in in_hand:
            written.result()


def _missing(
    directory: Path, manifest: Manifest, shards: Iterable[tuple[str, int]], count: Callable[[int], None]
) -> Iterator[tuple[ShardHeader, np.ndarray, Sequence[Sequence[str]]]]:
    """Yield each missing shard: its header, its documents' places in the corpus, and their words."""
    for split, group in groupby(shards, key=lambda shard: shard[0]):
        documents = Documents(directory, split, manifest)
        try:
            for _, index in group:
                header = shard_header(manifest, split, index)
                if (directory / shard_name(split, index)).exists():  # another build made it meanwhile
                    count(header.n_tokens)
                    continue
                doc_ids = documents.doc_ids[header.start : header.stop]
                yield header, doc_ids, documents.words(header.start, header.stop)
        finally:
            documents.close()


def _begin(
    encoder: Encoder,
    header: ShardHeader,
    words: Sequence[Sequence[str]],
    n_columns: int,
    count: Callable[[int], None],
) -> list[_Finish]:
    """Begin a shard; the one function in the list, which can be taken out of it, waits for the rows."""
    done = 0

    def counted(n_tokens: int) -> None:
        nonlocal done
        done += n_tokens
        count(n_tokens)

    if not hasattr(encoder, "begin"):
        rows = _joined(encoder, header, words, n_columns, counted)
        count(header.n_tokens - done)
        return [lambda: (rows, False)]
    fetch: _Finish = encoder.begin(words, progress=counted)

    def finish() -> tuple[np.ndarray, bool]:
        rows, finite = fetch()
        if rows.shape != (header.n_tokens, n_columns):
            raise EncoderError(
                f"{encoder.name} returned shape {rows.shape} for shard {header.index} of {header.split}, "
                f"expected {(header.n_tokens, n_columns)}"
            )
        count(header.n_tokens - done)
        return rows, finite

    return [finish]


def _joined(
    encoder: Encoder, header: ShardHeader, words: Sequence[Sequence[str]], n_columns: int, count: Callable[[int], None]
) -> np.ndarray:
    """Return the rows of a shard's documents, rounded to float16, from arrays of the right shapes."""
    rows = np.empty((header.n_tokens, n_columns), np.float16)
    n_arrays = row = 0
    for array in encoder.encode(words, progress=count):
        if n_arrays < len(words):
            n_tokens = len(words[n_arrays])
            if np.shape(array) != (n_tokens, n_columns):
                raise EncoderError(
                    f"{encoder.name} returned shape {np.shape(array)} for document {header.start + n_arrays} of "
                    f"{header.split}, expected {(n_tokens, n_columns)}"
                )
            with np.errstate(over="ignore", invalid="ignore"):
                # At once: an encoder may make the next array in the same memory.
                np.copyto(rows[row : row + n_tokens], array, casting="same_kind")
            row += n_tokens
        n_arrays += 1
    if n_arrays != len(words):
        raise EncoderError(f"{encoder.name} returned {n_arrays} arrays for {len(words)} documents")
    return rows


def _write(
    directory: Path,
    layers: Layers,
    header: ShardHeader,
    begun: list[_Finish],
    lengths: Sequence[int],
    doc_ids: np.ndarray,
) -> None:
    rows, finite = begun.pop()()
    with np.errstate(over="ignore", invalid="ignore"):
        # NumPy rounds correctly; HDF5's own conversion to float16 does not.
        rows = rows.astype(np.float16, copy=False)
    if not finite:
        _check_finite(rows, np.cumsum([0, *lengths]), doc_ids, layers, header.split)
    write_shard(directory, header, layers.split_columns(rows))


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
