"""Deciding what a build has to do: nothing here writes to the cache."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cache import MismatchError, NotACacheError, OutputError
from cache.documents import Documents
from cache.files import is_temporary
from cache.hashing import differences, in_short
from cache.hdf5 import open_file
from cache.manifest import MANIFEST_NAME, Manifest, documents_name, read_manifest, shard_name
from cache.plan import SplitPlan, extend_plan
from cache.runtime.progress import progress_bar
from cache.shard import open_shard, shard_header
from elmo_cache.encoders import Encoder, encoder_json, layers_of
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import Corpus
from elmo_cache.text.reader import Ingestion, ingest
from elmo_cache.text.rule import TextRule

__all__ = ["SHARD_TOKENS", "BuildPlan", "check_disk", "default_tokenizer", "prepare"]

SHARD_TOKENS = 262_144
_SPARE_BYTES = 2**20


@dataclass
class BuildPlan:
    """What a build will do; `close` it, or use it as a context manager.

    Attributes
    ----------
    directory : Path
        The cache.
    manifest : Manifest
        What the manifest will say.
    limits : dict of str to int
        How many documents of each split are wanted.
    pending : list of (split, index)
        Shards to make.
    n_truncated : int
        Documents that the window cut, in the whole corpus.
    n_empty : int
        Documents without a token, in the whole corpus.
    needed_bytes, free_bytes : int
        Disk that the build takes, and that there is.
    encoder : Encoder
        What makes the vectors.
    previous : Manifest or None
        The manifest that is there already.
    ingestion : Ingestion or None
        What was read of the corpus; None where the documents files are there.
    """

    directory: Path
    manifest: Manifest
    limits: dict[str, int]
    pending: list[tuple[str, int]]
    n_truncated: int
    n_empty: int
    needed_bytes: int
    free_bytes: int
    encoder: Encoder
    previous: Manifest | None
    ingestion: Ingestion | None

    @property
    def pending_tokens(self) -> int:
        """Tokens to encode."""
        return sum(self.manifest.splits[split].shard_n_tokens(index) for split, index in self.pending)

    def settle_computation(self) -> None:
        """Let the manifest of a new cache say how the encoder computes on this machine's device."""
        if self.previous is None:
            self.manifest = replace(self.manifest, computation=dict(getattr(self.encoder, "computation", {})))

    def close(self) -> None:
        """Drop what was read of the corpus."""
        if self.ingestion:
            self.ingestion.close()

    def __enter__(self) -> "BuildPlan":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def prepare(
    corpus: Corpus,
    encoder: Encoder,
    out: str | Path,
    *,
    limit: Mapping[str, int] | None = None,
    rule: TextRule | None = None,
    shard_tokens: int = SHARD_TOKENS,
    share: tuple[int, int] = (1, 1),
    progress: bool = False,
) -> BuildPlan:
    """Read the corpus and decide what a build has to do, without writing anything.

    Parameters and errors are those of `build`, except that a disk that is too full is left to `check_disk`, and
    `share`: of a pair k, n, the plan has every n-th shard alone, from the k-th on, counted from 1.
    """
    directory = Path(out)
    limit = dict(limit or {})
    rule = rule or TextRule()
    if rule.num_words is not None and rule.word_ranks is None:
        rule = replace(rule, word_ranks=corpus.word_ranks)
    if shard_tokens < 1:
        raise OutputError(f"--shard-tokens is {shard_tokens}, expected at least 1")
    previous = _existing(directory)
    rule = rule.resolved(default_tokenizer(corpus, encoder), _text_json(previous))
    encoding = {"encoder": encoder_json(encoder), "text": rule.to_json()}
    layers = layers_of(encoder)
    names = {"encoder": encoder.name, "corpus": corpus.name}
    if previous:
        renamed = list(differences(dict(previous.names), names))
        _refuse_other("encoding", {**encoding, "layers": layers.to_json()}, _encoding_of(previous), directory, renamed)
        if previous.computation and hasattr(encoder, "use_computation"):
            encoder.use_computation(previous.computation)
        shard_tokens = previous.shard_tokens
    retokenise = previous is None or not _documents_present(directory, previous)
    ingestion = _read_corpus(corpus, rule, retokenise, _existing_parent(directory), progress)
    try:
        if previous:
            _refuse_other("corpus", ingestion.corpus_json, dict(previous.corpus), directory, renamed)
        manifest = previous or Manifest(
            encoding=encoding,
            corpus=ingestion.corpus_json,
            computation={},
            names=names,
            layers=layers,
            label_names=ingestion.label_names,
            shard_tokens=shard_tokens,
            splits={},
        )
        limits = _checked_limits(limit, ingestion, corpus.name)
        plans = {}
        n_truncated = ingestion.n_truncated() if retokenise else 0
        n_empty = 0
        for split, n_documents in limits.items():
            if retokenise:
                indptr = np.concatenate([[0], np.cumsum(ingestion.lengths(split))])
            else:
                documents = Documents(directory, split, manifest)
                indptr = documents.indptr
                n_truncated += int(documents.truncated.sum())
                documents.close()
            n_empty += int(np.count_nonzero(np.diff(indptr) == 0))
            before = manifest.splits.get(split) or SplitPlan(len(indptr) - 1, int(indptr[-1]))
            plans[split] = extend_plan(before, indptr, n_documents, shard_tokens)
        manifest = manifest.with_splits(plans)
        pending = _pending(directory, manifest, limits, share)
        if not retokenise:
            ingestion.close()
        return BuildPlan(
            directory=directory,
            manifest=manifest,
            limits=limits,
            pending=pending,
            n_truncated=n_truncated,
            n_empty=n_empty,
            needed_bytes=_needed_bytes(manifest, pending, retokenise),
            free_bytes=shutil.disk_usage(_existing_parent(directory)).free,
            encoder=encoder,
            previous=previous,
            ingestion=ingestion if retokenise else None,
        )
    except BaseException:
        ingestion.close()
        raise


def check_disk(plan: BuildPlan) -> None:
    """Raise `OutputError` if the disk cannot hold what a plan will write."""
    if plan.needed_bytes > plan.free_bytes:
        raise OutputError(
            f"{plan.directory}: the build needs {plan.needed_bytes:,} bytes and the disk has {plan.free_bytes:,} free; "
            "free some space, choose another folder, or build less with --limit"
        )


def default_tokenizer(corpus: Corpus | None, encoder: Encoder) -> str:
    """Return the corpus's own tokeniser, if any, else the one that fits the encoder best, else `words`."""
    return (corpus and corpus.tokenizer) or getattr(encoder, "tokenizer", None) or "words"


def _existing(directory: Path) -> Manifest | None:
    if directory.is_dir():
        try:
            return read_manifest(directory)
        except NotACacheError:
            foreign = [
                path.name
                for path in sorted(directory.iterdir())
                # A manifest may have appeared since: another build's.
                if not is_temporary(path.name) and not path.name.endswith(".h5") and path.name != MANIFEST_NAME
            ]
            if foreign:
                raise NotACacheError(
                    f"{directory} is a folder of other things ({foreign[0]}, …), not a cache: choose another path"
                ) from None
            return None
    if os.path.lexists(directory) and not directory.is_dir():  # asked anew: another build may have made it since
        raise OutputError(f"{directory} is a file: a cache is a folder; choose another path")
    parent = _existing_parent(directory)
    if not parent.is_dir():
        raise OutputError(f"cannot make {directory}: {parent} is a file; choose another path")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"cannot make {directory}: no permission to write to {parent}; choose another folder")
    return None


def _existing_parent(directory: Path) -> Path:
    path = directory.absolute()
    while not path.exists():
        path = path.parent
    return path


def _encoding_of(manifest: Manifest) -> dict[str, Any]:
    return {**manifest.encoding, "layers": manifest.layers.to_json()}


def _text_json(manifest: Manifest | None) -> dict[str, Any] | None:
    text = manifest.encoding.get("text") if manifest else None
    return text if isinstance(text, dict) else None


def _documents_present(directory: Path, manifest: Manifest) -> bool:
    for split in manifest.splits:
        if not (directory / documents_name(split)).exists():
            return False
        with open_file(directory / documents_name(split), {"kind": "documents"}):
            pass
    return True


def _read_corpus(corpus: Corpus, rule: TextRule, tokenise: bool, spool_directory: Path, progress: bool) -> Ingestion:
    label = "reading text" if tokenise else "comparing text"
    writable = os.access(spool_directory, os.W_OK)
    with progress_bar(corpus.size, label, corpus.unit, progress) as bar:
        spool = spool_directory if writable else None
        return ingest(corpus, rule, tokenise=tokenise, spool_directory=spool, progress=bar.update)


def _checked_limits(limit: Mapping[str, int], ingestion: Ingestion, corpus: str) -> dict[str, int]:
    for split, n_documents in limit.items():
        if split not in ingestion.split_names:
            raise CorpusError(
                f"--limit {split}={n_documents}: {corpus} has no split {split!r}, "
                f"only {', '.join(ingestion.split_names)}"
            )
        if n_documents < 0:
            raise CorpusError(f"--limit {split}={n_documents}: expected 0 or more documents")
    sizes = {split: ingestion.n_documents(split) for split in ingestion.split_names}
    return {split: min(limit.get(split, size), size) for split, size in sizes.items()}


def _pending(
    directory: Path, manifest: Manifest, limits: Mapping[str, int], share: tuple[int, int]
) -> list[tuple[str, int]]:
    """Return the missing shards among every n-th of those wanted; the others of them are looked at."""
    wanted = [
        (split, index)
        for split, plan in manifest.splits.items()
        for index in range(plan.n_shards)
        if plan.document_range(index)[0] < limits[split]
    ]
    present = set(os.listdir(directory)) if directory.is_dir() else set()
    pending = []
    for split, index in wanted[share[0] - 1 :: share[1]]:
        if shard_name(split, index) not in present:
            pending.append((split, index))
            continue
        datasets = open_shard(directory, shard_header(manifest, split, index), manifest.layers.stored)
        next(iter(datasets.values())).file.close()
    return pending


def _needed_bytes(manifest: Manifest, pending: list[tuple[str, int]], documents: bool) -> int:
    n_tokens = sum(manifest.splits[split].shard_n_tokens(index) for split, index in pending)
    total = n_tokens * manifest.layers.n_columns * 2
    if documents:
        total += sum(4 * plan.n_corpus_tokens + 21 * plan.n_corpus_documents for plan in manifest.splits.values())
    return total + _SPARE_BYTES if total else 0


def _refuse_other(
    kind: str,
    wanted: dict[str, Any],
    found: dict[str, Any],
    directory: Path,
    renamed: list[tuple[str, Any, Any]],
) -> None:
    """Raise `MismatchError` if the two differ; of the names that differ, those of what differs are shown first."""
    if differing := list(differences(found, wanted)):
        changed = {kind, *(name.partition(".")[0] for name, _, _ in differing)}
        shown = [
            f"{name} is {in_short(there)} in the cache, {in_short(here)} asked for"
            for name, there, here in [*(names for names in renamed if names[0] in changed), *differing]
        ]
        more = f"; and {len(shown) - 6:,} more" if len(shown) > 6 else ""
        raise MismatchError(
            f"{directory} holds vectors of another {kind}: {'; '.join(shown[:6])}{more}. "
            "Ask for what it holds, or build into another folder"
        )
