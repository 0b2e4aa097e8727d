"""Ten trials of both models from a cache, extraction included, against the notebook's way: no cache at all.

    python benchmarks/trials.py --peer .peer/bin/python          # original size; long
    python benchmarks/trials.py --encoder imdb-v3 --n 1 --pool 420 --batches 1

Ours are the two commands, `elmo-cache build` and `elmo-train trials` under `clean`, start-up included; then the second
one again with twice as many trials. The build encodes only what the trials draw from: `--pool` reviews of train, 500 of
test, as `make demo` does. Ten trials draw 400 reviews each from the pool.

The notebook's way encodes every review of every batch of every epoch again. Some batches of 16, drawn from the pool and
in no order of length, are encoded, and the rest is extrapolated: seconds a review, times the reviews that `elmo` saw in
the epochs that our trials ran (training and validation documents in each epoch, test documents once). Its training,
start-up and basic model are not counted. With our own encoder and, given `--peer`, with simple-elmo, one open session
and no warm-up.
"""

from pathlib import Path
from typing import Any

import click
import numpy as np
from common import Row, finish, json_option, peer_option, run, run_peer, scratch_folder, timed
from encoder import write_original

from cache import FeatureCache
from elmo_cache import load_encoder
from trainer.runs.config import RunConfig
from trainer.runs.results import TrialResult, read_results

BATCH = 16


@click.command()
@click.option("--encoder", "encoder_name", help="Weights, with --peer a folder; default: random ones, original size.")
@click.option("--precision", default="float32", show_default=True)
@click.option("--vectors", default="glove-50d", show_default=True, help="Static vectors, as for `elmo-train trials`.")
@click.option("--n", "n_trials", default=10, show_default=True)
@click.option("--pool", default=1000, show_default=True, help="Reviews of train to draw from.")
@click.option("--batches", default=8, show_default=True, help="Batches of 16 to measure the notebook's way with.")
@peer_option
@json_option
def main(
    encoder_name: str | None,
    precision: str,
    vectors: str,
    n_trials: int,
    pool: int,
    batches: int,
    peer: Path | None,
    json_path: Path | None,
) -> None:
    original = encoder_name is None
    with scratch_folder() as scratch:
        folder = Path(scratch)
        if encoder_name is None:
            encoder_name = str(folder / "weights")
            write_original(Path(encoder_name))
        build: list[Any] = [
            "elmo_cache.cli",
            "build",
            folder / "c.elmo",
            "--encoder",
            encoder_name,
            "--precision",
            precision,
        ]
        build += ["--limit", f"train={pool}", "--limit", "test=500"]
        train: list[Any] = [
            "trainer.cli",
            "trials",
            "--cache",
            folder / "c.elmo",
            "--out",
            folder / "out",
            "--vectors",
            vectors,
        ]
        building, training = timed(lambda: run(*build)), timed(lambda: run(*train, "--n", n_trials))
        further = timed(lambda: run(*train, "--n", 2 * n_trials))
        click.echo(f"  build {building:.1f} s, trials {training:.1f} s, as many again {further:.1f} s")
        results = read_results(folder / "out" / "trials.csv")
        sizes = RunConfig.read(folder / "out").settings["sizes"]
        documents, n_words = some_documents(folder / "c.elmo", batches * BATCH)
        a_review = {"our own encoder": our_seconds(encoder_name, precision, documents)}
        if peer:
            a_review["simple-elmo"] = peer_seconds(peer, Path(encoder_name), documents, folder)
    reaches = {"our own encoder": (10.0, None)} if original and n_trials == 10 else {}
    rows = []
    for way, seconds in a_review.items():
        first, again = (reviews_encoded(results, sizes, start, n_trials) for start in (1, n_trials + 1))
        note = (
            f"Theirs: {seconds:.3g} s a review in {batches} batches of {BATCH}, times the {{:,}} of all epochs of elmo."
        )
        against = f"the notebook's way with {way}, extrapolated"
        reach = reaches.get(way, (None, None))
        rows += [
            Row(
                name=f"{n_trials} trials, {way}",
                what=f"{n_trials} trials of both models, extraction included, {precision}, clean",
                against=against,
                ours=building + training,
                theirs=seconds * first,
                ratio=seconds * first / (building + training),
                reach=(reach[0], None),
                unit="s",
                n_runs=1,
                note=f"Ours: build of {pool:,} + 500 reviews ({n_words:,} words) {building:.0f} s, trials "
                f"{training:.0f} s. " + note.format(first),
            ),
            Row(
                name=f"{n_trials} trials more, {way}",
                what=f"each further {n_trials} trials of both models, {precision}, clean",
                against=against,
                ours=further,
                theirs=seconds * again,
                ratio=seconds * again / further,
                reach=(reach[1], None),
                unit="s",
                n_runs=1,
                note=note.format(again),
            ),
        ]
    finish(rows, json_path)


def some_documents(cache: Path, count: int) -> tuple[list[list[str]], int]:
    """Return the words of some reviews of train, drawn at random, and how many words the whole cache has."""
    with FeatureCache(cache) as features:
        train = features["train"]
        chosen = np.random.default_rng(4).integers(0, len(train), count).tolist()
        return [train.tokens(i) for i in chosen], train.n_tokens + features["test"].n_tokens


def our_seconds(encoder_name: str, precision: str, documents: list[list[str]]) -> float:
    """Return seconds a review for our encoder, batch by batch, its graphs traced before."""
    encoder = load_encoder(encoder_name, precision=precision)
    batches = [documents[start : start + BATCH] for start in range(0, len(documents), BATCH)]
    encoder.encode(batches[0])
    return timed(lambda: [encoder.encode(batch) for batch in batches]) / len(documents)


def peer_seconds(peer: Path, weights: Path, documents: list[list[str]], folder: Path) -> float:
    """Return seconds a review for simple-elmo in the same batches."""
    found = run_peer(peer, weights, documents, folder, 1, BATCH)
    return found["seconds"][0] / len(documents)


def reviews_encoded(results: list[TrialResult], sizes: dict[str, int], start: int, n_trials: int) -> int:
    """Return how many reviews the `elmo` trainings from trial `start` on read, each as often as it was read."""
    epochs = [r.epochs for r in results if r.model == "elmo" and start <= r.trial < start + n_trials]
    return sum(epochs) * (sizes["train"] + sizes["validation"]) + len(epochs) * sizes["test"]


if __name__ == "__main__":
    main()
