"""Measurements of `gpu.py` without a cache: the bus, and words a second."""

from typing import Any

import click
import gpu_device as device
import numpy as np
from common import Row, timed
from gpu_kit import IMDB_WORDS, ORACLE_WORDS, REACH_S, Kit, begin, overlapping
from gpu_oracle import AWAY, FLOAT16_ROWS, oracle_row
from limit import flop_a_word

from elmo_cache.encoders.bilm.options import BiLMOptions

OF_THE_PRODUCT = {"tf32": 0.5, "float16": 0.5}
"""Share of the best product that the encoder shall reach, with 512 streams or more."""


def bus_and_disk(kit: Kit) -> list[Row]:
    """Rates of copies, against what the faster of the two aims asks of them."""
    needed = IMDB_WORDS * 2048 / REACH_S["float16"]
    megabytes = kit.sizes.megabytes
    rates = device.copy_rates(megabytes)
    kit.disk_bytes_a_second = rates["to disk"] = device.disk_rate(kit.folder, 2 * megabytes)
    about = {
        "to disk": f"one file of {2 * megabytes} MB on {device.file_system(kit.folder)}, fsync included",
        "to the host, pinned": f"{megabytes} MB, the host's memory pinned",
    }
    return [
        kit.row(
            name=f"bytes {where}",
            what=about.get(where, f"{megabytes} MB, the host's memory pageable"),
            against=f"the vectors of {IMDB_WORDS:,} words in {REACH_S['float16']:.0f} s",
            ours=rate / 1e9,
            theirs=needed / 1e9,
            ratio=rate / needed,
            unit="GB/s",
        )
        for where, rate in rates.items()
    ]


def speed(kit: Kit, precision: str, n_streams: int) -> list[Row]:
    """Words a second at the original size, two calls in flight as in a build, against the best product."""
    encoder = kit.encoder(precision)
    encoder.n_streams = n_streams
    documents = [*ORACLE_WORDS, *kit.text.words(n_streams * kit.sizes.words_a_stream)]
    n_words = sum(map(len, documents))
    found: list[np.ndarray] = []
    first = timed(lambda: found.append(begin(encoder, documents)()))
    if not np.isfinite(found[0]).all():
        raise ValueError("the encoder made vectors that are not finite")
    vectors = found.pop()[: sum(map(len, ORACLE_WORDS))]
    once = timed(lambda: begin(encoder, documents)())
    n_calls = max(2, min(50, round(kit.sizes.speed_s / once)))
    before = _bytes_crossed(encoder)
    words_a_second = n_calls * n_words / timed(lambda: overlapping(encoder, documents, n_calls))
    crossed = None if before is None else (_bytes_crossed(encoder) - before) / (n_calls * n_words)
    click.echo(f"    {words_a_second:,.0f} words/s; first call {first:.1f} s, alone {n_words / once:,.0f} words/s")
    kit.words_a_second[precision] = words_a_second
    flop, best = flop_a_word(encoder.options), _best_product(kit, precision)
    step, peak = _step_rate(encoder.options, precision, n_streams), device.peak_bytes()
    rows = [
        kit.row(
            name=f"{precision}, {n_streams} streams",
            what=f"encoder, {precision}, {encoder.options.architecture}, random weights, {kit.text.about}",
            against=f"{flop / 1e6:.0f} MFLOP a word at {best / 1e12:,.3g} TFLOP/s, the best product",
            ours=words_a_second,
            theirs=best / flop,
            ratio=words_a_second * flop / best,
            reach=(OF_THE_PRODUCT.get(precision) if n_streams >= 512 else None, None),
            unit="words/s",
            note=f"{n_calls} calls of {n_words:,} words, two in flight; one alone {n_words / once:,.0f} words/s; "
            f"the first, compiled, took {first:.1f} s. The gates' product of one step, all layers and directions at "
            f"once, makes {step / 1e12:,.3g} TFLOP/s. Over the bus: "
            f"{'not counted' if crossed is None else f'{crossed:,.0f} bytes a word'}. Most memory that the device "
            f"gave so far: {'not known' if peak is None else f'{peak / 1e9:.1f} GB'}.",
        )
    ]
    if n_streams != kit.sizes.streams[0]:
        return rows
    if vectors.dtype == np.float16:
        rows.append(oracle_row(kit, precision, "original", vectors, max(AWAY[precision], FLOAT16_ROWS)))
    if crossed is not None:
        wanted = 2 * encoder.dim + 16
        rows.append(
            kit.row(
                name=f"bytes over the bus a word, {precision}",
                what=f"both ways together, {n_streams} streams",
                against="a word's float16 vector and 16 bytes",
                ours=crossed,
                theirs=wanted,
                ratio=crossed / wanted,
                reach=(None, 1.0),
                unit="bytes",
            )
        )
    return rows


def _best_product(kit: Kit, precision: str) -> float:
    """Return the FLOP/s of the large product, measured once."""
    if precision not in kit.products:
        size = kit.sizes.product
        kit.products[precision] = device.product_rate(precision, size, size, size)
        click.echo(f"    product of {size}^3, {precision}: {kit.products[precision] / 1e12:,.3g} TFLOP/s")
    return kit.products[precision]


def _step_rate(options: BiLMOptions, precision: str, n_streams: int) -> float:
    """Return the FLOP/s of the product that makes all gates of a step."""
    size = options.projection_dim
    return device.product_rate(precision, n_streams, 2 * size, 4 * options.dim, batch=2 * options.n_layers)


def _bytes_crossed(encoder: Any) -> Any:
    """Return the bytes that have crossed between host and device; None if the encoder does not count them."""
    resident = getattr(encoder, "_resident", None)
    return None if resident is None else resident.bytes_to_device + resident.bytes_from_device
