"""Choose learning rates and gamma by validation loss, on documents of the train split alone.

    python benchmarks/choose.py --cache imdb.elmo --vectors glove-50d --pool 5000 --workers 2 --out choice
    KERAS_BACKEND=jax JAX_PLATFORMS=cpu python benchmarks/choose.py --cache imdb.elmo --vectors words.vec --workers 16

Every model is trained at the same learning rates, those with ELMo vectors at every gamma too, on the same documents of
the trials 1 to N as `elmo-train trials` draws them under `clean`; what counts is the mean validation loss of its best
epochs. No test document is read: a trial has none.

`--out` gets `fits.jsonl`, a line for each fit, and the table as `table.json` and `table.md`. The same command resumes;
more trials, points, caches and vectors can be added. TensorFlow is not needed with another backend.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from common import machine
from fits import Job, Place, Point, run_job

from cache.files import atomic_path
from cache.runtime.console import Command
from cache.runtime.processes import Workers, run_tasks
from cache.runtime.progress import progress_bar
from trainer.errors import TrialsError
from trainer.runs.settings import CONVOLUTIONS, parse_gamma

Key = tuple[str, str, float, str | None, int]
"""Place, model, learning rate, gamma as asked for, trial."""


@click.command(cls=Command)
@click.option("--cache", "caches", multiple=True, required=True, help="A cache; may be repeated.")
@click.option("--vectors", multiple=True, default=("glove-50d",), show_default=True, help="May be repeated.")
@click.option("--models", default=",".join(CONVOLUTIONS), show_default=True)
@click.option("--rates", default="1e-4,3e-4,1e-3,3e-3", show_default=True, help="The same for every model.")
@click.option("--gammas", default="1,0.25,0.1,0.05,auto", show_default=True, help="For models with ELMo vectors.")
@click.option("--n", "n_trials", type=click.IntRange(2), default=30, show_default=True, help="Trials.")
@click.option("--pool", type=click.IntRange(1), help="Documents of train to draw from.  [default: all]")
@click.option("--layer", help="As for `elmo-train trials`.")
@click.option("--train-size", type=click.IntRange(1), default=200, show_default=True)
@click.option("--val-size", type=click.IntRange(1), default=200, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--patience", default=2, show_default=True)
@click.option("--min-epochs", default=1, show_default=True)
@click.option("--workers", default=1, show_default=True, help="Processes; with several, each has one thread.")
@click.option("--out", type=click.Path(path_type=Path), default="choice", show_default=True)
def main(
    caches: tuple[str, ...],
    vectors: tuple[str, ...],
    models: str,
    rates: str,
    gammas: str,
    n_trials: int,
    pool: int | None,
    layer: str | None,
    train_size: int,
    val_size: int,
    seed: int,
    patience: int,
    min_epochs: int,
    workers: int,
    out: Path,
) -> None:
    kinds = models.split(",")
    if unknown := [kind for kind in kinds if kind not in CONVOLUTIONS]:
        raise TrialsError(f"--models names {unknown[0]!r}, expected some of {', '.join(CONVOLUTIONS)}")
    try:
        steps = [float(rate) for rate in rates.split(",")]
    except ValueError as error:
        raise TrialsError(f"--rates {rates}: {error}") from None
    shared = (pool, layer, train_size, val_size, seed, patience, min_epochs)
    places = [Place(str(Path(c).resolve()), _source(v), *shared) for c in caches for v in vectors]
    studies = [_open(place, kinds, steps, gammas.split(",")) for place in places]
    out.mkdir(parents=True, exist_ok=True)
    fits = _read_fits(out / "fits.jsonl")
    jobs = [job for study in studies for job in study.jobs(n_trials, fits)]
    n_all = sum(len(points) for study in studies for points in study.points.values()) * n_trials
    with (
        open(out / "fits.jsonl", "a", encoding="utf-8") as file,
        progress_bar(n_all, "fitting", "fit", initial=n_all - sum(len(job.points) for job in jobs)) as bar,
    ):

        def keep(done: tuple[Job, Sequence[Any]]) -> None:
            job, found = done
            (name,) = [study.name for study in studies if study.place == job.place]
            for point, fit in zip(job.points, found, strict=True):
                record = {"place": name, "model": job.model, **asdict(point), "trial": job.trial, **fit}
                fits[_key(record)] = record
                file.write(json.dumps(record) + "\n")
            file.flush()
            bar.update(len(found))

        if workers == 1:
            for job in jobs:
                keep(run_job(job))
        else:
            run_tasks(run_job, jobs, Workers(workers), keep)
    rows = [row for study in studies for row in study.rows(n_trials, fits)]
    table = _markdown(rows)
    value = {"settings": {**asdict(places[0]), "trials": n_trials}, "machine": machine(), "rows": rows}
    for path, text in ((out / "table.json", json.dumps(value, indent=1)), (out / "table.md", table)):
        with atomic_path(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    click.echo(table)


@dataclass(frozen=True)
class _Study:
    """The grid in one place. `name` is the place's fingerprint, `points` are those of each model."""

    place: Place
    name: str
    points: dict[str, list[Point]]

    def jobs(self, n_trials: int, fits: dict[Key, Any]) -> Iterator[Job]:
        """What is not done yet, model by model, so that a worker seldom compiles another one."""
        for model, points in self.points.items():
            for trial in range(1, n_trials + 1):
                pending = [p for p in points if (self.name, model, p.rate, p.gamma_name, trial) not in fits]
                if pending:
                    yield Job(self.place, model, trial, tuple(pending))

    def rows(self, n_trials: int, fits: dict[Key, Any]) -> Iterator[dict[str, Any]]:
        """The table: means over trials, and each point's loss above the model's lowest, trial by trial."""
        for model, points in self.points.items():
            found = [
                [fits[self.name, model, p.rate, p.gamma_name, trial] for trial in range(1, n_trials + 1)]
                for p in points
            ]
            losses = np.array([[fit["validation_loss"] for fit in of_point] for of_point in found])
            means = losses.mean(axis=1)
            lowest = int(np.argmin(np.where(np.isnan(means), math.inf, means)))
            for i, (point, of_point) in enumerate(zip(points, found, strict=True)):
                above, above_error = _mean_and_error(losses[i] - losses[lowest])
                mean, error = _mean_and_error(losses[i])
                yield {
                    "cache": Path(self.place.cache).name,
                    "vectors": Path(self.place.vectors).name,
                    "model": model,
                    "gamma": point.gamma_name,
                    "gamma_value": point.gamma,
                    "learning_rate": point.rate,
                    "trials": n_trials,
                    "validation_loss": mean,
                    "standard_error": error,
                    "above_lowest": above,
                    "above_lowest_standard_error": above_error,
                    "lowest": i == lowest,
                    "validation_accuracy": float(np.mean([fit["validation_accuracy"] for fit in of_point])),
                    "epochs": float(np.mean([fit["epochs"] for fit in of_point])),
                    "seconds": float(np.mean([fit["seconds"] for fit in of_point])),
                }


def _open(place: Place, kinds: Sequence[str], rates: Sequence[float], gammas: Sequence[str]) -> _Study:
    experiment = place.experiment()
    experiment.trial(1)  # too few documents: noticed before anything is trained
    factors = {}
    for name in gammas:
        gamma = parse_gamma(name)
        if gamma == "auto":
            factors["auto"] = experiment.gamma
        else:
            factors[f"{gamma:g}"] = float(gamma)
    scaled = [Point(rate, name, gamma) for name, gamma in factors.items() for rate in rates]
    plain = [Point(rate, None, None) for rate in rates]
    points = {kind: plain if kind == "basic" else scaled for kind in dict.fromkeys(kinds)}
    return _Study(place, place.fingerprint(experiment), points)


def _source(vectors: str) -> str:
    return str(Path(vectors).resolve()) if Path(vectors).exists() else vectors


def _key(record: dict[str, Any]) -> Key:
    return record["place"], record["model"], record["rate"], record["gamma_name"], record["trial"]


def _read_fits(path: Path) -> dict[Key, Any]:
    """Read what is there; a last line that was cut short goes."""
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    found = {}
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            record = json.loads(line)
            found[_key(record)] = record
        except (ValueError, KeyError, TypeError) as error:
            raise TrialsError(f"{path}, line {number}: not a fit ({error!r}); remove the line") from None
    return found


def _mean_and_error(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


def _markdown(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| cache | vectors | model | gamma | learning rate | validation loss | above the lowest | accuracy | epochs |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        gamma = row["gamma"] or ""
        if gamma == "auto":
            gamma = f"auto ({row['gamma_value']:g})"
        loss = f"{row['validation_loss']:.4f} ± {row['standard_error']:.4f}"
        above = "" if row["lowest"] else f"{row['above_lowest']:.4f} ± {row['above_lowest_standard_error']:.4f}"
        lines.append(
            f"| {row['cache']} | {row['vectors']} | {row['model']} | {gamma} | {row['learning_rate']:g} | "
            f"{f'**{loss}**' if row['lowest'] else loss} | {above} | {100 * row['validation_accuracy']:.1f} | "
            f"{row['epochs']:.1f} |"
        )
    n_trials = rows[0]["trials"] if rows else 0
    note = f"Means over {n_trials} trials and their standard errors; bold: a model's lowest validation loss. "
    note += "Accuracy in %, on validation documents. Above the lowest: differences in the same trial."
    return "\n".join([*lines, "", note])


if __name__ == "__main__":
    main()
