"""Extraction end to end against the same encoder's bare words a second on the same tokens, in the same run.

    python benchmarks/extraction.py

`build` reads, tokenises and orders the whole corpus of 25,000 reviews, then encodes some of them and writes and hashes
the shards. The bare encoder gets the same documents in one call. The process is warm: both graphs are traced before.
"""

import itertools
import shutil
from pathlib import Path

import click
from common import Row, finish, interleaved, json_option, scratch_folder, timed

from elmo_cache import build, load_encoder, open_corpus
from elmo_cache.encoders import DEFAULT_ENCODER
from elmo_cache.extraction.build import Build
from elmo_cache.extraction.plan import BuildSettings


@click.command()
@click.option("--encoder", "encoder_name", default=DEFAULT_ENCODER, show_default=True)
@click.option("--reviews", default=4000, show_default=True, help="Of the train split.")
@click.option("--runs", default=3, show_default=True)
@json_option
def main(encoder_name: str, reviews: int, runs: int, json_path: Path | None) -> None:
    encoder = load_encoder(encoder_name)
    limit = {"train": reviews, "test": 0}
    with scratch_folder() as scratch:
        folders = (Path(scratch) / f"{i}.elmo" for i in itertools.count())

        def whole() -> None:
            out = next(folders)
            build("sample", encoder, out, limit=limit).close()

        def decide() -> None:
            Build(open_corpus("sample"), encoder, next(folders), BuildSettings(limit)).close()

        first = next(folders)
        with build("sample", encoder, first, limit=limit) as features:  # traces the graphs
            train = features["train"]
            n_words = train.n_tokens
            documents = [train.tokens(i) for i in range(len(train))]
        shutil.rmtree(first)
        seconds = interleaved(runs, ours=whole, theirs=lambda: encoder.encode(documents))
        reading = timed(decide)
    row = Row(
        name=f"extraction end to end, {encoder_name}",
        what=f"build of {reviews:,} sample reviews with {encoder_name}, from text to hashed shards",
        against="the same encoder's bare words/s",
        ours=n_words / seconds["ours"],
        theirs=n_words / seconds["theirs"],
        ratio=seconds["theirs"] / seconds["ours"],
        reach=(0.9, None),
        unit="words/s",
        n_runs=runs,
        note=f"{n_words:,} words. Reading and tokenising 25,000 reviews took {reading:.1f} of {seconds['ours']:.1f} s.",
    )
    finish([row], json_path)


if __name__ == "__main__":
    main()
