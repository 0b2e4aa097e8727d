"""`elmo-cache encoders`: which there are, and whether a TF-Hub module is what it seems."""

import logging
from typing import TYPE_CHECKING

import click

from cache.runtime.console import human_bytes, human_count
from cache.runtime.progress import progress_bar
from cache.runtime.quiet import quiet_import
from elmo_cache.commands.options import named_as_options
from elmo_cache.encoders import embedded_encoders, resolve_name
from elmo_cache.encoders.allennlp import NAMES, PREFIX
from elmo_cache.encoders.devices import find_device, tensorflow_device
from elmo_cache.encoders.hub.resolution import ORIGINAL, ORIGINAL_SIZE, find_module
from elmo_cache.errors import EncoderError

if TYPE_CHECKING:
    from elmo_cache.encoders.hub.checking import ModuleCheck

__all__ = ["encoders_command"]


@click.command(name="encoders")
@click.option(
    "--check",
    metavar="MODULE",
    help="Encode a few sentences with both engines, --engine native and hub, and compare; exit code 1 if they differ.",
)
@named_as_options
def encoders_command(check: str | None) -> None:
    """List the encoders that can be used here, and how to use others; or check a TF-Hub module.

    \b
    elmo-cache encoders
    elmo-cache encoders --check original
    elmo-cache encoders --check path/to/module
    """
    if check is not None:
        _check(check)
        return
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
