"""Scores of predicted probabilities, against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from trainer.scores import log_loss, probabilities_of, score


@given(st.integers(2, 6), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_scores_are_those_of_scikit_learn(n_classes: int, n_docs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n_docs)
    probabilities = rng.dirichlet(np.ones(n_classes), n_docs)
    predicted = probabilities.argmax(axis=1)
    found = score(labels, probabilities)
    assert found.accuracy == metrics.accuracy_score(labels, predicted)
    assert found.macro_f1 == pytest.approx(metrics.f1_score(labels, predicted, average="macro", zero_division=0))
    wanted = metrics.log_loss(labels, probabilities, labels=range(n_classes))
    assert found.log_loss == pytest.approx(wanted) or wanted > 16
    of_classes = metrics.precision_recall_fscore_support(labels, predicted, labels=range(n_classes), zero_division=0)
    ours = [(c.precision, c.recall, c.f1, c.documents) for c in found.classes]
    np.testing.assert_allclose(np.transpose(ours), of_classes)
    assert sum(c.predicted for c in found.classes) == n_docs
    assert sum(c.correct for c in found.classes) == np.sum(predicted == labels)


def test_of_equal_probabilities_the_first_class_is_taken() -> None:
    """As a probability of class 1 had to be above one half."""
    assert score(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, 0.5]])).classes[0].predicted == 2
    assert score(np.array([0]), np.array([[np.nan, np.nan]])).accuracy == 1


def test_a_probability_of_zero_is_no_infinite_loss() -> None:
    assert log_loss(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(-np.log(1e-7))


def test_classes_that_were_not_learned_have_no_probability() -> None:
    found = probabilities_of(np.array([[0.25, 0.75]]), np.array([1, 3]), 5)
    np.testing.assert_array_equal(found, [[0, 0.25, 0, 0.75, 0]])
