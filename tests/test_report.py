"""The summary and the table; the pictures are in `test_report_pictures.py`."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from errors_expected import raises
from published_trials import BASIC, ELMO, PUBLISHED, results_of

from trainer import messages
from trainer.errors import TrialsError
from trainer.report import summary, table, write_summary


def test_summary_of_the_published_trials(tmp_path: Path) -> None:
    write_summary(tmp_path, PUBLISHED)

    found = json.loads((tmp_path / "summary.json").read_text())

    assert list(found["models"]) == ["basic", "elmo"]
    assert found["models"]["basic"] == pytest.approx(
        {"n": 10, "mean": 0.652, "sd": 0.10640, "min": 0.476, "max": 0.776}, abs=1e-5
    )
    (pair,) = found["pairs"]
    assert (pair["model"], pair["other"]) == ("elmo", "basic")
    assert (pair["wins"], pair["ties"], pair["losses"], pair["n"]) == (9, 0, 1, 10)
    assert (pair["mean"], pair["sd"]) == pytest.approx((0.1042, 0.10493), abs=1e-5)
    assert pair["p_value"] == 4 / 1024
    assert pair["interval"] == pytest.approx([0.046, 0.169], abs=1e-3)
    assert pair["verdict"].startswith("elmo was better than basic by 10.4 points on average in these 10 trials")


def test_summary_is_strict_json_for_one_trial() -> None:
    found = json.loads(json.dumps(summary(results_of(basic=[70], elmo=[80])), allow_nan=False))

    assert found["models"]["basic"]["sd"] is None
    assert (found["pairs"][0]["interval"], found["pairs"][0]["p_value"]) == (None, None)


def test_pairs_use_the_trials_that_both_have() -> None:
    results = [
        r for r in PUBLISHED if not (r.model == "elmo" and r.trial in (1, 4)) and (r.model, r.trial) != ("basic", 2)
    ]

    (pair,) = summary(results)["pairs"]

    kept = [i for i in range(10) if i + 1 not in (1, 2, 4)]
    assert pair["n"] == 7
    assert pair["mean"] == pytest.approx(np.mean([ELMO[i] - BASIC[i] for i in kept]) / 100)
    assert summary(results)["models"]["elmo"]["n"] == 8


def test_order_of_results_does_not_matter_but_for_models() -> None:
    shuffled = [PUBLISHED[i] for i in [1, 0, *np.random.RandomState(0).permutation(np.arange(2, 20))]]

    assert [pair["model"] for pair in summary(shuffled)["pairs"]] == ["basic"]
    assert table(sorted(shuffled, key=lambda r: r.model)) == table(PUBLISHED)


def test_table_of_the_published_trials() -> None:
    assert table(PUBLISHED).splitlines() == [
        "Accuracy in %",
        "trial         basic          elmo",
        "---------------------------------",
        "    1          73.2          78.0",
        "    2          73.6          75.4",
        "    3          52.4          75.4",
        "    4          47.6          77.8",
        "    5          63.6          75.6",
        "    6          52.6          72.6",
        "    7          77.6          76.8",
        "    8          70.4          75.2",
        "    9          73.0          75.4",
        "   10          68.0          74.0",
        "---------------------------------",
        " mean          65.2          75.6",
        "   sd          10.6           1.6",
        "range  47.6 to 77.6  72.6 to 78.0",
        "",
        "Paired differences in percentage points",
        "              trials   mean    sd  95 % interval        p  better  equal  worse",
        "-------------------------------------------------------------------------------",
        "elmo - basic      10  +10.4  10.5  +4.6 to +16.9  0.00391       9      0      1",
        "",
        "elmo was better than basic by 10.4 points on average in these 10 trials (95 % interval 4.6 to 16.9,",
        "p = 0.00391) and in 9 of them: a difference was shown.",
        "",
        "Interval: bootstrap percentiles of the mean difference, somewhat narrow for few trials. p: two-sided",
        "sign-flip permutation test (exact). No test compares the standard deviations. Interval and p-value",
        "describe variation between training sets only; all trials share one test set.",
    ]


def test_table_of_three_models() -> None:
    lines = table(results_of(basic=BASIC, elmo=ELMO, elmo_only=ELMO[::-1])).splitlines()

    start = lines.index("Paired differences in percentage points") + 3
    names = [line[:17].strip() for line in lines[start : start + 3]]
    assert names == ["elmo - basic", "elmo-only - basic", "elmo-only - elmo"]
    assert "The 3 p-values are not corrected" in " ".join(lines)
    assert max(map(len, lines)) <= 100


def test_table_of_one_model() -> None:
    text = table(results_of(basic=BASIC))

    assert text.endswith("\n\nOnly one model was trained, so there is no comparison.")
    assert "Paired" not in text


def test_table_of_models_without_a_common_trial() -> None:
    results = [PUBLISHED[0], replace(PUBLISHED[1], trial=2)]

    assert "The models have no trial in common, so there is no comparison." in table(results)
    assert "    1          73.2             -" in table(results).splitlines()


def test_table_below_three_trials() -> None:
    text = table(results_of(basic=[70, 71], elmo=[80, 80]))

    assert text.count("too few trials") == 2
    assert "Interval:" not in text
    assert "no difference was shown: fewer than 3 trials" in " ".join(text.split())


def test_p_values_are_not_torn_apart() -> None:
    for n in range(3, 12):
        for length in range(1, 25):
            model = "m" * length
            lines = table(results_of(**{model: ELMO[:n], "basic": BASIC[:n]})).splitlines()
            assert not any(line.endswith((" p", "p =", "p <")) for line in lines)


def test_the_shared_test_documents_are_said_to_be_shared() -> None:
    other = [replace(result, test_hash=f"{result.trial:x}") for result in PUBLISHED]

    assert "all trials share one test set." in " ".join(table(PUBLISHED).split())
    assert "share" not in table(other)


@pytest.mark.parametrize("tell", [table, summary])
def test_no_results(tell: object) -> None:
    with raises(messages.NOTHING_MEASURED, TrialsError):
        tell([])  # type: ignore[operator]
