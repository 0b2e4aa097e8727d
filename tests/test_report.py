"""The results file, the summary and the table; the pictures are in `test_report_pictures.py`."""

import errno
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache import CacheError
from cache.errors import OutputError
from trainer.errors import TrialsError
from trainer.report import TrialResult, read_results, summary, table, write_results, write_summary

# notebook.md: ten trials of the notebook, in percent.
BASIC = [73.2, 73.6, 52.4, 47.6, 63.6, 52.6, 77.6, 70.4, 73.0, 68.0]
ELMO = [78.0, 75.4, 75.4, 77.8, 75.6, 72.6, 76.8, 75.2, 75.4, 74.0]

HEADER = "trial,model,accuracy,best_epoch,epochs,validation_loss,seconds,seed,train_hash,validation_hash,test_hash"
LINE = "1,basic,0.732,3,5,0.61,2.5,0,0a,0b,0c"


def results_of(**percents: Sequence[float]) -> list[TrialResult]:
    """Results trial by trial, as `elmo-train trials` finds them."""
    n_trials = max(map(len, percents.values()))
    return [
        TrialResult(
            trial + 1, model.replace("_", "-"), found[trial] / 100, 3, 5, 0.61, 2.5, 0, f"{trial:x}a", "0b", "c"
        )
        for trial in range(n_trials)
        for model, found in percents.items()
        if trial < len(found)
    ]


PUBLISHED = results_of(basic=BASIC, elmo=ELMO)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trials.csv"


some_hash = st.text("0123456789abcdef", min_size=1, max_size=12)
some_results = st.lists(
    st.builds(
        lambda trial, model, accuracy, epochs, loss, seconds, seed, *hashes: TrialResult(
            trial, model, accuracy, *epochs, loss, seconds, seed, *hashes
        ),
        st.integers(1, 50),
        st.sampled_from(["basic", "elmo", "a,b", 'quo"te', "é 中"]),
        st.floats(0, 1),
        st.tuples(st.integers(1, 100), st.integers(1, 100)).map(sorted),
        st.floats(0, allow_infinity=True),
        st.floats(0, 1e6),
        st.integers(0, 2**63 - 1),
        some_hash,
        some_hash,
        some_hash,
    ),
    max_size=8,
    unique_by=lambda result: (result.trial, result.model),
)


@given(some_results)
@settings(max_examples=40)
def test_results_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, results: list[TrialResult]) -> None:
    path = tmp_path_factory.mktemp("csv") / "trials.csv"

    write_results(path, results)

    assert read_results(path) == results


def test_results_file_spelt_out(path: Path) -> None:
    write_results(path, [TrialResult(1, "basic", 0.732, 3, 5, 0.61, 2.5, 0, "0a", "0b", "0c")])

    assert path.read_bytes().decode() == f"{HEADER}\n{LINE}\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["trials.csv"]


def test_numpy_numbers_are_written_as_numbers(path: Path) -> None:
    result = replace(PUBLISHED[0], accuracy=np.float64(0.1) * 3, trial=np.int64(2))  # type: ignore[arg-type]

    write_results(path, [result])

    assert read_results(path) == [replace(PUBLISHED[0], accuracy=0.1 * 3, trial=2)]


def test_no_file_is_no_results(path: Path) -> None:
    assert read_results(path) == []


def test_a_loss_that_is_not_a_number_can_be_read_again(path: Path) -> None:
    write_results(path, [replace(PUBLISHED[0], validation_loss=float("nan"))])

    assert np.isnan(read_results(path)[0].validation_loss)


def test_what_was_there_stays_if_writing_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(path, PUBLISHED[:1])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        write_results(path, PUBLISHED)

    assert read_results(path) == PUBLISHED[:1]
    assert [entry.name for entry in path.parent.iterdir()] == ["trials.csv"]


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ("", 1, "the columns are missing"),
        (f"{HEADER[:-1]}\n", 1, "the columns are trial,model,.*test_has, expected trial,model,.*test_hash"),
        (f"{HEADER}\n{LINE}\n{LINE[:-3]}\n", 3, "10 values, expected 11"),
        (f"{HEADER}\n{LINE},1\n", 2, "12 values, expected 11"),
        (f"{HEADER}\n\n{LINE}\n", 2, "0 values, expected 11"),
        (f"{HEADER}\n{LINE}", 2, "the line is cut short"),
        (HEADER, 1, "the line is cut short"),
        (f"{HEADER}\n{LINE}\n{LINE}\n", 3, "trial 1 of basic is there twice"),
        (f"{HEADER}\n{LINE.replace('0.732', 'high')}\n", 2, "accuracy is 'high', expected float"),
        (f"{HEADER}\n{LINE.replace('0.732', '73.2')}\n", 2, "accuracy is 73.2"),
        (f"{HEADER}\n{LINE.replace('0.732', 'nan')}\n", 2, "accuracy is nan"),
        (f"{HEADER}\n{LINE.replace('1,basic', '1.5,basic')}\n", 2, "trial is '1.5', expected int"),
        (f"{HEADER}\n{LINE.replace('1,basic', '0,basic')}\n", 2, "trial is 0"),
        (f"{HEADER}\n{LINE.replace('basic', '')}\n", 2, "model is ''"),
        (f"{HEADER}\n{LINE.replace(',3,5,', ',6,5,')}\n", 2, "best_epoch is 6"),
        (f"{HEADER}\n{LINE.replace(',3,5,', ',0,5,')}\n", 2, "best_epoch is 0"),
        (f"{HEADER}\n{LINE.replace('2.5', '-2.5')}\n", 2, "seconds is -2.5"),
        (f"{HEADER}\n{LINE.replace(',0,0a', ',-1,0a')}\n", 2, "seed is -1"),
        (f"{HEADER}\n{LINE.replace('0b', 'xyz')}\n", 2, "validation_hash is 'xyz'"),
        (f'{HEADER}\n{LINE}\n2,"basic{LINE[7:]}\n', 3, "unexpected end of data"),
    ],
)
def test_damaged_results(path: Path, content: str, line: int, what: str) -> None:
    path.write_text(content)

    with pytest.raises(TrialsError, match=rf"trials\.csv, line {line}: {what}.*; repair that line, or") as error:
        read_results(path)

    assert "\n" not in str(error.value)
    assert isinstance(error.value, CacheError)


def test_results_that_are_not_text(path: Path) -> None:
    path.write_bytes(f"{HEADER}\n".encode() + b"1,b\xff,")

    with pytest.raises(TrialsError, match="line 2: byte .* is not UTF-8"):
        read_results(path)


def test_results_that_are_a_folder(path: Path) -> None:
    path.mkdir()

    with pytest.raises(TrialsError, match="cannot be read: Is a directory"):
        read_results(path)


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
        "sign-flip permutation test (exact). No test compares the standard deviations. All trials share their",
        "test documents: interval and p speak of other training sets alone.",
    ]


def test_table_of_three_models() -> None:
    lines = table(results_of(basic=BASIC, elmo=ELMO, elmo_only=ELMO[::-1])).splitlines()

    start = lines.index("Paired differences in percentage points") + 3
    names = [line[:17].strip() for line in lines[start : start + 3]]
    assert names == ["elmo - basic", "elmo-only - basic", "elmo-only - elmo"]
    assert "corrected for there being 3 of them" in " ".join(lines)
    assert max(map(len, lines)) <= 100


def test_table_of_one_model() -> None:
    text = table(results_of(basic=BASIC))

    assert text.endswith("\n\nNo two models have a trial in common: there is nothing to compare.")
    assert "Paired" not in text


def test_table_of_models_without_a_common_trial() -> None:
    results = [PUBLISHED[0], replace(PUBLISHED[1], trial=2)]

    assert "No two models have a trial in common" in table(results)
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

    assert "share their test documents" in " ".join(table(PUBLISHED).split())
    assert "share" not in table(other)


@pytest.mark.parametrize("tell", [table, summary])
def test_no_results(tell: object) -> None:
    with pytest.raises(TrialsError, match="there are no results"):
        tell([])  # type: ignore[operator]
