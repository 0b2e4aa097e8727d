"""The original ELMo on a GPU by TensorFlow: equality with the oracle and words a second, in a few minutes.

    python benchmarks/gpu_tensorflow.py --json benchmarks/rows/gpu_tensorflow.json
    python benchmarks/gpu_tensorflow.py --rehearse      # tiny sizes, also on a CPU

Needs TensorFlow with CUDA, no JAX, no weights and no network. `gpu.py` measures more, by JAX. Rows are written after
each precision, so that a run cut short keeps what it has. Whether XLA compiled the program stands in each row's note.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import time
from pathlib import Path

import click
import numpy as np
from common import Row, json_option, print_rows, scratch_folder, timed, write_rows
from gpu_kit import ON_A_CARD, ORACLE_WORDS, PRECISIONS, REHEARSAL, Kit, begin, overlapping
from gpu_oracle import AWAY, FLOAT16_ROWS, oracle, oracle_row
from gpu_text import read_text
from limit import flop_a_word

from cache.errors import one_line
from elmo_cache.encoders.bilm.encoder import BiLMEncoder
from elmo_cache.encoders.devices import Device, find_device


@click.command()
@click.option("--text", type=click.Path(path_type=Path), help="Documents, one a line. [default: sample]")
@click.option("--rehearse", is_flag=True, help="Tiny sizes: shows that all of it runs, measures nothing.")
@json_option
def main(text: Path | None, rehearse: bool, json_path: Path | None) -> None:
    device = find_device()
    if rehearse and device.kind == "cpu":
        device = BiLMEncoder.device = Device("tensorflow", "gpu", "CPU in the place of a GPU", 8.0)
    if device.kind == "cpu":
        raise click.ClickException("TensorFlow finds no GPU here: install tensorflow[and-cuda], or say --rehearse")
    rows: list[Row] = []
    missing: dict[str, str] = {}
    with scratch_folder() as scratch:
        kit = Kit(REHEARSAL if rehearse else ON_A_CARD, read_text(text), Path(scratch))
        for precision in PRECISIONS:
            try:
                found = [*oracle(kit, precision, "small"), *speed(kit, precision)]
            except Exception as error:
                missing[precision] = f"{type(error).__name__}: {one_line(error)}"
                click.echo(f"NOT MEASURED: {precision}: {missing[precision]}")
                continue
            print_rows(found)
            rows += found
            if json_path:
                write_rows(json_path, rows, gpu=str(device), missing=missing)
    if json_path:
        write_rows(json_path, rows, gpu=str(device), missing=missing)


def speed(kit: Kit, precision: str) -> list[Row]:
    """Words a second, two calls in flight as in a build, against the best product; and the original size's vectors."""
    encoder = kit.encoder(precision)
    encoder.n_streams = n_streams = kit.sizes.streams[0]
    documents = [*ORACLE_WORDS, *kit.text.words(n_streams * kit.sizes.words_a_stream)]
    n_words = sum(map(len, documents))
    rows: list[np.ndarray] = []
    first = timed(lambda: rows.append(begin(encoder, documents)()))
    vectors = rows.pop()[: sum(map(len, ORACLE_WORDS))]
    once = timed(lambda: begin(encoder, documents)())
    n_calls = max(2, min(50, round(kit.sizes.speed_s / once)))
    model = encoder._resident
    before = model.bytes_to_device + model.bytes_from_device
    found = n_calls * n_words / timed(lambda: overlapping(encoder, documents, n_calls))
    crossed = (model.bytes_to_device + model.bytes_from_device - before) / (n_calls * n_words)
    flop, best = flop_a_word(encoder.options), product_rate(precision, kit.sizes.product)
    row = kit.row(
        name=f"TensorFlow, {precision}, {n_streams} streams",
        what=f"encoder, {precision}, {encoder.options.architecture}, random weights, {kit.text.about}",
        against=f"{flop / 1e6:.0f} MFLOP a word at {best / 1e12:,.3g} TFLOP/s, TensorFlow's best product",
        ours=found,
        theirs=best / flop,
        ratio=found * flop / best,
        unit="words/s",
        note=f"{n_calls} calls of {n_words:,} words, two in flight; one alone {n_words / once:,.0f} words/s; the first "
        f"took {first:.1f} s. {'Compiled by XLA' if model.program.compiled else 'Without XLA'}. Counted over the bus: "
        f"{crossed:,.0f} bytes a word.",
    )
    return [row, oracle_row(kit, precision, "original", vectors, max(AWAY[precision], FLOAT16_ROWS))]


def product_rate(precision: str, size: int) -> float:
    """Return the FLOP/s of a product of square matrices."""
    import tensorflow as tf

    tf.config.experimental.enable_tensor_float_32_execution(precision == "tf32")
    dtype = precision if precision in ("float16", "bfloat16") else "float32"
    x = tf.cast(tf.random.normal((size, size)), dtype)
    float(tf.matmul(x, x)[0, 0])
    n_products = 20
    start = time.perf_counter()
    for _ in range(n_products):
        product = tf.matmul(x, x)
    float(product[0, 0])  # waits for all
    rate = 2 * size**3 * n_products / (time.perf_counter() - start)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    return rate


if __name__ == "__main__":
    main()
