"""`encoders --check` of any encoder: a report to paste, whose numbers are the oracle's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import error_of, run_cache
from errors_expected import said
from tiny_elmo import OPTIONS, expected_layers, tiny_encoder, write_elmo

from elmo_cache import load_encoder, messages
from elmo_cache.encoders import report, speed
from elmo_cache.encoders.report import SENTENCES, Summary, compare_with_allennlp, off_float64, summaries, versions


@pytest.fixture
def elmo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setattr(speed, "LONG_ENOUGH_S", 0.0)
    return write_elmo(tmp_path / "elmo", OPTIONS)


def lines_by_allennlp(layers: list[np.ndarray]) -> list[list[float]]:
    """Return the numbers that the printed program would print, from vectors as AllenNLP returns them."""
    return [
        [float(np.linalg.norm(x)), float(x.ravel() @ np.cos(np.arange(x.size))), *x[0, :3]]
        for of_sentence in layers
        for x in [*of_sentence, of_sentence.mean(0)]
    ]


@pytest.mark.slow
def test_the_report(elmo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("elmo_cache.encoders.devices._gpu_is_present", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    result = run_cache("encoders", "--check", elmo)

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == versions() and lines[0].startswith("elmo-cache 0.") and ", Python 3." in lines[0]
    weights = tiny_encoder().description["weights"][:16]
    assert lines[1:4] == [
        f"  encoder   elmo 2x12_6, 2x12_6, weights {weights}",
        "  device    CPU, Keras on tensorflow",
        "  packing   128 streams, 16 steps",
    ]
    assert "which is not used, so this may take very long: CUDA_VISIBLE_DEVICES hides it" in result.stderr
    precisions = {line.split()[0]: line for line in lines[4:8]}
    assert precisions["float32"].endswith(" words/s")
    assert precisions["tf32"].endswith(f"not here: {said(messages.NO_TF32, found='CPU')}")
    assert "words/s, a word's vector at most " in precisions["bfloat16"]
    begin = lines.index(SENTENCES[0])
    table = lines[begin : begin + 5 * len(SENTENCES)]
    assert table[::5] == list(SENTENCES)
    rows = [line.split() for line in table if line not in SENTENCES]
    assert [row[0] for row in rows] == ["0", "1", "2", "mix"] * len(SENTENCES)
    expected = lines_by_allennlp(expected_layers(elmo, [text.split(" ") for text in SENTENCES]))
    np.testing.assert_allclose(np.array([row[1:] for row in rows], float), expected, atol=3e-5)
    assert result.stdout.endswith(f"\n\n{compare_with_allennlp()}\n")


def test_a_wrong_vector_changes_the_numbers() -> None:
    found, other = list(summaries(tiny_encoder(layers="all"))), list(summaries(tiny_encoder(layers="all")))
    assert found == other
    summary = found[1]
    vectors = np.random.default_rng(0).standard_normal((5, 12))
    for changed in (vectors[::-1], np.roll(vectors, 6, axis=1), vectors + 1e-3):
        a, b = (type(summary).of("", "1", x) for x in (vectors, changed))
        assert abs(a.checksum - b.checksum) > 1e-4


def test_the_program_for_allennlp_is_one() -> None:
    text = compare_with_allennlp()
    program = text[text.index("import numpy") : text.index("In float32")]
    compile(program, "allennlp", "exec")
    assert all(repr(sentence) in program for sentence in SENTENCES)


def test_what_cannot_be_checked() -> None:
    expected = said(messages.NO_ENCODER_AT, name="nothing", expected="imdb-v3")
    assert error_of(run_cache("encoders", "--check", "nothing")) == f"Error: {expected}"


@pytest.mark.slow
def test_the_embedded_encoder_is_held_against_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(report.__file__).parent / "embedded" / "imdb-v3"
    layers = expected_layers(folder, [text.split(" ") for text in SENTENCES])
    expected = [
        Summary.of(text, name, x)
        for text, of_sentence in zip(SENTENCES, layers, strict=True)
        for name, x in zip(["0", "1", "2", "mix"], [*of_sentence, of_sentence.mean(0)], strict=True)
    ]
    weights = load_encoder("imdb-v3").description["weights"]
    off_by = off_float64(weights, expected)
    assert off_by is not None and off_by < 1e-7
    assert off_float64(weights[::-1], expected) is None
    # As TF32 would be off: inputs of products with 10 bits.
    tf32 = [replace(summary, checksum=summary.checksum + 1e-4 * summary.norm) for summary in expected]
    assert (off_float64(weights, tf32) or 0.0) > report.TOLERANCE

    monkeypatch.setattr("elmo_cache.commands.encoders._speeds", lambda name: [("float32", "not measured")])
    result = run_cache("encoders", "--check", "imdb-v3")
    assert result.exit_code == 0 and "\nagrees with float64 (within 1e-05 of the norm): yes, " in result.stdout
    monkeypatch.setattr(report, "_IN_FLOAT64", {weights[:16]: (1.0,) * len(expected)})
    result = run_cache("encoders", "--check", "imdb-v3")
    assert result.exit_code == 1 and "\nagrees with float64 (within 1e-05 of the norm): no, " in result.stdout
