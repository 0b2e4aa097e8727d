"""The `elmo-cache` command. Keras and TensorFlow are imported only when there is something to encode."""

import click

from cache.runtime.console import Commands
from elmo_cache.commands.build import build_command
from elmo_cache.commands.encode import encode_command
from elmo_cache.commands.encoders import encoders_command
from elmo_cache.commands.export import export_command, pack_command
from elmo_cache.commands.inspection import info_command, verify_command

__all__ = ["main"]


@click.group(
    cls=Commands,
    resumable=("build",),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="elmo-cache")
def main(debug: bool) -> None:
    """Run ELMo once over a corpus, and keep the vector of every token.

    \b
    elmo-cache build                  25,000 real IMDB reviews with the embedded encoder, into imdb.elmo
    elmo-cache info imdb.elmo         what a cache holds
    elmo-cache verify imdb.elmo       check every byte
    elmo-cache pack imdb.elmo imdb.h5 make one file of it, to share
    elmo-cache export imdb.elmo imdb.parquet --format parquet
                                      copy the vectors for another tool
    elmo-cache encode "a fine film"   encode a few texts
    elmo-cache encoders               list encoders, and measure their speed here

    Shell completion: eval "$(_ELMO_CACHE_COMPLETE=bash_source elmo-cache)" in ~/.bashrc; zsh_source and fish_source
    for other shells.
    """


for command in (
    build_command,
    info_command,
    verify_command,
    pack_command,
    export_command,
    encode_command,
    encoders_command,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
