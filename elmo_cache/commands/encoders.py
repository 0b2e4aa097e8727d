"""`elmo-cache encoders`: which there are."""

import click

from cache.adapters.console import human_bytes
from elmo_cache.encoders import embedded_encoders

__all__ = ["encoders_command"]


@click.command(name="encoders")
def encoders_command() -> None:
    """List the encoders that can be used here, and how to use others.

    \b
    elmo-cache encoders
    """
    click.echo("name       dim  architecture  size     comes from")
    for encoder in embedded_encoders():
        options = encoder.options
        click.echo(
            f"{encoder.name:8}  {2 * options.projection_dim:4}  {options.architecture:12}  "
            f"{human_bytes(encoder.size_bytes):7}  this package; IMDB text in Keras's tokens"
        )
    click.echo(
        "\n--encoder PATH takes any other ELMo: a folder, or a .zip, with one *options*.json and one *.hdf5 in the\n"
        "public format of bilm-tf and AllenNLP. The original ELMo (2x4096_512, 1024-d, 374 MB) is published at\n"
        "https://allennlp.s3.amazonaws.com/models/elmo/2x4096_512_2048cnn_2xhighway/ as\n"
        "elmo_2x4096_512_2048cnn_2xhighway_options.json and …_weights.hdf5; other languages by NLPL as .zip."
    )
