"""`elmo-cache encoders`: which there are, and whether a TF-Hub module is what it seems."""

import logging
from typing import TYPE_CHECKING

import click

from cache.runtime.console import human_bytes, human_count, human_time
from cache.runtime.downloads import user_folder
from cache.runtime.progress import progress_bar
from cache.runtime.quiet import quiet_import
from elmo_cache.commands.options import named_as_options
from elmo_cache.encoders import embedded_encoders, load_encoder, resolve_name
from elmo_cache.encoders.allennlp import NAMES, PREFIX
from elmo_cache.encoders.bilm.encoder import PRECISIONS, BiLMEncoder
from elmo_cache.encoders.devices import find_device, tensorflow_device
from elmo_cache.encoders.hub.resolution import ORIGINAL, ORIGINAL_SIZE, find_module
from elmo_cache.encoders.speed import measure_speed, remember_speed
from elmo_cache.errors import EncoderError

if TYPE_CHECKING:
    from elmo_cache.encoders.hub.checking import ModuleCheck

__all__ = ["encoders_command"]

_N_REVIEWS, _REVIEW_TOKENS = 50_000, 224  # of IMDB, cut to the window of 500


@click.command(name="encoders", short_help="List encoders; measure or check one.")
@click.option(
    "--check",
    metavar="MODULE",
    help="Encode a few sentences with both engines, --engine native and hub, and compare; exit code 1 if they differ.",
)
@click.option(
    "--measure",
    metavar="ENCODER",
    help="Measure words per second in each precision that this machine has; plans of builds then show how long they "
    "take.",
)
@named_as_options
def encoders_command(check: str | None, measure: str | None) -> None:
    """List the encoders that can be used here, and how to use others; measure one; or check a TF-Hub module.

    \b
    elmo-cache encoders
    elmo-cache encoders --measure imdb-v3
    elmo-cache encoders --check original
    elmo-cache encoders --check path/to/module
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
    encoder = load_encoder(name)
    if not isinstance(encoder, BiLMEncoder):
        raise EncoderError(f"{name} is run by a module's own graph: --measure is for our own model")
    click.echo(
        f"{encoder.name}, {encoder.options.architecture}, on {encoder.device}; {_N_REVIEWS:,} reviews would take"
    )
    kept = True
    for precision in PRECISIONS:
        refusal = encoder.device.refusal(precision)
        if refusal is not None:
            click.echo(f"  {precision:9} not here: {refusal}")
            continue
        with progress_bar(None, f"measuring {precision}", "tok") as bar:
            measured = load_encoder(name, precision=precision)
            assert isinstance(measured, BiLMEncoder)
            speed = measure_speed(measured, bar.update)
        kept &= remember_speed(measured.description, speed)
        click.echo(f"  {precision:9} {speed:9,.0f} words/s  {human_time(_N_REVIEWS * _REVIEW_TOKENS / speed)}")
    if not kept:
        click.echo(f"Warning: {user_folder()} cannot be written to, so plans will not know it", err=True)


def _check(name: str) -> None:
    directory = find_module(resolve_name(name))
    if directory is None:
        raise EncoderError(f"{name} is no TF-Hub module: --check takes an address, 'original', or a module's folder")
    # Sentences one by one are many shapes: Keras traces its models again, and TensorFlow warns of it.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with quiet_import():
        from elmo_cache.encoders.hub.checking import N_STEPS, TOLERANCE, check_module
    click.echo(f"native on {find_device()}, hub on {tensorflow_device()}, float32", err=True)
    with progress_bar(N_STEPS, "checking", "tok") as bar:
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
