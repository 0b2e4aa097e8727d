"""`elmo-cache info` and `elmo-cache verify`: what a cache holds, and whether it is whole."""

import json
from pathlib import Path

import click

from cache import FeatureCache, verify
from cache.runtime.console import Subcommand, human_bytes, human_count
from cache.runtime.progress import progress_bar
from elmo_cache.commands.reporting import cache_facts, cache_size_bytes, describe_cache

__all__ = ["info_command", "verify_command"]


@click.command(name="info", short_help="Show what a cache holds.", cls=Subcommand)
@click.argument("out", default="imdb.elmo", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info_command(out: Path, as_json: bool) -> None:
    """Show what the cache OUT (a folder or a packed file; imdb.elmo by default) holds, and whether it is finished.

    \b
    elmo-cache info imdb.elmo
    elmo-cache info imdb.elmo --json
    """
    with FeatureCache(out) as features:
        facts = cache_facts(features)
    click.echo(json.dumps(facts, indent=1) if as_json else "\n".join(describe_cache(facts)))


@click.command(name="verify", short_help="Check every byte of a cache.", cls=Subcommand)
@click.argument("out", default="imdb.elmo", type=click.Path(path_type=Path))
@click.option(
    "--discard",
    is_flag=True,
    help="Remove damaged files, so that the same build makes them again (not in a packed file).",
)
def verify_command(out: Path, discard: bool) -> None:
    """Check every byte of the cache OUT (imdb.elmo by default) against its checksums.

    The exit code is 1 if a file is damaged, missing or foreign.

    \b
    elmo-cache verify imdb.elmo
    elmo-cache verify imdb.h5
    elmo-cache verify imdb.elmo --discard
    """
    total = cache_size_bytes(out)
    with progress_bar(total, "verifying", "B") as bar:
        problems = verify(out, discard=discard, progress=bar.update)
    for problem in problems:
        click.echo(f"{problem.kind}: {problem.message}{' (removed)' if problem.discarded else ''}")
    if problems:
        what_next = (
            "run the same `elmo-cache build` to make them again" if discard else "--discard removes damaged files"
        )
        if all(problem.kind == "missing" for problem in problems):
            what_next = "run the same `elmo-cache build` to make them; everything else is valid"
        if out.is_file():
            what_next = "download the file again, or make it again with `elmo-cache pack`"
        click.echo(f"{out}: {human_count(len(problems), 'problem')}; {what_next}.")
        raise SystemExit(1)
    click.echo(f"{out}: all checksums match ({human_bytes(total)}).")
