"""`imdb`: the data set of `keras.datasets.imdb`, words already ranked and their order kept."""

import importlib
import json
import operator
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from reprlib import repr as show
from typing import Any

import numpy as np

from cache.npz import array_dtype, read_array, skip_header
from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.base import IMDB_LABELS, Document
from elmo_cache.text.tokenization import keras_tokens

__all__ = ["ImdbCorpus", "read_word_index"]

# As in keras/src/datasets/imdb.py: file name, hash.
ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
NPZ = ("imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f")
WORD_INDEX = ("imdb_word_index.json", "bfafd718b763782e994055a2d397834f")
SPLITS = ("train", "test")
_FEW_REVIEWS = 4


class ImdbCorpus:
    """Keras's IMDB reviews: ranks mapped back to words and joined by spaces, in the order of its file.

    Parameters
    ----------
    npz, word_index : Path or None
        Keras's `imdb.npz` and `imdb_word_index.json`. What is None is downloaded by Keras to its own folder
        when it is first needed.

    Raises
    ------
    CorpusError
        If a given file does not exist, or (later) cannot be downloaded or read.
    """

    name = "imdb"
    tokenizer = "keras"
    label_names = IMDB_LABELS
    unit = "docs"

    def __init__(self, npz: Path | None = None, word_index: Path | None = None) -> None:
        for name, path in (("imdb_npz", npz), ("imdb_word_index", word_index)):
            if path is not None and not path.is_file():
                raise CorpusError(messages.NO_FILE, path=path, name=name)
        self.position = 0
        self._given_npz = npz
        self._given_word_index = word_index

    @property
    def split_rule(self) -> dict[str, Any]:
        """The data set's own division."""
        return {"rule": "arrays x_train and x_test, as published"}

    @cached_property
    def size(self) -> int:
        """Number of reviews."""
        return sum(len(_read_labels(self._npz, split)) for split in SPLITS)

    @cached_property
    def word_ranks(self) -> Mapping[str, int]:
        """Keras's word index.

        Its 21 words with a capital outside ASCII (see `keras_tokens`) have a second entry in the spelling
        that the tokeniser makes of them, unless that is a word of its own.
        """
        ranks = dict(self._word_index)
        for word, rank in self._word_index.items():
            for spelling in keras_tokens(word):
                ranks.setdefault(spelling, rank)
        return ranks

    def documents(self) -> Iterator[Document]:
        """All reviews, `x_train` first.

        Raises
        ------
        CorpusError
            If the arrays cannot be read, or do not agree with each other or with the word index.
        """
        self.position = 0
        word_of_rank = {rank: word for word, rank in self._word_index.items()}
        for split in SPLITS:
            labels = _read_labels(self._npz, split)
            reviews = _read_reviews(self._npz, split)
            if len(labels) != len(reviews):
                where, found = f"{self._npz}, y_{split}", f"{len(labels)} labels"
                expected = f"{len(reviews)} as in x_{split}"
                raise CorpusError(messages.UNEXPECTED, where=where, found=found, expected=expected)
            if _has_marks(reviews):
                raise CorpusError(messages.IMDB_SHIFTED, path=self._npz, name=f"x_{split}", url=ORIGIN + NPZ[0])
            for index, (label, ranks) in enumerate(zip(labels, reviews, strict=True)):
                try:
                    text = " ".join([word_of_rank[rank] for rank in ranks])
                except (KeyError, TypeError) as error:
                    where, most = f"{self._npz}: x_{split}[{index}]", len(word_of_rank)
                    raise CorpusError(messages.IMDB_REVIEW, where=where, most=most, error=repr(error)) from error
                self.position += 1
                yield Document(split, index, IMDB_LABELS[label], text)
        if not self.position:
            raise CorpusError(messages.NO_DOCUMENTS, path=self._npz)

    @cached_property
    def _npz(self) -> Path:
        return self._given_npz or _download(*NPZ)

    @cached_property
    def _word_index(self) -> dict[str, int]:
        return read_word_index(self._given_word_index or _download(*WORD_INDEX))


def read_word_index(path: Path) -> dict[str, int]:
    """Return the words and ranks of an `imdb_word_index.json`.

    Raises
    ------
    CorpusError
        If it is no JSON object of words and ranks from 1, each rank once.
    """
    expected = "an object of words and their ranks"
    try:
        index = json.loads(path.read_bytes())
    except OSError as error:
        raise CorpusError(messages.CANNOT_READ, path=path, error=error) from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(messages.NOT_JSON, where=path, error=error, expected=expected) from error
    if not isinstance(index, dict) or not index:
        raise CorpusError(messages.UNEXPECTED, where=path, found=show(index), expected=expected)
    seen: set[int] = set()
    for word, rank in index.items():
        if type(rank) is not int or rank < 1 or rank in seen:
            name, expected = f"the rank of {word!r}", "a whole number from 1 that no other word has"
            raise CorpusError(messages.INVALID_ENTRY, where=path, name=name, found=repr(rank), expected=expected)
        seen.add(rank)
    return index


def _download(file_name: str, file_hash: str) -> Path:
    keras = importlib.import_module("keras")  # here, so that nothing else pays for its start-up

    url = ORIGIN + file_name
    try:
        return Path(keras.utils.get_file(fname=file_name, origin=url, file_hash=file_hash))
    except Exception as error:  # get_file raises plain Exception where there is no network
        raise CorpusError(messages.IMDB_NOT_DOWNLOADED, url=url, error=error) from error


class _PickledArray:
    """What stands in for an object array while it is unpickled: its elements as a list."""

    shape: tuple[int, ...] = ()
    elements: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, _dtype, _is_fortran, self.elements = state
        self.shape = tuple(map(operator.index, shape))


class _PickledDtype:
    """Stands in for a dtype, whose state is not needed."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _reconstruct(*_: object) -> _PickledArray:
    return _PickledArray()


# All that a pickled object array asks for, by the names of NumPy 1 and 2. A pickle may call what it names,
# so it gets stand-ins that do nothing: not even NumPy's constructors see a stranger's values.
_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _PickledArray,
    ("numpy", "dtype"): _PickledDtype,
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no array needs") from None


def _read_labels(path: Path, split: str) -> np.ndarray:
    """Int `(n_docs,)`, each 0 or 1."""
    labels = _read_array(path, f"y_{split}")
    if not isinstance(labels, np.ndarray) or labels.ndim != 1 or not np.isin(labels, (0, 1)).all():
        expected = "a one-dimensional array of the labels 0 and 1"
        raise CorpusError(messages.IMDB_ARRAY, path=path, name=f"y_{split}", expected=expected)
    return labels.astype(np.int64)


def _read_reviews(path: Path, split: str) -> list[Any]:
    """One sequence of ranks a review."""
    reviews = _read_array(path, f"x_{split}")
    if isinstance(reviews, np.ndarray) and reviews.ndim in (1, 2) and reviews.dtype.kind in "iu":
        return list(reviews.tolist())
    if isinstance(reviews, _PickledArray) and isinstance(reviews.elements, list):
        elements, shape = reviews.elements, reviews.shape
        if shape == (len(elements),):
            return elements
        # What NumPy makes of lists that happen to be equally long.
        if len(shape) == 2 and elements and shape[0] * shape[1] == len(elements):
            return [elements[start : start + shape[1]] for start in range(0, len(elements), shape[1])]
    raise CorpusError(messages.IMDB_ARRAY, path=path, name=f"x_{split}", expected="an array of lists of ranks")


def _has_marks(reviews: list[Any]) -> bool:
    """Tell whether these are the arrays of `load_data`: 1 begins each and stands nowhere else, 3 is not in use.

    In ranks, 1 and 3 are "the" and "a": four reviews that all do so are none.
    """
    many = [review for review in reviews if isinstance(review, list) and len(review) > 1]
    return len(many) >= _FEW_REVIEWS and all(
        review[0] == 1 and 3 not in review and review.count(1) == 1 for review in many
    )


def _read_array(path: Path, name: str) -> Any:
    """An array of an `.npz` without `allow_pickle`, which would run whatever code the file brings."""
    try:
        with zipfile.ZipFile(path) as archive:
            if not array_dtype(archive, name).hasobject:
                return read_array(archive, name)
            with archive.open(f"{name}.npy") as member:
                skip_header(member)
                return _ArrayUnpickler(member).load()
    except Exception as error:  # a hostile file can make zipfile, numpy and pickle raise nearly anything
        url = ORIGIN + NPZ[0]
        raise CorpusError(messages.DATA_SET_DAMAGED, where=f"{path}, {name}", error=error, url=url) from error
