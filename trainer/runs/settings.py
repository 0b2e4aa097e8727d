"""What a run of trials is made with: defaults, ranges, and what options say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainer import messages
from trainer.errors import TrialsError, invalid
from trainer.protocols import MOST_DOCUMENTS, PROTOCOLS, SEED_STOP, Sizes, is_whole

__all__ = [
    "CONVOLUTIONS",
    "LEARNING_RATE",
    "MODELS",
    "RANGES",
    "Settings",
    "is_gamma",
    "is_keras",
    "is_rate",
    "parse_gamma",
    "parse_rates",
    "takes_gamma",
]

CONVOLUTIONS = ("basic", "elmo", "elmo-only")
MODELS = (*CONVOLUTIONS, "elmo-lstm", "tfidf-lr", "static-lr", "elmo-lr")
"""The built-in models, in the order in which results have them."""
LEARNING_RATE = 1e-3
"""Adam's default step size, with which the published numbers were made."""
RANGES: Mapping[str, tuple[int, int]] = {
    "seed": (0, SEED_STOP - 1),
    "batch_size": (1, MOST_DOCUMENTS),
    "window": (1, 2**20),
    "max_epochs": (1, 2**31 - 1),
    "patience": (1, 2**31 - 1),
    "min_epochs": (1, 2**31 - 1),
}
"""The least and the largest number that each of these may be."""


@dataclass(frozen=True)
class Settings:
    """The choices of a run; the defaults are the experiment's.

    Attributes
    ----------
    vectors : str
        Source of the static vectors, as `load_static_vectors` takes it.
    protocol : {"clean", "notebook"}
        Which documents a trial uses.
    sizes : Sizes
        Documents to train on, to stop by, and to measure accuracy on.
    seed : int
        Decides everything that is drawn; 0 to 2**63 - 1.
    learning_rates : Mapping[str, float]
        Adam's step size by model, built-in or yours, where it is not `LEARNING_RATE`. A model of
        scikit-learn has none.
    gamma : float or "auto"
        Factor on the ELMo vectors; "auto" makes them as long as the static ones (`trainer.gamma`). Where a mix of
        layers is trained, its gamma starts at it.
    layer : str or None
        View of the cache, `scalar-mix` for a trainable mix of all layers, None for the cache's default.
    batch_size, window : int
        Documents a batch, and tokens a document at most.
    max_epochs, patience : int
        Epochs at most, and epochs without a lower validation loss that end a training.
    min_epochs : int
        Epochs before which a training does not end.
    balanced : bool
        Draw as many documents of each class. Otherwise two classes are drawn at random, and more than two so that each
        has the share of a trial that it has in its split.

    Raises
    ------
    TrialsError
        If a value is out of its range; the message names the parameter.

    Examples
    --------
    >>> settings = Settings(seed=3, learning_rates={"elmo": 1e-4})
    >>> settings.learning_rate("elmo"), settings.learning_rate("basic")
    (0.0001, 0.001)
    >>> Settings(learning_rates={"elmo": 100})
    Traceback (most recent call last):
    trainer.errors.TrialsError: learning_rate is 'elmo=100', expected a number above 0 and below 10, such as 1e-4.
    """

    vectors: str = "glove-50d"
    protocol: str = "clean"
    sizes: Sizes = field(default_factory=Sizes)
    seed: int = 0
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    gamma: float | str = 1.0
    layer: str | None = None
    batch_size: int = 16
    window: int = 500
    max_epochs: int = 100
    patience: int = 2
    min_epochs: int = 1
    balanced: bool = False

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise invalid("protocol", self.protocol, f"one of {', '.join(PROTOCOLS)}")
        for name, (lowest, highest) in RANGES.items():
            value = getattr(self, name)
            if not is_whole(value, lowest, highest):
                raise invalid(name, value, f"a whole number from {lowest} to {highest}")
        for model, rate in self.learning_rates.items():
            if not is_rate(rate):
                raise invalid("learning_rate", f"{model}={rate!r}", "a number above 0 and below 10, such as 1e-4")
        if self.gamma != "auto" and not is_gamma(self.gamma):
            raise invalid("gamma", self.gamma, "a number above 0, or auto")
        if self.min_epochs > self.max_epochs:
            raise invalid("min_epochs", self.min_epochs, f"1 to {self.max_epochs}")

    def learning_rate(self, model: str) -> float:
        """Return Adam's step size for a model."""
        return self.learning_rates.get(model, LEARNING_RATE)

    def to_json(self) -> dict[str, Any]:
        """Return what all models of a run share, as `config.json` holds it, all but the source of static vectors."""
        not_shared = ("vectors", "learning_rates", "gamma")
        shared = {name: value for name, value in vars(self).items() if name not in not_shared}
        return {**shared, "sizes": dict(vars(self.sizes))}


def takes_gamma(model: str) -> bool:
    """Tell whether a model multiplies its ELMo vectors by gamma."""
    return model in ("elmo", "elmo-only")


def is_keras(model: str) -> bool:
    """Tell whether a model is a built-in one of Keras, which has a learning rate and leaves weights."""
    return model in (*CONVOLUTIONS, "elmo-lstm")


def parse_gamma(text: str) -> float | str:
    """Return what `--gamma` says: a number, or "auto".

    Raises
    ------
    TrialsError
        If it says anything else; `Settings` checks the number's range.
    """
    try:
        return text if text == "auto" else float(text)
    except ValueError:
        raise invalid("gamma", text, "a number above 0, or auto") from None


def parse_rates(texts: Sequence[str], models: Sequence[str]) -> dict[str, float]:
    """Return what several `--learning-rate` say: `RATE` for all models, `MODEL=RATE` for one whatever all others have.

    Parameters
    ----------
    texts : sequence of str
    models : sequence of str
        All models.

    Raises
    ------
    TrialsError
        If one of them says anything else, names a model that is not among these, or two say different things;
        `Settings` checks ranges.

    Examples
    --------
    >>> parse_rates(["elmo=3e-4", "1e-3"], ["basic", "elmo"])
    {'basic': 0.001, 'elmo': 0.0003}
    """
    found: dict[str, float] = {}
    for text in texts:
        model, named, number = text.rpartition("=")
        try:
            rate = float(number if model or not named else text)
        except ValueError:
            raise invalid("learning_rate", text, "RATE or MODEL=RATE, such as 1e-3 or elmo=3e-4") from None
        if model and model not in models:
            raise invalid("learning_rate", text, f"the rate of one of the models here, {', '.join(models)}")
        if found.setdefault(model, rate) != rate:
            raise TrialsError(messages.RATE_TWICE, name=model or "all models", found=found[model], expected=rate)
    for_all = dict.fromkeys(models, found.pop("")) if "" in found else {}
    return for_all | found


def is_gamma(value: object) -> bool:
    """Tell whether a value can be a factor on vectors of float32."""
    return isinstance(value, float | int) and not isinstance(value, bool) and 1e-30 <= value <= 1e30


def is_rate(value: object) -> bool:
    """Tell whether a value can be a learning rate."""
    return isinstance(value, float | int) and not isinstance(value, bool) and 0 < value < 10
