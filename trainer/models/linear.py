"""`tfidf-lr`, `static-lr` and `elmo-lr`: logistic regressions on one vector per document, in scikit-learn."""
# ruff: noqa: N803 - `X` is what scikit-learn calls it

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from cache import Split
from cache.adapters.sklearn import Pooled, PooledStatic
from trainer.scores import log_loss, probabilities_of
from trainer.vectors import PADDING

__all__ = ["PENALTIES", "ChosenByValidation", "Words", "elmo_lr", "static_lr", "tfidf_lr"]

PENALTIES = tuple(10.0**k for k in range(-4, 5))
"""scikit-learn's C, out of which the validation documents choose."""
MOST_ITERATIONS = 1000


def tfidf_lr(static: np.ndarray, feature_dims: dict[str, int], n_classes: int) -> "ChosenByValidation":
    """Return a logistic regression on TF-IDF of words and pairs of neighbouring words; no vectors are read."""
    tfidf = TfidfVectorizer(
        ngram_range=(1, 2), tokenizer=_as_it_is, preprocessor=_as_it_is, token_pattern=None, lowercase=False
    )
    return ChosenByValidation(make_pipeline(Words(), tfidf))


def static_lr(static: np.ndarray, feature_dims: dict[str, int], n_classes: int) -> "ChosenByValidation":
    """Return a logistic regression on the mean of a document's static vectors, standardised."""
    return ChosenByValidation(make_pipeline(PooledStatic(static[1:], "mean"), StandardScaler()))


def elmo_lr(static: np.ndarray, feature_dims: dict[str, int], n_classes: int) -> "ChosenByValidation":
    """Return a logistic regression on the mean of a document's ELMo vectors, standardised."""
    return ChosenByValidation(make_pipeline(Pooled("mean"), StandardScaler()))


class ChosenByValidation(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression on documents, with the C that gives the lowest log-loss on the validation documents.

    Parameters
    ----------
    vectorizer : transformer
        Makes a row of each document of a `Split`.

    Attributes
    ----------
    C_ : float
        Which of `PENALTIES` was chosen: of equally good ones the smallest.
    classes_ : ndarray
        The labels that were learned.
    """

    def __init__(self, vectorizer: Any):
        self.vectorizer = vectorizer

    def fit(self, X: Split, y: np.ndarray, validation: tuple[Split, np.ndarray]) -> "ChosenByValidation":
        """Learn from labelled documents, and choose by others.

        Parameters
        ----------
        X, y : Split, ndarray of int (n_docs,)
            The documents to learn from, and their labels.
        validation : tuple of Split and ndarray of int
            The documents to choose by, and their labels.
        """
        self.vectorizer_ = clone(self.vectorizer).fit(X)
        rows, others = self.vectorizer_.transform(X), self.vectorizer_.transform(validation[0])
        n_classes = 1 + max(int(y.max()), int(validation[1].max()))
        lowest = np.inf
        # One thread: matrices this small gain nothing from more, and lose much where processors are busy.
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)  # the loss decides, not the last digit of a weight
            for penalty in PENALTIES:
                model = LogisticRegression(C=penalty, max_iter=MOST_ITERATIONS).fit(rows, y)
                found = probabilities_of(model.predict_proba(others), model.classes_, n_classes)
                loss = log_loss(validation[1], found)
                if loss < lowest:
                    lowest, self.C_, self.model_ = loss, penalty, model
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: Split) -> np.ndarray:
        """Return the probability of each class that was learned, `(n_docs, n_classes)`."""
        found: np.ndarray = self.model_.predict_proba(self.vectorizer_.transform(X))
        return found

    def predict(self, X: Split) -> np.ndarray:
        """Return the most probable label of each document, `(n_docs,)`."""
        labels: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels


class Words(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Documents as lists of their words, padding aside: for `TfidfVectorizer` and its like, which take text."""

    def fit(self, X: Split, y: Any = None) -> "Words":
        """Do nothing: there is nothing to learn."""
        return self

    def transform(self, X: Split) -> list[list[str]]:
        """Return the words of each document."""
        return [[word for word in X.tokens(i) if word != PADDING] for i in range(len(X))]

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _as_it_is(words: list[str]) -> list[str]:
    return words
