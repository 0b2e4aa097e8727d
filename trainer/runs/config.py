"""`config.json` of a results folder: what its trials were made with. Its schema stands here alone."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer import messages
from trainer.errors import TrialsError
from trainer.protocols import PROTOCOLS, Sizes, is_whole
from trainer.runs.folder import is_model_name, read_small_file
from trainer.runs.folder_config import CONFIG, FolderConfig, of_cache
from trainer.runs.schema import HASH, PATH, TEXT, TEXT_OR_NONE, Each, Rule, check, is_text, whole
from trainer.runs.settings import RANGES, Settings, is_gamma, is_keras, is_rate, takes_gamma

if TYPE_CHECKING:
    from trainer.experiment import Experiment

__all__ = ["RunConfig"]

VERSION = 3
N_WORDS = 20
"""Of so many of the most frequent words a hash of the static vector is kept."""


@dataclass(frozen=True)
class RunConfig(FolderConfig):
    """What the trials of a folder were made with: everything needed to add more, or to use what they trained.

    Attributes
    ----------
    settings : Mapping
        What all models share, as `Settings.to_json` returns it.
    pool : Mapping of str to int
        Documents of `train` and `test` that trials draw from.
    cache : Mapping
        `path`, `encoder`, `corpus`, `encoding`, `encoding_options`, `corpus_fingerprint` and `label_names`.
    vectors : Mapping
        `source`, `name`, `dim`, `sha256`, and `words`, hashes of the vectors of frequent words.
    models : Mapping of str to Mapping
        What concerns one model alone: `learning_rate`, for a model of Keras; for the built-in ones that scale ELMo
        vectors `gamma`, as it was asked for (`asked`) and as the number that this came to (`value`); for yours
        `source_sha256`.
    """

    vectors: Mapping[str, Any]

    @classmethod
    def of(cls, experiment: "Experiment", models: Collection[str]) -> "RunConfig":
        """Return what trials of some models would be made with.

        Raises
        ------
        TrialsError
            If `--gamma auto` finds no number, or a model of yours cannot be made.
        """
        features, vectors, settings = experiment.features, experiment.vectors, experiment.settings
        manifest = features.manifest
        of_models: dict[str, dict[str, Any]] = {}
        for model in models:
            own = experiment.models.get(model)
            of_models[model] = {"source_sha256": own.sha256} if own else {}
            if experiment.has_weights(model):
                of_models[model] |= {"learning_rate": settings.learning_rate(model)}
            if takes_gamma(model):
                of_models[model] |= {"gamma": {"asked": settings.gamma, "value": experiment.gamma}}
        return cls(
            settings=settings.to_json(),
            pool={split: len(experiment.pooled(split)) for split in ("train", "test")},
            cache={
                **of_cache(features.path, manifest),
                "encoding_options": dict(manifest.encoding),
                "label_names": list(features.label_names or ()),
            },
            vectors={
                "source": settings.vectors,
                "name": vectors.name,
                "dim": vectors.dim,
                "sha256": vectors.fingerprint,
                "words": vectors.word_hashes(features.vocabulary, N_WORDS),
            },
            models=of_models,
        )

    @classmethod
    def read(cls, folder: Path) -> "RunConfig | None":
        """Return the configuration of a folder, in whichever version it is; None if there is none.

        Raises
        ------
        TrialsError
            If it is damaged, or of a later version.
        """
        path = folder / CONFIG
        content = read_small_file(path)
        if content is None:
            return None
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise _unusable(path, error) from error
        version = value.get("version", 1) if isinstance(value, dict) else 1
        if is_whole(version, VERSION + 1, 2**31):
            raise TrialsError(messages.NEWER_VERSION, path=path, found=version, expected=VERSION)
        try:
            check(value, {1: _VERSION_1, 2: _VERSION_2}.get(version, _VERSION_3))
            value = _of_version_1(value) if version == 1 else {n: v for n, v in value.items() if n != "version"}
            found = cls(**{**value, "settings": {"balanced": False, **value["settings"]}})
            found._shared_settings()
        except (ValueError, RecursionError) as error:
            raise _unusable(path, error) from error
        return found

    def _kind(self) -> dict[str, Any]:
        return {"version": VERSION}

    def _schema(self) -> Mapping[str, Any]:
        return _VERSION_3

    def settings_of(self, model: str) -> Settings:
        """Return the settings that a model's trials were made with, gamma as a number.

        Raises
        ------
        TrialsError
            If there are none of that model.
        """
        if model not in self.models:
            raise TrialsError(messages.NO_TRIALS_OF, path=CONFIG, name=model, found=", ".join(self.models) or "none")
        found = self.models[model]
        if takes_gamma(model) and "gamma" not in found:
            raise TrialsError(messages.CONFIG_LACKS, path=CONFIG, name=model, expected="gamma")
        if is_keras(model) and "learning_rate" not in found:
            raise TrialsError(messages.CONFIG_LACKS, path=CONFIG, name=model, expected="learning_rate")
        rates = {model: found["learning_rate"]} if "learning_rate" in found else {}
        return self._shared_settings(rates, found.get("gamma", {}).get("value", Settings.gamma))

    def keeps_weights(self, model: str) -> bool:
        """Tell whether trials of a model leave a file of weights: those of Keras do."""
        return "learning_rate" in self.models.get(model, {})

    @property
    def auto_gamma(self) -> float | None:
        """What `--gamma auto` came to for the models that were trained with it; None if none was."""
        gammas = [found["gamma"] for found in self.models.values() if "gamma" in found]
        return next((gamma["value"] for gamma in gammas if gamma["asked"] == "auto"), None)

    def _shared_settings(
        self, rates: Mapping[str, float] | None = None, gamma: float | str = Settings.gamma
    ) -> Settings:
        choices = {**self.settings, "sizes": Sizes(**self.settings["sizes"])}
        return Settings(vectors=self.vectors["source"], learning_rates=rates or {}, gamma=gamma, **choices)


def _unusable(path: Path, error: Exception) -> TrialsError:
    return TrialsError(messages.CONFIG_INVALID, path=path, name="trials", error=error)


def _of_version_1(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `RunConfig`. Version 1 had rates of all models there were, and one gamma.

    The earliest files have no gamma, which was 1 then, no least number of epochs, and no options or words.
    """
    settings = {"min_epochs": 1, **value["settings"]}
    rates, asked = settings.pop("learning_rates"), settings.pop("gamma", 1.0)
    gamma = {"gamma": {"asked": asked, "value": value.get("gamma", 1.0)}}
    return {
        "settings": settings,
        "pool": value["pool"],
        "cache": {"encoding_options": {}, **value["cache"]},
        "vectors": {"words": {}, **value["vectors"]},
        "models": {m: {"learning_rate": rate, **(gamma if takes_gamma(m) else {})} for m, rate in rates.items()},
    }


def _are_classes(value: object) -> bool:
    return isinstance(value, list) and all(map(is_text, value)) and len(set(value)) == len(value) >= 2


def _optional(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{key}?" if key == name else key: rule for key, rule in schema.items()}


_RATE = Rule("a number above 0 and below 10", is_rate)
_GAMMA = Rule("a number above 0", is_gamma)
_GAMMA_OR_AUTO = Rule("a number above 0, or 'auto'", lambda value: value == "auto" or is_gamma(value))
_MODEL = Rule("the name of a model", is_model_name)

_SETTINGS_2 = {
    "protocol": Rule(f"one of {', '.join(PROTOCOLS)}", lambda value: value in PROTOCOLS),
    "sizes": {"train": whole(1), "validation": whole(1), "test": whole(0)},
    "layer": TEXT_OR_NONE,
    **{name: whole(*ends) for name, ends in RANGES.items()},
}
_SETTINGS = {**_SETTINGS_2, "balanced": Rule("true or false", lambda value: isinstance(value, bool))}
_POOL = {"train": whole(0), "test": whole(0)}
_CACHE = {
    "path": PATH,
    "encoder": TEXT_OR_NONE,
    "corpus": TEXT_OR_NONE,
    "encoding": HASH,
    "encoding_options": Rule("an object", lambda value: isinstance(value, dict)),
    "corpus_fingerprint": HASH,
    "label_names": Rule("a list of two classes or more, all different", _are_classes),
}
_VECTORS = {
    "source": PATH,
    "name": TEXT,
    "dim": whole(1),
    "sha256": HASH,
    "words": Each(Rule("a word", lambda value: isinstance(value, str)), HASH),
}
_VERSION_1 = {
    "settings": {
        **_optional("min_epochs", _SETTINGS_2),
        "learning_rates": Each(_MODEL, _RATE),
        "gamma?": _GAMMA_OR_AUTO,
    },
    "gamma?": _GAMMA,
    "pool": _POOL,
    "cache": _optional("encoding_options", _CACHE),
    "vectors": _optional("words", _VECTORS),
}
_OF_MODEL = {"learning_rate?": _RATE, "gamma?": {"asked": _GAMMA_OR_AUTO, "value": _GAMMA}}
_VERSION_3 = {
    "version": Rule("2 or 3", lambda value: is_whole(value, 2, VERSION)),
    "settings": _SETTINGS,
    "pool": _POOL,
    "cache": _CACHE,
    "vectors": _VECTORS,
    "models": Each(_MODEL, {**_OF_MODEL, "source_sha256?": HASH}),
}
_VERSION_2 = {
    **_VERSION_3,
    "settings": _SETTINGS_2,
    "models": Each(_MODEL, {"learning_rate": _RATE, "gamma?": _OF_MODEL["gamma?"]}),
}
