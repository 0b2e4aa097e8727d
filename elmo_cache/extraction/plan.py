"""Deciding what a build has to do: nothing here writes to the cache."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from reprlib import repr as show

import numpy as np

from cache import OutputError
from cache.documents import Documents
from cache.files import others_at_work
from cache.manifest import Manifest, shard_name
from cache.shard import open_shard, shard_header
from cache.shard_plan import SplitPlan, extend_plan
from elmo_cache import messages
from elmo_cache.encoders import Encoder
from elmo_cache.errors import CorpusError
from elmo_cache.extraction.findings import Findings
from elmo_cache.extraction.folder import existing_parent
from elmo_cache.extraction.groups import ShardGroup, group_n_tokens, groups_of, shards_of
from elmo_cache.extraction.reuse import CopiedShare, OldDocuments, Reuse, find_reusable
from elmo_cache.text.corpora import Corpus
from elmo_cache.text.reader import CorpusReader
from elmo_cache.text.rule import TextRule, check_count

__all__ = [
    "SHARD_TOKENS",
    "BuildPlan",
    "BuildSettings",
    "check_disk",
    "default_tokenizer",
    "make_plan",
]

SHARD_TOKENS = 262_144
_SPARE_BYTES = 2**20


@dataclass(frozen=True)
class BuildSettings:
    """What is asked of a build, beside corpus, encoder and place.

    Attributes
    ----------
    limit : Mapping of str to int
        Documents wanted of each split, by its name; splits without a limit are wanted whole.
    rule : TextRule
        How text becomes tokens.
    shard_tokens : int
        Tokens a shard.
    share : (int, int)
        Of a pair k, n, every n-th group of shards alone is made, from the k-th on, counted from 1. Only a build that
        copies has groups of more than one shard.
    reuse : tuple of Path
        Caches whose vectors are copied where documents are the same.

    Raises
    ------
    CorpusError
        If `shard_tokens` is out of bounds.
    """

    limit: Mapping[str, int] = field(default_factory=dict)
    rule: TextRule = TextRule()
    shard_tokens: int = SHARD_TOKENS
    share: tuple[int, int] = (1, 1)
    reuse: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        check_count("shard_tokens", self.shard_tokens, 1)


@dataclass(frozen=True)
class BuildPlan:
    """What a build will do.

    Attributes
    ----------
    directory : Path
        The cache.
    manifest : Manifest
        What the manifest will say; of a new cache, all but its `computation`.
    previous : Manifest or None
        The manifest that is there already.
    limits : Mapping of str to int
        How many documents of each split are wanted.
    pending : tuple of (split, index)
        Shards to make.
    groups : tuple of (split, indices)
        The same shards, those together whose new documents are encoded in one call; with those of a group that are
        there already.
    pending_documents : int
        Documents in them.
    reuse : Reuse
        Which of those are copied.
    copied : tuple of CopiedShare
        How many from each cache.
    n_truncated : int
        Documents that the window cut, in the whole corpus.
    n_empty, n_single : int
        Documents without a token, and with one, in the whole corpus.
    needed_bytes, free_bytes : int
        Disk that the build takes, and that there was.
    findings : Findings
        What has been understood of the text.
    """

    directory: Path
    manifest: Manifest
    previous: Manifest | None
    limits: Mapping[str, int]
    pending: tuple[tuple[str, int], ...]
    groups: tuple[ShardGroup, ...]
    pending_documents: int
    reuse: Reuse
    copied: tuple[CopiedShare, ...]
    n_truncated: int
    n_empty: int
    n_single: int
    needed_bytes: int
    free_bytes: int
    findings: Findings

    @property
    def pending_tokens(self) -> int:
        """Tokens of the shards to make."""
        return sum(self.manifest.splits[split].shard_n_tokens(index) for split, index in self.pending)

    @property
    def group_tokens(self) -> int:
        """Tokens of all shards of the groups."""
        return sum(group_n_tokens(self.manifest, group) for group in self.groups)

    @property
    def encoded_documents(self) -> int:
        """Documents to encode."""
        return self.pending_documents - sum(share.n_documents for share in self.copied)

    @property
    def encoded_tokens(self) -> int:
        """Tokens to encode."""
        return self.pending_tokens - sum(share.n_tokens for share in self.copied)

    @property
    def shrinks(self) -> bool:
        """Whether shards leave the plan that is there: they are neither made nor wanted."""
        splits = self.previous.splits if self.previous else {}
        return any(plan.n_documents > self.manifest.splits[split].n_documents for split, plan in splits.items())


def make_plan(
    directory: Path,
    reader: CorpusReader,
    manifest: Manifest,
    previous: Manifest | None,
    settings: BuildSettings,
    old: OldDocuments,
    findings: Findings = Findings(),  # noqa: B008, frozen
) -> BuildPlan:
    """Decide what a build has to do.

    Parameters
    ----------
    directory : Path
        The cache.
    reader : CorpusReader
        The corpus, read; with its tokens where the cache has no documents files.
    manifest : Manifest
        What is to be said of the cache, but for the plan of its splits.
    previous : Manifest or None
        What is said of it.
    settings : BuildSettings
        What is wanted.
    old : OldDocuments
        Those of other caches that can be copied.
    findings : Findings
        What has been understood of the text.

    Returns
    -------
    BuildPlan

    Raises
    ------
    CorpusError
        If a limit makes no sense.
    CorruptFileError
        If a shard that is there is another than its name says, or documents of another cache cannot be read.
    """
    limits = _checked_limits(settings.limit, reader)
    in_company = others_at_work(directory)
    present = set(os.listdir(directory)) if directory.is_dir() else set()
    plans, upto, offsets = {}, dict(limits), {}
    n_truncated = n_empty = n_single = 0
    for split, n_documents in limits.items():
        indptr, n_cut = _lengths(directory, reader, manifest, split)
        n_truncated += n_cut
        offsets[split] = indptr
        n_empty += int(np.count_nonzero(np.diff(indptr) == 0))
        n_single += int(np.count_nonzero(np.diff(indptr) == 1))
        plan = manifest.splits.get(split) or SplitPlan(len(indptr) - 1, int(indptr[-1]))
        if n_documents < plan.n_documents and not in_company:
            made = [index for index in range(plan.n_shards) if shard_name(split, index) in present]
            plan = plan.shortened(made[-1] + 1 if made else 0)
            upto[split] = plan.n_corpus_documents  # what lies before a finished shard is made too
        plans[split] = extend_plan(plan, indptr, n_documents, manifest.shard_tokens)
    manifest = manifest.with_splits(plans)
    wanted = _wanted(manifest, upto)
    missing = {shard for shard in wanted if shard_name(*shard) not in present}
    ranges = {shard: manifest.splits[shard[0]].document_range(shard[1]) for shard in wanted}
    lengths = {shard: np.diff(offsets[shard[0]][start : stop + 1]) for shard, (start, stop) in ranges.items()}
    reuse = find_reusable(old, directory, reader, manifest, wanted if missing else ())
    number, of = settings.share
    groups = groups_of(reuse, lengths, manifest.shard_tokens)[number - 1 :: of]
    _check_present(directory, manifest, [shard for shard in shards_of(groups) if shard not in missing])
    groups = [group for group in groups if not missing.isdisjoint(shards_of([group]))]
    pending = tuple(shard for shard in shards_of(groups) if shard in missing)
    reuse = reuse.of_shards(shards_of(groups))
    lengths = {shard: lengths[shard] for shard in pending}
    return BuildPlan(
        directory=directory,
        manifest=manifest,
        previous=previous,
        limits=limits,
        pending=pending,
        groups=tuple(groups),
        pending_documents=sum(map(len, lengths.values())),
        reuse=reuse,
        copied=tuple(reuse.shares(lengths)),
        n_truncated=n_truncated,
        n_empty=n_empty,
        n_single=n_single,
        needed_bytes=_needed_bytes(manifest, pending, reader.tokenised),
        free_bytes=shutil.disk_usage(existing_parent(directory)).free,
        findings=findings,
    )


def check_disk(plan: BuildPlan) -> None:
    """Raise `OutputError` if the disk cannot hold what a plan will write."""
    if plan.needed_bytes > plan.free_bytes:
        raise OutputError(messages.NO_SPACE, path=plan.directory, expected=plan.needed_bytes, found=plan.free_bytes)


def default_tokenizer(corpus: Corpus | None, encoder: Encoder) -> str:
    """Return the corpus's own tokeniser, if any, else the one that fits the encoder best, else `words`."""
    return (corpus and corpus.tokenizer) or getattr(encoder, "tokenizer", None) or "words"


def _lengths(directory: Path, reader: CorpusReader, manifest: Manifest, split: str) -> tuple[np.ndarray, int]:
    """Return where the tokens of each document of a split begin and end, and how many documents the window cut."""
    if reader.tokenised:
        return np.concatenate([[0], np.cumsum(reader.lengths(split))]), reader.n_truncated(split)
    documents = Documents(directory, split, manifest)
    try:
        return documents.indptr, int(documents.truncated.sum())
    finally:
        documents.close()


def _checked_limits(limit: Mapping[str, int], reader: CorpusReader) -> dict[str, int]:
    for split, n_documents in limit.items():
        if not isinstance(n_documents, Integral) or n_documents < 0:
            raise CorpusError(messages.INVALID_LIMIT, split=split, found=show(n_documents))
        if split not in reader.split_names:
            names = ", ".join(reader.split_names)
            raise CorpusError(
                messages.LIMIT_WITHOUT_SPLIT, split=split, n=n_documents, name=reader.name, expected=names
            )
    sizes = {split: reader.n_documents(split) for split in reader.split_names}
    return {split: min(int(limit.get(split, size)), size) for split, size in sizes.items()}


def _wanted(manifest: Manifest, upto: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the shards that begin before a document of each split."""
    return [
        (split, index)
        for split, plan in manifest.splits.items()
        for index in range(plan.n_shards)
        if plan.document_range(index)[0] < upto[split]
    ]


def _check_present(directory: Path, manifest: Manifest, shards: Iterable[tuple[str, int]]) -> None:
    """Raise `CorruptFileError` if a shard that is there is another than its name says."""
    for split, index in shards:
        datasets = open_shard(directory, shard_header(manifest, split, index), manifest.layers.stored)
        next(iter(datasets.values())).file.close()


def _needed_bytes(manifest: Manifest, pending: tuple[tuple[str, int], ...], documents: bool) -> int:
    n_tokens = sum(manifest.splits[split].shard_n_tokens(index) for split, index in pending)
    total = n_tokens * manifest.layers.n_columns * 2
    if documents:
        total += sum(4 * plan.n_corpus_tokens + 21 * plan.n_corpus_documents for plan in manifest.splits.values())
    return total + _SPARE_BYTES if total else 0
