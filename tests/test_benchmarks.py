"""The benchmarks run at their smallest sizes, and their rows become a page and a picture."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"

ROW = {
    "name": "reads",
    "what": "ours",
    "against": "theirs",
    "ours": 30.0,
    "theirs": 10.0,
    "ratio": 3.0,
    "reach": [3.0, None],
    "unit": "documents/s",
    "n_runs": 3,
    "note": "A note.",
}
MACHINE = {"cpu": "A processor", "cores": 2, "memory_gb": 16, "versions": {"Python": "3.11.7", "keras": "3.9.0"}}


def run(script: str, *arguments: str | Path, folder: Path | None = None) -> str:
    command = [sys.executable, str(BENCHMARKS / script), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=folder)
    assert result.returncode == 0, result.stderr
    return result.stdout


def write_rows(path: Path, *rows: dict[str, Any], machine: dict[str, Any] = MACHINE) -> Path:
    run = {"script": path.stem, "machine": machine, "date": "2024-05-06", "rows": [{**ROW, **row} for row in rows]}
    path.write_text(json.dumps(run))
    return path


def test_report_says_what_was_reached(tmp_path: Path) -> None:
    files = [
        write_rows(
            tmp_path / "reads.json",
            {"name": "low reached"},
            {"name": "low missed", "ratio": 2.99},
            {"name": "high missed", "reach": [None, 0.6], "ratio": 0.61},
            {"name": "high reached", "reach": [None, 0.6], "ratio": 0.6},
            {"name": "both missed", "reach": [0.9, 1.1], "ratio": 1.11},
            {"name": "for information", "reach": [None, None]},
        ),
        write_rows(tmp_path / "gpu.json", {"name": "elsewhere"}, machine={**MACHINE, "cpu": "Another"}),
    ]
    page, picture = tmp_path / "results.md", tmp_path / "images" / "benchmarks.png"

    run("report.py", *files, "--page", page, "--picture", picture)

    text = page.read_text()
    text = text.removesuffix((BENCHMARKS / "notes.md").read_text())
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    reach = {cells[1]: cells[5] for cells in ([cell.strip() for cell in line.split("|")] for line in lines)}
    assert reach == {
        "": "reach",
        "low reached": "at least 3: yes",
        "low missed": "at least 3: **no**",
        "high missed": "at most 0.6: **no**",
        "high reached": "at most 0.6: yes",
        "both missed": "0.9 to 1.1: **no**",
        "for information": "",
        "elsewhere": "at least 3: yes",
    }
    assert text.index("## A processor") < text.index("low reached") < text.index("## Another") < text.index("elsewhere")
    assert "2 cores, 16 GB" in text and "Python 3.11.7, keras 3.9.0" in text and "2024-05-06" in text
    assert "(`reads.py`, median of 3 runs): ours, against theirs. A note." in text
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "arguments", "n_rows"),
    [
        ("limit.py", "--encoder imdb-v2 --reviews 8 --runs 1 --precision float32 --product 256 --profile", 1),
        ("extraction.py", "--reviews 20 --runs 1", 1),
        ("training.py", "--reviews 16 --dim 8 --runs 1", 1),
        ("reads.py", "--gigabytes 0.02 --reads 20 --runs 1", 5),
        ("memory.py", "--small 20 --large 40", 1),
        ("trials.py", "--encoder imdb-v2 --n 1 --pool 420 --batches 1", 2),
        ("gpu.py", "--encoder imdb-v2 --documents 8 --streams 8 --product 256 --runs 1 --text reviews.txt", 4),
    ],
)
def test_script_runs(tmp_path: Path, script: str, arguments: str, n_rows: int) -> None:
    (tmp_path / "reviews.txt").write_text("a slow start but what a finish\nnot for me\n" * 8)
    printed = run(script, *arguments.split(), "--json", tmp_path / "rows.json", folder=tmp_path)

    written = json.loads((tmp_path / "rows.json").read_text())
    assert written["machine"]["cores"] >= 1 and "Python" in written["machine"]["versions"]
    assert len(written["rows"]) == n_rows
    for row in written["rows"]:
        assert set(row) == set(ROW) and row["ours"] > 0 and row["theirs"] > 0
        assert row["ratio"] == pytest.approx(row["ours"] / row["theirs"]) or row["ratio"] == pytest.approx(
            row["theirs"] / row["ours"]
        )
        assert row["name"] in printed
