"""`elmo-cache encoders`: which there are, how fast one is, and what it makes of a few sentences."""

import logging
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from cache.runtime.console import Subcommand, as_option, human_bytes, human_count, human_time
from cache.runtime.downloads import user_folder
from cache.runtime.progress import progress_bar
from cache.runtime.quiet import quiet_import
from elmo_cache import messages
from elmo_cache.encoders import embedded_encoders, load_encoder, resolve_name
from elmo_cache.encoders.allennlp import NAMES, PREFIX
from elmo_cache.encoders.bilm.encoder import PRECISIONS, BiLMEncoder
from elmo_cache.encoders.devices import find_device, tensorflow_device
from elmo_cache.encoders.hub.resolution import ORIGINAL, ORIGINAL_SIZE, find_module
from elmo_cache.encoders.report import SENTENCES, TOLERANCE, compare_with_allennlp, off_float64, summaries, versions
from elmo_cache.encoders.speed import measure_speed, remember_speed
from elmo_cache.errors import EncoderError

if TYPE_CHECKING:
    from elmo_cache.encoders.hub.checking import ModuleCheck

__all__ = ["encoders_command"]

_N_REVIEWS, _REVIEW_TOKENS = 50_000, 224  # of IMDB, cut to the window of 500


@click.command(name="encoders", short_help="List encoders; measure or check one.", cls=Subcommand)
@click.option(
    "--check",
    metavar="ENCODER",
    help="Report versions, device, words per second, and the vectors of a few sentences in short. Of a TF-Hub module, "
    "compare both engines, --engine native and hub, too; exit code 1 if they differ.",
)
@click.option(
    "--measure",
    metavar="ENCODER",
    help="Measure words per second in each precision that this machine has; plans of builds then show how long they "
    "take.",
)
def encoders_command(check: str | None, measure: str | None) -> None:
    """List the encoders that can be used here, and how to use others; measure one; or check one.

    \b
    elmo-cache encoders
    elmo-cache encoders --measure imdb-v3
    elmo-cache encoders --check path/to/elmo_2x4096_512
    elmo-cache encoders --check original
    """
    if check is not None:
        _check(check)
    if measure is not None:
        _measure(measure)
    if check is None and measure is None:
        _list()


def _list() -> None:
    click.echo("name               dim  architecture  size     comes from")
    for encoder in embedded_encoders():
        options = encoder.options
        click.echo(
            f"{encoder.name:17} {2 * options.projection_dim:4}  {options.architecture:12}  "
            f"{human_bytes(encoder.size_bytes):7}  this package; IMDB reviews, `keras` and `words` tokens"
        )
    for name, elmo in NAMES.items():
        click.echo(
            f"{PREFIX + name:17} {elmo.dim:4}  {elmo.architecture:12}  {human_bytes(elmo.size_bytes):7}  "
            f"a download, kept in the user's cache folder; {elmo.trained_on}"
        )
    click.echo(
        "\n--encoder PATH takes any other ELMo: a folder, or a .zip, with one *options*.json and one *.hdf5 in the\n"
        "public format of bilm-tf and AllenNLP. NLPL publishes those of other languages as .zip.\n"
        f"--encoder original is {ORIGINAL}, a download of {ORIGINAL_SIZE}; a module's folder does as well."
    )


def _measure(name: str) -> None:
    encoder = _own(name)
    click.echo(
        f"{encoder.name}, {encoder.options.architecture}, on {encoder.device}; {_N_REVIEWS:,} reviews would take"
    )
    for precision, measured in _speeds(name):
        if isinstance(measured, str):
            click.echo(f"  {precision:9} not here: {measured}")
            continue
        _, speed = measured
        click.echo(f"  {precision:9} {speed:9,.0f} words/s  {human_time(_N_REVIEWS * _REVIEW_TOKENS / speed)}")


def _own(name: str, **settings: str) -> BiLMEncoder:
    encoder = load_encoder(name, **settings)
    if not isinstance(encoder, BiLMEncoder):
        raise EncoderError(messages.NOT_OUR_MODEL, name=name)
    return encoder


def _speeds(name: str) -> Iterator[tuple[str, tuple[BiLMEncoder, float] | str]]:
    """Yield each precision with an encoder of it and its words per second, or with the reason why there is none."""
    kept = True
    for precision in PRECISIONS:
        encoder = _own(name, precision=precision)
        refusal = encoder.device.refusal(precision)
        if refusal is not None:
            yield precision, refusal.worded(partial(as_option, encoders_command))
            continue
        with progress_bar(None, f"measuring {precision}", " words") as bar:
            speed = measure_speed(encoder, bar.update)
        kept &= remember_speed(encoder.description, speed)
        yield precision, (encoder, speed)
    if not kept:
        click.echo(f"Warning: {user_folder()} cannot be written to, so plans will not know it", err=True)


def _check(name: str) -> None:
    directory = find_module(resolve_name(name))
    # Sentences one by one are many shapes: Keras traces its models again, and TensorFlow warns of it.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if directory is None:
        _report(name)
        click.echo(f"\n{compare_with_allennlp()}")
        return
    try:
        _report(name)
    except EncoderError as error:  # of variables that our own model does not know; its own graph may run
        click.echo(f"not run by our own model: {error}")
    click.echo()
    _check_module(directory)


def _report(name: str) -> None:
    encoder = _own(name, layers="all")
    weights = encoder.description["weights"]
    click.echo(
        f"{versions()}\n"
        f"  encoder   {encoder.name}, {encoder.options.architecture}, weights {weights[:16]}\n"
        f"  device    {encoder.device}, Keras on {encoder.device.backend}\n"
        f"  packing   {encoder.n_streams} streams, {encoder.time_chunk} steps"
    )
    if warning := encoder.device.unused_gpu():
        click.echo(f"Warning: {warning}", err=True)
    documents = [text.split(" ") for text in SENTENCES]
    exact = None
    for precision, measured in _speeds(name):
        if isinstance(measured, str):
            click.echo(f"  {precision:9} not here: {measured}")
            continue
        encoder_of, speed = measured
        rows = np.concatenate(encoder_of.encode(documents))
        exact = rows if exact is None else exact
        off = np.linalg.norm(rows - exact, axis=1) / np.linalg.norm(exact, axis=1)
        apart = f", a word's vector at most {off.max():.1e} of its length off float32" if off.any() else ""
        click.echo(f"  {precision:9} {speed:,.0f} words/s{apart}")
    click.echo("\nIn float32: norm of all numbers, sum of all times the cosine of their places, the first three")
    found = list(summaries(encoder))
    for sentence, of_sentence in groupby(found, key=lambda summary: summary.sentence):
        click.echo(sentence)
        for summary in of_sentence:
            first = "".join(f"{x:11.6f}" for x in summary.first)
            click.echo(f"  {summary.layer:4}{summary.norm:13.6f}{summary.checksum:13.6f}{first}")
    off_by = off_float64(weights, found)
    if off_by is not None:
        agrees = off_by <= TOLERANCE  # not of NaN
        click.echo(f"agrees with float64 (within {TOLERANCE} of the norm): {'yes' if agrees else 'no'}, {off_by:.1e}")
        if not agrees:
            raise SystemExit(1)


def _check_module(directory: Path) -> None:
    with quiet_import():
        from elmo_cache.encoders.hub.checking import N_STEPS, TOLERANCE, check_module
    click.echo(f"native on {find_device()}, hub on {tensorflow_device()}, float32", err=True)
    with progress_bar(N_STEPS, "checking", " words") as bar:
        found = check_module(directory, bar.update)
    click.echo("\n".join([str(directory), *_describe(found)]))
    agrees = "not compared" if found.module is None else "yes" if found.agrees else "no"
    click.echo(f"native agrees with hub (within {TOLERANCE}): {agrees}")
    click.echo(f"stateless: {'yes' if found.stateless else 'no'}")
    if not (found.agrees and found.stateless):
        raise SystemExit(1)


def _describe(found: "ModuleCheck") -> list[str]:
    lines = [f"  signatures  {', '.join(found.signatures)}"]
    if found.module:
        rows = found.module.n_character_rows
        n_weights = sum(tensor.size for tensor in found.module.weights.values())
        options = found.module.options
        n_highway = human_count(options.n_highway, "highway layer")
        lines += [
            f"  sizes       {options.architecture}, {2 * options.projection_dim}-d, "
            f"{len(options.filters)} filters, {n_highway}, {n_weights:,} weights",
            f"  char_embed  {rows} rows" + (", the first a masking row, which is dropped" if rows == 262 else ""),
            f"  mix         {', '.join(f'{weight:.6g}' for weight in found.module.mix)}: the weight of each layer",
        ]
    columns = ["native, hub", "hub again", "hub in another order", "native again", "native in another order"]
    lines += [f"  {note}" for note in found.notes]
    lines += ["", "  ".join(["largest difference", *columns])]
    for output, differences in found.differences.items():
        cells = [f"{differences[name]:.2g}" if name in differences else "-" for name in columns]
        lines.append(
            "  ".join([f"{output:18}", *(f"{cell:>{len(name)}}" for name, cell in zip(columns, cells, strict=True))])
        )
    return [*lines, ""]
