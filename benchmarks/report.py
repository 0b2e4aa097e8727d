"""Write the results of all benchmarks to a page and a plot, from the JSON files that the benchmarks wrote.

python benchmarks/report.py     # benchmarks/rows/*.json to benchmarks/results.md and docs/images/benchmarks.png

The page ends with `notes.md`, which is written by hand: the missed targets, and why they were missed.
"""

import json
from pathlib import Path
from typing import Any

import click
from common import Row
from matplotlib.figure import Figure

HERE = Path(__file__).parent
PATH = click.Path(path_type=Path)
REACHED, MISSED, GRID = "#2a78d6", "#c8542b", "#d9d9d9"

HEAD = """# Benchmarks

Each row compares elmo-cache with a reference: another program, a limit of the machine, or a required figure. Both sides
were measured in the same run and on the same input, by the script in `benchmarks/` that the notes name. `make bench`
and `make bench-full` repeat the measurements. A larger ratio is better, unless its target says "at most".
"""


@click.command()
@click.argument("files", nargs=-1, type=PATH)
@click.option("--page", type=PATH, default=HERE / "results.md")
@click.option("--picture", type=PATH, default=HERE.parent / "docs" / "images" / "benchmarks.png")
def main(files: tuple[Path, ...], page: Path, picture: Path) -> None:
    runs = [read(path) for path in files or sorted((HERE / "rows").glob("*.json"))]
    if not runs:
        raise click.ClickException(f"No .json files in {HERE / 'rows'}. Create them with `make bench`.")
    page.write_text(f"{write_page(runs)}\n{(HERE / 'notes.md').read_text(encoding='utf-8')}", encoding="utf-8")
    draw([row for run in runs for row in run["rows"]], picture)
    click.echo(f"{page}\n{picture}")


def read(path: Path) -> dict[str, Any]:
    """Return the script, machine, date and rows of a run."""
    run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    rows = [Row(**{**row, "reach": tuple(row["reach"])}) for row in run["rows"]]
    return {**run, "rows": rows}


def write_page(runs: list[dict[str, Any]]) -> str:
    """Return the page: one table per machine, each followed by notes on its rows."""
    machines: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        machines.setdefault(json.dumps(run["machine"]), []).append(run)
    return "\n".join([HEAD, *(line for group in machines.values() for line in machine_lines(group))])


def machine_lines(runs: list[dict[str, Any]]) -> list[str]:
    machine, dates = runs[0]["machine"], sorted({run["date"] for run in runs})
    rows = [(run["script"], row) for run in runs for row in run["rows"]]
    return [
        f"## {machine.get('gpu', machine['cpu'])}",
        "",
        *([f"- {machine['cpu']}"] if "gpu" in machine else []),
        f"- {machine['cores']} cores, {machine['memory_gb']} GB of memory",
        f"- {', '.join(f'{name} {number}' for name, number in machine['versions'].items())}",
        f"- {' to '.join(dict.fromkeys((dates[0], dates[-1])))}",
        "",
        "| | elmo-cache | reference | ratio | target |",
        "|---|---|---|---|---|",
        *(table_line(row) for _, row in rows),
        "",
        *(note_line(script, row) for script, row in rows),
        *(f"- Not measured: **{name}**: {why}" for run in runs for name, why in run.get("missing", {}).items()),
        "",
    ]


def table_line(row: Row) -> str:
    reached = {True: "yes", False: "**no**", None: ""}[row.reached]
    ours, theirs = (f"{figure(value)} {row.unit}" for value in (row.ours, row.theirs))
    reach = ": ".join(filter(None, [row.reach_text, reached]))
    return f"| {row.name} | {ours} | {theirs} | {figure(row.ratio)} | {reach} |"


def note_line(script: str, row: Row) -> str:
    runs = "one run" if row.n_runs == 1 else f"median of {row.n_runs} runs"
    return f"- **{row.name}** (`{script}.py`, {runs}): {row.what}, against {row.against}. {row.note}".rstrip()


def figure(value: float) -> str:
    """Return a number with three significant digits, or, from 100 on, without decimals."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def margin(row: Row) -> float:
    """Return the ratio relative to its target: 1 means that the target is just met, more is better."""
    low, high = row.reach
    margins = [row.ratio / low if low else None, high / row.ratio if high else None]
    return min(value for value in margins if value is not None)


def draw(rows: list[Row], path: Path) -> None:
    """Draw each row that has a target as a bar that begins at the target, on a logarithmic axis."""
    rows = [row for row in rows if row.reached is not None]
    margins = [margin(row) for row in rows]
    figure_ = Figure(figsize=(7, 1.3 + 0.42 * len(rows)), layout="constrained")  # small, so that the text is large
    axes = figure_.subplots()
    axes.set_xscale("log", base=2)
    for y, (row, value) in enumerate(zip(rows, margins, strict=True)):
        color = REACHED if row.reached else MISSED
        axes.barh(y, value - 1, left=1, height=0.5, color=color, zorder=2)
        axes.plot(value, y, "o", color=color, zorder=4)  # a bar that ends at 1 is invisible
        axes.text(
            value,
            y,
            f"   {figure(row.ratio)}   ",
            va="center",
            ha="left" if value >= 1 else "right",
            fontsize=10,
            zorder=3,
        )
    axes.axvline(1, color="black", linewidth=1, zorder=3)
    axes.set_yticks(range(len(rows)), [f"{row.name}\n{row.reach_text}" for row in rows], fontsize=9)
    axes.invert_yaxis()
    lowest, highest = min([1, *margins]), max([1, *margins])
    axes.set_xlim(lowest / 2.5, highest * 2.5)  # room for the number next to the longest bars
    ticks = [4.0**k for k in range(-3, 6) if lowest / 2.5 <= 4.0**k <= highest * 2.5]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("measured ÷ target (1 or more: target met)")
    axes.grid(axis="x", color=GRID, zorder=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure_.savefig(path, dpi=200)


if __name__ == "__main__":
    main()
