"""`config.json` of a run on tags: what its trials were made with."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cache.files import atomic_path
from trainer import messages
from trainer.errors import TrialsError
from trainer.protocols import is_whole
from trainer.runs.agreement import refuse_other_settings
from trainer.runs.folder import is_model_name, read_small_file
from trainer.runs.schema import HASH, PATH, TEXT, TEXT_OR_NONE, Each, Rule, check, is_text, whole
from trainer.runs.settings import RANGES
from trainer.tagging.experiment import TagExperiment, TagModel

__all__ = ["TagConfig"]

VERSION = 1
_NAME = "config.json"


@dataclass(frozen=True)
class TagConfig:
    """What the trials of a folder were made with.

    Attributes
    ----------
    settings : Mapping
        `tags`, `sizes` and `seed`.
    pool : Mapping of str to int
        Sentences of `train` and `test` that trials draw from.
    cache : Mapping
        `path`, `encoder`, `corpus`, `encoding`, `corpus_fingerprint` and `tag_names`.
    models : Mapping of str to Mapping
        For `static` its `vectors`, for the others the `layer` that they read.
    """

    settings: Mapping[str, Any]
    pool: Mapping[str, int]
    cache: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, experiment: TagExperiment, models: Mapping[str, TagModel], source: str) -> "TagConfig":
        """Return what trials of some models would be made with; `source` is where static vectors come from.

        Raises
        ------
        SelectionError
            If the cache has no layer that a model reads.
        """
        features, vectors = experiment.features, experiment.vectors
        manifest = features.manifest
        of_models: dict[str, dict[str, Any]] = {}
        for name, model in models.items():
            if model.kind == "static":
                assert vectors is not None
                of_models[name] = {
                    "source": source,
                    "name": vectors.name,
                    "dim": vectors.dim,
                    "sha256": vectors.fingerprint,
                }
            else:
                experiment.pooled("train", model.layer)
                of_models[name] = {"layer": model.layer or manifest.layers.default}
        return cls(
            settings=asdict(experiment.settings),
            pool={split: len(experiment.pooled(split)) for split in ("train", "test")},
            cache={
                "path": str(features.path),
                "encoder": manifest.names.get("encoder"),
                "corpus": manifest.names.get("corpus"),
                "encoding": manifest.encoding_fingerprint,
                "corpus_fingerprint": manifest.corpus_fingerprint,
                "tag_names": list(experiment.tag_names),
            },
            models=of_models,
        )

    @classmethod
    def read(cls, folder: Path) -> "TagConfig | None":
        """Return the configuration of a folder; None if there is none.

        Raises
        ------
        TrialsError
            If it is damaged, of a later version, or that of `elmo-train trials`.
        """
        path = folder / _NAME
        content = read_small_file(path)
        if content is None:
            return None
        try:
            value = json.loads(content)
            check(value, _SCHEMA)
        except (ValueError, RecursionError) as error:
            raise TrialsError(messages.CONFIG_INVALID, path=path, name="tag", error=error) from error
        return cls(**{name: entry for name, entry in value.items() if name not in ("version", "kind")})

    def write(self, folder: Path) -> None:
        """Write `config.json`, whole or not at all.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        value = {"version": VERSION, "kind": "tags", **vars(self)}
        with atomic_path(folder / _NAME) as temporary:
            temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")

    def joined(self, wanted: "TagConfig", trained: Collection[str], folder: Path) -> "TagConfig":
        """Return the configuration of a folder to which trials are added.

        Parameters
        ----------
        wanted : TagConfig
            What they are made with, and their models.
        trained : collection of str
            Models that have trials there.
        folder : Path
            For messages.

        Raises
        ------
        TrialsError
            If they differ in what all trials share, or a model that has trials in its own settings.
        """
        if not trained:
            return wanted
        refuse_other_settings(self, wanted, ("settings", "pool", "cache"), trained, folder)
        kept = {model: found for model, found in self.models.items() if model in trained}
        return TagConfig(self.settings, self.pool, self.cache, {**wanted.models, **kept})


_TAGS = Rule("a list of texts", lambda value: isinstance(value, list) and all(map(is_text, value)))
_SCHEMA = {
    "version": Rule(str(VERSION), lambda value: is_whole(value, VERSION, VERSION)),
    "kind": Rule("'tags'", lambda value: value == "tags"),
    "settings": {
        "tags": TEXT,
        "sizes": {"train": whole(1), "validation": whole(1), "test": whole(1)},
        "seed": whole(*RANGES["seed"]),
    },
    "pool": {"train": whole(0), "test": whole(0)},
    "cache": {
        "path": PATH,
        "encoder": TEXT_OR_NONE,
        "corpus": TEXT_OR_NONE,
        "encoding": HASH,
        "corpus_fingerprint": HASH,
        "tag_names": _TAGS,
    },
    "models": Each(
        Rule("the name of a model", is_model_name),
        {"layer?": TEXT, "source?": PATH, "name?": TEXT, "dim?": whole(1), "sha256?": HASH},
    ),
}
