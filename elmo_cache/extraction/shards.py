"""Making shards: words in, files of float16 vectors out."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from cache.documents import Documents
from cache.layers import Layers
from cache.manifest import Manifest, shard_name
from cache.shard import ShardHeader, shard_header, write_shard
from elmo_cache.encoders import Encoder
from elmo_cache.errors import EncoderError

__all__ = ["make_shards"]

_FLOAT16_MAX = 65504
_WRITERS = 3
_Advance = Callable[[int], object]


def make_shards(
    directory: Path, manifest: Manifest, encoder: Encoder, shards: Iterable[tuple[str, int]], advance: _Advance
) -> None:
    """Encode and write shards; those that are there already are passed over.

    The encoder begins a shard before the last one is fetched from it, if it can, and up to `_WRITERS` shards are
    written meanwhile, each by a thread.

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
    with ThreadPoolExecutor(_WRITERS, "shard-writer") as writers:
        writing: deque[Future[None]] = deque()
        for shard in _encoded(directory, manifest, encoder, shards, advance):
            writing.append(writers.submit(_write, directory, manifest.layers, shard))
            del shard  # the writer's alone: gone when it is done, before the next one needs as much memory
            while writing and (writing[0].done() or len(writing) >= _WRITERS):
                writing.popleft().result()
        for written in writing:
            written.result()


@dataclass
class _Shard:
    """An encoded shard: its rows, their documents' places in the corpus, and whether all numbers are known finite."""

    header: ShardHeader
    rows: np.ndarray
    lengths: list[int]
    doc_ids: np.ndarray
    finite: bool


def _encoded(
    directory: Path, manifest: Manifest, encoder: Encoder, shards: Iterable[tuple[str, int]], advance: _Advance
) -> Iterator[_Shard]:
    """Yield each missing shard; when it comes, the encoder has begun the next one."""
    begun: Callable[[], _Shard] | None = None
    for split, group in groupby(shards, key=lambda shard: shard[0]):
        documents = Documents(directory, split, manifest)
        try:
            for _, index in group:
                header = shard_header(manifest, split, index)
                if (directory / shard_name(split, index)).exists():  # another build made it meanwhile
                    advance(header.n_tokens)
                    continue
                words = documents.words(header.start, header.stop)
                doc_ids = documents.doc_ids[header.start : header.stop]
                finish, begun = begun, _begin(encoder, header, words, doc_ids, manifest.layers.n_columns, advance)
                if finish:
                    yield finish()
        finally:
            documents.close()
    if begun:
        yield begun()


def _begin(
    encoder: Encoder,
    header: ShardHeader,
    words: Sequence[Sequence[str]],
    doc_ids: np.ndarray,
    n_columns: int,
    advance: _Advance,
) -> Callable[[], _Shard]:
    """Begin a shard; the function returned waits for it."""
    begun = encoder.begin(words) if hasattr(encoder, "begin") else None
    lengths = [len(document) for document in words]

    def finish() -> _Shard:
        done = 0

        def count(n_tokens: int) -> None:
            nonlocal done
            done += n_tokens
            advance(n_tokens)

        if begun:
            rows, finite = begun(count)
            if rows.shape != (header.n_tokens, n_columns):
                raise EncoderError(
                    f"{encoder.name} returned shape {rows.shape} for shard {header.index} of {header.split}, "
                    f"expected {(header.n_tokens, n_columns)}"
                )
        else:
            rows, finite = _joined(encoder, header, words, n_columns, count), False
        advance(header.n_tokens - done)
        return _Shard(header, rows, lengths, doc_ids, finite)

    return finish


def _joined(
    encoder: Encoder, header: ShardHeader, words: Sequence[Sequence[str]], n_columns: int, count: Callable[[int], None]
) -> np.ndarray:
    """Return the float16 rows of a shard's documents, from arrays of the right shapes."""
    arrays = list(encoder.encode(words, progress=count))
    if len(arrays) != len(words):
        raise EncoderError(f"{encoder.name} returned {len(arrays)} arrays for {len(words)} documents")
    for i, (document, array) in enumerate(zip(words, arrays, strict=True), header.start):
        if np.shape(array) != (len(document), n_columns):
            raise EncoderError(
                f"{encoder.name} returned shape {np.shape(array)} for document {i} of {header.split}, "
                f"expected {(len(document), n_columns)}"
            )
    with np.errstate(over="ignore", invalid="ignore"):
        # NumPy rounds correctly; HDF5's own conversion to float16 does not.
        rows: np.ndarray = np.concatenate(arrays, dtype=np.float16)
    return rows


def _write(directory: Path, layers: Layers, shard: _Shard) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        rows = shard.rows.astype(np.float16, copy=False)
    shard.rows = rows  # what was rounded is twice as large, and the next shard's are on their way
    if not shard.finite:
        _check_finite(rows, np.cumsum([0, *shard.lengths]), shard.doc_ids, layers, shard.header.split)
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
