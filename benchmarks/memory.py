"""Peak memory of a small and a large build, each a process of its own: equal, however much there is to encode.

python benchmarks/memory.py                                   # 1,000 and 20,000 sample reviews
python benchmarks/memory.py --aclimdb aclImdb_v1.tar.gz       # 1,000 and all 50,000 of the official archive
"""

import os
import subprocess
import sys
from pathlib import Path

import click
from common import Row, finish, json_option, scratch_folder

TRAIN = {"sample": 20_000, "aclimdb": 25_000}
"""Reviews in the train split; the others wanted come from the test split."""


@click.command()
@click.option("--small", default=1000, show_default=True, help="Reviews.")
@click.option("--large", type=int, help="Reviews; default: 20,000, with --aclimdb 50,000.")
@click.option("--aclimdb", type=click.Path(path_type=Path), help="The official archive or its folder.")
@click.option("--encoder", default="imdb-v3", show_default=True)
@json_option
def main(small: int, large: int | None, aclimdb: Path | None, encoder: str, json_path: Path | None) -> None:
    large = large or (50_000 if aclimdb else 20_000)
    peaks = [peak_bytes(n, aclimdb, encoder) for n in (small, large)]
    row = Row(
        name=f"peak memory, {large:,} and {small:,} reviews",
        what=f"peak memory of a build of {large:,} reviews with {encoder}",
        against=f"of {small:,} reviews",
        ours=peaks[1] / 1e6,
        theirs=peaks[0] / 1e6,
        ratio=peaks[1] / peaks[0],
        reach=(0.9, 1.1),
        unit="MB",
        n_runs=1,
        note="Largest resident set of the command `elmo-cache build` (ru_maxrss).",
    )
    finish([row], json_path)


def peak_bytes(reviews: int, aclimdb: Path | None, encoder: str) -> int:
    """Build a cache of that many reviews in a process of its own; return its largest resident set."""
    corpus = "aclimdb" if aclimdb else "sample"
    train = min(reviews, TRAIN[corpus])
    with scratch_folder() as scratch:
        command = [sys.executable, "-m", "elmo_cache.cli", "build", f"{scratch}/c.elmo", "--corpus", corpus]
        command += ["--encoder", encoder, "--limit", f"train={train}", "--limit", f"test={reviews - train}"]
        command += ["--aclimdb", str(aclimdb)] if aclimdb else []
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        # Of this child alone. A child starts with its parent's peak, which is small: nothing heavy is imported here.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"the build of {reviews:,} reviews failed")
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    click.echo(f"  {reviews:,} reviews: {peak / 1e6:,.0f} MB")
    return int(peak)


if __name__ == "__main__":
    main()
