"""What the commands print about a plan and about a cache."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cache import FeatureCache
from cache.runtime.console import human_bytes, human_count, human_time, printable
from elmo_cache.encoders import embedded_encoders
from elmo_cache.encoders.loading import EMBEDDED
from elmo_cache.encoders.speed import known_speeds
from elmo_cache.extraction.plan import BuildPlan
from elmo_cache.text.corpora import Corpus

__all__ = ["cache_facts", "cache_size_bytes", "describe_cache", "describe_plan"]

_MOST_LABELS = 6  # to be named
_MANY_CLASSES = 20
_FASTER = 1.1  # than the precision that was chosen, to be worth a word
_MOST_LETTERS = 30  # of a long word


def describe_plan(
    plan: BuildPlan, corpus: Corpus, encoder_name: str, computed_on: str = "", limits: Mapping[str, int] | None = None
) -> list[str]:
    """Return the lines that say what a build will do.

    `computed_on` is what `devices.computed_on` says, if known, and `limits` what was asked for.
    """
    splits, layers = plan.manifest.splits, plan.manifest.layers
    n_documents = sum(split.n_corpus_documents for split in splits.values())
    per_split = ", ".join(f"{name} {split.n_corpus_documents:,}" for name, split in splits.items())
    window = "documents uncut"
    text = plan.manifest.encoding["text"]
    if text["max_tokens"]:
        window = f"at most {text['max_tokens']:,} a document, {human_count(plan.n_truncated, 'document')} cut"
    if plan.n_empty:
        window += f", {human_count(plan.n_empty, 'document')} without a token"
    embedded = encoder_name.removeprefix(EMBEDDED) in {found.name for found in embedded_encoders()}
    hint = " (`elmo-cache encoders` lists others, such as the original 1024-d ELMo)" if embedded else ""
    lines = [
        f"{plan.directory}",
        f"  corpus   {corpus.name}: {human_count(n_documents, 'document')} ({per_split}), {_labels(plan)}",
        *_columns(corpus, plan),
        f"  tokens   {text['tokenizer']}, {window}",
        f"  encoder  {plan.manifest.names['encoder']}: {layers.dim}-d, layers {', '.join(layers.views)}"
        f"{', ' if computed_on else ''}{computed_on}{hint}",
    ]
    for name in splits:
        n_pending = sum(which == name for which, _ in plan.pending)
        to_make = f"{human_count(n_pending, 'shard')} to make" if n_pending else "nothing left to do"
        lines.append(f"  {name:8} {human_count(plan.limits[name], 'document')} wanted, {to_make}")
    for share in plan.copied:
        lines.append(f"  reuse    {_amount(share.n_documents, share.n_tokens)} copied from {share.path}")
    if plan.copied:
        lines.append(f"  encode   {_amount(plan.encoded_documents, plan.encoded_tokens)} that these caches do not have")
    lines.append(
        f"  disk     {human_count(plan.encoded_tokens, 'token')} to encode, "
        f"{human_bytes(plan.needed_bytes)} needed, {human_bytes(plan.free_bytes)} free"
    )
    notes = [f"Note: {printable(note)}" for note in getattr(corpus, "notes", ())]
    for name, n_wanted in (limits or {}).items():
        if n_wanted > (n_all := splits[name].n_corpus_documents):
            notes.append(f"Note: {name} has {human_count(n_all, 'document')}, fewer than the {n_wanted:,} of --limit")
    return [*lines, *_time(plan, encoder_name), *notes, *_remarks(plan)]


def _time(plan: BuildPlan, encoder_name: str) -> list[str]:
    """Return how long the encoder will take, where it was measured here, or how to measure it."""
    description = plan.manifest.encoding["encoder"]
    if not plan.encoded_tokens or "options" not in description:
        return []
    speeds, precision = known_speeds(description), description["precision"]
    if precision not in speeds:
        return [f"  time     not known here: `elmo-cache encoders --measure {encoder_name}` measures it in seconds"]
    seconds = plan.encoded_tokens / speeds[precision]
    line = f"  time     about {human_time(seconds)} in one process, at {speeds[precision]:,.0f} words/s in {precision}"
    best = max(speeds, key=speeds.__getitem__)
    if speeds[best] >= _FASTER * speeds[precision]:
        line += f"; {speeds[best] / speeds[precision]:.1f} times as fast here: --precision {best}"
    return [line]


def _amount(n_documents: int, n_tokens: int) -> str:
    return f"{human_count(n_documents, 'document')} ({human_count(n_tokens, 'token')})"


def _labels(plan: BuildPlan) -> str:
    names, counts = plan.manifest.label_names, plan.findings.classes
    if names is None:
        return "no labels"
    shown = ", ".join(f"{name} {counts.get(name, 0):,}" for name in names[:_MOST_LABELS])
    more = f", … ({len(names):,} classes)" if len(names) > _MOST_LABELS else ""
    return f"labels {printable(shown)}{more}"


def _columns(corpus: Corpus, plan: BuildPlan) -> list[str]:
    """Return which columns were taken, where a corpus says so, and the sets of tags."""
    columns = getattr(corpus, "columns", None)
    roles = () if columns is None else columns.roles
    taken = [f"{role} {name!r}" for role, name in roles if role != "tags"]
    tags = [f"{name} ({len(tags):,})" for name, tags in plan.manifest.tag_names.items()]
    if tags:
        taken.append(f"tags {', '.join(tags)}")
    return [f"  columns  {printable(', '.join(taken))}"] if taken else []


def _remarks(plan: BuildPlan) -> list[str]:
    """Return what the owner of the text should know before it is encoded."""
    found = plan.findings
    remarks = []
    if found.cut:
        longest = ", ".join(f"{word[:_MOST_LETTERS]}…" for word in found.cut.longest)
        remarks.append(
            f"{human_count(found.cut.n_words, 'word')} ({human_count(found.cut.n_tokens, 'token')}) longer than ELMo "
            f"reads, and cut: {longest}"
        )
    n_documents = sum(split.n_corpus_documents for split in plan.manifest.splits.values())
    if found.is_unspaced:
        remarks.append(
            "the tokens look like phrases of a language written without spaces: separate its words with spaces first, "
            "and give --tokenizer whitespace, or give --tokenizer characters"
        )
    if 2 * plan.n_single > n_documents:
        remarks.append(f"{plan.n_single:,} of {human_count(n_documents, 'document')} with a single token")
    n_classes = len(plan.manifest.label_names or ())
    if n_classes > _MANY_CLASSES and 2 * n_classes > n_documents:
        remarks.append(
            f"{n_classes:,} different labels for {human_count(n_documents, 'document')}: check the columns of text and "
            "label"
        )
    if found.n_decomposed:
        remarks.append(
            f"{human_count(found.n_decomposed, 'document')} not in Unicode's form NFC, which vocabularies are in: "
            "consider --normalize nfc"
        )
    return [f"Note: {printable(remark)}" for remark in remarks]


def describe_cache(facts: dict[str, Any]) -> list[str]:
    """Return the lines that say what a cache holds, from its `cache_facts`."""
    lines = [
        f"{facts['path']}: {_state(facts)}",
        f"  encoder   {facts['encoder']}, {facts['dim']}-d, {', '.join(facts['layers'])}",
        f"  corpus    {facts['corpus']}, "
        + (f"labels {', '.join(facts['label_names'])}" if facts["label_names"] else "no labels"),
    ]
    if text := _text(facts["encoding"]):
        lines.append(f"  text      {text}")
    if facts["tag_names"]:
        sets = (f"{name} ({len(tags):,})" for name, tags in facts["tag_names"].items())
        lines.append(f"  tags      {', '.join(sets)}")
    if facts["has_ids"]:
        lines.append("  ids       documents have names")
    for name, split in facts["splits"].items():
        shards = f", {split['n_shards']} of {human_count(split['n_planned_shards'], 'shard')}"
        lines.append(
            f"  {name:9} {split['n_documents']:,} of {split['n_corpus_documents']:,} documents, "
            f"{split['n_tokens']:,} tokens{'' if facts['packed'] else shards}"
        )
    lines.append(f"  on disk   {human_bytes(facts['size_bytes'])}")
    lines.append(f"  encoding  {facts['encoding_fingerprint'][:16]}…   corpus {facts['corpus_fingerprint'][:16]}…")
    return [printable(line) for line in lines]  # names are those of whoever made the cache


def _text(encoding: Mapping[str, Any]) -> str:
    """Return how text became tokens, of a cache that a build of ours has made."""
    text = encoding.get("text")
    if not isinstance(text, Mapping) or "tokenizer" not in text:
        return ""
    window = f"at most {text['max_tokens']} tokens per document" if text.get("max_tokens") else "documents uncut"
    return f"{text['tokenizer']}, {window}"


def _state(facts: dict[str, Any]) -> str:
    if facts["packed"]:
        return "complete, in one file"
    return "complete" if facts["complete"] else "not finished; run the same build to resume"


def cache_facts(features: FeatureCache) -> dict[str, Any]:
    """Return what `elmo-cache info --json` prints; reads the manifest and the names of files alone."""
    manifest = features.manifest
    splits = {}
    for name, plan in manifest.splits.items():
        n_shards = features.n_finished_shards(name)
        splits[name] = {
            "n_documents": plan.document_stops[n_shards - 1] if n_shards else 0,
            "n_tokens": plan.token_stops[n_shards - 1] if n_shards else 0,
            "n_planned_documents": plan.n_documents,
            "n_corpus_documents": plan.n_corpus_documents,
            "n_corpus_tokens": plan.n_corpus_tokens,
            "n_shards": n_shards,
            "n_planned_shards": plan.n_shards,
            "complete": n_shards == plan.n_shards,
        }
    return {
        "path": str(features.path),
        "packed": features.path.is_file(),
        "complete": features.complete,
        "encoder": manifest.names.get("encoder"),
        "corpus": manifest.names.get("corpus"),
        "dim": manifest.layers.dim,
        "layers": list(manifest.layers.views),
        "label_names": None if manifest.label_names is None else list(manifest.label_names),
        "tag_names": {name: list(tags) for name, tags in manifest.tag_names.items()},
        "has_ids": manifest.has_ids,
        "size_bytes": cache_size_bytes(features.path),
        "encoding": dict(manifest.encoding),
        "encoding_fingerprint": manifest.encoding_fingerprint,
        "corpus_fingerprint": manifest.corpus_fingerprint,
        "splits": splits,
    }


def cache_size_bytes(path: Path) -> int:
    """Return the bytes of a packed cache, or of all files in a folder; 0 if there is neither."""
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
