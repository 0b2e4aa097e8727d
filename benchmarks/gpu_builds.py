"""Measurements of `gpu.py` with a cache: whole builds to disk, and trials from one."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from common import RandomEncoder, Row, run, timed
from gpu_kit import IMDB_WORDS, REACH_S, Kit
from gpu_text import write_vectors

from cache import FeatureCache
from elmo_cache import TextRule, build


@dataclass(frozen=True)
class _Build:
    path: Path
    n_words: int
    n_bytes: int
    seconds: float


def whole_build(kit: Kit, precision: str) -> list[Row]:
    """Say how long all of IMDB would take to disk; float32's cache stays for the trials.

    A first build compiles; a second one with the same encoder says what a word takes. What the first one took beyond
    its words is counted once.
    """
    encoder = kit.encoder(precision)
    first = _build(kit, encoder, "first", kit.sizes.first_documents)
    shutil.rmtree(first.path)
    expected = kit.words_a_second.get(precision, first.n_words / first.seconds)
    rate = min(expected, kit.disk_bytes_a_second / (2 * encoder.dim))
    n_documents = int(rate * kit.sizes.build_s * kit.sizes.first_documents / first.n_words)
    built = _build(kit, encoder, precision, max(n_documents, kit.sizes.first_documents))
    if precision == "float32":
        kit.cache = built.path, built.seconds
    else:
        shutil.rmtree(built.path)
    a_word = built.seconds / built.n_words
    once = max(0.0, first.seconds - a_word * first.n_words)
    whole, reach = once + a_word * IMDB_WORDS, REACH_S[precision]
    return [
        kit.row(
            name=f"all of IMDB to disk, {precision}",
            what=f"build, {precision}, {encoder.options.architecture}, random weights, {encoder.dim}-d, "
            f"{encoder.n_streams} streams, {kit.text.about}, from {built.n_words:,} words to {IMDB_WORDS:,}",
            against="the time wanted",
            ours=whole,
            theirs=reach,
            ratio=whole / reach,
            reach=(None, 1.0),
            unit="s",
            note=f"{built.seconds:.1f} s for {built.n_words:,} words and {built.n_bytes / 1e9:.2f} GB: "
            f"{1 / a_word:,.0f} words/s, reading and writing included. Compiling and all that is done once: "
            f"{once:.1f} s, found in a build of {first.n_words:,} words before, of {first.seconds:.1f} s.",
        )
    ]


def build_alone(kit: Kit) -> list[Row]:
    """The largest of the builds again with vectors that cost nothing: what reading, hashing and writing take."""
    dim, reach = 2 * kit.options().projection_dim, REACH_S["float16"]
    built = _build(kit, RandomEncoder(dim), "alone", kit.n_built or kit.sizes.first_documents)
    shutil.rmtree(built.path)
    whole = built.seconds * IMDB_WORDS / built.n_words
    return [
        kit.row(
            name="all of IMDB to disk, no encoder",
            what=f"build with random {dim}-d vectors, from {built.n_words:,} words to {IMDB_WORDS:,}",
            against="the time wanted of float16",
            ours=whole,
            theirs=reach,
            ratio=whole / reach,
            unit="s",
            note=f"{built.seconds:.1f} s for {built.n_bytes / 1e9:.2f} GB.",
        )
    ]


def trials(kit: Kit) -> list[Row]:
    """`elmo-train trials` on the float32 cache, in a process of its own."""
    if kit.cache is None:
        raise ValueError("there is no float32 cache to train from")
    cache, building = kit.cache
    vectors = kit.folder / "vectors.txt"
    write_vectors(vectors, kit.text.words(200_000))
    arguments = ["--cache", cache, "--vectors", vectors, "--out", kit.folder / "results", *kit.sizes.trials]
    seconds = timed(lambda: run("trainer.cli", "trials", *arguments))
    return [
        kit.row(
            name=f"{kit.sizes.trials[1]} trials",
            what="`elmo-train trials`, basic and elmo, from the float32 cache, start-up included",
            against="the build of that cache",
            ours=seconds,
            theirs=building,
            ratio=seconds / building,
            unit="s",
            note="Random weights and static vectors: the accuracies mean nothing.",
        )
    ]


def _build(kit: Kit, encoder: Any, name: str, n_documents: int) -> _Build:
    corpus, out = kit.folder / "corpus.jsonl", kit.folder / f"{name}.elmo"
    kit.text.write_corpus(corpus, n_documents)
    kit.n_built = max(n_documents, kit.n_built)
    seconds = timed(lambda: build(str(corpus), encoder, out, rule=TextRule("keras")).close())
    with FeatureCache(out) as features:
        n_words = sum(features[split].n_tokens for split in features)
    click.echo(f"    {n_words:,} words in {seconds:.1f} s")
    return _Build(out, n_words, sum(path.stat().st_size for path in out.iterdir()), seconds)
