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
REACHED, MISSED, GRID = "#0072B2", "#D55E00", "#d9d9d9"

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
    machine = runs[0]["machine"]  # that of the first table
    draw([row for run in runs if run["machine"] == machine for row in run["rows"]], picture)
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
    """Draw the margin of each row that has a target, the largest first, with the target marked."""
    rows = sorted((row for row in rows if row.reached is not None), key=margin, reverse=True)
    margins = [margin(row) for row in rows]
    figure_ = Figure(figsize=(7, 1.3 + 0.42 * len(rows)), layout="constrained")  # small, so that the text is large
    axes = figure_.subplots()
    axes.set_xscale("log")
    for y, (row, value) in enumerate(zip(rows, margins, strict=True)):
        color = REACHED if row.reached else MISSED
        axes.plot([1, value], [y, y], color=color, linewidth=6, solid_capstyle="butt", zorder=2)
        axes.plot(value, y, "o", color=color, markersize=8, zorder=4)
        text = f"   {value:.2f}, {'met' if row.reached else 'missed'}"
        axes.text(max(1, value), y, text, va="center", fontsize=10, zorder=3)
    axes.axvline(1, color="black", linewidth=1, zorder=3)
    axes.text(1, -0.8, "target", ha="center", va="bottom", fontsize=10)
    labels = [f"{row.name}\nmeasured {figure(row.ratio)}, target {row.reach_text}" for row in rows]
    axes.set_yticks(range(len(rows)), labels, fontsize=9)
    axes.set_ylim(len(rows) - 0.4, -0.8)
    lowest, highest = min([1, *margins]), max([1, *margins])
    left, right = lowest / 1.3, highest * 4  # room for the words beside the longest
    axes.set_xlim(left, right)
    ticks = [tick for tick in (0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100) if left <= tick <= right]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel('measured ÷ target, or target ÷ measured for "at most": 1 or more meets the target')
    axes.xaxis.set_label_coords(0.1, -0.05 if len(rows) > 8 else -0.1)
    axes.grid(axis="x", color=GRID, zorder=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure_.savefig(path, dpi=200)


if __name__ == "__main__":
    main()
