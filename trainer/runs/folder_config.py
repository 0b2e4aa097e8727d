"""What `config.json` of every results folder has, and whether trials can be added to what it has already."""

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from cache.files import atomic_path
from cache.manifest import Manifest
from trainer import messages
from trainer.errors import TrialsError
from trainer.runs.schema import check, shown

__all__ = ["CONFIG", "FolderConfig", "of_cache"]

CONFIG = "config.json"
_NOT_COMPARED = ("path", "source", "encoding_options", "words")  # places, and what the hashes beside them cover


@dataclass(frozen=True)
class FolderConfig(ABC):
    """What the trials of a folder were made with.

    Attributes
    ----------
    settings : Mapping
        What all models share.
    pool : Mapping of str to int
        Documents or sentences of `train` and `test` that trials draw from.
    cache : Mapping
        What the vectors come from.
    models : Mapping of str to Mapping
        What concerns one model alone.
    """

    settings: Mapping[str, Any]
    pool: Mapping[str, int]
    cache: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]

    @abstractmethod
    def _kind(self) -> dict[str, Any]:
        """Return what the file says of itself: at least its version."""

    @abstractmethod
    def _schema(self) -> Mapping[str, Any]:
        """Return what the file must be."""

    def write(self, folder: Path) -> None:
        """Write `config.json`, whole or not at all.

        Raises
        ------
        TrialsError
            If it would not be read again.
        OutputError
            If it cannot be written.
        """
        value = {**self._kind(), **vars(self)}
        try:
            check(value, self._schema())
        except ValueError as error:
            raise TrialsError(messages.CONFIG_NOT_KEPT, path=folder, error=error) from error
        with atomic_path(folder / CONFIG) as temporary:
            temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")

    def joined(self, wanted: Self, trained: Collection[str], folder: Path) -> Self:
        """Return the configuration of a folder to which trials are added.

        Parameters
        ----------
        wanted : FolderConfig
            What they are made with, and their models.
        trained : collection of str
            Models that have trials there; settings of others are not held on to.
        folder : Path
            For messages.

        Raises
        ------
        TrialsError
            If they differ in what all trials share, or a model that has trials in its own settings.
        """
        if not trained:
            return wanted
        again = [model for model in wanted.models if model in trained]
        if unknown := [model for model in again if model not in self.models]:
            raise TrialsError(messages.SETTINGS_UNKNOWN, path=folder, name=unknown[0])
        shared = [field.name for field in fields(self) if field.name != "models"]
        pairs = [(section, getattr(self, section), getattr(wanted, section)) for section in shared]
        pairs += [(model, self.models[model], wanted.models[model]) for model in again]
        differing = [
            messages.DIFFERENCE.format(
                name=f"{place}.{name}", found=shown(there.get(name)), expected=shown(asked.get(name))
            )
            for place, there, asked in pairs
            for name in asked
            if name not in _NOT_COMPARED and there.get(name) != asked.get(name)
        ]
        if differing:
            raise TrialsError(messages.OTHER_SETTINGS, path=folder, found="; ".join(differing[:6]))
        kept = {model: found for model, found in self.models.items() if model in trained}
        return replace(self, models={**wanted.models, **kept})


def of_cache(path: Path, manifest: Manifest) -> dict[str, Any]:
    """Return what every `config.json` says of a cache: its path, names and fingerprints."""
    return {
        "path": str(path),
        "encoder": manifest.names.get("encoder"),
        "corpus": manifest.names.get("corpus"),
        "encoding": manifest.encoding_fingerprint,
        "corpus_fingerprint": manifest.corpus_fingerprint,
    }
