"""Building a cache: documents, manifest, and then the shards that are missing.

A build can be repeated at any time: what is finished stays.
"""

import copy
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cache import MismatchError, OutputError
from cache.files import at_work, locked, others_at_work, remove_strays
from cache.manifest import Manifest, shard_name, write_manifest
from cache.runtime.processes import Workers
from cache.runtime.progress import progress_bar
from elmo_cache import messages
from elmo_cache.encoders import Encoder, encoder_json, layers_of
from elmo_cache.encoders.devices import check_precision
from elmo_cache.encoders.spec import EncoderSpec
from elmo_cache.extraction.device_memory import with_fewer_streams
from elmo_cache.extraction.findings import find
from elmo_cache.extraction.folder import (
    documents_present,
    existing_parent,
    find_cache,
    refuse_other_corpus,
    refuse_other_encoding,
)
from elmo_cache.extraction.plan import (
    BuildPlan,
    BuildSettings,
    check_disk,
    default_tokenizer,
    make_plan,
)
from elmo_cache.extraction.reuse import OldDocuments, open_reused, refuse_unlike
from elmo_cache.extraction.shards import make_shards
from elmo_cache.extraction.workers import make_shards_elsewhere
from elmo_cache.text.corpora import Corpus
from elmo_cache.text.reader import CorpusReader
from elmo_cache.text.rule import TextRule

__all__ = ["Build"]


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
        if previous:
            found = {**previous.encoding, "layers": previous.layers.to_json()}
            both = previous.names.get("encoder", ""), encoder.name
            refuse_other_encoding({**encoding, "layers": layers.to_json()}, found, both, directory)
        refuse_unlike(reused, {**encoding, "layers": layers.to_json()})
        tokenise = previous is None or not documents_present(directory, previous)
        self._reader = self._read(corpus, rule, tokenise, existing_parent(directory))
        try:
            corpus_json = self._reader.corpus_json
            if previous:
                both = previous.names.get("corpus", ""), corpus.name
                refuse_other_corpus(corpus_json, previous.corpus, both, directory)
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
            findings = find(self._reader, encoder, rule, directory, None if tokenise else previous)
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
            return CorpusReader(corpus, rule, tokenise=tokenise, spool_directory=spool, progress=bar.update)

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
            encoder, or load another one. A `DeviceMemoryError` if the encoder's device is too small.
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
            raise OutputError(messages.CANNOT_WRITE, path=directory, error=error) from error
        if not plan.pending and plan.manifest == plan.previous and not self._reader:
            return
        with at_work(directory) as mark:
            with locked(directory):
                manifest = self._settle(mark)
            self.close()
            if workers.in_this_process:
                with_fewer_streams(directory, manifest, mark, self._make_shards)
                return
            with progress_bar(plan.group_tokens, "encoding", " words", self._progress) as bar:
                spec = EncoderSpec.of(self._encoder)
                make_shards_elsewhere(directory, plan.groups, spec, workers, bar.update, plan.reuse)

    def _make_shards(self, manifest: Manifest) -> None:
        plan = self.plan
        with progress_bar(plan.group_tokens, "encoding", " words", self._progress) as bar:
            encoder = _computing(self._encoder, manifest.computation)
            make_shards(plan.directory, manifest, encoder, plan.groups, bar.update, plan.reuse)

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
        return MismatchError(messages.OTHER_BUILD, path=self.plan.directory)

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
