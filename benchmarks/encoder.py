"""Words a second of our encoder against simple-elmo 0.9.2: the same random weights, the same real reviews, one run.

    python benchmarks/encoder.py --peer .peer/bin/python                     # original size, 64 reviews
    python benchmarks/encoder.py --peer .peer/bin/python --encoder imdb-v1   # the embedded encoder

`make test-all` makes the environment `.peer`. simple-elmo is measured twice: as its documentation uses it, one call of
`get_elmo_vectors`, session and warm-up included; and with what it is fastest with: one session kept open, its state set
to zero before each batch, reviews sorted by length in batches of 32, the first run not timed. Our encoder gets the
reviews in their stored order; its graph is traced before. Our runs stand before and after the peer's, and the median of
all counts.
"""

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from elmo_cache import load_encoder, open_corpus
from elmo_cache.bilm.options import BiLMOptions
from elmo_cache.bilm.weights import random_weights, write_weights
from elmo_cache.tokenization import get_tokenizer

FILTERS = [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256], [6, 512], [7, 1024]]
ORIGINAL = {
    "lstm": {
        "dim": 4096, "projection_dim": 512, "n_layers": 2, "cell_clip": 3, "proj_clip": 3,
        "use_skip_connections": True,
    },
    "char_cnn": {
        "activation": "relu", "embedding": {"dim": 16}, "filters": FILTERS, "n_highway": 2,
        "max_characters_per_token": 50, "n_characters": 262,
    },
}  # fmt: skip


@click.command()
@click.option("--peer", type=click.Path(path_type=Path), required=True, help="Python with simple-elmo 0.9.2.")
@click.option("--encoder", "encoder_name", help="Weights to use; default: random ones of the original size.")
@click.option("--reviews", default=64, show_default=True)
@click.option("--runs", default=3, show_default=True, help="Timed runs of the peer, and of ours on either side.")
@click.option("--precision", default="float32", show_default=True)
def main(peer: Path, encoder_name: str | None, reviews: int, runs: int, precision: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        weights = folder / "weights"
        if encoder_name is None:
            weights.mkdir()
            write_original(weights)
        else:
            source = Path(encoder_name)
            if not source.is_dir():
                source = Path(__file__).parents[1] / "elmo_cache" / "embedded" / encoder_name
            weights.symlink_to(source.resolve())
        documents = sample_reviews(reviews)
        n_words = sum(map(len, documents))
        click.echo(f"{reviews} reviews of sample, {n_words:,} words, {precision}")
        encoder = load_encoder(weights, precision=precision)
        vectors = encoder.encode(documents)  # traces the graph
        seconds = [timed(encoder, documents) for _ in range(runs)]
        found = run_peer(peer, weights, documents, runs, folder)
        seconds += [timed(encoder, documents) for _ in range(runs)]
        theirs = np.load(folder / "peer.npz")
        difference = max(
            float(np.abs(vector - theirs[f"document_{i}"]).max()) for i, vector in enumerate(vectors) if len(vector)
        )
        largest = max(float(np.abs(vector).max()) for vector in vectors if len(vector))
    ours, peers = n_words / statistics.median(seconds), n_words / statistics.median(found["seconds"])
    click.echo(f"elmo-cache   {ours:10,.0f} words/s  (median of {2 * runs})")
    documented = n_words / found["documented_s"]
    click.echo(f"simple-elmo  {peers:10,.0f} words/s  at its best (median of {runs}): ratio {ours / peers:.1f}")
    click.echo(f"simple-elmo  {documented:10,.0f} words/s  as documented (one run): ratio {ours / documented:.1f}")
    click.echo(f"largest difference of the vectors {difference:.2g}, largest value {largest:.3g}")


def timed(encoder: object, documents: list[list[str]]) -> float:
    start = time.perf_counter()
    encoder.encode(documents)  # type: ignore[attr-defined]
    return time.perf_counter() - start


def sample_reviews(count: int) -> list[list[str]]:
    """Return the first reviews of the test split, tokenised and cut as `build` does."""
    split = get_tokenizer("keras")
    texts = (document.text for document in open_corpus("sample").documents() if document.split == "test")
    return [split(text)[-500:] for _, text in zip(range(count), texts, strict=False)]


def write_original(folder: Path) -> None:
    """Write random weights of the original size, 2x4096_512, in the public format."""
    text = json.dumps(ORIGINAL)
    (folder / "options.json").write_text(text)
    write_weights(folder / "weights.hdf5", random_weights(BiLMOptions.parse(text, "options")))


def run_peer(peer: Path, weights: Path, documents: list[list[str]], runs: int, folder: Path) -> dict[str, Any]:
    (folder / "documents.json").write_text(json.dumps(documents))
    script = Path(__file__).with_name("peer_simple_elmo.py")
    command = [peer, script, weights, folder / "documents.json", folder / "peer.npz", str(runs)]
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
