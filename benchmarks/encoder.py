"""Words a second of our encoder against simple-elmo 0.9.2: the same random weights, the same real reviews, one run.

    python benchmarks/encoder.py --peer .peer/bin/python                     # original size, 128 reviews
    python benchmarks/encoder.py --peer .peer/bin/python --bfloat16          # and our bfloat16
    python benchmarks/encoder.py --peer .peer/bin/python --encoder imdb-v3   # the embedded encoder
    python benchmarks/encoder.py --hub                                       # against a TF-Hub module's own graph

`make .peer/installed` makes the environment. simple-elmo is measured twice: as its documentation uses it, one call of
`get_elmo_vectors`, session and warm-up included; and with what it is fastest with: one session kept open, its state set
to zero before each batch, reviews sorted by length in batches of 32, the first run not timed. Our encoder gets the
reviews in their stored order; its graph is traced before. Our runs stand before and after the peer's, and the median of
all counts.

With `--hub`, both engines run one module of the original size, with random variables. Its graph is that of
`tests/hub_module.py`, a stand-in in the real format: Google's module cannot be downloaded here, and may be faster or
slower. The engine gets its reviews sorted by length, in batches of 4,096 tokens, as `build` would.
"""

import itertools
import json
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import numpy as np
from common import Row, finish, interleaved, json_option, peer_option, run_peer, scratch_folder, timed

from elmo_cache import load_encoder, open_corpus
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import random_weights, write_weights
from elmo_cache.text.tokenization import get_tokenizer

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
@peer_option
@click.option("--hub", is_flag=True, help="Native engine against --engine hub, on a stand-in for google/elmo.")
@click.option(
    "--encoder", "encoder_name", help="Weights to use with --peer; default: random ones of the original size."
)
@click.option("--reviews", default=128, show_default=True)
@click.option("--runs", default=3, show_default=True, help="Timed runs of the other side; ours stand around them.")
@click.option("--bfloat16", is_flag=True, help="With --peer, also our encoder in bfloat16.")
@json_option
def main(
    peer: Path | None,
    hub: bool,
    encoder_name: str | None,
    reviews: int,
    runs: int,
    bfloat16: bool,
    json_path: Path | None,
) -> None:
    if not peer and not hub:
        raise click.UsageError("give --peer, --hub, or both: what to compare with")
    documents = sample_reviews(reviews)
    click.echo(f"{reviews} reviews of sample, {sum(map(len, documents)):,} words")
    rows = []
    with scratch_folder() as scratch:
        folder = Path(scratch)
        if peer:
            precisions = ["float32", "bfloat16"] if bfloat16 else ["float32"]
            rows += against_peer(peer, encoder_name, documents, runs, precisions, folder)
        if hub:
            rows.append(against_hub(documents, runs, folder))
    finish(rows, json_path)


def against_peer(
    peer: Path, encoder_name: str | None, documents: list[list[str]], runs: int, precisions: list[str], folder: Path
) -> list[Row]:
    weights = folder / "weights"
    if encoder_name is None:
        write_original(weights)
    else:
        source = Path(encoder_name)
        if not source.is_dir():
            source = Path(__file__).parents[1] / "elmo_cache" / "encoders" / "embedded" / encoder_name
        weights.symlink_to(source.resolve())
    n_words = sum(map(len, documents))
    encoders = {precision: load_encoder(weights, precision=precision) for precision in precisions}
    vectors = {precision: np.concatenate(encoder.encode(documents)) for precision, encoder in encoders.items()}
    ways = {precision: (lambda encoder=encoder: encoder.encode(documents)) for precision, encoder in encoders.items()}
    seconds: dict[str, list[float]] = {precision: [] for precision in precisions}

    def run_ours() -> None:
        for precision, way in ways.items():
            seconds[precision] += [timed(way) for _ in range(runs)]

    run_ours()
    found = run_peer(peer, weights, documents, folder, runs)
    run_ours()
    archive = np.load(folder / "peer.npz")
    theirs = np.concatenate([archive[f"document_{i}"] for i in range(len(documents))])
    best, documented = n_words / statistics.median(found["seconds"]), n_words / found["documented_s"]
    rows = []
    for precision in precisions:
        ours = n_words / statistics.median(seconds[precision])
        note = f"{len(documents)} reviews, {n_words:,} words; largest difference of the vectors " + (
            f"{np.abs(vectors[precision] - theirs).max():.2g}, largest value {np.abs(theirs).max():.3g}."
        )
        if precision == "bfloat16":
            away = np.linalg.norm(vectors[precision] - vectors["float32"], axis=1)
            relative = away / np.linalg.norm(vectors["float32"], axis=1)
            note += f" Relative to float32: {relative.max():.2g} at most, {relative.mean():.2g} on average."
        for way, theirs_a_second, n_runs, how in (
            ("as documented", documented, 1, "one call of get_elmo_vectors, as its documentation has it"),
            ("at its best", best, runs, "an open session, sorted by length, batches of 32"),
        ):
            rows.append(
                Row(
                    name=f"encoder {precision}, simple-elmo {way}",
                    what=f"encoder, {precision}, {encoders[precision].options.architecture}",
                    against=f"simple-elmo 0.9.2, {how}, same weights and text",
                    ours=ours,
                    theirs=theirs_a_second,
                    ratio=ours / theirs_a_second,
                    reach=(None, None),
                    unit="words/s",
                    n_runs=n_runs,
                    note=note,
                )
            )
    return rows


def against_hub(documents: list[list[str]], runs: int, folder: Path) -> Row:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from hub_module import write_module

    options = BiLMOptions.parse(json.dumps(ORIGINAL), "options")
    module = write_module(folder / "module", options, signatures=["tokens"])
    native, hub = load_encoder(module), load_encoder(module, engine="hub")
    pairs = zip(native.encode(documents), hub.encode(documents), strict=True)  # traces the graphs
    difference = max(float(np.abs(ours - theirs).max(initial=0.0)) for ours, theirs in pairs)
    seconds = interleaved(runs, native=lambda: native.encode(documents), hub=lambda: hub.encode(documents))
    n_words = sum(map(len, documents))
    ours, theirs = n_words / seconds["native"], n_words / seconds["hub"]
    return Row(
        name="native against --engine hub",
        what="--engine native",
        against="--engine hub",
        ours=ours,
        theirs=theirs,
        ratio=ours / theirs,
        reach=(None, None),
        unit="words/s",
        n_runs=runs,
        note=f"The module's graph is a stand-in in google/elmo's format and size with random variables, not Google's; "
        f"{len(documents)} reviews, {n_words:,} words; largest difference of the vectors {difference:.2g}.",
    )


def sample_reviews(count: int) -> list[list[str]]:
    """Return the words of the first reviews of the sample's test split."""
    texts = (document.text for document in open_corpus("sample").documents() if document.split == "test")
    return words_of(texts, count)


def words_of(texts: Iterable[str], count: int) -> list[list[str]]:
    """Return the words of the first texts, split and cut as `build` does."""
    split = get_tokenizer("keras")
    return [split(text)[-500:] for text in itertools.islice(texts, count)]


def write_original(folder: Path) -> None:
    """Write random weights of the original size, 2x4096_512, in the public format."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(ORIGINAL)
    (folder / "options.json").write_text(text)
    write_weights(folder / "weights.hdf5", random_weights(BiLMOptions.parse(text, "options")))


if __name__ == "__main__":
    main()
