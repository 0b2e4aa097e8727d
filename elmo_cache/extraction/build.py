"""Building a cache: documents, manifest, and then the shards that are missing.

A build can be repeated at any time: what is finished stays.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from cache import FeatureCache, MismatchError, NotACacheError, OutputError
from cache.files import remove_strays
from cache.manifest import read_manifest, write_manifest
from cache.runtime.processes import Workers
from cache.runtime.progress import progress_bar
from elmo_cache.encoders import Encoder, load_encoder
from elmo_cache.encoders.devices import check_precision
from elmo_cache.extraction.plan import SHARD_TOKENS, BuildPlan, check_disk, prepare
from elmo_cache.extraction.shards import make_shards
from elmo_cache.extraction.workers import make_shards_elsewhere
from elmo_cache.text.corpora import Corpus, open_corpus
from elmo_cache.text.rule import TextRule

__all__ = ["build", "run"]


def build(
    corpus: str | Path | Corpus,
    encoder: str | Path | Encoder,
    out: str | Path,
    *,
    limit: Mapping[str, int] | None = None,
    rule: TextRule | None = None,
    shard_tokens: int = SHARD_TOKENS,
    workers: int | str = 1,
    progress: bool = False,
) -> FeatureCache:
    """Encode a corpus into a cache, or finish or extend one, and open it.

    Parameters
    ----------
    corpus : str, Path or Corpus
        A name or path as in `open_corpus`, or any object of the `Corpus` protocol.
    encoder : str, Path or Encoder
        A name or path as in `load_encoder`, or any object of the `Encoder` protocol.
    out : str or Path
        The cache's folder, made if it does not exist.
    limit : Mapping[str, int], optional
        Documents wanted of each split, by its name: a random sample, which a larger limit later extends. Splits
        without a limit are encoded whole.
    rule : TextRule, optional
        How text becomes tokens. Default: the tokeniser that fits corpus and encoder, a window of 500 tokens.
    shard_tokens : int
        Tokens a shard: a file that is written, and after an interruption encoded, as one; fixed when the cache is
        created.
    workers : int or str
        Processes that encode, each with an encoder of its own; "auto" for one a GPU; or the address of a Dask
        scheduler, `tcp://HOST:PORT`.
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
    CorruptFileError
        If a file of the cache is damaged: `elmo-cache verify --discard` removes it, and the next build makes it again.
    WorkersError
        If workers cannot be had, or died again and again.
    """
    corpus = open_corpus(corpus) if isinstance(corpus, str | os.PathLike) else corpus
    encoder = load_encoder(encoder) if isinstance(encoder, str | os.PathLike) else encoder
    with prepare(corpus, encoder, out, limit=limit, rule=rule, shard_tokens=shard_tokens, progress=progress) as plan:
        run(plan, Workers.parse(str(workers)), progress=progress)
    return FeatureCache(out)


def run(plan: BuildPlan, workers: Workers = Workers(), *, progress: bool = False) -> None:  # noqa: B008, frozen
    """Do what a plan says: documents files, manifest, then the shards that are missing.

    Parameters
    ----------
    plan : BuildPlan
        What `prepare` decided.
    workers : Workers
        The processes that encode; by default this one.
    progress : bool
        Show a progress bar.

    Raises
    ------
    OutputError
        Before anything is written, if the disk cannot hold the result; later, if writing fails.
    EncoderError
        If a vector is NaN or beyond float16; names document and layer.
    WorkersError
        If workers cannot be had, or died again and again.
    """
    check_disk(plan)
    if workers.in_this_process:
        check_precision(plan.encoder)
    plan.settle_computation()
    directory = plan.directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
        remove_strays(directory)
    except OSError as error:
        raise OutputError(f"cannot write to {directory}: {error.strerror}; choose another folder") from error
    _refuse_other_build(plan)
    if plan.ingestion:
        plan.ingestion.write(directory, plan.manifest)
    if plan.manifest != plan.previous:
        _refuse_other_build(plan)
        try:
            write_manifest(directory, plan.manifest, exclusive=plan.previous is None)
        except FileExistsError:
            _refuse_other_build(plan)
    with progress_bar(plan.pending_tokens, "encoding", "tok", progress) as bar:
        if workers.in_this_process:
            make_shards(directory, plan.manifest, plan.encoder, plan.pending, bar.update)
        else:
            make_shards_elsewhere(plan, workers, bar.update)


def _refuse_other_build(plan: BuildPlan) -> None:
    """Go on only if the manifest is as `prepare` found it, or another process wrote the same one meanwhile.

    Otherwise its words would be replaced by ours, or a plan that grew would shrink, and its shards fit no plan.
    """
    try:
        found = read_manifest(plan.directory)
    except NotACacheError:
        found = None
    if found not in (plan.previous, plan.manifest):
        raise MismatchError(
            f"another build of {plan.directory} has just begun, with other settings: wait for it, then run this again"
        )
