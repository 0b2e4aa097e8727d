"""Which settings of a results folder have to agree before trials are added to it."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from trainer import messages
from trainer.errors import TrialsError
from trainer.runs.schema import shown

__all__ = ["refuse_other_settings"]

_NOT_COMPARED = ("path", "source", "encoding_options", "words")  # places, and what the hashes beside them cover


class _Config(Protocol):
    @property
    def models(self) -> Mapping[str, Mapping[str, Any]]: ...


def refuse_other_settings(
    found: _Config, wanted: _Config, shared: Sequence[str], trained: Collection[str], folder: Path
) -> None:
    """Check that trials made with `wanted` can be added to a folder.

    Parameters
    ----------
    found, wanted : RunConfig or TagConfig
        The folder's configuration, and that of the trials to add.
    shared : sequence of str
        Attributes that all trials share.
    trained : collection of str
        Models that have trials in the folder; each has settings of its own.
    folder : Path
        For messages.

    Raises
    ------
    TrialsError
        If any of these differ.
    """
    pairs = [(section, getattr(found, section), getattr(wanted, section)) for section in shared]
    pairs += [(model, found.models.get(model, {}), wanted.models[model]) for model in wanted.models if model in trained]
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
