"""The pictures: every number in them, legible, without pyplot."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from errors_expected import raises
from published_trials import BASIC, ELMO, PUBLISHED, results_of

from trainer import messages, report
from trainer.errors import TrialsError
from trainer.report import plot
from trainer.runs.results import TrialResult


def pixels(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return imread(path)


SEVEN = ("basic", "elmo", "elmo_only", "elmo_lstm", "tfidf_lr", "static_lr", "elmo_lr")
RUNS = {
    "published": {"results": PUBLISHED},
    "three models": {"results": results_of(basic=BASIC, elmo=ELMO, elmo_only=ELMO[::-1])},
    "two runs": {
        "one": PUBLISHED,
        "another, with a name that is longer than a line": results_of(basic=BASIC, elmo=ELMO, elmo_only=ELMO[::-1]),
    },
    "one trial of one model": {"": results_of(basic=[70])},
    "ties": {"results": results_of(basic=BASIC, elmo=BASIC)},
    "holes": {"results": PUBLISHED[:-1]},
    "names like markup": {"a_$x^{$": results_of(**{"$m$": [1, 99.8], "m_{": [50, 50]})},
    "seven models": {"results": results_of(**{name: BASIC for name in SEVEN})},
    "a long name of one's own": {"results": results_of(basic=BASIC, elmo=ELMO, **{"a_rather_long_name" * 4: ELMO})},
    "six runs": {f"results-with-a-name-{i}": results_of(basic=BASIC, elmo=ELMO) for i in range(6)},
    "six runs of six": {f"run {i}": results_of(**{name: BASIC for name in SEVEN[1:]}) for i in range(6)},
    "six runs of seven": {f"run {i}": results_of(**{name: BASIC for name in SEVEN}) for i in range(6)},
}


@pytest.mark.parametrize("runs", RUNS.values(), ids=RUNS)
def test_pictures(tmp_path: Path, runs: dict[str, list[TrialResult]]) -> None:
    plot(runs, tmp_path / "accuracies.png")
    height, width, _ = pixels(tmp_path / "accuracies.png").shape

    many_models = len(runs) == 1 and any(len({r.model for r in results}) > 4 for results in runs.values())
    assert (width, height) == ((1600, 1600) if many_models else (1600, 920)), "as wide as a page"
    assert [entry.name for entry in tmp_path.iterdir()] == ["accuracies.png"]


@pytest.mark.filterwarnings("error")
def test_pictures_show_every_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *args: object, **kwargs: object) -> None:
        figures.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", keep)
    plot({"results": PUBLISHED[:-1]}, tmp_path / "accuracies.png")

    (figure,) = figures
    boxes, pairs = figure.axes
    assert figure.get_suptitle() == "results\nn = 10, mean ± sd in %: basic 65.2 ± 10.6; elmo 75.8 ± 1.6 (n = 9)"
    for ax in (boxes, pairs):
        assert ax.get_ylabel() == "accuracy (% of test documents)"
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["basic", "elmo"]
        points = [line.get_ydata() for line in ax.lines if line.get_marker() == "o"]
        assert np.allclose(np.concatenate(points), [*BASIC, *ELMO[:-1]])
        assert ax.get_ylim() == pytest.approx((47.6 - 3, 78 + 3))
        assert [line.get_ydata() for line in ax.lines if line.get_label() == "chance"] == [[50, 50]]
    joined = {
        tuple(np.round(line.get_ydata(), 1)): line.get_linestyle()
        for line in pairs.lines
        if np.array_equal(line.get_xdata(), [0, 1]) and line.get_marker() != "o" and line.get_label() != "chance"
    }
    assert joined == {
        (one, other): "-" if other > one else "--" for one, other in zip(BASIC[:-1], ELMO[:-1], strict=True)
    }


@pytest.mark.slow
def test_nothing_overlaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

    def check(figure: Figure, *args: object, **kwargs: object) -> None:
        figure.draw_without_rendering()
        boxes = [ax.get_tightbbox() for ax in figure.axes]
        boxes += [figure.legends[0].get_window_extent()]
        boxes += [figure._suptitle.get_window_extent()] if figure._suptitle else []
        assert not any(Bbox.intersection(a, b) for i, a in enumerate(boxes) for b in boxes[:i])
        for box in boxes:
            assert box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1
            assert box.y0 >= 0 and box.y1 <= figure.bbox.y1
        for ax in figure.axes:
            names = [label.get_window_extent() for label in ax.get_xticklabels()]
            assert all(one.x1 <= other.x0 + 1 for one, other in pairwise(names))

    monkeypatch.setattr(Figure, "savefig", check)
    for runs in RUNS.values():
        plot(runs, tmp_path / "accuracies.png")


def test_a_line_of_guessing_far_below_leaves_room(tmp_path: Path) -> None:
    near, far = results_of(elmo=[55, 70, 80]), results_of(elmo=[85, 86, 88])
    for results, is_drawn in ((near, True), (far, False)):
        plot({"one": results, "other": results}, tmp_path / "a.svg")
        assert ("<!-- chance -->" in (tmp_path / "a.svg").read_text()) == is_drawn


def test_the_same_results_give_the_same_picture(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        plot({"results": PUBLISHED}, tmp_path / name)

    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_picture_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "accuracies.png").write_text("old")

    for runs, message in (({}, messages.NOTHING_TO_DRAW), ({"empty": []}, messages.NOTHING_MEASURED)):
        with raises(message, TrialsError):
            plot(runs, tmp_path / "accuracies.png")
    assert (tmp_path / "accuracies.png").read_text() == "old"


def test_plotting_needs_no_pyplot_and_reporting_no_matplotlib(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from trainer.report import plot, table
from trainer.runs.results import TrialResult
results = [TrialResult(1, "basic", 0.5, 1, 1, 0.5, 1.0, 0, "a", "b", "c")]
table(results)
assert not {"matplotlib", "keras", "tensorflow", "elmo_cache", "scipy"} & set(sys.modules)
plot({"": results}, Path(sys.argv[1]))
assert "matplotlib" in sys.modules
assert not {"matplotlib.pyplot", "keras", "tensorflow", "elmo_cache"} & set(sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a.png"],
        cwd=Path(report.__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert result.returncode == 0, result.stderr
