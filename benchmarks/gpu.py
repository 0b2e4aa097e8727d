"""The original ELMo on a GPU: words a second against the GPU's own matrix product, and a whole build to disk.

    KERAS_BACKEND=jax python benchmarks/gpu.py --json benchmarks/rows/gpu.json
    KERAS_BACKEND=jax python benchmarks/gpu.py --text reviews.txt --streams 512 --streams 2048

Needs no TensorFlow, no weights and no network: random weights of the original size are made on the spot, the text is
the sample's or a file's, a document a line. For each precision and number of streams, the encoder's words/s stand
beside the best matrix product of the same precision in the same run; then `build` writes the float16 features of all
documents with the fastest of them, and the time that 50,000 reviews would take follows from its words a second.

JAX multiplies float32 on a GPU in TF32 unless `JAX_DEFAULT_MATMUL_PRECISION=highest` is set; the rows say which.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import click
import keras
from common import Row, finish, json_option, scratch_folder, timed
from encoder import sample_reviews, words_of, write_original
from limit import REACH, measure

from cache import FeatureCache
from elmo_cache import build, load_encoder

IMDB_WORDS = 11_000_000
REACH_S = {"float32": 60.0, "bfloat16": 20.0}
"""Seconds wanted for all of IMDB."""


@click.command()
@click.option("--text", type=click.Path(path_type=Path), help="Documents, one a line; default: the corpus sample.")
@click.option("--encoder", "encoder_name", help="Weights to use; default: random ones of the original size.")
@click.option("--documents", default=4000, show_default=True, help="For words/s; the build encodes all there are.")
@click.option("--streams", multiple=True, type=int, default=(128, 512, 2048), show_default=True)
@click.option("--product", default=8192, show_default=True, help="Rows of the largest product to measure.")
@click.option("--runs", default=3, show_default=True)
@json_option
def main(
    text: Path | None,
    encoder_name: str | None,
    documents: int,
    streams: tuple[int, ...],
    product: int,
    runs: int,
    json_path: Path | None,
) -> None:
    rows = []
    with scratch_folder() as scratch:
        folder = Path(scratch)
        if encoder_name is None:
            encoder_name = str(folder / "weights")
            write_original(Path(encoder_name))
        words = read_documents(text, documents)
        for precision, reach in REACH.items():
            best: tuple[float, int] = (0.0, 0)
            for n_streams in streams:
                encoder = load_encoder(encoder_name, precision=precision)
                encoder.n_streams = n_streams
                row = measure(encoder, words, runs, precision, reach, product)
                best = max(best, (row.ours, n_streams))
                rows.append(row)
            rows.append(whole_build(folder / "c.elmo", text, encoder_name, precision, best[1]))
    finish(rows, json_path)


def read_documents(text: Path | None, count: int) -> list[list[str]]:
    if text is None:
        return sample_reviews(count)
    with text.open(encoding="utf-8") as file:
        return words_of(file, count)


def whole_build(out: Path, text: Path | None, encoder_name: str, precision: str, n_streams: int) -> Row:
    """Build a cache of all documents, and say how long all of IMDB would take."""
    encoder: Any = load_encoder(encoder_name, precision=precision)
    encoder.n_streams = n_streams
    seconds = timed(lambda: build(str(text or "sample"), encoder, out, progress=True).close())
    with FeatureCache(out) as features:
        n_words = sum(features[name].n_tokens for name in features)
        n_bytes = sum(path.stat().st_size for path in out.iterdir())
    shutil.rmtree(out)
    whole = seconds * IMDB_WORDS / n_words
    return Row(
        name=f"all of IMDB, {precision}",
        what=f"build of {n_words:,} words to disk, {precision}, {n_streams} streams, {devices()}",
        against=f"the {REACH_S[precision]:.0f} s wanted for {IMDB_WORDS:,} words",
        ours=whole,
        theirs=REACH_S[precision],
        ratio=whole / REACH_S[precision],
        reach=(None, 1.0),
        unit="s",
        n_runs=1,
        note=f"{seconds:.0f} s for {n_words:,} words and {n_bytes / 1e9:.1f} GB, reading, compiling and writing "
        f"included; products: {os.environ.get('JAX_DEFAULT_MATMUL_PRECISION', 'the default of the backend')}.",
    )


def devices() -> str:
    """Return the names of the devices that Keras computes on."""
    if keras.backend.backend() == "jax":
        import jax

        return ", ".join(f"{device.device_kind}" for device in jax.devices())
    return ", ".join(keras.distribution.list_devices())


if __name__ == "__main__":
    main()
