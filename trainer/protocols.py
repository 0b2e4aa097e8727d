"""Which documents a trial uses: pure functions from a seed to positions in the cache's stored order."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cache import FeatureCache
from trainer import messages
from trainer.errors import TrialsError
from trainer.stratification import arranged, check_balance

__all__ = [
    "MOST_DOCUMENTS",
    "PROTOCOLS",
    "SEED_STOP",
    "Pool",
    "Sizes",
    "Trial",
    "check_notebook_lengths",
    "draw_trial",
    "group_duplicates",
    "is_whole",
]

PROTOCOLS = ("clean", "notebook")

# Trials count from 1, so `SeedSequence([seed, 0])` is free for what all trials of a seed share.
_SHARED_BY_ALL_TRIALS = 0
SEED_STOP = 2**63
"""Seeds are below it."""
MOST_DOCUMENTS = 2**31 - 1


@dataclass(frozen=True)
class Sizes:
    """Documents in each part of a trial.

    Attributes
    ----------
    train, validation, test : int
        To train on, to stop by, and to measure accuracy on; the defaults are the experiment's. With a `test` of 0 no
        test document is looked at.

    Raises
    ------
    TrialsError
        If one of them is not a whole number from 1 to `MOST_DOCUMENTS`; from 0 for `test`.
    """

    train: int = 200
    validation: int = 200
    test: int = 500

    def __post_init__(self) -> None:
        for name, size in vars(self).items():
            lowest = 0 if name == "test" else 1
            if not is_whole(size, lowest, MOST_DOCUMENTS):
                expected = f"a whole number from {lowest} to {MOST_DOCUMENTS}"
                raise TrialsError(messages.SIZE_INVALID, name=name, found=size, expected=expected)


def is_whole(value: object, lowest: int, highest: int) -> bool:
    """Tell whether a value is an int, neither bool nor float, within a range that includes both ends."""
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


@dataclass(frozen=True)
class Pool:
    """What a protocol draws from: the first n documents of each split, in stored order.

    Parameters
    ----------
    train_labels, test_labels : ndarray of int, (n,)
        Class indices.
    train_groups, test_groups : ndarray of int64, (n,)
        Equal for documents with exactly the same tokens, over both splits (`group_duplicates`).
    cache : FeatureCache, optional
        Where they come from: errors say whether its build has finished.
    unit : str
        What errors call the documents.
    """

    train_labels: np.ndarray
    test_labels: np.ndarray
    train_groups: np.ndarray
    test_groups: np.ndarray
    cache: FeatureCache | None = None
    unit: str = "documents"


@dataclass(frozen=True, eq=False)
class Trial:
    """The documents of one trial, as ascending positions `(n,)` int64 in stored order.

    Ascending because the sets alone decide a trial (shuffling is the training's business), and because
    shards are then read from front to back.
    """

    number: int
    """1-based."""
    train: np.ndarray
    """In the train split."""
    validation: np.ndarray
    """In the split that `validation_split` names."""
    test: np.ndarray
    """In the test split."""
    validation_split: Literal["train", "test"]

    @property
    def hashes(self) -> tuple[str, str, str]:
        """Twelve hex digits for each of the sets of train, validation and test documents, out of SHA-256."""
        return (
            _hash_set("train", self.train),
            _hash_set(self.validation_split, self.validation),
            _hash_set("test", self.test),
        )


def group_duplicates(
    train_token_ids: Iterable[np.ndarray], test_token_ids: Iterable[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Number documents so that those with exactly the same tokens share a number, over both splits.

    One document is held at a time, and 16 bytes of hash for each that differs from all before.

    Parameters
    ----------
    train_token_ids, test_token_ids : iterable of ndarray of int32, (n_tokens,)
        Each document's token ids.

    Returns
    -------
    train_groups, test_groups : ndarray of int64, (n_docs,)
        From 0, in order of appearance.

    Examples
    --------
    >>> a, b = np.array([4, 5], np.int32), np.array([5, 4], np.int32)
    >>> group_duplicates([a, b, a], [b])
    (array([0, 1, 0]), array([1]))
    """
    group_of: dict[bytes, int] = {}

    def number(documents: Iterable[np.ndarray]) -> np.ndarray:
        digests = (
            hashlib.blake2b(np.asarray(token_ids, "<i4").tobytes(), digest_size=16).digest() for token_ids in documents
        )
        return np.fromiter((group_of.setdefault(digest, len(group_of)) for digest in digests), np.int64)

    train_groups = number(train_token_ids)
    return train_groups, number(test_token_ids)


def check_notebook_lengths(lengths_by_split: Mapping[str, np.ndarray], window: int = 500) -> None:
    """Check that every document has the length that the protocol `notebook` is about.

    Parameters
    ----------
    lengths_by_split : mapping of str to ndarray of int, (n_docs,)
        Tokens of each document of each split.
    window : int
        Tokens that each must have.

    Raises
    ------
    TrialsError
        If a document has another length; the message names the build options that give this one.
    """
    for split, lengths in lengths_by_split.items():
        others = np.flatnonzero(np.asarray(lengths) != window)
        if len(others):
            raise TrialsError(
                messages.NOTEBOOK_LENGTHS,
                name=split,
                n=len(others),
                total=len(lengths),
                index=int(others[0]),
                found=int(lengths[others[0]]),
                expected=window,
            )


def draw_trial(protocol: str, pool: Pool, sizes: Sizes, seed: int, number: int, draw: str = "random") -> Trial:
    """Draw the documents of one trial; no other trial has a say in it.

    Under `clean`, train and validation documents come from the train split and are drawn anew in each trial,
    test documents are drawn once per seed, and a text never stands on two sides of a trial (twice on one
    side it may). Under `notebook`, test and validation documents are the first of the test split, the same
    in all trials, and only the train documents are drawn; a text that both splits hold may stand on two
    sides, as it could in the notebook. With larger sizes and all else the same, train documents are added to
    those there are.

    Documents are drawn at random whatever their class, or `stratified`: each class has the share of the train
    and of the test documents that it has in its split; or `balanced`: as many of each class.

    Parameters
    ----------
    protocol : {"clean", "notebook"}
    pool : Pool
        What to draw from.
    sizes : Sizes
        How many to draw.
    seed : int
        Decides everything, with `number`; 0 to 2**63 - 1.
    number : int
        The trial, 1-based.
    draw : {"random", "stratified", "balanced"}
        What the classes have to do with it.

    Returns
    -------
    Trial
        Its documents.

    Raises
    ------
    TrialsError
        If the pool is too small, or all train documents drawn have one label.

    Examples
    --------
    A trial is the same whichever trials are drawn beside it, and a larger test set holds the smaller one:

    >>> labels, texts = np.arange(20) % 2, np.arange(40)
    >>> pool = Pool(labels, labels, texts[:20], texts[20:])
    >>> trial = draw_trial("clean", pool, Sizes(train=4, validation=3, test=5), seed=0, number=2)
    >>> len(trial.train), len(trial.validation), len(trial.test), trial.validation_split
    (4, 3, 5, 'train')
    >>> set(trial.train.tolist()) & set(trial.validation.tolist())
    set()
    >>> larger = draw_trial("clean", pool, Sizes(train=4, validation=3, test=9), seed=0, number=1)
    >>> set(trial.test.tolist()) <= set(larger.test.tolist())
    True
    """
    drawn = {"clean": _draw_clean, "notebook": _draw_notebook}[protocol]
    trial = drawn(pool, sizes, seed, number, draw)
    labels = np.unique(pool.train_labels[trial.train])
    if len(labels) < 2:
        raise TrialsError(messages.ONE_LABEL_DRAWN, trial=number, n=sizes.train, found=int(labels[0]))
    return trial


def _draw_clean(pool: Pool, sizes: Sizes, seed: int, number: int, draw: str) -> Trial:
    n_train, n_test = len(pool.train_labels), len(pool.test_labels)
    _check_found(pool, "train", sizes.train + sizes.validation, n_train)
    _check_found(pool, "test", sizes.test, n_test)
    test = arranged(_permutation(n_test, seed, _SHARED_BY_ALL_TRIALS), pool.test_labels, draw)[: sizes.test]

    # The whole pool is permuted before texts are left out, so that each is left out without moving the others.
    order = _permutation(n_train, seed, number)
    order = order[~np.isin(pool.train_groups[order], pool.test_groups[test])]
    order = arranged(order, pool.train_labels, draw)
    train, rest = order[: sizes.train], order[sizes.train :]
    rest = rest[~np.isin(pool.train_groups[rest], pool.train_groups[train])]
    rest = arranged(rest, pool.train_labels, draw)
    _check_found(pool, "train", sizes.train + sizes.validation, len(train) + len(rest), trial=number)
    parts = Trial(number, np.sort(train), np.sort(rest[: sizes.validation]), np.sort(test), "train")
    _check_draw(pool, parts, draw)
    return parts


def _draw_notebook(pool: Pool, sizes: Sizes, seed: int, number: int, draw: str) -> Trial:
    n_train, n_test = len(pool.train_labels), len(pool.test_labels)
    _check_found(pool, "train", sizes.train, n_train)
    _check_found(pool, "test", sizes.test + sizes.validation, n_test)
    train = arranged(_permutation(n_train, seed, number), pool.train_labels, draw)[: sizes.train]
    order = arranged(np.arange(n_test, dtype=np.int64), pool.test_labels, draw)
    test, rest = order[: sizes.test], arranged(np.sort(order[sizes.test :]), pool.test_labels, draw)
    parts = Trial(number, np.sort(train), np.sort(rest[: sizes.validation]), np.sort(test), "test")
    _check_draw(pool, parts, draw)
    return parts


def _check_draw(pool: Pool, trial: Trial, draw: str) -> None:
    if draw != "balanced":
        return
    n_classes = 1 + max(int(labels.max(initial=0)) for labels in (pool.train_labels, pool.test_labels))
    of_validation = pool.train_labels if trial.validation_split == "train" else pool.test_labels
    check_balance("training", pool.train_labels[trial.train], n_classes)
    check_balance("validation", of_validation[trial.validation], n_classes)
    check_balance("test", pool.test_labels[trial.test], n_classes)


def _permutation(n: int, seed: int, number: int) -> np.ndarray:
    # NumPy promises the numbers of `RandomState` for ever (NEP 19); `Generator` may change between versions,
    # and trials that were added after an update would then not be those of the protocol.
    bits = np.random.MT19937(np.random.SeedSequence([seed, number]))
    return np.random.RandomState(bits).permutation(n).astype(np.int64)


def _check_found(pool: Pool, split: str, n_needed: int, n_found: int, trial: int | None = None) -> None:
    if n_found >= n_needed:
        return
    data = {"name": split, "expected": n_needed, "found": n_found, "unit": pool.unit}
    if pool.cache is not None and not pool.cache.complete:
        raise TrialsError(messages.POOL_UNFINISHED, path=pool.cache.path, **data)
    n_pool = {"train": len(pool.train_labels), "test": len(pool.test_labels)}
    # A split without --limit would be built whole, so the other one's present size is part of the command.
    n_pool[split] += n_needed - n_found
    data["limits"] = " ".join(f"--limit {name}={n}" for name, n in n_pool.items())
    if trial is None:
        raise TrialsError(messages.TOO_FEW_DOCUMENTS, **data)
    raise TrialsError(messages.TOO_FEW_DISTINCT, trial=trial, **data)


def _hash_set(split: str, positions: np.ndarray) -> str:
    content = split.encode() + b"\0" + np.sort(positions).astype("<i8").tobytes()
    return hashlib.sha256(content).hexdigest()[:12]
