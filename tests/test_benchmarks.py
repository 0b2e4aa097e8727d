"""The benchmarks run at their smallest sizes, and their rows become a page and a picture."""

import importlib.util
import json
import lzma
import os
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


def run(script: str, *arguments: str | Path, folder: Path | None = None, **environment: str) -> str:
    command = [sys.executable, str(BENCHMARKS / script), *map(str, arguments)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=900, cwd=folder, env={**os.environ, **environment}
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def write_rows(path: Path, *rows: dict[str, Any], machine: dict[str, Any] = MACHINE, **more: Any) -> Path:
    run = {"script": path.stem, "machine": machine, "date": "2024-05-06", "rows": [{**ROW, **row} for row in rows]}
    run |= more
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
        write_rows(tmp_path / "other.json", {"name": "elsewhere"}, machine={**MACHINE, "cpu": "Another"}),
        write_rows(
            tmp_path / "gpu.json",
            {"name": "on the card"},
            machine={**MACHINE, "gpu": "A card, 80 GB"},
            missing={"trials": "ValueError: no cache"},
        ),
    ]
    page, picture = tmp_path / "results.md", tmp_path / "images" / "benchmarks.png"

    run("report.py", *files, "--page", page, "--picture", picture)

    text = page.read_text()
    text = text.removesuffix((BENCHMARKS / "notes.md").read_text())
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    reach = {cells[1]: cells[5] for cells in ([cell.strip() for cell in line.split("|")] for line in lines)}
    assert reach == {
        "": "target",
        "low reached": "at least 3: yes",
        "low missed": "at least 3: **no**",
        "high missed": "at most 0.6: **no**",
        "high reached": "at most 0.6: yes",
        "both missed": "0.9 to 1.1: **no**",
        "for information": "",
        "elsewhere": "at least 3: yes",
        "on the card": "at least 3: yes",
    }
    assert text.index("## A processor") < text.index("low reached") < text.index("## Another") < text.index("elsewhere")
    assert "2 cores, 16 GB" in text and "Python 3.11.7, keras 3.9.0" in text and "2024-05-06" in text
    assert "(`reads.py`, median of 3 runs): ours, against theirs. A note." in text
    assert text.index("## A card, 80 GB") < text.index("- A processor\n") < text.index("on the card")
    assert "- Not measured: **trials**: ValueError: no cache" in text
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "arguments", "n_rows"),
    [
        ("limit.py", "--encoder imdb-v3 --reviews 8 --runs 1 --precision float32 --product 256 --profile", 1),
        ("extraction.py", "--reviews 20 --runs 1", 1),
        ("reuse.py", "--reviews 20 --runs 1", 1),
        ("training.py", "--reviews 16 --runs 1", 2),
        ("reads.py", "--gigabytes 0.02 --reads 20 --runs 1", 5),
        ("memory.py", "--small 20 --large 40", 1),
        ("trials.py", "--encoder imdb-v3 --n 1 --pool 420 --batches 1", 2),
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


needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed (extra `jax`)")
ON_JAX = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}

STEPS = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import gpu
from common import Row

path = Path(sys.argv[2])
rows = lambda name: [Row(name, "ours", "theirs", 1.0, 2.0, 0.5, (None, None), "s", 1)]
seen = []
def look():
    seen.append(json.loads(path.read_text()))
    return rows("third")
def fail():
    raise ValueError("broken\\nin two lines")
def late():
    gpu.time.monotonic = lambda: 1e9
    return rows("fourth")
steps = {"one": lambda: rows("first"), "two": fail, "three": look, "four": late, "five": lambda: rows("fifth")}
gpu.run_steps(steps, "A card", gpu.time.monotonic(), 60.0, path)
print(json.dumps(seen))
"""


@needs_jax
def test_gpu_keeps_what_it_has(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", STEPS, str(BENCHMARKS), str(tmp_path / "gpu.json")],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **ON_JAX},
    )
    assert result.returncode == 0, result.stderr
    (before,) = json.loads(result.stdout.splitlines()[-1])
    written = json.loads((tmp_path / "gpu.json").read_text())

    assert [row["name"] for row in before["rows"]] == ["first"]
    assert before["missing"] == {"two": "ValueError: broken in two lines"}
    assert [row["name"] for row in written["rows"]] == ["first", "third", "fourth"]
    assert written["missing"] == {**before["missing"], "five": "the time was up"}
    assert list(written["seconds"]) == ["one", "two", "three", "four"]
    assert written["machine"]["gpu"] == "A card"
    assert "NOT MEASURED" in result.stdout and "fail()" not in result.stdout


@needs_jax
@pytest.mark.slow
def test_gpu_wants_a_gpu(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(BENCHMARKS / "gpu.py"), "--json", str(tmp_path / "gpu.json")],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **ON_JAX},
    )

    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("Error: JAX finds no GPU here")
    assert not (tmp_path / "gpu.json").exists()


@needs_jax
@pytest.mark.slow
def test_gpu_rehearsed_without_tensorflow(tmp_path: Path) -> None:
    for name in ("tensorflow", "tensorflow_hub", "tf_keras", "torch"):  # of child processes too
        (tmp_path / "blocked" / name).mkdir(parents=True)
        (tmp_path / "blocked" / name / "__init__.py").write_text(f"raise ModuleNotFoundError('no {name} here')")
    lines = "".join(f"film number {i} is {('great', 'dull', 'long')[i % 3]}\n" for i in range(60))
    (tmp_path / "lines.txt.xz").write_bytes(lzma.compress(lines.encode()))
    path = os.pathsep.join([str(tmp_path / "blocked"), str(BENCHMARKS.parent)])

    run(
        "gpu.py",
        "--rehearse",
        "--text",
        tmp_path / "lines.txt.xz",
        "--json",
        tmp_path / "gpu.json",
        PYTHONPATH=path,
        **ON_JAX,
    )

    written = json.loads((tmp_path / "gpu.json").read_text())
    rows = {row["name"]: row for row in written["rows"]}
    assert len(rows) == len(written["rows"])
    for precision in ("float32", "bfloat16"):
        assert rows[f"{precision} against the oracle, small size, float32 vectors"]["ratio"] <= 1
        assert rows[f"{precision}, 4 streams"]["ours"] > 0
    assert rows["all of IMDB to disk, float32"]["ours"] > 0 and rows["1 trials"]["ours"] > 0
    # A processor has no TF32.
    assert all(why.startswith("EncoderError: precision") for why in written["missing"].values()), written["missing"]


@pytest.mark.slow
def test_gpu_tensorflow_rehearsed(tmp_path: Path) -> None:
    (tmp_path / "reviews.txt").write_text("a slow start but what a finish\nnot for me\n" * 40)
    text, rows = tmp_path / "reviews.txt", tmp_path / "rows.json"

    run("gpu_tensorflow.py", "--rehearse", "--text", text, "--json", rows, folder=tmp_path)

    written = json.loads(rows.read_text())
    assert not written["machine"].get("missing") and not written.get("missing")
    names = [row["name"] for row in written["rows"]]
    assert [name for name in names if name.startswith("TensorFlow")] == [
        f"TensorFlow, {precision}, 4 streams" for precision in ("float32", "float16", "tf32", "bfloat16")
    ]
    within = {row["name"]: row["ratio"] for row in written["rows"] if "oracle" in row["name"]}
    assert len(within) == 8 and max(within.values()) < 1.0
    assert all("Compiled by XLA" in row["note"] for row in written["rows"] if row["name"].startswith("TensorFlow"))
