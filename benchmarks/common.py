"""What the benchmarks share: timing, rows, and what to say about the machine."""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import numpy as np

json_option = click.option("--json", "json_path", type=click.Path(path_type=Path), help="File to write the rows to.")
peer_option = click.option("--peer", type=click.Path(path_type=Path), help="Python with simple-elmo 0.9.2.")

VERSIONS = ("tensorflow", "keras", "numpy", "h5py", "jax")


@dataclass(frozen=True)
class Row:
    """One measured ratio.

    Attributes
    ----------
    name : str
        Short and unique: what the picture calls it.
    what, against : str
        The two sides.
    ours, theirs : float
        Their figures, in `unit`.
    ratio : float
        Of the two, in the direction that `reach` means.
    reach : pair of float or None
        Lowest and highest ratio wanted; None where there is no bound. Both None: a row for information.
    unit : str
        Such as "words/s".
    n_runs : int
        Runs that the figures are the medians of.
    note : str
        What else has to be known: sizes, extrapolations, spread.
    """

    name: str
    what: str
    against: str
    ours: float
    theirs: float
    ratio: float
    reach: tuple[float | None, float | None]
    unit: str
    n_runs: int
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the ratio is within the reach; None where there is none."""
        low, high = self.reach
        if low is None and high is None:
            return None
        return (low is None or self.ratio >= low) and (high is None or self.ratio <= high)

    @property
    def reach_text(self) -> str:
        """The reach in words."""
        low, high = (None if bound is None else f"{bound:.3g}" for bound in self.reach)
        if low and high:
            return f"{low} to {high}"
        return f"at least {low}" if low else f"at most {high}" if high else ""


def finish(rows: Sequence[Row], json_path: Path | None) -> None:
    """Print rows, and write them with the machine's facts to a JSON file if one is given."""
    print_rows(rows)
    if json_path:
        write_rows(json_path, rows)


def print_rows(rows: Sequence[Row]) -> None:
    """Print what rows say."""
    for row in rows:
        reached = {True: "reached", False: "NOT REACHED", None: "for information"}[row.reached]
        click.echo(f"{row.name}: {row.ours:,.5g} against {row.theirs:,.5g} {row.unit} (median of {row.n_runs})")
        click.echo(f"    ratio {row.ratio:.3g}, {row.reach_text or 'no reach'}: {reached}. {row.note}")


def write_rows(path: Path, rows: Sequence[Row], gpu: str | None = None, **more: Any) -> None:
    """Write rows and the machine's facts, its GPU's too if one was used; the file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    value = {
        "script": Path(sys.argv[0]).stem,
        "machine": {**({"gpu": gpu} if gpu else {}), **machine()},
        "date": date.today().isoformat(),
        "rows": [asdict(row) for row in rows],
        **more,
    }
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def machine() -> dict[str, Any]:
    """Return the processor, its cores and memory, and the versions that count."""
    versions = {"Python": platform.python_version()}
    for package in VERSIONS:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": _cpu_model(), "cores": os.cpu_count(), "memory_gb": round(memory / 1e9), "versions": versions}


def _cpu_model() -> str:
    """Return the processor's name, and those of its units for bfloat16, which names alone do not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    units = [name for name in ("avx512f", "avx512_bf16", "amx_bf16") if name in facts.get("flags", "").split()]
    return ", ".join([facts.get("model name", platform.machine()), *units])


def timed(function: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def interleaved(
    n_runs: int, before: Callable[[], object] | None = None, **functions: Callable[[], object]
) -> dict[str, float]:
    """Return the median seconds of each function; they take turns, so that a noisy machine is noisy for all.

    `before` is called before each call, and not timed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(n_runs):
        for name, function in functions.items():
            if before:
                before()
            seconds[name].append(timed(function))
    for name, values in seconds.items():
        click.echo(f"  {name}: {', '.join(f'{value:.3g}' for value in values)} s")
    return {name: statistics.median(values) for name, values in seconds.items()}


def run(module: str, *arguments: object) -> None:
    """Run a module as `python -m` does, in a process of its own; its output is shown only if it fails."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise click.ClickException(done.stderr[-2000:])


def run_peer(peer: Path, weights: Path, documents: list[list[str]], folder: Path, *arguments: int) -> dict[str, Any]:
    """Run `peer_simple_elmo.py` with simple-elmo's Python; return what it printed. Its vectors are in `peer.npz`.

    Parameters
    ----------
    peer : Path
        Python of an environment with simple-elmo 0.9.2.
    weights, folder : Path
        An ELMo's folder; where to put the documents and the vectors.
    documents : list of list of str
        Words.
    *arguments : int
        How many runs, and documents a batch if they shall stay in the order given.
    """
    (folder / "documents.json").write_text(json.dumps(documents))
    script = Path(__file__).with_name("peer_simple_elmo.py")
    command = [peer, script, weights, folder / "documents.json", folder / "peer.npz", *arguments]
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def scratch_folder() -> "tempfile.TemporaryDirectory[str]":
    """Return a temporary folder on a disk: /tmp may be memory, BENCH_TMP says where else."""
    return tempfile.TemporaryDirectory(prefix="elmo-bench-", dir=os.environ.get("BENCH_TMP"))


class RandomEncoder:
    """Random vectors at nearly no cost, in place of an encoder: cuts out of one block.

    Parameters
    ----------
    dim : int
        Columns.
    """

    name = "random"

    def __init__(self, dim: int = 1024):
        self.dim = dim
        self.description = {"model": "random", "dim": dim}
        self._block = np.random.default_rng(0).standard_normal((4096, dim)).astype(np.float16)

    def encode(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> list[np.ndarray]:
        starts = np.random.default_rng(1).integers(0, len(self._block), len(documents))
        return [
            np.take(self._block, range(start, start + len(words)), axis=0, mode="wrap")
            for start, words in zip(starts.tolist(), documents, strict=True)
        ]
