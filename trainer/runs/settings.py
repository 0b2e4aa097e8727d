"""What a run of trials is made with, and how it is kept beside its results."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cache.errors import one_line
from cache.files import atomic_path
from trainer.errors import TrialsError
from trainer.protocols import PROTOCOLS, SEED_STOP, Sizes

__all__ = [
    "GAMMAS",
    "LEARNING_RATES",
    "MODELS",
    "Settings",
    "parse_gamma",
    "parse_rates",
    "read_config",
    "refuse_other_settings",
    "write_config",
]

MODELS = ("basic", "elmo", "elmo-only")
PUBLISHED_RATE = 1e-3  # what the published numbers were made with, for both models
LEARNING_RATES: Mapping[str, Mapping[str, float]] = {
    "clean": {"basic": 1e-3, "elmo": 1e-3, "elmo-only": 1e-3},
    "notebook": {},
}
"""Adam's default step size by protocol and model; `PUBLISHED_RATE` where there is none."""
GAMMAS: Mapping[str, float | str] = {"clean": 1.0, "notebook": 1.0}
"""The default factor on the ELMo vectors by protocol, a number or "auto"."""
CONFIG_NAME = "config.json"
_NUMBERS = ("seed", "batch_size", "window", "max_epochs", "patience", "min_epochs")
_NOT_COMPARED = ("path", "source", "encoding_options", "words")  # places, and what the hashes beside them cover


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
        Adam's step size by model, where it is not that of `LEARNING_RATES`.
    gamma : float or "auto"
        Factor on the ELMo vectors; "auto" makes them as long as the static ones (`trainer.gamma`). Where a mix of
        layers is trained, its gamma starts at it. Default: that of `GAMMAS`.
    layer : str or None
        View of the cache, `scalar-mix` for a trainable mix of all layers, None for the cache's default.
    batch_size, window : int
        Documents a batch, and tokens a document at most.
    max_epochs, patience : int
        Epochs at most, and epochs without a lower validation loss that end a training.
    min_epochs : int
        Epochs before which a training does not end.

    Raises
    ------
    TrialsError
        If a value is out of its range; the message names the option of `elmo-train trials`.

    Examples
    --------
    >>> settings = Settings(seed=3, learning_rates={"elmo": 1e-4})
    >>> settings.learning_rate("elmo"), settings.learning_rate("basic")
    (0.0001, 0.001)
    >>> Settings.from_json(settings.vectors, settings.to_json()).to_json() == settings.to_json()
    True
    >>> Settings(learning_rates={"lstm": 1e-4})
    Traceback (most recent call last):
    trainer.errors.TrialsError: --learning-rate names 'lstm', expected one of basic, elmo, elmo-only
    """

    vectors: str = "glove-50d"
    protocol: str = "clean"
    sizes: Sizes = field(default_factory=Sizes)
    seed: int = 0
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    gamma: float | str | None = None
    layer: str | None = None
    batch_size: int = 16
    window: int = 500
    max_epochs: int = 100
    patience: int = 2
    min_epochs: int = 1

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise TrialsError(f"--protocol is {self.protocol!r}, expected one of {', '.join(PROTOCOLS)}")
        if not 0 <= self.seed < SEED_STOP:
            raise TrialsError(f"--seed is {self.seed}, expected 0 or more")
        for model, rate in self.learning_rates.items():
            if model not in MODELS:
                raise TrialsError(f"--learning-rate names {model!r}, expected one of {', '.join(MODELS)}")
            if not 0 < rate < 10:
                raise TrialsError(f"--learning-rate {model}={rate}: expected a number above 0, as 1e-4")
        if self.gamma is None:
            object.__setattr__(self, "gamma", GAMMAS[self.protocol])
        if self.gamma != "auto" and not _is_gamma(self.gamma):
            raise TrialsError(f"--gamma is {self.gamma!r}, expected a number above 0, or auto")
        if not self.patience >= 1:
            raise TrialsError(f"--patience is {self.patience}, expected at least 1")
        if not 1 <= self.min_epochs <= self.max_epochs:
            raise TrialsError(f"--min-epochs is {self.min_epochs}, expected 1 to {self.max_epochs}")

    def learning_rate(self, model: str) -> float:
        """Return Adam's step size for a model."""
        return self.learning_rates.get(model, LEARNING_RATES[self.protocol].get(model, PUBLISHED_RATE))

    def to_json(self) -> dict[str, Any]:
        """Return the settings as `config.json` holds them, all but the source of the static vectors."""
        return {
            "protocol": self.protocol,
            "sizes": {
                "train": self.sizes.train,
                "validation": self.sizes.validation,
                "test": self.sizes.test,
            },
            "seed": self.seed,
            "learning_rates": {model: self.learning_rate(model) for model in MODELS},
            "gamma": self.gamma,
            "layer": self.layer,
            "batch_size": self.batch_size,
            "window": self.window,
            "max_epochs": self.max_epochs,
            "patience": self.patience,
            "min_epochs": self.min_epochs,
        }

    @classmethod
    def from_json(cls, vectors: str, value: Mapping[str, Any]) -> "Settings":
        """Return the settings that `to_json` wrote, with the source of the static vectors, which stands apart.

        Raises
        ------
        TrialsError, KeyError, TypeError
            If `value` is something else.
        """
        return cls(vectors=vectors, **{**value, "sizes": Sizes(**value["sizes"])})


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
        raise TrialsError(f"--gamma is {text!r}, expected a number above 0, or auto") from None


def parse_rates(texts: Sequence[str]) -> dict[str, float]:
    """Return what several `--learning-rate` say: `RATE` for all models, `MODEL=RATE` for one whatever all others have.

    Raises
    ------
    TrialsError
        If one of them says anything else, or two say different things; `Settings` checks models and ranges.

    Examples
    --------
    >>> parse_rates(["elmo=3e-4", "1e-3"])
    {'basic': 0.001, 'elmo': 0.0003, 'elmo-only': 0.001}
    """
    found: dict[str, float] = {}
    for text in texts:
        model, named, number = text.rpartition("=")
        try:
            rate = float(number if model or not named else text)
        except ValueError:
            raise TrialsError(
                f"--learning-rate is {text!r}, expected RATE or MODEL=RATE, as 1e-3 or elmo=3e-4"
            ) from None
        if found.setdefault(model, rate) != rate:
            raise TrialsError(
                f"--learning-rate gives {model or 'all models'} {found[model]:g} and {rate:g}: name one of them"
            )
    for_all = dict.fromkeys(MODELS, found.pop("")) if "" in found else {}
    return for_all | found


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write a run's `config.json`, whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with atomic_path(folder / CONFIG_NAME) as temporary:
        temporary.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def read_config(folder: Path) -> dict[str, Any] | None:
    """Return a run's `config.json`, or None if there is none.

    What earlier versions did not write, it has as they ran: a gamma of 1, and no least number of epochs.

    Raises
    ------
    TrialsError
        If it is damaged.
    """
    path = folder / CONFIG_NAME
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, RecursionError) as error:
        raise TrialsError(f"{path} is damaged ({error}); remove {folder} or choose another --out") from error
    try:
        value["settings"] = {"gamma": 1.0, "min_epochs": 1, **value["settings"]}
        value.setdefault("gamma", 1.0)
        _check_config(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrialsError(
            f"{path} is not the configuration of a run of trials ({one_line(error)}); choose another --out"
        ) from error
    return dict(value)


def _check_config(value: Mapping[str, Any]) -> None:
    cache, vectors, choices = value["cache"], value["vectors"], value["settings"]
    Settings.from_json(vectors["source"], choices)
    numbers = [*(choices[name] for name in _NUMBERS), *choices["sizes"].values(), *value["pool"].values()]
    texts = [cache["path"], cache["encoding"], *cache["label_names"], vectors["source"], vectors["name"]]
    if not _is_gamma(value["gamma"]):
        raise TypeError("the gamma of it is not a number above 0")
    if not all(type(number) is int for number in numbers) or not all(isinstance(text, str) for text in texts):
        raise TypeError("a number or a text of it is something else")


def _is_gamma(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and 0 < value < math.inf


def refuse_other_settings(folder: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise `TrialsError` with both values wherever a run's configuration differs from what is asked for."""
    differences = [
        f"{section}.{name} is {found[section].get(name)!r} there, {value!r} asked for"
        for section in ("settings", "cache", "vectors")
        for name, value in wanted[section].items()
        if name not in _NOT_COMPARED and found[section].get(name) != value
    ]
    if not differences and found["gamma"] != wanted["gamma"]:
        differences = [f"the gamma found is {found['gamma']} there, {wanted['gamma']} now"]
    if differences:
        raise TrialsError(
            f"{folder} holds trials made with other settings: {'; '.join(differences[:6])}. "
            "Ask for the same, or choose another --out"
        )
