"""What a tagger's answers are worth: token accuracy, macro-F1 over tags, and F1 over entities."""

import re
from collections.abc import Sequence

import numpy as np

from cache.errors import InvalidValueError
from trainer import messages

__all__ = ["mark_entities", "score"]

_ENTITY_TAG = re.compile(r"O|[BIES]-.+")
_OUTSIDE = "O"


def mark_entities(tag_names: Sequence[str]) -> bool:
    """Tell whether tags mark entities, as BIO and BIOES do: each is O, or B-, I-, E- or S- and a type.

    Examples
    --------
    >>> mark_entities(["O", "B-PER", "I-PER"]), mark_entities(["NOUN", "VERB"]), mark_entities(["O"])
    (True, False, False)
    """
    return all(map(_ENTITY_TAG.fullmatch, tag_names)) and any(name != _OUTSIDE for name in tag_names)


def score(
    tags: np.ndarray, predicted: np.ndarray, indptr: np.ndarray, tag_names: Sequence[str]
) -> dict[str, float | None]:
    """Compare predicted tags with the right ones.

    Parameters
    ----------
    tags, predicted : ndarray of int, (n_tokens,)
        Indices into `tag_names`; tokens whose right tag is -1 do not count, and to entities they are O.
    indptr : ndarray of int, (n_sentences + 1,)
        Sentence i has the tokens `indptr[i]` up to but not including `indptr[i + 1]`.
    tag_names : sequence of str

    Returns
    -------
    dict of str to float or None
        All 0 to 1. `accuracy`: share of the tokens. `macro_f1`: mean F1 over the tags that the sentences have.
        `entity_f1`: micro-averaged F1 over whole entities, as `seqeval` (and conlleval) finds them; None where tags do
        not mark entities.

    Raises
    ------
    ValueError
        If no token has a tag.
    """
    from sklearn.metrics import f1_score

    tagged = tags >= 0
    if not tagged.any():
        raise InvalidValueError(messages.NO_TAGGED_TOKENS)
    right, found = tags[tagged], predicted[tagged]
    return {
        "accuracy": float(np.mean(right == found)),
        "macro_f1": float(f1_score(right, found, labels=np.unique(right), average="macro", zero_division=0)),
        "entity_f1": _entity_f1(tags, predicted, indptr, tag_names) if mark_entities(tag_names) else None,
    }


def _entity_f1(tags: np.ndarray, predicted: np.ndarray, indptr: np.ndarray, tag_names: Sequence[str]) -> float:
    from seqeval.metrics import f1_score

    names = np.array([*tag_names, _OUTSIDE], object)  # the last one stands for -1
    known = np.where(tags >= 0, predicted, -1)
    sentences = [
        [names[part[start:stop]].tolist() for start, stop in zip(indptr[:-1], indptr[1:], strict=True)]
        for part in (tags, known)
    ]
    return float(f1_score(*sentences, zero_division=0))
