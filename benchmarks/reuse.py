"""A build that copies what another cache has, of a corpus with 1 % new documents, against a build of all of it.

    python benchmarks/reuse.py
    python benchmarks/reuse.py --original     # the original size, random weights

Both read and tokenise the whole corpus and write and hash all shards. The copying one also looks for its documents in
the other cache, and checks that one's hashes. The process is warm: graphs are traced before.

With `--original` only the copying build is run: the other cache gets random numbers for vectors, under the encoder's
name, and the build of everything is taken to last as long as the encoder alone would need for its words, at the speed
at which it encodes a load of reviews.
"""

import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from common import RandomEncoder, Row, finish, interleaved, json_option, scratch_folder, timed
from encoder import sample_reviews, write_original

from cache import FeatureCache
from elmo_cache import build, load_encoder
from elmo_cache.encoders import DEFAULT_ENCODER
from elmo_cache.encoders.bilm.encoder import BiLMEncoder
from elmo_cache.text.corpora import corpus_of, open_corpus

RATE_REVIEWS = 320
"""A load for 128 streams."""


@click.command()
@click.option("--encoder", "encoder_name", default=DEFAULT_ENCODER, show_default=True)
@click.option("--original", is_flag=True, help="Random weights of the original size; see above.")
@click.option("--reviews", default=4000, show_default=True, help="Of the old corpus.")
@click.option("--runs", default=3, show_default=True)
@json_option
def main(encoder_name: str, original: bool, reviews: int, runs: int, json_path: Path | None) -> None:
    n_new = max(1, reviews // 100)
    documents = itertools.islice(open_corpus("sample").documents(), reviews + n_new)
    texts = [str(document.text) for document in documents]
    with scratch_folder() as scratch:
        if original:
            write_original(Path(scratch) / "weights")
        encoder = load_encoder(Path(scratch) / "weights" if original else encoder_name)
        measured = against_the_encoder if original else against_the_build
        ours, theirs, note = measured(encoder, texts, n_new, runs, Path(scratch))
    row = Row(
        name=f"a build with {n_new / len(texts):.0%} new documents, {'original size' if original else encoder_name}",
        what=f"build of {len(texts):,} reviews, {n_new:,} of them new, with --reuse",
        against="the build of all of them",
        ours=ours,
        theirs=theirs,
        ratio=ours / theirs,
        reach=(None, 0.03),
        unit="s",
        n_runs=runs,
        note=note,
    )
    finish([row], json_path)


def against_the_build(encoder: Any, texts: list[str], n_new: int, runs: int, scratch: Path) -> tuple[float, float, str]:
    """Run both builds in turn."""
    folders = (scratch / f"{i}.elmo" for i in itertools.count())
    first = next(folders)
    build(corpus_of(texts[n_new:]), encoder, first).close()  # traces the graphs
    processor_s: dict[str, list[float]] = {"ours": [], "theirs": []}

    def measured(side: str, **options: Any) -> Callable[[], None]:
        def run() -> None:
            before = time.process_time()
            build(corpus_of(texts), encoder, next(folders), **options).close()
            processor_s[side].append(time.process_time() - before)

        return run

    seconds = interleaved(runs, ours=measured("ours", reuse=[first]), theirs=measured("theirs"))
    ours, theirs = (statistics.median(processor_s[side]) for side in ("ours", "theirs"))
    note = f"Processor time of all threads: {ours:.1f} of {theirs:.1f} s, {ours / theirs:.3f}."
    return seconds["ours"], seconds["theirs"], note


class RandomVectors(RandomEncoder):
    """Random numbers under the name and description of an encoder."""

    def __init__(self, encoder: BiLMEncoder):
        super().__init__(encoder.dim)
        self.description, self.tokenizer, self.layers = encoder.description, encoder.tokenizer, encoder.layers


def against_the_encoder(
    encoder: BiLMEncoder, texts: list[str], n_new: int, runs: int, scratch: Path
) -> tuple[float, float, str]:
    """Run the copying build, and work out the other one from the encoder's speed."""
    load = sample_reviews(RATE_REVIEWS)
    encoder.encode(load)  # traces the graph
    words_a_second = sum(map(len, load)) / timed(lambda: encoder.encode(load))
    first = scratch / "first.elmo"
    build(corpus_of(texts[n_new:]), RandomVectors(encoder), first).close()
    seconds = []
    for i in range(runs):
        out = scratch / f"{i}.elmo"
        seconds.append(timed(lambda out=out: build(corpus_of(texts), encoder, out, reuse=[first]).close()))
    with FeatureCache(out) as features:
        n_words = int(np.sum(features["train"].lengths))
    note = f"Its time is worked out: {n_words:,} words at the bare encoder's {words_a_second:,.0f} words/s."
    return statistics.median(seconds), n_words / words_a_second, note


if __name__ == "__main__":
    main()
