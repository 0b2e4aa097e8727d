"""The results file: what comes back of it, and what is refused."""

import errno
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from errors_expected import raises
from hypothesis import given, settings
from hypothesis import strategies as st
from published_trials import PUBLISHED

from cache import messages as store
from cache.errors import InvalidValueError, OutputError
from trainer import messages
from trainer.errors import TrialsError
from trainer.runs.results import TrialResult, read_results
from trainer.runs.rows import write_rows

EARLIER = "trial,model,accuracy,best_epoch,epochs,validation_loss,seconds,seed,train_hash,validation_hash,test_hash"
HEADER = f"{EARLIER},macro_f1,log_loss"
LINE = "1,basic,0.732,3,5,0.61,2.5,0,0a,0b,0c,,"


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

    write_rows(path, TrialResult, results)

    assert read_results(path) == results


def test_results_file_spelt_out(path: Path) -> None:
    write_rows(path, TrialResult, [TrialResult(1, "basic", 0.732, 3, 5, 0.61, 2.5, 0, "0a", "0b", "0c")])

    assert path.read_bytes().decode() == f"{HEADER}\n{LINE}\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["trials.csv"]


def test_results_of_earlier_versions_lack_two_columns(path: Path) -> None:
    path.write_text(f"{EARLIER}\n{LINE[:-2]}\n")
    (result,) = read_results(path)
    assert (result.accuracy, result.macro_f1, result.log_loss) == (0.732, None, None)
    write_rows(path, TrialResult, [result, replace(result, trial=2, macro_f1=0.5, log_loss=0.25)])
    assert path.read_text().splitlines()[1:] == [LINE, LINE.replace("1,basic", "2,basic")[:-2] + ",0.5,0.25"]
    assert read_results(path)[0] == result


def test_numpy_numbers_are_written_as_numbers(path: Path) -> None:
    result = replace(PUBLISHED[0], accuracy=np.float64(0.1) * 3, trial=np.int64(2))  # type: ignore[arg-type]

    write_rows(path, TrialResult, [result])

    assert read_results(path) == [replace(PUBLISHED[0], accuracy=0.1 * 3, trial=2)]


def test_no_file_is_no_results(path: Path) -> None:
    assert read_results(path) == []


def test_a_loss_that_is_not_a_number_can_be_read_again(path: Path) -> None:
    write_rows(path, TrialResult, [replace(PUBLISHED[0], validation_loss=float("nan"))])

    assert np.isnan(read_results(path)[0].validation_loss)


def test_what_was_there_stays_if_writing_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(path, TrialResult, PUBLISHED[:1])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with raises(store.DISK_FULL, OutputError, path=path, error="No space left on device"):
        write_rows(path, TrialResult, PUBLISHED)

    assert read_results(path) == PUBLISHED[:1]
    assert [entry.name for entry in path.parent.iterdir()] == ["trials.csv"]


def error(message: str, **data: object) -> InvalidValueError:
    return InvalidValueError(message, **data)


def wrong(name: str, found: str, expected: str) -> InvalidValueError:
    return error(messages.WRONG_VALUE, name=name, found=found, expected=expected)


def impossible(name: str, found: str) -> InvalidValueError:
    return error(messages.IMPOSSIBLE, name=name, found=found)


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ("", 1, error(messages.COLUMNS, found="missing")),
        (f"{HEADER[:-1]}\n", 1, error(messages.COLUMNS, found=HEADER[:-1], expected=HEADER)),
        (f"{HEADER}\n{LINE}\n{LINE[:-1]}\n", 3, error(messages.N_VALUES, found=12, expected=13)),
        (f"{HEADER}\n{LINE},1\n", 2, error(messages.N_VALUES, found=14, expected=13)),
        (f"{HEADER}\n\n{LINE}\n", 2, error(messages.N_VALUES, found=0, expected=13)),
        (f"{HEADER}\n{LINE}", 2, error(messages.CUT_SHORT)),
        (HEADER, 1, error(messages.CUT_SHORT)),
        (f"{HEADER}\n{LINE}\n{LINE}\n", 3, error(messages.TRIAL_TWICE, trial=1, name="basic")),
        (
            f"{HEADER}\n{LINE.replace('0.732', 'high')}\n",
            2,
            wrong("accuracy", "'high'", "float"),
        ),
        (f"{HEADER}\n{LINE.replace('0.732', '73.2')}\n", 2, impossible("accuracy", "73.2")),
        (f"{HEADER}\n{LINE.replace('0.732', 'nan')}\n", 2, impossible("accuracy", "nan")),
        (
            f"{HEADER}\n{LINE.replace('1,basic', '1.5,basic')}\n",
            2,
            wrong("trial", "'1.5'", "int"),
        ),
        (f"{HEADER}\n{LINE.replace('1,basic', '0,basic')}\n", 2, impossible("trial", "0")),
        (f"{HEADER}\n{LINE.replace('basic', '')}\n", 2, impossible("model", "''")),
        (f"{HEADER}\n{LINE.replace(',3,5,', ',6,5,')}\n", 2, impossible("best_epoch", "6")),
        (f"{HEADER}\n{LINE.replace(',3,5,', ',0,5,')}\n", 2, impossible("best_epoch", "0")),
        (f"{HEADER}\n{LINE.replace('2.5', '-2.5')}\n", 2, impossible("seconds", "-2.5")),
        (f"{HEADER}\n{LINE.replace(',0,0a', ',-1,0a')}\n", 2, impossible("seed", "-1")),
        (f"{HEADER}\n{LINE}1.5\n".replace(",,1.5", ",1.5,"), 2, impossible("macro_f1", "1.5")),
        (f"{HEADER}\n{LINE}-1\n", 2, impossible("log_loss", "-1.0")),
        (f"{EARLIER}\n{LINE}\n", 2, error(messages.N_VALUES, found=13, expected=11)),
        (f"{HEADER}\n{LINE.replace('0b', 'xyz')}\n", 2, impossible("validation_hash", "'xyz'")),
        (f'{HEADER}\n{LINE}\n2,"basic{LINE[7:]}\n', 3, re.compile("^unexpected end of data")),
    ],
)
def test_damaged_results(path: Path, content: str, line: int, what: object) -> None:
    path.write_text(content)

    with raises(messages.ROW_INVALID, TrialsError, where=f"{path}, line {line}", error=what):
        read_results(path)


def test_results_that_are_not_text(path: Path) -> None:
    path.write_bytes(f"{HEADER}\n".encode() + b"1,b\xff,")

    not_text = error(messages.NOT_UTF8_BYTE, n=len(HEADER) + 4)
    with raises(messages.ROW_INVALID, TrialsError, where=f"{path}, line 2", error=not_text):
        read_results(path)


def test_results_that_are_a_folder(path: Path) -> None:
    path.mkdir()

    with raises(messages.CANNOT_READ, TrialsError, path=path, error="Is a directory"):
        read_results(path)
