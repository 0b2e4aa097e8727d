"""A split as `X` of a scikit-learn pipeline: transformers that make one vector of each document."""
# ruff: noqa: N803 - `X` is what scikit-learn calls it

import copy
from collections.abc import Iterable
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from cache.pooling import WEIGHTED, check_pooling, pool, pooled_dim
from cache.split import Split

if TYPE_CHECKING:
    from sklearn.utils import Tags  # new in scikit-learn 1.6

__all__ = ["Pooled", "PooledStatic"]


class Pooled(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Documents as one vector each: the mean, maximum, first or last of their tokens' vectors, or mean and maximum.

    `X` is a `Split` or a selection of one. What comes out is float32 `(n_docs, dim)`, zeros for a document without
    tokens. Vectors are read a document at a time and pooled in float32. Without weights nothing is learned, so
    `transform` needs no `fit`. In a grid search, `make_pipeline(..., memory=folder)` reads a fold once and not for
    every candidate.

    Parameters
    ----------
    pooling : {"mean", "max", "mean+max", "first", "last"}
        How the vectors of a document become one; "mean+max" sets the two side by side.
    weights : {None, "idf"}
        What a token counts in a mean: all the same, or its word's inverse document frequency in the documents that
        `fit` saw, `log((1 + n_docs) / (1 + n_docs_with_the_word)) + 1` as `TfidfTransformer` has it.

    Attributes
    ----------
    dim_ : int
        Length of a document's vector.
    idf_ : dict of str to float
        With "idf": the weight of each word that `fit` saw.
    unseen_idf_ : float
        With "idf": the weight of all other words.

    Raises
    ------
    TypeError
        From `fit` and `transform`: if `X` is no `Split`.
    ValueError
        From the same: if there is no such pooling, there are no such weights, or the pooling takes none.
    sklearn.exceptions.NotFittedError
        From `transform`: if there are weights, and `fit` has not learned them.

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

    def __init__(self, pooling: str = "mean", weights: str | None = None):
        self.pooling = pooling
        self.weights = weights

    def __sklearn_tags__(self) -> "Tags":
        tags = super().__sklearn_tags__()
        tags.requires_fit = self.weights is not None
        tags.input_tags.two_d_array = False
        return tags

    def fit(self, X: Split, y: Any = None) -> "Pooled":
        """Check the settings against the documents, and learn the weights of words if there are any.

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
        if self.weights is not None:
            vocabulary = X.vocabulary
            counts = np.zeros(len(vocabulary), np.int64)
            for i in range(len(X)):
                counts[np.unique(X.token_ids(i))] += 1
            idf = np.log((1 + len(X)) / (1 + counts)) + 1
            # By word, as token ids are different ones in another cache.
            self.idf_ = {vocabulary[k]: float(idf[k]) for k in np.flatnonzero(counts).tolist()}
            self.unseen_idf_ = float(np.log(1 + len(X)) + 1)
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
        for row, vectors, weights in zip(pooled, documents, self._weights_of(X), strict=True):
            row[:] = pool(vectors, self.pooling, weights)
        return pooled

    def _vectors_of(self, X: Split) -> tuple[int, Iterable[np.ndarray]]:
        """Return the length of a vector, and each document's `(n_tokens, dim)` in turn."""
        if not isinstance(X, Split):
            raise TypeError(
                f"X is of type {type(X).__name__}, expected a Split: features['train'], or a selection such as "
                "features['train'][:200]"
            )
        check_pooling(self.pooling)
        if self.weights not in (None, "idf"):
            raise ValueError(f"weights is {self.weights!r}, expected None or 'idf'")
        if self.weights is not None and self.pooling not in WEIGHTED:
            raise ValueError(
                f"pooling {self.pooling!r} takes no weights: use {' or '.join(map(repr, WEIGHTED))}, or weights=None"
            )
        return pooled_dim(self.pooling, X.dim), X

    def _weights_of(self, X: Split) -> Iterable[np.ndarray | None]:
        """Return the weights of each document's tokens in turn, `(n_tokens,)`, or None."""
        if self.weights is None:
            return repeat(None, len(X))
        check_is_fitted(self, "idf_")
        of_id = np.array([self.idf_.get(word, self.unseen_idf_) for word in X.vocabulary], np.float32)
        return (of_id[X.token_ids(i)] for i in range(len(X)))

    @property
    def _n_features_out(self) -> int:
        return self.dim_


class PooledStatic(Pooled):
    """`Pooled` over static word vectors, one for each word whatever its context: what ELMo is compared with.

    No contextual vector is read. A word whose row is zeros takes part as a vector of zeros. Clones, of which a grid
    search makes one for each fit, share the matrix.

    Parameters
    ----------
    vectors : ndarray of float, (n_vocabulary, dim)
        Row i is for token id i, the word `Split.vocabulary[i]`.
    pooling : {"mean", "max", "mean+max", "first", "last"}
        How the vectors of a document become one; "mean+max" sets the two side by side.
    weights : {None, "idf"}
        What a token counts in a mean, as for `Pooled`.

    Attributes
    ----------
    dim_, idf_, unseen_idf_ : int, dict of str to float, float
        As `Pooled` has them.

    Raises
    ------
    TypeError, sklearn.exceptions.NotFittedError
        As `Pooled` raises them.
    ValueError
        As `Pooled`, or if `vectors` has not one row for each word of the vocabulary.

    Examples
    --------
    >>> from cache import FeatureCache
    >>> train = FeatureCache("imdb.elmo")["train"]
    >>> vectors = np.zeros((len(train.vocabulary), 50), np.float32)
    >>> PooledStatic(vectors, "max").fit_transform(train).shape
    (6, 50)
    """

    def __init__(self, vectors: np.ndarray, pooling: str = "mean", weights: str | None = None):
        super().__init__(pooling, weights)
        self.vectors = vectors

    def __sklearn_clone__(self) -> "PooledStatic":
        without = copy.copy(self)
        without.vectors = np.zeros(0)
        cloned: PooledStatic = BaseEstimator.__sklearn_clone__(without)
        cloned.vectors = self.vectors
        return cloned

    def _vectors_of(self, X: Split) -> tuple[int, Iterable[np.ndarray]]:
        super()._vectors_of(X)
        n_words = len(X.vocabulary)
        if np.ndim(self.vectors) != 2 or len(self.vectors) != n_words:
            raise ValueError(
                f"vectors has shape {np.shape(self.vectors)}, expected ({n_words}, dim): one row for each word of the "
                "cache's vocabulary, in the order of token ids"
            )
        return pooled_dim(self.pooling, self.vectors.shape[1]), (self.vectors[X.token_ids(i)] for i in range(len(X)))
