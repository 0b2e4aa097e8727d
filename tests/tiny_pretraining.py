"""Text that is quick to learn, a biLM that is quick to train, and what its training came to."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tiny_elmo import OPTIONS

from elmo_cache.pretraining.batches import Batches
from elmo_cache.pretraining.settings import Settings
from elmo_cache.pretraining.text import Text, read_text

SETTINGS = Settings(
    replace(OPTIONS, dim=16, projection_dim=8),
    epochs=1.0,
    vocabulary=40,
    negatives=8,
    streams=4,
    unroll=5,
    learning_rate=0.02,
)


def write_text(path: Path, n_documents: int = 60, seed: int = 0) -> Path:
    """Write documents in which a word decides the next one but for a coin's toss, as it decides the one before."""
    rng = np.random.default_rng(seed)
    words = [f"{'x' * (i % 20)}w{i}" for i in range(48)]
    lines = []
    for _ in range(n_documents):
        at, line = rng.integers(48), []
        for _ in range(rng.integers(3, 20)):
            line.append(words[at])
            at = (2 * at + rng.integers(2)) % 48
        lines.append(" ".join(line))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def settings(**changes: Any) -> Settings:
    return replace(SETTINGS, **changes)


def make_model(chosen: Settings) -> Any:
    """Return a model of 40 words, none of its biases 0, ready to train."""
    from elmo_cache.pretraining.model import LanguageModel, initial_weights

    model = LanguageModel(chosen, 40)
    # Biases of 0 would leave their places untested.
    rng = np.random.default_rng(1)
    weights = {
        name: tensor + (0.1 * rng.standard_normal(tensor.shape) if tensor.ndim == 1 else 0)
        for name, tensor in initial_weights(chosen.options, 0).items()
    }
    model.start(weights, seed=0)
    model.softmax_bias.assign(0.1 * rng.standard_normal(40))
    return model


def first_losses(path: str) -> list[float]:
    """Return the first losses of training on a text with whatever backend Keras has in this process."""
    chosen = settings(dropout=0.0)  # what is dropped differs between backends
    read = read_text([Path(path)], "whitespace", show=False)
    model, batches = make_model(chosen), Batches(read, chosen, 40).training(0)
    return [float(model.step(next(batches), chosen.learning_rate)) for _ in range(3)]


def masked_vectors() -> list[Any]:
    """Return what both directions make of random inputs, states and dropout masks, on whatever backend Keras has."""
    from elmo_cache.encoders.bilm.model import BidirectionalLSTM
    from elmo_cache.pretraining.model import initial_weights

    options, rng = SETTINGS.options, np.random.default_rng(5)
    model = BidirectionalLSTM(options, [0.0] * options.n_layers + [1.0])
    model.load(initial_weights(options, 0))
    chunk = {name: 0.3 * rng.standard_normal(zeros.shape) for name, zeros in model.zero_states(3).items()}
    for direction in range(2):
        chunk[f"inputs_{direction}"] = rng.standard_normal((6, 3, options.projection_dim))
        chunk[f"keep_{direction}"] = rng.integers(0, 2, (6, 3, 1))
        for layer in range(options.n_layers):
            chunk[f"mask_{direction}_{layer}"] = rng.integers(0, 2, (6, options.projection_dim, 3)) / 0.5
    results = model({name: array.astype(np.float32) for name, array in chunk.items()})
    return [np.asarray(results[f"features_{direction}"]).tolist() for direction in range(2)]


def unigram_perplexity(text: Text, n_vocabulary: int) -> float:
    """Perplexity of held-out words, end marks included, by their frequency in the training documents."""
    marked = [[*document.tolist(), 2] for document in text.documents]
    counts = Counter(min(i, n_vocabulary + 1) for document in marked for i in document)
    total = sum(counts.values())
    # One more of each, so that none is impossible; as unknown words count those beyond the vocabulary.
    losses = [
        -np.log((counts[min(i, n_vocabulary + 1)] + 1) / (total + n_vocabulary))
        for document in text.held_out
        for i in [*document.tolist(), 2]
    ]
    return float(np.exp(np.mean(losses)))


def read_log(folder: Path) -> list[dict[str, float]]:
    with (folder / "log.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
