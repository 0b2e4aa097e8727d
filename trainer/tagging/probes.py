"""The models: a softmax on each token's vector, and a bidirectional LSTM over a sentence's."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cache import Split
from cache.errors import InvalidValueError
from cache.runtime.quiet import quiet_import
from trainer import messages

if TYPE_CHECKING:
    import keras

    from cache.adapters.keras import PaddedBatches

__all__ = ["PENALTIES", "Tagged", "probe", "tag_with_lstm"]

PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
"""scikit-learn's C, out of which a probe takes the one with the highest validation accuracy."""
MOST_ITERATIONS = 100

N_UNITS = 64  # in each direction
BATCH_SIZE = 16
LENGTH_STEP = 8  # sentences are padded to multiples of it
LEARNING_RATE = 3e-3
MOST_EPOCHS = 50
PATIENCE = 3


@dataclass(frozen=True)
class Tagged:
    """What a trained model says of the test sentences."""

    predicted: np.ndarray
    """The tag of each token, int `(n_tokens,)`."""
    chosen: float
    """What the validation sentences decided: C of a probe, the best epoch of an LSTM."""


def probe(
    train: tuple[np.ndarray, np.ndarray], validation: tuple[np.ndarray, np.ndarray], test_rows: np.ndarray
) -> Tagged:
    """Train a softmax (multinomial logistic regression) on standardised vectors, and tag the test tokens.

    Parameters
    ----------
    train, validation : tuple of ndarray of float32 (n_tokens, dim) and of ndarray of int (n_tokens,)
        Vectors and tags; tokens with the tag -1 are left out. Without validation tokens the smallest C is taken.
    test_rows : ndarray of float32, (n_tokens, dim)

    Returns
    -------
    Tagged

    Raises
    ------
    ValueError
        If the training tokens have fewer than two tags.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    (rows, tags), (validation_rows, validation_tags) = (
        (part_rows[part_tags >= 0], part_tags[part_tags >= 0]) for part_rows, part_tags in (train, validation)
    )
    if len(np.unique(tags)) < 2:
        raise InvalidValueError(messages.FEW_TAGS, found=len(np.unique(tags)))
    scaler = StandardScaler().fit(rows)
    rows = scaler.transform(rows)
    model = LogisticRegression(max_iter=MOST_ITERATIONS, tol=1e-3, warm_start=True)
    best: tuple[float, float, np.ndarray] | None = None
    for penalty in PENALTIES:
        # One thread: matrices this small gain nothing from more, and lose much where processors are busy.
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)  # the accuracy decides, not the last digit of a weight
            model.set_params(C=penalty).fit(rows, tags)
        accuracy = (
            float(model.score(scaler.transform(validation_rows), validation_tags)) if len(validation_tags) else 0.0
        )
        if best is None or accuracy > best[0]:
            best = accuracy, penalty, model.predict(scaler.transform(test_rows))
    assert best is not None
    return Tagged(best[2], best[1])


def tag_with_lstm(
    parts: Sequence[Split],
    tags: str,
    n_tags: int,
    *,
    seed: tuple[int, ...],
    on_epoch: Callable[[int, float], None] | None = None,
) -> Tagged:
    """Train a bidirectional LSTM with a softmax on each token, and tag the test sentences.

    It has 64 units in each direction. Adam trains it on batches of 16 sentences of like lengths, with the mean
    cross-entropy of a batch's tokens, until that of the validation tokens has not fallen for three epochs, 50 at most;
    the weights of the best epoch are used. Padding is masked and has no part in the loss: how much there is does not
    show in the results.

    Parameters
    ----------
    parts : sequence of Split
        Training, validation and test sentences; none of them empty.
    tags : str
        Name of the set of tags.
    n_tags : int
        How many tags the set has.
    seed : tuple of int
        Decides the first weights and the order of sentences.
    on_epoch : callable, optional
        Called with each epoch, from 1, and its validation loss.

    Returns
    -------
    Tagged
    """
    with quiet_import():
        import keras

    from cache.adapters.keras import PaddedBatches

    training, validating, testing = (
        PaddedBatches(
            part,
            batch_size=BATCH_SIZE,
            window=max(1, int(part.lengths.max())),
            shuffle=part is parts[0],
            seed=seed,
            by_length=True,
            trim=LENGTH_STEP,
            masks=True,
            tags=tags,
            dtype="float32",
        )
        for part in parts
    )
    model, optimizer_state = _compiled(parts[0].dim, n_tags)
    model.set_weights(_lstm(parts[0].dim, n_tags, seed).get_weights())
    for variable, value in zip(model.optimizer.variables, optimizer_state, strict=True):
        variable.assign(value)
    watched = "val_token_loss"
    stop = keras.callbacks.EarlyStopping(watched, mode="min", patience=PATIENCE, restore_best_weights=True)

    def report(epoch: int, logs: dict[str, float]) -> None:
        if on_epoch:
            on_epoch(epoch + 1, logs[watched])

    history = model.fit(
        _fed(training),
        validation_data=_fed(validating),
        epochs=MOST_EPOCHS,
        shuffle=False,  # the batches shuffle themselves, with a seed
        verbose=0,
        callbacks=[stop, keras.callbacks.LambdaCallback(on_epoch_end=report)],
    ).history
    by_sentence: dict[int, np.ndarray] = {}
    for k in range(len(testing)):
        inputs, _, _ = testing[k]
        found = np.asarray(model.predict_on_batch(inputs)).argmax(axis=2)
        sentences = testing.order[k * BATCH_SIZE : (k + 1) * BATCH_SIZE].tolist()
        by_sentence |= {i: row[mask] for i, row, mask in zip(sentences, found, inputs["mask"], strict=True)}
    predicted = np.concatenate([by_sentence[i] for i in range(len(by_sentence))])
    return Tagged(predicted, 1 + int(np.argmin(history[watched])))


def _fed(batches: "PaddedBatches") -> Any:
    """Return batches that differ in length as `fit` takes them."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return batches
    from cache.adapters.tensorflow import dataset

    return dataset(batches)


@lru_cache(maxsize=1)
def _compiled(dim: int, n_tags: int) -> tuple["keras.Model", list[np.ndarray]]:
    """Return a compiled model, and the state of its optimiser before training.

    All trials use the same one with new weights, because tracing it takes as long as training it.
    """
    import keras

    model = _lstm(dim, n_tags, (0,))
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        # The mean over tokens: by default Keras would count padded positions too.
        keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
        weighted_metrics=[keras.metrics.SparseCategoricalCrossentropy("token_loss")],
        jit_compile=keras.backend.backend() == "jax",  # elsewhere it takes longer than the training
    )
    model.optimizer.build(model.trainable_variables)
    return model, [np.array(variable.numpy()) for variable in model.optimizer.variables]


def _lstm(dim: int, n_tags: int, seed: tuple[int, ...]) -> "keras.Model":
    """Return a model with first weights that the seed decides."""
    import keras
    from keras import layers

    seeds = np.random.SeedSequence(seed).generate_state(5).tolist()
    glorot = [keras.initializers.GlorotUniform(seed=value % 2**31) for value in seeds[:3]]
    orthogonal = [keras.initializers.Orthogonal(seed=value % 2**31) for value in seeds[3:]]
    directions = [
        layers.LSTM(
            N_UNITS,
            return_sequences=True,
            go_backwards=bool(k),
            kernel_initializer=glorot[k],
            recurrent_initializer=orthogonal[k],
        )
        for k in range(2)
    ]
    features = keras.Input((None, dim), name="features")
    mask = keras.Input((None,), dtype="bool", name="mask")
    states = layers.Bidirectional(directions[0], backward_layer=directions[1])(features, mask=mask)
    probabilities = layers.Dense(n_tags, activation="softmax", kernel_initializer=glorot[2])(states)
    return keras.Model({"features": features, "mask": mask}, probabilities)
