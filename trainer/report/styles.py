"""What figures have in common: each model's colour and marker, the same in all of them, and names that fit."""

import hashlib
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cache.runtime.console import printable

__all__ = ["CHARACTERS", "Style", "Values", "styles_of", "wrapped_name"]

CHARACTERS = 86
"""Of all the names along an axis of a figure's whole width."""

Values = Mapping[str, Mapping[int, float]]
"""By model and trial."""


@dataclass(frozen=True)
class Style:
    """The look of a model."""

    color: str
    marker: str


# Okabe and Ito's colours (2008), which people who are colour-blind can tell apart, and a purple: blue for static
# vectors, green for words, warm colours for ELMo. The layers of ELMo have shades of their
# model's colour, and the mix one beside it.
_FIXED = {
    "basic": Style("#0072B2", "o"),
    "elmo": Style("#D55E00", "s"),
    "elmo-only": Style("#E69F00", "v"),
    "elmo-lstm": Style("#CC79A7", "P"),
    "tfidf-lr": Style("#009E73", "D"),
    "static-lr": Style("#56B4E9", "X"),
    "elmo-lr": Style("#6A3D9A", "^"),
    "static": Style("#0072B2", "o"),
    "elmo-0": Style("#F2BE99", "s"),
    "elmo-1": Style("#E88A4A", "s"),
    "elmo-2": Style("#8F3F00", "s"),
    "elmo-top": Style("#8F3F00", "s"),
    "elmo-mix": Style("#A98F00", "s"),
    "elmo-lstm-0": Style("#EDCFE0", "P"),
    "elmo-lstm-1": Style("#DDA5C6", "P"),
    "elmo-lstm-2": Style("#8A4570", "P"),
    "elmo-lstm-top": Style("#8A4570", "P"),
    "elmo-lstm-mix": Style("#9467BD", "P"),
}
# Of Tol's (2021) "muted" colours those that are not like one of the above.
_OWN = [
    Style(c, m)
    for c, m in zip(("#332288", "#117733", "#999933", "#882255", "#44AA99", "#666666"), "h*<>p8", strict=True)
]


def styles_of(models: Iterable[str]) -> dict[str, Style]:
    """Return the look of each model.

    A built-in model's is fixed. Your model's comes of its name: it is the same in every figure, unless two of one
    figure would look alike.

    Examples
    --------
    >>> styles_of(["elmo", "wide"])["elmo"] == styles_of(["basic", "elmo"])["elmo"]
    True
    >>> styles_of(["elmo", "wide"])["wide"] == styles_of(["wide"])["wide"]
    True
    """
    models = list(dict.fromkeys(models))
    found: dict[str, Style] = {}
    for model in sorted(set(models) - _FIXED.keys()):
        first = int.from_bytes(hashlib.sha256(model.encode()).digest()[:8], "big")
        in_order = [_OWN[(first + k) % len(_OWN)] for k in range(len(_OWN))]
        free = [style for style in in_order if style not in found.values()]
        found[model] = (free or in_order)[0]
    return {model: _FIXED.get(model) or found[model] for model in models}


def wrapped_name(name: str, n_names: int, n_characters: int = CHARACTERS) -> str:
    """Return a name in lines short enough for `n_names` of them along an axis that is `n_characters` wide."""
    return "\n".join(textwrap.wrap(printable(name), max(4, n_characters // n_names - 1))) or name
