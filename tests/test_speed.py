"""How long a build takes, from a measurement of a few seconds that is kept for this machine."""

import re
from pathlib import Path

import pytest
from commands import error_of, run_cache
from errors_expected import said
from tiny_elmo import OPTIONS, SMALL, tiny_encoder, write_elmo

from cache.runtime.downloads import user_folder
from elmo_cache import messages
from elmo_cache.encoders import speed
from elmo_cache.encoders.speed import known_speeds, measure_speed, remember_speed


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setattr(speed, "LONG_ENOUGH_S", 0.0)


def test_words_a_second_are_words_by_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that stands still but for one second at each look, as in a call that takes a second."""
    encoder, encoded = tiny_encoder(n_streams=3, time_chunk=5), []
    seconds = iter(range(100))
    monkeypatch.setattr(speed.time, "perf_counter", lambda: float(next(seconds)))

    def encode(documents: list[list[str]], progress: object) -> None:
        encoded.append([len(document) for document in documents])

    monkeypatch.setattr(encoder, "encode", encode)
    monkeypatch.setattr(speed, "LONG_ENOUGH_S", 1.0)
    assert measure_speed(encoder) == 3 * 8
    # Two chunks of five steps, less the marks at both ends; once before, to load and compile.
    assert encoded == [[8, 8, 8]] * 2


def test_a_speed_is_that_of_an_architecture_and_a_precision() -> None:
    description, other = tiny_encoder().description, tiny_encoder(options=SMALL).description
    assert known_speeds(description) == {}

    assert remember_speed(description, 1234.5)
    assert remember_speed({**description, "precision": "bfloat16"}, 2000.0)
    assert remember_speed(other, 99.0)

    assert known_speeds(description) == {"float32": 1234.5, "bfloat16": 2000.0}
    assert known_speeds({**description, "weights": "others", "precision": "bfloat16"}) == known_speeds(description)
    assert known_speeds(other) == {"float32": 99.0}
    assert known_speeds({"model": "one that is not ours"}) == {}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": -1}', b'{"a": NaN}', b"\xff", b'{"a": "1"}'])
def test_a_file_that_makes_no_sense_is_as_none(content: bytes) -> None:
    user_folder().mkdir(parents=True)
    (user_folder() / "speeds.json").write_bytes(content)
    assert known_speeds(tiny_encoder().description) == {}
    assert remember_speed(tiny_encoder().description, 5.0) and known_speeds(tiny_encoder().description) == {
        "float32": 5.0
    }


def test_measured_by_the_command_and_shown_in_the_next_plan(tmp_path: Path) -> None:
    folder = write_elmo(tmp_path / "elmo", OPTIONS)
    (tmp_path / "r.txt").write_text("one two three\n" * 1000)
    plan = ("build", tmp_path / "c", "--corpus", tmp_path / "r.txt", "--encoder", folder, "--dry-run")
    before = run_cache(*plan).stdout
    assert f"  time     not known here: `elmo-cache encoders --measure {folder}` measures it in seconds\n" in before

    done = run_cache("encoders", "--measure", folder)
    assert done.exit_code == 0 and re.search(r"^  float32 +[\d,]+ words/s  ", done.stdout, re.MULTILINE)
    assert f"  tf32      not here: {said(messages.NO_TF32, found='CPU')}\n" in done.stdout

    speeds = known_speeds(tiny_encoder().description)
    assert set(speeds) == {"float32", "bfloat16"}
    remember_speed(tiny_encoder().description, 10.0)
    after = run_cache(*plan).stdout
    faster = speeds["bfloat16"] / 10
    assert (
        "  time     about 5 minutes in one process, at 10 words/s in float32; "
        f"{faster:.1f} times as fast here: --precision bfloat16\n"
    ) in after


@pytest.mark.slow
def test_where_it_cannot_be_kept_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "user").write_text("not a folder")
    done = run_cache("encoders", "--measure", write_elmo(tmp_path / "elmo", OPTIONS))
    assert done.exit_code == 0 and f"Warning: {user_folder()} cannot be written to" in done.stderr


def test_what_cannot_be_measured(tmp_path: Path) -> None:
    expected = said(messages.NO_ENCODER_AT, name="nothing", expected="imdb-v3")
    assert error_of(run_cache("encoders", "--measure", "nothing")) == f"Error: {expected}"
