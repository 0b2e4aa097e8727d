"""A build that copies what another cache has, of a corpus with 1 % new documents, against a build of all of it.

    python benchmarks/reuse.py

Both read and tokenise the whole corpus and write and hash all shards. The copying one also looks for its documents in
the other cache, and checks that one's hashes. The process is warm: graphs are traced before.
"""

import itertools
import statistics
import time
from pathlib import Path

import click
from common import Row, finish, interleaved, json_option, scratch_folder

from elmo_cache import build, load_encoder
from elmo_cache.encoders import DEFAULT_ENCODER
from elmo_cache.text.corpora import corpus_of, open_corpus


@click.command()
@click.option("--encoder", "encoder_name", default=DEFAULT_ENCODER, show_default=True)
@click.option("--reviews", default=4000, show_default=True, help="Of the old corpus.")
@click.option("--runs", default=3, show_default=True)
@json_option
def main(encoder_name: str, reviews: int, runs: int, json_path: Path | None) -> None:
    encoder = load_encoder(encoder_name)
    n_new = max(1, reviews // 100)
    documents = itertools.islice(open_corpus("sample").documents(), reviews + n_new)
    texts = [str(document.text) for document in documents]
    new, old = texts[:n_new], texts[n_new:]
    with scratch_folder() as scratch:
        folders = (Path(scratch) / f"{i}.elmo" for i in itertools.count())
        first = next(folders)
        build(corpus_of(old), encoder, first).close()  # traces the graphs
        bigger = [*new, *old]

        def copying() -> None:
            before = time.process_time()
            build(corpus_of(bigger), encoder, next(folders), reuse=[first]).close()
            processor_s["ours"].append(time.process_time() - before)

        def whole() -> None:
            before = time.process_time()
            build(corpus_of(bigger), encoder, next(folders)).close()
            processor_s["theirs"].append(time.process_time() - before)

        processor_s: dict[str, list[float]] = {"ours": [], "theirs": []}
        seconds = interleaved(runs, ours=copying, theirs=whole)
    ours, theirs = (statistics.median(processor_s[side]) for side in ("ours", "theirs"))
    row = Row(
        name=f"a build with {n_new / len(texts):.0%} new documents, {encoder_name}",
        what=f"build of {len(texts):,} reviews, {n_new:,} of them new, with --reuse",
        against="the build of all of them",
        ours=seconds["ours"],
        theirs=seconds["theirs"],
        ratio=seconds["ours"] / seconds["theirs"],
        reach=(None, 0.03),
        unit="s",
        n_runs=runs,
        note=f"Processor time of all threads: {ours:.1f} of {theirs:.1f} s, {ours / theirs:.3f}.",
    )
    finish([row], json_path)


if __name__ == "__main__":
    main()
