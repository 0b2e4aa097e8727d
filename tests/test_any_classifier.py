"""One cache, three classifiers that users write themselves: a grid search, a Keras model, a PyTorch loop. All learn."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy_encoder import HashEncoder
from small_trials import corpus

from elmo_cache import FeatureCache, build

CLEARLY = 0.8
"""Accuracy on documents not trained on; the first word of each tells its class, and chance is a half."""


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeatureCache]:
    path = tmp_path_factory.mktemp("any") / "c"
    with build(corpus(n_train=200, n_test=100), HashEncoder(dim=12), path, shard_tokens=800) as features:
        yield features


def test_a_grid_search_of_scikit_learn(features: FeatureCache) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline

    from elmo_cache.adapters.sklearn import Pooled

    train, test = features["train"], features["test"]
    steps = Pipeline([("pool", Pooled()), ("classify", LogisticRegression(max_iter=1000))])
    choices = {"pool__pooling": ["mean", "last", "first"], "classify__C": [0.1, 10.0]}
    search = GridSearchCV(steps, choices, cv=3).fit(train, train.labels)
    assert search.best_params_["pool__pooling"] == "first", "where the word is that tells"
    assert search.score(test, test.labels) >= CLEARLY


def test_a_keras_model(features: FeatureCache) -> None:
    import keras

    from elmo_cache.adapters.keras import PaddedBatches

    keras.utils.set_random_seed(0)
    batches = PaddedBatches(features["train"], shuffle=True, seed=0)
    inputs = keras.Input((None, features["train"].dim))
    hidden = keras.layers.GlobalMaxPooling1D()(keras.layers.Conv1D(16, 2, padding="same", activation="relu")(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    model.fit(batches, epochs=20, shuffle=False, verbose=0)
    _, accuracy = model.evaluate(PaddedBatches(features["test"]), verbose=0)
    assert accuracy >= CLEARLY


def test_a_loop_of_pytorch(features: FeatureCache) -> None:
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader

    from elmo_cache.adapters.torch import PaddedBatch, SplitDataset, padded

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv1d(features["train"].dim, 16, 2, padding="same"), torch.nn.ReLU())
    head = torch.nn.Linear(16, 1)
    optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=0.02)

    def logits(batch: PaddedBatch) -> torch.Tensor:
        hidden = model(batch.features.transpose(1, 2)).masked_fill(~batch.mask[:, None, :], 0)
        return head(hidden.amax(dim=2))[:, 0]

    for _ in range(12):
        for batch in DataLoader(SplitDataset(features["train"]), 16, shuffle=True, collate_fn=padded):
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(logits(batch), batch.labels.float()).backward()
            optimizer.step()
    with torch.no_grad():
        found = [
            ((logits(batch) > 0) == (batch.labels == 1)).numpy()
            for batch in DataLoader(SplitDataset(features["test"]), 16, collate_fn=padded)
        ]
    assert np.concatenate(found).mean() >= CLEARLY
