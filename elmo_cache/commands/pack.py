"""`elmo-cache pack`."""

from pathlib import Path

import click

from cache import pack
from cache.runtime.console import Subcommand, human_bytes
from cache.runtime.progress import progress_bar
from elmo_cache.commands.reporting import cache_size_bytes

__all__ = ["pack_command"]


@click.command(name="pack", short_help="Make one file of a cache.", cls=Subcommand)
@click.argument("cache", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def pack_command(cache: Path, out: Path) -> None:
    """Copy the finished cache CACHE into the one file OUT, and check every hash on the way.

    Whatever reads a cache reads the file too: FeatureCache, `info`, `verify`, `elmo-train`; and so does h5py alone,
    as docs/format.md shows. The same cache gives the same bytes. Nothing is overwritten.

    \b
    elmo-cache pack imdb.elmo imdb.h5
    elmo-cache verify imdb.h5
    """
    total = cache_size_bytes(cache)
    with progress_bar(total, "packing", "B") as bar:
        pack(cache, out, progress=bar.update)
        bar.update(total - bar.n)  # what is no data: the files' own structure
    click.echo(f"{out}: {human_bytes(cache_size_bytes(out))}, copied from {cache} with every hash right.")
