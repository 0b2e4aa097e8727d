"""`config.json` of a run on tags: what its trials were made with."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainer import messages
from trainer.errors import TrialsError
from trainer.protocols import is_whole
from trainer.runs.folder import is_model_name, read_small_file
from trainer.runs.folder_config import CONFIG, FolderConfig, of_cache
from trainer.runs.schema import HASH, PATH, TEXT, TEXT_OR_NONE, Each, Rule, check, is_text, whole
from trainer.runs.settings import RANGES
from trainer.tagging.experiment import TagExperiment, TagModel

__all__ = ["TagConfig"]

VERSION = 1


@dataclass(frozen=True)
class TagConfig(FolderConfig):
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
            cache={**of_cache(features.path, manifest), "tag_names": list(experiment.tag_names)},
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
        path = folder / CONFIG
        content = read_small_file(path)
        if content is None:
            return None
        try:
            value = json.loads(content)
            check(value, _SCHEMA)
        except (ValueError, RecursionError) as error:
            raise TrialsError(messages.CONFIG_INVALID, path=path, name="tag", error=error) from error
        return cls(**{name: entry for name, entry in value.items() if name not in ("version", "kind")})

    def _kind(self) -> dict[str, Any]:
        return {"version": VERSION, "kind": "tags"}

    def _schema(self) -> Mapping[str, Any]:
        return _SCHEMA


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
