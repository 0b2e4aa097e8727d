"""Worker processes have the encoder of the driver, or refuse: after a change of weights, and in any folder."""

import contextlib
from pathlib import Path

import numpy as np
from errors_expected import raises
from tiny_elmo import write_elmo
from worker_encoder import FileSource, corpus

from cache import FeatureCache
from elmo_cache import EncoderError, build, load_encoder, messages


def weights_in(path: Path) -> set[float]:
    with FeatureCache(path) as features:
        return {float(x) for name in features for i in range(len(features[name])) for x in features[name][i][:, 0]}


def test_weights_that_are_replaced_between_two_builds(tmp_path: Path) -> None:
    """The pool of worker processes is the same in both builds."""
    source = FileSource(str(tmp_path / "weight"))
    for weight in (1.0, 2.0, 3.0):
        (tmp_path / "weight").write_text(str(weight))
        out = tmp_path / f"c{weight}"
        build(corpus(), source(), out, shard_tokens=20, workers=2).close()
        assert weights_in(out) == {weight}
        with FeatureCache(out) as features:
            assert features.encoding["encoder"]["weight"] == weight


def test_weights_that_are_replaced_before_the_workers_load_them(tmp_path: Path) -> None:
    source = FileSource(str(tmp_path / "weight"))
    (tmp_path / "weight").write_text("1.0")
    encoder = source()
    (tmp_path / "weight").write_text("2.0")
    with raises(messages.OTHER_ENCODER, EncoderError, name="file"):
        build(corpus(), encoder, tmp_path / "c", shard_tokens=20, workers=2)
    assert not list((tmp_path / "c").glob("*-0*.h5")), "no shard was made"


def test_a_folder_with_the_name_of_an_embedded_encoder(tmp_path: Path) -> None:
    write_elmo(tmp_path / "imdb-v3")
    with contextlib.chdir(tmp_path):
        with raises(messages.TWO_ENCODERS, EncoderError, name="imdb-v3", expected="embedded:imdb-v3"):
            load_encoder("imdb-v3")
        assert load_encoder("./imdb-v3").dim == load_encoder(Path("imdb-v3")).dim == 12
        embedded = load_encoder("embedded:imdb-v3")
    assert embedded.dim == 256 and embedded.name == "imdb-v3" and embedded.tokenizer == "keras"
    assert load_encoder("imdb-v3").source == embedded.source


def test_a_folder_that_is_called_original(tmp_path: Path) -> None:
    write_elmo(tmp_path / "original")
    with contextlib.chdir(tmp_path):
        url = "https://tfhub.dev/google/elmo/3"
        with raises(messages.TWO_ENCODERS, EncoderError, name="original", expected=url):
            load_encoder("original")
        assert load_encoder("./original").dim == 12


def test_workers_in_another_folder_load_what_the_driver_loaded(tmp_path: Path) -> None:
    write_elmo(tmp_path / "elmo")
    write_elmo(tmp_path / "elsewhere" / "imdb-v3")
    with contextlib.chdir(tmp_path):
        relative, embedded = load_encoder("elmo"), load_encoder("imdb-v3")
    with contextlib.chdir(tmp_path / "elsewhere"):
        for encoder in (relative, embedded):
            again = encoder.source()
            assert again.description == encoder.description and again.source == encoder.source
    words = [["a", "film"]]
    np.testing.assert_array_equal(relative.encode(words)[0], relative.source().encode(words)[0])
