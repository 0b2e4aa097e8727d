"""Building a cache: documents, manifest, and then the shards that are missing, one after the other.

A build can be repeated at any time: what is finished stays.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from cache import FeatureCache, MismatchError, OutputError
from cache.adapters.progress import progress_bar
from cache.documents import Documents
from cache.files import remove_strays
from cache.layers import Layers
from cache.manifest import read_manifest, shard_name, write_manifest
from cache.shard import ShardHeader, shard_header, write_shard
from elmo_cache.corpora import Corpus, open_corpus
from elmo_cache.encoders import Encoder, load_encoder
from elmo_cache.errors import EncoderError
from elmo_cache.ingestion import TextRule
from elmo_cache.planning import SHARD_TOKENS, BuildPlan, check_disk, prepare

__all__ = ["build", "run"]

_FLOAT16_MAX = 65504


def build(
    corpus: str | Corpus,
    encoder: str | Encoder,
    out: str | Path,
    *,
    limit: Mapping[str, int] | None = None,
    rule: TextRule | None = None,
    shard_tokens: int = SHARD_TOKENS,
    progress: bool = False,
) -> FeatureCache:
    """Encode a corpus into a cache, or finish or extend one, and open it.

    Parameters
    ----------
    corpus : str or Corpus
        A name or path as in `open_corpus`, or any object of the `Corpus` protocol.
    encoder : str or Encoder
        A name or path as in `load_encoder`, or any object of the `Encoder` protocol.
    out : str or Path
        The cache's folder, made if it does not exist.
    limit : Mapping[str, int], optional
        Documents wanted of each split: a random sample, which a larger limit later extends. Splits without a limit
        are encoded whole.
    rule : TextRule, optional
        How text becomes tokens. Default: the tokeniser that fits corpus and encoder, a window of 500 tokens.
    shard_tokens : int
        Tokens a shard; fixed when the cache is created.
    progress : bool
        Show progress bars.

    Returns
    -------
    FeatureCache
        The cache, opened for reading.

    Raises
    ------
    CorpusError, EncoderError
        If the text or the encoder is not usable, or a vector cannot be stored as float16.
    MismatchError
        If `out` holds vectors of another encoding or another corpus.
    OutputError
        If `out` cannot be written to or the disk is too full.
    """
    corpus = open_corpus(corpus) if isinstance(corpus, str) else corpus
    encoder = load_encoder(encoder) if isinstance(encoder, str) else encoder
    with prepare(corpus, encoder, out, limit=limit, rule=rule, shard_tokens=shard_tokens, progress=progress) as plan:
        run(plan, progress=progress)
    return FeatureCache(out)


def run(plan: BuildPlan, *, progress: bool = False) -> None:
    """Do what a plan says: documents files, manifest, then the shards that are missing.

    Raises
    ------
    OutputError
        Before anything is written, if the disk cannot hold the result; later, if writing fails.
    EncoderError
        If a vector is NaN or beyond float16; names document and layer.
    """
    check_disk(plan)
    directory = plan.directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
        remove_strays(directory)
    except OSError as error:
        raise OutputError(f"cannot write to {directory}: {error.strerror}; choose another folder") from error
    if plan.ingestion:
        plan.ingestion.write(directory, plan.manifest)
    if plan.manifest != plan.previous:
        try:
            write_manifest(directory, plan.manifest, exclusive=plan.previous is None)
        except FileExistsError:
            _refuse_other_build(plan)
    with (
        progress_bar(plan.pending_tokens, "encoding", "tok", progress) as bar,
        ThreadPoolExecutor(1, "shard-writer") as writer,  # writes a shard while the next one is encoded
    ):
        writing: Future[None] | None = None
        for shard in _encoded_shards(plan, bar):
            if writing:
                writing.result()
            writing = writer.submit(_write, plan, *shard)
            del shard  # the writer's alone: gone when it is done, before the next one needs as much memory
        if writing:
            writing.result()


def _encoded_shards(
    plan: BuildPlan, bar: "tqdm[Any]"
) -> Iterator[tuple[ShardHeader, Sequence[np.ndarray], np.ndarray]]:
    """Yield each missing shard: its header, its documents' vectors, and their places in the corpus."""
    for split, group in groupby(plan.pending, key=lambda shard: shard[0]):
        documents = Documents(plan.directory, split, plan.manifest)
        try:
            for _, index in group:
                header = shard_header(plan.manifest, split, index)
                if (plan.directory / shard_name(split, index)).exists():  # another build made it meanwhile
                    bar.update(header.n_tokens)
                    continue
                doc_ids = documents.doc_ids[header.start : header.stop]
                yield header, _encode(plan, header, documents.words(header.start, header.stop), bar), doc_ids
        finally:
            documents.close()


def _encode(
    plan: BuildPlan, header: ShardHeader, words: Sequence[Sequence[str]], bar: "tqdm[Any]"
) -> Sequence[np.ndarray]:
    """Return the vectors of a shard's documents as the encoder makes them, of the right shapes.

    Raises
    ------
    EncoderError
        If the encoder returns arrays of the wrong shape.
    """
    encoder = plan.encoder
    done = 0

    def advance(n_tokens: int) -> None:
        nonlocal done
        done += n_tokens
        bar.update(n_tokens)

    arrays = encoder.encode(words, progress=advance)
    if len(arrays) != len(words):
        raise EncoderError(f"{encoder.name} returned {len(arrays)} arrays for {len(words)} documents")
    for i, (document, array) in enumerate(zip(words, arrays, strict=True), header.start):
        expected = (len(document), plan.manifest.layers.n_columns)
        if np.shape(array) != expected:
            raise EncoderError(
                f"{encoder.name} returned shape {np.shape(array)} for document {i} of {header.split}, "
                f"expected {expected}"
            )
    bar.update(header.n_tokens - done)
    return arrays


def _write(plan: BuildPlan, header: ShardHeader, arrays: Sequence[np.ndarray], doc_ids: np.ndarray) -> None:
    """Write the vectors of a shard's documents as float16.

    Raises
    ------
    EncoderError
        If a number is NaN or beyond float16.
    OutputError
        If the shard cannot be written.
    """
    layers = plan.manifest.layers
    with np.errstate(over="ignore", invalid="ignore"):
        # NumPy rounds correctly; HDF5's own conversion to float16 does not.
        rows = np.concatenate(arrays, dtype=np.float16)
    offsets = np.cumsum([0, *map(len, arrays)])
    _check_finite(rows, offsets, doc_ids, layers, header.split)
    write_shard(plan.directory, header, layers.split_columns(rows))


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


def _refuse_other_build(plan: BuildPlan) -> None:
    """Another process created the manifest between `prepare` and `run`: go on only if it says the same."""
    found = read_manifest(plan.directory)
    if found != plan.manifest:
        raise MismatchError(
            f"another build of {plan.directory} has just begun, with other settings: wait for it, then run this again"
        )
