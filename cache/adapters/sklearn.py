"""Use a split as `X` in a scikit-learn pipeline: transformers that pool each document into one vector."""
# ruff: noqa: N803 - `X` is what scikit-learn calls it

import copy
from collections.abc import Iterable
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from cache import messages
from cache.errors import InvalidValueError
from cache.pooling import WEIGHTED, check_pooling, pool, pooled_dim
from cache.split import Split

if TYPE_CHECKING:
    from sklearn.utils import Tags  # new in scikit-learn 1.6

__all__ = ["Pooled", "PooledStatic"]


class Pooled(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Pool the token vectors of each document into one vector.

    `X` is a `Split` or a selection of one. The result is float32 `(n_docs, dim)`, with zeros for a document without
    tokens. Vectors are read one document at a time and pooled in float32. Without weights nothing is learned, so
    `transform` works without `fit`. In a grid search, `make_pipeline(..., memory=folder)` avoids reading each fold
    again for every candidate.

    Parameters
    ----------
    pooling : str
        How to combine the vectors: "mean", "max", "mean+max" (both, concatenated), "first" or "last".
    weights : {None, "idf"}
        Weight of each token in a mean: None for equal weights, or "idf" for the inverse document frequency of its word
        in the documents passed to `fit`, `log((1 + n_docs) / (1 + n_docs_with_the_word)) + 1` as in `TfidfTransformer`.

    Attributes
    ----------
    dim_ : int
        Length of a document's vector.
    idf_ : dict of str to float
        With "idf": the weight of each word in the documents passed to `fit`.
    unseen_idf_ : float
        With "idf": the weight of all other words.

    Raises
    ------
    TypeError
        If `X` is not a `Split`; raised by `fit` and `transform`.
    ValueError
        If the pooling or the weights are unknown, or the pooling does not support weights; raised by `fit` and
        `transform`.
    sklearn.exceptions.NotFittedError
        If `transform` is called before `fit` with "idf".

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from elmo_cache import FeatureCache
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
        """Check the settings, and learn the weights of words if "idf" is used.

        Parameters
        ----------
        X : Split
            The documents.
        y : object
            Ignored.

        Returns
        -------
        Pooled
            The transformer itself.
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
        """Read and pool each document.

        Parameters
        ----------
        X : Split
            The documents.

        Returns
        -------
        ndarray of float32, (n_docs, dim)
            One vector per document; zeros for a document without tokens.
        """
        dim, documents = self._vectors_of(X)
        pooled = np.empty((len(X), dim), np.float32)
        for row, vectors, weights in zip(pooled, documents, self._weights_of(X), strict=True):
            row[:] = pool(vectors, self.pooling, weights)
        return pooled

    def _vectors_of(self, X: Split) -> tuple[int, Iterable[np.ndarray]]:
        """Return the length of a pooled vector, and an iterable of each document's `(n_tokens, dim)`."""
        if not isinstance(X, Split):
            raise TypeError(messages.NOT_A_SPLIT.format(found=type(X).__name__))
        check_pooling(self.pooling)
        if self.weights not in (None, "idf"):
            raise InvalidValueError(
                messages.INVALID_VALUE, name="weights", found=self.weights, expected="None or 'idf'"
            )
        if self.weights is not None and self.pooling not in WEIGHTED:
            raise InvalidValueError(
                messages.UNWEIGHTED_POOLING, found=self.pooling, expected=" or ".join(map(repr, WEIGHTED))
            )
        return pooled_dim(self.pooling, X.dim), X

    def _weights_of(self, X: Split) -> Iterable[np.ndarray | None]:
        """Return an iterable of the weights of each document's tokens, `(n_tokens,)`, or None."""
        if self.weights is None:
            return repeat(None, len(X))
        check_is_fitted(self, "idf_")
        of_id = np.array([self.idf_.get(word, self.unseen_idf_) for word in X.vocabulary], np.float32)
        return (of_id[X.token_ids(i)] for i in range(len(X)))

    @property
    def _n_features_out(self) -> int:
        return self.dim_


class PooledStatic(Pooled):
    """Pool static word vectors, which do not depend on context, as a baseline for ELMo.

    Contextual vectors are not read. A word with a row of zeros counts as a vector of zeros. A grid search makes a clone
    for each fit; all clones share the matrix.

    Parameters
    ----------
    vectors : ndarray of float, (n_vocabulary, dim)
        Row i is the vector of token id i, the word `Split.vocabulary[i]`.
    pooling : str
        How to combine the vectors: "mean", "max", "mean+max" (both, concatenated), "first" or "last".
    weights : {None, "idf"}
        Weight of each token in a mean, as in `Pooled`.

    Attributes
    ----------
    dim_, idf_, unseen_idf_ : int, dict of str to float, float
        As in `Pooled`.

    Raises
    ------
    TypeError, sklearn.exceptions.NotFittedError
        If `Pooled` would raise them.
    ValueError
        If `Pooled` would raise it, or `vectors` does not have one row per word of the vocabulary.

    Examples
    --------
    >>> from elmo_cache import FeatureCache
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
            raise InvalidValueError(messages.VECTORS_SHAPE, found=np.shape(self.vectors), expected=n_words)
        return pooled_dim(self.pooling, self.vectors.shape[1]), (self.vectors[X.token_ids(i)] for i in range(len(X)))
