"""One worker and two: words a second of a build, trainings a minute, and what a shard costs beside its arithmetic.

    python benchmarks/scaling.py

A build and a run of trials are the commands as people type them, start-up included, once with `--workers 1`, which
computes in the command's own process with all cores, and once with `--workers 2`, two processes with half of the cores
each. Where one process keeps all cores busy, two gain nothing: what is measured here is that they lose little, and what
the driver has to do for a shard. That is what decides how many workers one driver can serve: its work for 1,000 tiny
shards, with an encoder that does nothing, and the bytes that it sends and gets.
"""

import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import click
from common import RandomEncoder, Row, finish, interleaved, json_option, run, scratch_folder, timed

from cache import FeatureCache
from elmo_cache import build
from elmo_cache.encoders import DEFAULT_ENCODER, EncoderSource
from elmo_cache.encoders.spec import EncoderSpec
from elmo_cache.extraction.workers import ShardJob

INFORMATION = (None, None)


@dataclass(frozen=True)
class RandomSource:
    """Loads the random encoder in a worker."""

    def __call__(self) -> RandomEncoder:
        return RandomEncoder(8)


@click.command()
@click.option("--reviews", default=2000, show_default=True, help="Of train, to build with one and with two workers.")
@click.option("--n", "n_trials", default=6, show_default=True, help="Trials of both models.")
@click.option("--shards", default=1000, show_default=True, help="Tiny ones, for the driver's work.")
@click.option("--runs", default=1, show_default=True)
@json_option
def main(reviews: int, n_trials: int, shards: int, runs: int, json_path: Path | None) -> None:
    with scratch_folder() as scratch:
        folder = Path(scratch)
        rows = [build_row(folder, reviews, runs), trials_row(folder, n_trials, runs)]
        rows += driver_rows(folder, shards)
    finish(rows, json_path)


def build_row(folder: Path, reviews: int, runs: int) -> Row:
    made = {"one": 0, "two": 0}

    def build_with(name: str, workers: int) -> None:
        made[name] += 1
        limit = ["--limit", f"train={reviews}", "--limit", "test=500", "--shard-tokens", 65536]
        run("elmo_cache.cli", "build", folder / f"{name}-{made[name]}", *limit, "--workers", workers)

    seconds = interleaved(runs, one=lambda: build_with("one", 1), two=lambda: build_with("two", 2))
    with FeatureCache(folder / "one-1") as features:
        n_words = sum(features[name].n_tokens for name in features)
        n_shards = sum(plan.n_shards for plan in features.manifest.splits.values())
    n_cores = os.cpu_count() or 1
    return Row(
        name="build, two workers",
        what=f"build with --workers 2, {n_cores // 2 or 1} threads each",
        against=f"--workers 1, {n_cores} threads",
        ours=n_words / seconds["two"],
        theirs=n_words / seconds["one"],
        ratio=seconds["one"] / seconds["two"],
        reach=INFORMATION,
        unit="words/s",
        n_runs=runs,
        note=f"{DEFAULT_ENCODER}, {n_words:,} words in {n_shards} shards, with start-up and reading 25,000 reviews.",
    )


def trials_row(folder: Path, n_trials: int, runs: int) -> Row:
    made = {"one": 0, "two": 0}

    def trials(name: str, workers: int) -> None:
        made[name] += 1
        out = folder / f"results-{name}-{made[name]}"
        cache = folder / "one-1"
        run("trainer.cli", "trials", "--n", n_trials, "--cache", cache, "--out", out, "--workers", workers)

    seconds = interleaved(runs, one=lambda: trials("one", 1), two=lambda: trials("two", 2))
    n_trainings = 2 * n_trials
    return Row(
        name="trials, two workers",
        what="trials with --workers 2",
        against="--workers 1",
        ours=60 * n_trainings / seconds["two"],
        theirs=60 * n_trainings / seconds["one"],
        ratio=seconds["one"] / seconds["two"],
        reach=INFORMATION,
        unit="trainings/minute",
        n_runs=runs,
        note=f"{n_trials} trials of basic and elmo, start-up included.",
    )


def driver_rows(folder: Path, n_shards: int) -> list[Row]:
    """Measure what a shard costs the driver: seconds, with workers that have next to nothing to do, and bytes."""
    few = 10
    seconds = {
        count: timed(lambda count=count: tiny_build(folder / f"tiny-{count}", count)) for count in (few, n_shards)
    }
    a_shard = (seconds[n_shards] - seconds[few]) / (n_shards - few)
    spec = EncoderSpec(EncoderSource("allennlp:original", "all"), "0" * 64)
    sent = len(pickle.dumps(ShardJob(str(folder / "c.elmo"), (("train", (12345,)),), spec)))
    received = len(pickle.dumps((12345, 262_144)))
    return [
        Row(
            name="driver's work for a shard",
            what="milliseconds between two finished shards, two workers that encode nothing",
            against="the 10 ms at which one driver serves 100 shards a second",
            ours=1000 * a_shard,
            theirs=10.0,
            ratio=100 * a_shard,
            reach=INFORMATION,
            unit="ms",
            n_runs=1,
            note=f"{n_shards:,} shards against {few}: reading the corpus and starting the workers cancel out.",
        ),
        Row(
            name="bytes through the driver for a shard",
            what="bytes that the driver sends and gets for a shard, as pickles",
            against="the 2 KB allowed",
            ours=sent + received,
            theirs=2000,
            ratio=(sent + received) / 2000,
            reach=(None, 1.0),
            unit="bytes",
            n_runs=1,
            note=f"{sent} sent, {received} received; a pool adds its own envelope.",
        ),
    ]


def tiny_build(out: Path, n_shards: int) -> None:
    """Build a cache of that many shards, of one review each, with two workers."""
    encoder = RandomEncoder(8)
    encoder.source = RandomSource()  # type: ignore[attr-defined]
    build("sample", encoder, out, limit={"train": n_shards, "test": 0}, shard_tokens=1, workers=2).close()


if __name__ == "__main__":
    main()
