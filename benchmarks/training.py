"""One training epoch of `elmo` from a cache, against Keras `fit` on padded float32 arrays already in memory.

    python benchmarks/training.py

200 + 200 real reviews, 1024 + 300 and 256 + 50 dimensions, random numbers for vectors. Both sides start from the same
weights and see the same batches of 16 in the same order; the losses of both are compared. Ours includes opening the
cache's documents and reading their vectors. Keras's side has every vector, ELMo's and static ones side by side, padded
to 500, in one array: nothing to read, look up, cast or concatenate.
"""

from pathlib import Path

import click
import keras
import numpy as np
from common import RandomEncoder, Row, finish, interleaved, json_option, scratch_folder
from keras import layers

from cache import FeatureCache
from cache.adapters.keras import PaddedBatches
from elmo_cache import build
from trainer.experiment import Experiment
from trainer.fitting import Fit, fit
from trainer.learners.keras import KerasLearner
from trainer.models.convolutional import N_FILTERS, N_HIDDEN
from trainer.models.starting import compile_model, reinitialise
from trainer.protocols import Sizes
from trainer.runs.settings import Settings
from trainer.vectors import StaticVectors

SIZES = ((1024, 300, 0.17), (256, 50, 0.33))  # of ELMo's and static vectors, and the reach
SEED, TRIAL = 0, 1


@click.command()
@click.option("--runs", default=5, show_default=True)
@click.option("--reviews", default=200, show_default=True, help="To train on; as many to validate.")
@json_option
def main(runs: int, reviews: int, json_path: Path | None) -> None:
    rows = []
    for dim, static_dim, reach in SIZES:
        with scratch_folder() as scratch:
            limit = {"train": 2 * reviews + 20, "test": 1}
            with build("sample", RandomEncoder(dim), Path(scratch) / "c", limit=limit) as features:
                rows.append(measure(features, static_dim, reach, runs, reviews))
    finish(rows, json_path)


def measure(features: FeatureCache, static_dim: int, reach: float, runs: int, reviews: int) -> Row:
    n_words = len(features.vocabulary)
    matrix = np.random.default_rng(2).standard_normal((n_words, static_dim)).astype(np.float32) * np.float32(0.4)
    vectors = StaticVectors("random", matrix, np.ones(n_words, bool), 0)
    experiment = Experiment(features, vectors, Settings("random", sizes=Sizes(reviews, reviews, 1), seed=SEED))
    trial = experiment.trial(TRIAL)
    learner = experiment.learner("elmo")
    assert isinstance(learner, KerasLearner)
    ours = learner.model
    theirs = peer_model(features["train"].dim + static_dim)
    arrays = [padded(features, matrix, trial.train, shuffled=True), padded(features, matrix, trial.validation)]
    found: dict[str, list[float]] = {}

    def from_the_cache() -> None:
        reinitialise(ours, SEED, TRIAL)
        training = learner.feed("train", trial.train, shuffle_seed=(SEED, TRIAL))
        validation = learner.feed("train", experiment.by_length("train", trial.validation))
        result: Fit = fit(ours, training, validation, max_epochs=1)
        found["ours"] = [*result.training_losses, *result.validation_losses]

    def keras_fit() -> None:
        reinitialise(theirs, SEED, TRIAL)
        history = theirs.fit(*arrays[0], batch_size=16, validation_data=arrays[1], shuffle=False, verbose=0).history
        found["theirs"] = [*history["loss"], *history["val_loss"]]

    interleaved(1, warm_ours=from_the_cache, warm_theirs=keras_fit)  # traces the graphs
    seconds = interleaved(runs, ours=from_the_cache, theirs=keras_fit)
    difference = float(np.abs(np.subtract(found["ours"], found["theirs"])).max())
    assert difference < 1e-6, f"the losses differ by {difference}: {found}"
    n_tokens = int(np.minimum(features["train"][np.append(trial.train, trial.validation)].lengths, 500).mean())
    return Row(
        name=f"training epoch against Keras fit, {features['train'].dim} + {static_dim}-d",
        what=f"one training epoch of elmo from the cache, {reviews} + {reviews} reviews",
        against="Keras fit on padded float32 arrays in memory, same weights, same batches",
        ours=seconds["ours"],
        theirs=seconds["theirs"],
        ratio=seconds["ours"] / seconds["theirs"],
        reach=(None, reach),
        unit="s",
        n_runs=runs,
        note=f"Largest difference of the losses {difference:.1g}; {n_tokens} words a review on average, padded to 500.",
    )


def peer_model(dim: int) -> keras.Model:
    """Return the classifier on padded float32 vectors, in Keras's own layers."""
    x = features = keras.Input((500, dim), dtype="float32")
    x = layers.Conv1D(N_FILTERS, 3, padding="same", activation="relu")(x)
    x = layers.GlobalMaxPooling1D()(x)
    x = layers.Dense(N_HIDDEN, activation="relu")(x)
    model = keras.Model(features, layers.Dense(1, activation="sigmoid")(x))
    compile_model(model, 1e-3)
    return model


def padded(
    features: FeatureCache, matrix: np.ndarray, positions: np.ndarray, shuffled: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors `(n_docs, 500, dim + static)` float32 and labels, in the order of the first epoch."""
    documents = features["train"][positions]
    batches = PaddedBatches({"features": documents}, token_ids=True, shuffle=shuffled, seed=(SEED, TRIAL))
    batches.begin_epoch(1)
    static = np.concatenate([np.zeros((1, matrix.shape[1]), np.float32), matrix])
    inputs, labels = zip(*(batches[i] for i in range(len(batches))), strict=True)
    arrays = [np.concatenate([batch["features"], static[batch["token_ids"]]], axis=-1) for batch in inputs]
    return np.concatenate(arrays), np.concatenate(labels)


if __name__ == "__main__":
    main()
