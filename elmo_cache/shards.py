"""Making shards: words in, files of float16 vectors out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
_Advance = Callable[[int], object]


def make_shards(
    directory: Path, manifest: Manifest, encoder: Encoder, shards: Iterable[tuple[str, int]], advance: _Advance
) -> None:
    """Encode and write shards, one written while the next one is encoded; those that are there already are passed over.

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
    with ThreadPoolExecutor(1, "shard-writer") as writer:
        writing: Future[None] | None = None
        for shard in _encoded(directory, manifest, encoder, shards, advance):
            if writing:
                writing.result()
            writing = writer.submit(_write, directory, manifest.layers, *shard)
            del shard  # the writer's alone: gone when it is done, before the next one needs as much memory
        if writing:
            writing.result()


def _encoded(
    directory: Path, manifest: Manifest, encoder: Encoder, shards: Iterable[tuple[str, int]], advance: _Advance
) -> Iterator[tuple[ShardHeader, list[np.ndarray], np.ndarray]]:
    """Yield each missing shard: its header, its documents' vectors, and their places in the corpus."""
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
                yield header, _encode(encoder, header, words, manifest.layers.n_columns, advance), doc_ids
        finally:
            documents.close()


def _encode(
    encoder: Encoder, header: ShardHeader, words: Sequence[Sequence[str]], n_columns: int, advance: _Advance
) -> list[np.ndarray]:
    """Return the vectors of a shard's documents as the encoder makes them, of the right shapes."""
    done = 0

    def count(n_tokens: int) -> None:
        nonlocal done
        done += n_tokens
        advance(n_tokens)

    arrays = list(encoder.encode(words, progress=count))
    if len(arrays) != len(words):
        raise EncoderError(f"{encoder.name} returned {len(arrays)} arrays for {len(words)} documents")
    for i, (document, array) in enumerate(zip(words, arrays, strict=True), header.start):
        if np.shape(array) != (len(document), n_columns):
            raise EncoderError(
                f"{encoder.name} returned shape {np.shape(array)} for document {i} of {header.split}, "
                f"expected {(len(document), n_columns)}"
            )
    advance(header.n_tokens - done)
    return arrays


def _write(directory: Path, layers: Layers, header: ShardHeader, arrays: list[np.ndarray], doc_ids: np.ndarray) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        # NumPy rounds correctly; HDF5's own conversion to float16 does not.
        rows = np.concatenate(arrays, dtype=np.float16)
    offsets = np.cumsum([0, *map(len, arrays)])
    arrays.clear()  # twice as large as the rows, and the next shard's are on their way
    _check_finite(rows, offsets, doc_ids, layers, header.split)
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
