"""`elmo-cache pack` and `export`: a cache as one file, or as that of another tool."""

from pathlib import Path

import click

from cache import FeatureCache, pack
from cache.export import FORMATS, export
from cache.pooling import POOLINGS
from cache.runtime.console import Subcommand, human_bytes, human_count
from cache.runtime.progress import progress_bar
from elmo_cache.commands.reporting import cache_size_bytes

__all__ = ["export_command", "pack_command"]


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


@click.command(name="export", short_help="Copy vectors for another tool.", cls=Subcommand)
@click.argument("cache", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(FORMATS), required=True, help="File format.")
@click.option("--split", help="Export one split (allennlp and safetensors hold only one).  [default: all]")
@click.option("--layer", help="Layer to export, as listed by `info`.  [default: that of the cache]")
@click.option(
    "--pool",
    "pooling",
    type=click.Choice(list(POOLINGS)),
    help="Export one vector per document instead of one per token (parquet only).",
)
def export_command(
    cache: Path, out: Path, format_: str, split: str | None, layer: str | None, pooling: str | None
) -> None:
    """Copy the vectors of a cache into the file OUT, in the format of another tool.

    Documents come in the order in which the cache stores them, not in that of the corpus; each has its place in the
    corpus beside it.

    \b
    parquet      a row a document: id (its place in its split of the corpus), split, label, tokens, and vectors (a list
                 for each token) or vector (with --pool); float32. For pandas, polars, DuckDB, Hugging Face's datasets.
    allennlp     HDF5 as AllenNLP's `elmo` command wrote it: a float32 dataset a document, named by its place in the
                 corpus; with all layers, unless --layer names one, if the cache has them; and sentence_to_index.
    safetensors  rows (float16, all documents end to end), indptr, token_ids, doc_ids, labels; the vocabulary as
                 metadata.

    \b
    elmo-cache export imdb.elmo imdb.parquet --format parquet --pool mean
    elmo-cache export imdb.elmo test.hdf5 --format allennlp --split test
    """
    with FeatureCache(cache) as features:
        names = list(features) if split is None else [split]
        splits = [features.split(name, layer) for name in names]
        total = sum(part.n_tokens for part in splits)
        with progress_bar(total, "exporting", " words") as bar:
            export(features, out, format_, split=split, layer=layer, pooling=pooling, progress=bar.update)
        n_documents = sum(map(len, splits))
        partial = "" if all(part.complete for part in splits) else "; the cache is growing and has more to come"
    click.echo(f"{out}: {human_count(n_documents, 'document')}, {human_bytes(out.stat().st_size)}{partial}.")
