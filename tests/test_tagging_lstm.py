"""The LSTM of `elmo-train tag`: against NumPy, whatever the padding, and from the first weights in every trial."""

from collections.abc import Sequence

import numpy as np
import pytest
from small_cache import write_cache

from cache import FeatureCache, Split
from cache.adapters.keras import PaddedBatches
from trainer.tagging import probes

WORDS = ("a", "b", "of", "no", "the", "cat")
TAGS = ("", "one", "two")  # a word of three letters has no tag
N_SENTENCES = 40


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Split:
    rng = np.random.default_rng(0)
    drawn = [[WORDS[k] for k in rng.integers(0, 6, n)] for n in rng.integers(1, 30, N_SENTENCES)]
    path = tmp_path_factory.mktemp("lstm") / "c"
    write_cache(path, {"train": drawn}, shard_tokens=2000, tag_names={"upos": TAGS})
    return FeatureCache(path)["train"]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def states_of(rows: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """An LSTM as its authors wrote it, in float64."""
    found = []
    state = cell = np.zeros(len(recurrent))
    for row in rows:
        enter, keep, new, leave = np.split(row @ kernel + state @ recurrent + bias, 4)
        cell = sigmoid(keep) * cell + sigmoid(enter) * np.tanh(new)
        state = sigmoid(leave) * np.tanh(cell)
        found.append(state)
    return np.array(found)


def probabilities_of(rows: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
    forward, backward, (kernel, bias) = weights[:3], weights[3:6], weights[6:]
    states = np.hstack([states_of(rows, *forward), states_of(rows[::-1], *backward)[::-1]])
    scores = np.exp(states @ kernel + bias)
    return scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("trim", [1, 16, False])
def test_each_sentence_is_tagged_as_if_it_were_alone(sentences: Split, trim: int) -> None:
    model = probes._lstm(sentences.dim, len(TAGS), (3, 1))
    weights = [np.asarray(array, np.float64) for array in model.get_weights()]
    batches = PaddedBatches(sentences, batch_size=8, window=50, trim=trim, masks=True, dtype="float32")
    for k in range(len(batches)):
        inputs = batches[k][0]
        for i, (found, mask) in enumerate(zip(model.predict_on_batch(inputs), inputs["mask"], strict=True), 8 * k):
            right = probabilities_of(sentences[i].astype(np.float64), weights)
            np.testing.assert_allclose(found[mask], right, rtol=1e-5)


@pytest.mark.slow
def test_training_does_not_depend_on_padding(sentences: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "MOST_EPOCHS", 4)
    parts = sentences[:24], sentences[24:30], sentences[30:]
    assert max(part.lengths.max() for part in parts) < 32

    def trained(step: int, seed: tuple[int, ...] = (1, 2)) -> tuple[np.ndarray, list[float]]:
        monkeypatch.setattr(probes, "LENGTH_STEP", step)
        losses: list[float] = []
        found = probes.tag_with_lstm(parts, "upos", len(TAGS), seed=seed, on_epoch=lambda _, loss: losses.append(loss))
        return found.predicted, losses

    tight, loose = trained(1), trained(64)
    other = trained(64, seed=(1, 3))
    again = trained(64)
    probes._compiled.cache_clear()
    anew = trained(64)

    assert len(tight[0]) == parts[2].n_tokens and len(tight[1]) == 4
    np.testing.assert_allclose(tight[1], loose[1], rtol=1e-4)
    np.testing.assert_array_equal(tight[0], loose[0])
    assert loose[1] == again[1] == anew[1] != other[1], "nothing of one training is left in the next"
    np.testing.assert_array_equal(loose[0], anew[0])
