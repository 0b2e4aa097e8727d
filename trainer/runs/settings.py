"""What a run of trials is made with, and how it is kept beside its results."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cache.errors import one_line
from cache.files import atomic_path
from trainer.errors import TrialsError
from trainer.protocols import PROTOCOLS, SEED_STOP, Sizes

__all__ = ["MODELS", "Settings", "read_config", "refuse_other_settings", "write_config"]

MODELS = ("basic", "elmo", "elmo-only")
LEARNING_RATE = 1e-3  # what the published numbers were made with, for both models
CONFIG_NAME = "config.json"
_NUMBERS = ("seed", "batch_size", "window", "max_epochs", "patience")
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
        Adam's step size by model, where it is not 1e-3.
    layer : str or None
        View of the cache, `scalar-mix` for a trainable mix of all layers, None for the cache's default.
    batch_size, window : int
        Documents a batch, and tokens a document at most.
    max_epochs, patience : int
        Epochs at most, and epochs without a lower validation loss that end a training.

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
    layer: str | None = None
    batch_size: int = 16
    window: int = 500
    max_epochs: int = 100
    patience: int = 2

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

    def learning_rate(self, model: str) -> float:
        """Return Adam's step size for a model."""
        return self.learning_rates.get(model, LEARNING_RATE)

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
            "layer": self.layer,
            "batch_size": self.batch_size,
            "window": self.window,
            "max_epochs": self.max_epochs,
            "patience": self.patience,
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
    if not all(type(number) is int for number in numbers) or not all(isinstance(text, str) for text in texts):
        raise TypeError("a number or a text of it is something else")


def refuse_other_settings(folder: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise `TrialsError` with both values wherever a run's configuration differs from what is asked for."""
    differences = [
        f"{section}.{name} is {found[section].get(name)!r} there, {value!r} asked for"
        for section in ("settings", "cache", "vectors")
        for name, value in wanted[section].items()
        if name not in _NOT_COMPARED and found[section].get(name) != value
    ]
    if differences:
        raise TrialsError(
            f"{folder} holds trials made with other settings: {'; '.join(differences[:6])}. "
            "Ask for the same, or choose another --out"
        )
