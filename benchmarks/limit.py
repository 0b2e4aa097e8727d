"""The encoder against the limit: the arithmetic of a word at the best matrix product that its backend itself reaches.

    python benchmarks/limit.py              # original size, random weights, 320 real reviews: a load for 128 streams
    python benchmarks/limit.py --profile    # and where the time goes

With `KERAS_BACKEND=jax` on JAX, and without TensorFlow; `gpu.py` is for GPUs.

A word's arithmetic is that of the LSTMs' products alone, worked out from the options; what the encoder does beside
(characters, gates, packing) counts as lost. Products are measured before, between and after the encoder's runs.
"""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
from common import Row, finish, json_option, scratch_folder, timed
from encoder import sample_reviews, write_original

from elmo_cache import load_encoder
from elmo_cache.encoders.bilm.encoder import BiLMEncoder
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.streams import choose_streams, pack

REACH = {"float32": 0.80, "bfloat16": 0.75}  # of the original size
REACH_SMALL = {"float32": 0.65}  # of the embedded encoder
CALLS = 5
"""Of each product, in each round."""


@click.command()
@click.option("--encoder", "encoder_name", help="Weights to use; default: random ones of the original size.")
@click.option("--reviews", default=320, show_default=True)
@click.option("--runs", default=3, show_default=True)
@click.option("--precision", type=click.Choice([*REACH, "both"]), default="both", show_default=True)
@click.option("--product", default=4096, show_default=True, help="Rows of the largest product to measure.")
@click.option("--profile", "with_profile", is_flag=True, help="Also time the encoder's parts.")
@json_option
def main(
    encoder_name: str | None,
    reviews: int,
    runs: int,
    precision: str,
    product: int,
    with_profile: bool,
    json_path: Path | None,
) -> None:
    documents = sample_reviews(reviews)
    rows = []
    with scratch_folder() as scratch:
        if encoder_name is None:
            write_original(Path(scratch))
        for kind in REACH if precision == "both" else [precision]:
            encoder = load_encoder(encoder_name or scratch, precision=kind)
            reach = (REACH_SMALL if encoder_name else REACH).get(kind)
            rows.append(measure(encoder, documents, runs, kind, reach, product))
            if with_profile:
                from encoder_profile import profile  # TensorFlow's

                profile(encoder, documents)
    finish(rows, json_path)


def measure(
    encoder: BiLMEncoder,
    documents: list[list[str]],
    runs: int,
    precision: str,
    reach: float | None,
    product: int,
) -> Row:
    n_words = sum(map(len, documents))
    options = encoder.options
    flop = flop_a_word(options)
    click.echo(f"{precision}: {n_words:,} words, {flop / 1e6:.1f} MFLOP a word")
    encoder.encode(documents)  # traces the graph
    products = Products(options, encoder.n_streams, precision, product)
    seconds = []
    for _ in range(runs):
        products.measure()
        seconds.append(timed(lambda: encoder.encode(documents)))
    products.measure()
    n_streams = choose_streams([len(document) + 2 for document in documents], encoder.n_streams)
    packed = pack([np.ones(len(document), np.int32) for document in documents], n_streams, encoder.time_chunk)
    words, best = n_words / statistics.median(seconds), products.best()
    click.echo(f"  runs: {', '.join(f'{n_words / second:,.0f}' for second in seconds)} words/s")
    for shape, rate in products.rates().items():
        click.echo(f"  product {' x '.join(map(str, shape))}: {rate / 1e9:,.0f} GFLOP/s")
    return Row(
        name=f"encoder against the limit, {precision}",
        what=f"encoder, {precision}, {options.architecture}, {len(documents)} real reviews",
        against=f"{flop / 1e6:.0f} MFLOP a word at the best matrix product of {keras.backend.backend()}",
        ours=words,
        theirs=best / flop,
        ratio=words * flop / best,
        reach=(reach, None),
        unit="words/s",
        n_runs=runs,
        note=f"{n_words:,} words, {n_words / packed.words.size:.0%} of the rows of {n_streams} streams; best product "
        f"{best / 1e9:,.0f} GFLOP/s, median of {CALLS * (runs + 1)}.",
    )


def flop_a_word(options: BiLMOptions) -> int:
    """Return the operations of the LSTMs' products: in each direction and layer, gates and projection."""
    gates = 2 * options.projection_dim * 4 * options.dim
    projection = options.dim * options.projection_dim
    return 2 * 2 * options.n_layers * (gates + projection)


def compiled_product() -> Callable[[Any, Any], Any]:
    """Return the matrix product of Keras's backend, compiled as it compiles."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(jax.numpy.matmul)
    import tensorflow as tf

    return tf.function(tf.matmul)


def wait(array: Any) -> None:
    """Return when an array has been computed."""
    keras.ops.convert_to_numpy(array[0, :1])


class Products:
    """The backend's matrix product at a few shapes: large ones, and those of the encoder."""

    def __init__(self, options: BiLMOptions, n_streams: int, precision: str, large: int):
        size, gates = options.projection_dim, 4 * options.dim
        shapes = [(large, large, large), (16 * n_streams, size, gates), (gates, 2 * size, n_streams)]
        self._operands = {
            (m, k, n): [keras.random.normal(shape, dtype=precision) for shape in ((m, k), (k, n))] for m, k, n in shapes
        }
        self._product = compiled_product()
        self._large = large
        self._seconds: dict[tuple[int, int, int], list[float]] = {shape: [] for shape in self._operands}
        for operands in self._operands.values():
            self._product(*operands)

    def measure(self) -> None:
        """Time every shape; small products are repeated, so that the call itself does not count."""
        for shape, operands in self._operands.items():
            repeats = max(1, self._large**3 // (shape[0] * shape[1] * shape[2]))
            for _ in range(CALLS):
                seconds = timed(lambda n=repeats, x=operands: wait([self._product(*x) for _ in range(n)][-1]))
                self._seconds[shape].append(seconds / repeats)

    def rates(self) -> dict[tuple[int, int, int], float]:
        """Return FLOP/s by shape, medians."""
        return {
            shape: 2 * shape[0] * shape[1] * shape[2] / statistics.median(seconds)
            for shape, seconds in self._seconds.items()
        }

    def best(self) -> float:
        """Return the FLOP/s of the fastest shape."""
        return max(self.rates().values())


if __name__ == "__main__":
    main()
