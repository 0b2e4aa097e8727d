"""A split as `X` of a scikit-learn pipeline: transformers that make one vector of each document."""
# ruff: noqa: N803 - `X` is what scikit-learn calls it

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from cache.pooling import check_pooling, pool, pooled_dim
from cache.split import Split

__all__ = ["Pooled", "PooledStatic"]


class Pooled(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Documents as one vector each: the mean, maximum, first or last of their tokens' vectors, or mean and maximum.

    `X` is a `Split` or a selection of one. What comes out is float32 `(n_docs, dim)`, zeros for a document without
    tokens. Vectors are read a document at a time and pooled in float32. Nothing is learned, so `transform` needs no
    `fit`. In a grid search, `make_pipeline(..., memory=folder)` reads a fold once and not for every candidate.

    Parameters
    ----------
    pooling : {"mean", "max", "mean+max", "first", "last"}
        How the vectors of a document become one; "mean+max" sets the two side by side.

    Attributes
    ----------
    dim_ : int
        Length of a document's vector.

    Raises
    ------
    TypeError
        From `fit` and `transform`: if `X` is no `Split`.
    ValueError
        From the same: if there is no such pooling.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from cache import FeatureCache
    >>> features = FeatureCache("imdb.elmo")
    >>> train, test = features["train"], features["test"]
    >>> model = make_pipeline(Pooled("mean"), LogisticRegression()).fit(train, train.labels)
    >>> model.predict(test).shape
    (2,)
    """

    def __init__(self, pooling: str = "mean"):
        self.pooling = pooling

    def fit(self, X: Split, y: Any = None) -> "Pooled":
        """Check the settings against the documents; there is nothing to learn.

        Parameters
        ----------
        X : Split
            The documents.
        y : object
            Not used.

        Returns
        -------
        Pooled
            Itself.
        """
        self.dim_, _ = self._vectors_of(X)
        return self

    def transform(self, X: Split) -> np.ndarray:
        """Read the documents and pool each.

        Parameters
        ----------
        X : Split
            The documents.

        Returns
        -------
        ndarray of float32, (n_docs, dim)
            Zeros for a document without tokens.
        """
        dim, documents = self._vectors_of(X)
        pooled = np.empty((len(X), dim), np.float32)
        for row, vectors in zip(pooled, documents, strict=True):
            row[:] = pool(vectors, self.pooling)
        return pooled

    def _vectors_of(self, X: Split) -> tuple[int, Iterable[np.ndarray]]:
        """Return the length of a vector, and each document's `(n_tokens, dim)` in turn."""
        if not isinstance(X, Split):
            raise TypeError(
                f"X is of type {type(X).__name__}, expected a Split: features['train'], or a selection such as "
                "features['train'][:200]"
            )
        check_pooling(self.pooling)
        return pooled_dim(self.pooling, X.dim), X

    @property
    def _n_features_out(self) -> int:
        return self.dim_


class PooledStatic(Pooled):
    """`Pooled` over static word vectors, one for each word whatever its context: what ELMo is compared with.

    No contextual vector is read. A word whose row is zeros takes part as a vector of zeros.

    Parameters
    ----------
    vectors : ndarray of float, (n_vocabulary, dim)
        Row i is for token id i, the word `Split.vocabulary[i]`.
    pooling : {"mean", "max", "mean+max", "first", "last"}
        How the vectors of a document become one; "mean+max" sets the two side by side.

    Attributes
    ----------
    dim_ : int
        Length of a document's vector.

    Raises
    ------
    TypeError
        From `fit` and `transform`: if `X` is no `Split`.
    ValueError
        From the same: if there is no such pooling, or `vectors` has not one row for each word of the vocabulary.

    Examples
    --------
    >>> from cache import FeatureCache
    >>> train = FeatureCache("imdb.elmo")["train"]
    >>> vectors = np.zeros((len(train.vocabulary), 50), np.float32)
    >>> PooledStatic(vectors, "max").fit_transform(train).shape
    (6, 50)
    """

    def __init__(self, vectors: np.ndarray, pooling: str = "mean"):
        super().__init__(pooling)
        self.vectors = vectors

    def _vectors_of(self, X: Split) -> tuple[int, Iterable[np.ndarray]]:
        super()._vectors_of(X)
        n_words = len(X.vocabulary)
        if np.ndim(self.vectors) != 2 or len(self.vectors) != n_words:
            raise ValueError(
                f"vectors has shape {np.shape(self.vectors)}, expected ({n_words}, dim): one row for each word of the "
                "cache's vocabulary, in the order of token ids"
            )
        return pooled_dim(self.pooling, self.vectors.shape[1]), (self.vectors[X.token_ids(i)] for i in range(len(X)))
