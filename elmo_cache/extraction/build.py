"""Building a cache: documents, manifest, and then the shards that are missing.

A build can be repeated at any time: what is finished stays.
"""

import copy
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cache import FeatureCache, MismatchError, OutputError
from cache.files import at_work, locked, others_at_work, remove_strays
from cache.hashing import differences
from cache.manifest import Manifest, shard_name, write_manifest
from cache.runtime.processes import Workers
from cache.runtime.progress import progress_bar
from elmo_cache.encoders import Encoder, encoder_json, layers_of, load_encoder
from elmo_cache.encoders.devices import check_precision
from elmo_cache.encoders.spec import EncoderSpec
from elmo_cache.extraction.findings import find
from elmo_cache.extraction.plan import (
    SHARD_TOKENS,
    BuildPlan,
    BuildSettings,
    check_disk,
    default_tokenizer,
    documents_present,
    existing_parent,
    find_cache,
    make_plan,
    refuse_other,
)
from elmo_cache.extraction.reuse import OldDocuments, open_reused, refuse_unlike
from elmo_cache.extraction.shards import make_shards
from elmo_cache.extraction.workers import make_shards_elsewhere
from elmo_cache.text.corpora import Corpus, corpus_of
from elmo_cache.text.reader import CorpusReader, read_corpus
from elmo_cache.text.rule import TextRule

__all__ = ["Build", "build"]


def build(
    corpus: Any,
    encoder: str | Path | Encoder,
    out: str | Path,
    *,
    labels: Any = None,
    tags: Any = None,
    text: str | None = None,
    label: str | None = None,
    split: str | None = None,
    limit: Mapping[str, int] | None = None,
    rule: TextRule | None = None,
    shard_tokens: int = SHARD_TOKENS,
    reuse: str | Path | Iterable[str | Path] = (),
    workers: int | str = 1,
    progress: bool = False,
) -> FeatureCache:
    """Encode a corpus into a cache, or finish or extend one, and open it.

    Parameters
    ----------
    corpus : str, Path, Corpus or documents
        A name or path as in `open_corpus`; any object of the `Corpus` protocol; or what Python holds:

        * an iterable of `str`, a text each, or of lists of `str`, whose tokens are taken as they are;
        * a data frame of pandas or polars, or a `pyarrow.Table`;
        * a `Dataset` or `DatasetDict` of Hugging Face;
        * a mapping from names of splits to one of these.
    encoder : str, Path or Encoder
        A name or path as in `load_encoder`, or any object of the `Encoder` protocol.
    out : str or Path
        The cache's folder, made if it does not exist.
    labels : iterable, or mapping from splits to iterables, optional
        For texts or lists of tokens: the class of each, a string, a whole number or a boolean.
    tags : iterable of lists, mapping from names to them, or mapping from splits to either, optional
        For lists of tokens: a tag for each token, a string or None. For frames, data sets and files: the name of the
        column of lists of tags, or several names.
    text, label, split : str, optional
        For frames, data sets and files: the columns. Default: `text` or `tokens`; `label` and `split` if they exist.
    limit : Mapping[str, int], optional
        Documents wanted of each split, by its name: a random sample, which a larger limit later extends. Splits
        without a limit are encoded whole. A smaller limit than before leaves what is finished, and drops what is not.
    rule : TextRule, optional
        How text becomes tokens. Default: the tokeniser that fits corpus and encoder, a window of 500 tokens.
    shard_tokens : int
        Tokens a shard: a file that is written, and after an interruption encoded, as one; fixed when the cache is
        created.
    reuse : path or iterable of paths
        Other caches of the same encoding, folders or packed files. Documents whose tokens one of them has are not
        encoded: their vectors are copied, after the hashes of the files that they lie in are checked.
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
        If the text or the encoder is not usable, a number is out of bounds, or a vector cannot be stored as float16.
    MismatchError
        If `out` holds vectors of another encoding or another corpus, or a cache to reuse those of another encoding.
    OutputError
        If `out` cannot be written to or the disk is too full.
    CorruptFileError
        If a file of the cache is damaged: `elmo-cache verify --discard` removes it, and the next build makes it again.
        If one that is to be copied from is damaged.
    WorkersError
        If workers cannot be had, or died again and again.
    """
    reused = [reuse] if isinstance(reuse, str | os.PathLike) else reuse
    settings = BuildSettings(limit or {}, rule or TextRule(), shard_tokens, reuse=tuple(map(Path, reused)))
    pool = Workers.parse(workers if isinstance(workers, str) else str(min(workers, sys.maxsize)))
    corpus = corpus_of(corpus, labels=labels, tags=tags, text=text, label=label, split=split)
    encoder = load_encoder(encoder) if isinstance(encoder, str | os.PathLike) else encoder
    with Build(corpus, encoder, Path(out), settings, progress=progress) as begun:
        begun.run(pool)
    return FeatureCache(out)


class Build:
    """A cache's folder while it is filled: its plan, its documents and manifest, and then its shards.

    Made, it has read the corpus and decided what there is to do, and written nothing; `run` does it. Several may work
    in one folder, also of other processes and hosts. Use it as a context manager, or `close` it.

    Parameters
    ----------
    corpus, encoder : Corpus, Encoder
        As those of `build`; the encoder is not changed.
    directory : Path
        The cache.
    settings : BuildSettings
        What is wanted.
    progress : bool
        Show progress bars.

    Raises
    ------
    CacheError
        As `build` does, except that a disk that is too full is left to `run`.

    Attributes
    ----------
    plan : BuildPlan
        What there is to do.
    """

    plan: BuildPlan

    def __init__(
        self,
        corpus: Corpus,
        encoder: Encoder,
        directory: Path,
        settings: BuildSettings = BuildSettings(),  # noqa: B008, frozen
        *,
        progress: bool = False,
    ):
        self._encoder = encoder
        self._progress = progress
        self._reader: CorpusReader | None = None
        previous = find_cache(directory)
        reused = open_reused(settings.reuse, directory)
        # What others know of their tokeniser's version decides that of a new cache.
        known = [previous.encoding] if previous else [storage.manifest.encoding for storage in reused]
        earlier = known[0].get("text") if known else None
        rule = settings.rule.resolved(
            default_tokenizer(corpus, encoder), earlier if isinstance(earlier, Mapping) else None
        )
        if rule.num_words is not None and rule.word_ranks is None:
            rule = replace(rule, word_ranks=corpus.word_ranks)
        names = {"encoder": encoder.name, "corpus": corpus.name}
        layers = layers_of(encoder)
        encoding: dict[str, Any] = {"encoder": encoder_json(encoder), "text": rule.to_json()}
        renamed = list(differences(dict(previous.names), names)) if previous else []
        if previous:
            found = {**previous.encoding, "layers": previous.layers.to_json()}
            refuse_other("encoding", {**encoding, "layers": layers.to_json()}, found, directory, renamed)
        refuse_unlike(reused, {**encoding, "layers": layers.to_json()})
        tokenise = previous is None or not documents_present(directory, previous)
        self._reader = self._read(corpus, rule, tokenise, existing_parent(directory))
        try:
            corpus_json = self._reader.corpus_json
            if previous:
                refuse_other("corpus", corpus_json, previous.corpus, directory, renamed)
            manifest = previous or Manifest(
                encoding=encoding,
                corpus=corpus_json,
                computation={},
                names=names,
                layers=layers,
                label_names=self._reader.label_names,
                shard_tokens=settings.shard_tokens,
                splits={},
                has_ids=self._reader.has_ids,
                tag_names=self._reader.tag_names,
            )
            findings = find(self._reader, encoder, rule)
            old = OldDocuments(reused)
            self.plan = make_plan(directory, self._reader, manifest, previous, settings, old, findings)
            if not tokenise:
                self.close()
        except BaseException:
            self.close()
            raise

    def _read(self, corpus: Corpus, rule: TextRule, tokenise: bool, spool_directory: Path) -> CorpusReader:
        label = "reading text" if tokenise else "comparing text"
        spool = spool_directory if os.access(spool_directory, os.W_OK) else None
        with progress_bar(corpus.size, label, corpus.unit, self._progress) as bar:
            return read_corpus(corpus, rule, tokenise=tokenise, spool_directory=spool, progress=bar.update)

    def close(self) -> None:
        """Drop what was read of the corpus, and its temporary file."""
        if self._reader:
            self._reader.close()
            self._reader = None

    def __enter__(self) -> "Build":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, workers: Workers = Workers()) -> None:  # noqa: B008, frozen
        """Do what the plan says: documents files and manifest under the folder's lock, then the missing shards.

        Parameters
        ----------
        workers : Workers
            The processes that encode; by default this one.

        Raises
        ------
        OutputError
            Before anything is written, if the disk cannot hold the result; later, if writing fails.
        MismatchError
            If another build has begun meanwhile, with other settings.
        CorruptFileError
            Before anything is written, if a file that vectors are copied from is damaged.
        EncoderError
            If a vector is NaN or beyond float16, with its document and layer; if other processes cannot load the
            encoder, or load another one.
        WorkersError
            If workers cannot be had, or died again and again.
        """
        plan = self.plan
        check_disk(plan)
        if workers.in_this_process:
            check_precision(self._encoder)
        with progress_bar(None, "checking", "B", self._progress) as bar:
            plan.reuse.check(bar.update)
        directory = plan.directory
        try:
            directory.mkdir(parents=True, exist_ok=True)
            remove_strays(directory)
        except OSError as error:
            raise OutputError(f"cannot write to {directory}: {error.strerror}; choose another folder") from error
        if not plan.pending and plan.manifest == plan.previous and not self._reader:
            return
        with at_work(directory) as mark:
            with locked(directory):
                manifest = self._settle(mark)
            self.close()
            with progress_bar(plan.pending_tokens, "encoding", "tok", self._progress) as bar:
                if workers.in_this_process:
                    encoder = _computing(self._encoder, manifest.computation)
                    make_shards(directory, manifest, encoder, plan.pending, bar.update, plan.reuse)
                else:
                    spec = EncoderSpec.of(self._encoder)
                    make_shards_elsewhere(directory, plan.pending, spec, workers, bar.update, plan.reuse)

    def _settle(self, mark: Path) -> Manifest:
        """Write documents and manifest unless they are there, and return the manifest; the folder is locked."""
        plan = self.plan
        found = find_cache(plan.directory)
        manifest = plan.manifest
        if plan.previous is None:
            # How the first of several builds computes, all do.
            computation = found.computation if found else dict(getattr(self._encoder, "computation", {}))
            manifest = replace(manifest, computation=computation)
        self._refuse_other_build(found, manifest)
        if plan.shrinks and (others_at_work(plan.directory, mark) or self._has_left_shards(manifest)):
            raise self._other_build()
        if self._reader and not (found and documents_present(plan.directory, found)):
            self._reader.write(plan.directory, manifest)
        if found != manifest:
            # Once more, for file systems without locks.
            self._refuse_other_build(find_cache(plan.directory), manifest)
            try:
                write_manifest(plan.directory, manifest, exclusive=plan.previous is None)
            except FileExistsError:
                self._refuse_other_build(find_cache(plan.directory), manifest)
        return manifest

    def _refuse_other_build(self, found: Manifest | None, manifest: Manifest) -> None:
        """Go on only if the manifest is as it was when we planned, or another process wrote the same one meanwhile.

        Otherwise its words would be replaced by ours, or its shards fit no plan.
        """
        if found not in (self.plan.previous, manifest):
            raise self._other_build()

    def _other_build(self) -> MismatchError:
        return MismatchError(
            f"another build of {self.plan.directory} has just begun, with other settings: wait for it, then run this "
            "again"
        )

    def _has_left_shards(self, manifest: Manifest) -> bool:
        previous = self.plan.previous
        assert previous is not None
        return any(
            (self.plan.directory / shard_name(split, index)).exists()
            for split, plan in previous.splits.items()
            for index in range(manifest.splits[split].n_shards, plan.n_shards)
        )


def _computing(encoder: Encoder, computation: Mapping[str, Any]) -> Encoder:
    """Return an encoder that computes as a cache was computed: the one given, or a copy, as it is the caller's."""
    if not computation or not hasattr(encoder, "use_computation"):
        return encoder
    if dict(getattr(encoder, "computation", {})) == computation:
        return encoder
    encoder = copy.copy(encoder)
    encoder.use_computation(computation)
    return encoder
