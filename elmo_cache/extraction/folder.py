"""The folder that a cache is built in: what is there, and whether it is the cache that is asked for."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cache import MismatchError, NotACacheError, OutputError
from cache.files import is_temporary
from cache.hashing import differences, is_sha256
from cache.hdf5 import open_file
from cache.manifest import MANIFEST_NAME, Manifest, documents_name, read_manifest
from elmo_cache import messages

__all__ = ["documents_present", "existing_parent", "find_cache", "refuse_other_corpus", "refuse_other_encoding"]

_MOST_SHOWN = 6
_NAMES = {
    "split_rule.shares.test": "the test share",
    "split_rule.shares.validation": "the validation share",
    "split_rule.seed": "the seed of the splits",
    "split_rule.rule": "the rule of the splits",
    "label_names": "the list of classes",
}


def find_cache(directory: Path) -> Manifest | None:
    """Return the manifest of the cache that is there; None where a new one can be made.

    Raises
    ------
    NotACacheError
        If the folder holds other things.
    OutputError
        If no folder can be made there.
    CorruptFileError, FormatVersionError
        As `read_manifest`.
    """
    if directory.is_dir():
        try:
            return read_manifest(directory)
        except NotACacheError:
            foreign = [
                path.name
                for path in sorted(directory.iterdir())
                # A manifest may have appeared since: another build's.
                if not is_temporary(path.name) and not path.name.endswith(".h5") and path.name != MANIFEST_NAME
            ]
            if foreign:
                raise NotACacheError(messages.FOLDER_NOT_A_CACHE, path=directory, name=foreign[0]) from None
            return None
    if os.path.lexists(directory) and not directory.is_dir():  # asked anew: another build may have made it since
        raise OutputError(messages.CACHE_IS_FILE, path=directory)
    parent = existing_parent(directory)
    if not parent.is_dir():
        raise OutputError(messages.CANNOT_WRITE, path=directory, error=f"{parent} is a file")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(messages.CANNOT_WRITE, path=directory, error=f"no permission to write to {parent}")
    return None


def existing_parent(directory: Path) -> Path:
    """Return the folder that is there, of a path and those above it."""
    path = directory.absolute()
    while not path.exists():
        path = path.parent
    return path


def documents_present(directory: Path, manifest: Manifest) -> bool:
    """Tell whether all documents files of a cache are there."""
    for split in manifest.splits:
        if not (directory / documents_name(split)).exists():
            return False
        with open_file(directory / documents_name(split), {"kind": "documents"}):
            pass
    return True


def refuse_other_encoding(
    wanted: Mapping[str, Any], found: Mapping[str, Any], names: tuple[str, str], directory: Path
) -> None:
    """Raise `MismatchError` if a cache was built with other settings; `names` are those of its encoder and of ours."""
    differing = list(differences(dict(found), dict(wanted)))
    if not differing:
        return
    if names[0] != names[1] and any(name.partition(".")[0] == "encoder" for name, _, _ in differing):
        differing.insert(0, ("encoder", *names))
    raise _mismatch(differing, messages.OTHER_SETTINGS, path=directory, found=_shown(differing))


def refuse_other_corpus(
    wanted: Mapping[str, Any], found: Mapping[str, Any], names: tuple[str, str], directory: Path
) -> None:
    """Raise `MismatchError` if a cache was built from another corpus; `names` are those of its corpus and of ours."""
    differing = list(differences(dict(found), dict(wanted)))
    if not differing:
        return
    before, now = (f"{name} ({_sizes(corpus)})" for name, corpus in zip(names, (found, wanted), strict=True))
    if others := [entry for entry in differing if entry[0].partition(".")[0] != "content"]:
        raise _mismatch(differing, messages.OTHER_CORPUS_SETTINGS, path=directory, name=before, found=_shown(others))
    if before == now:
        raise _mismatch(differing, messages.CORPUS_CHANGED, path=directory, found=before)
    raise _mismatch(differing, messages.OTHER_CORPUS, path=directory, found=before, expected=now)


def _sizes(corpus: Mapping[str, Any]) -> str:
    content = corpus.get("content", {})
    return ", ".join(f"{split} {facts['n_documents']:,}" for split, facts in content.items())


def _shown(differing: Sequence[tuple[str, Any, Any]]) -> str:
    if any(name == "split_rule.rule" for name, _, _ in differing):  # the rest of two rules cannot be compared
        inner = ("split_rule.shares", "split_rule.seed")
        differing = [entry for entry in differing if not entry[0].startswith(inner)]
    shown = [
        f"{_NAMES.get(name, name)} differs"
        if is_sha256(there) or is_sha256(here)
        else f"{_NAMES.get(name, name)} is {_value(there)} there, you asked for {_value(here)}"
        for name, there, here in differing
    ]
    more = f"; and {len(shown) - _MOST_SHOWN:,} more" if len(shown) > _MOST_SHOWN else ""
    return "; ".join(shown[:_MOST_SHOWN]) + more


def _value(value: Any) -> str:
    return "none" if value is None else repr(value)


def _mismatch(differing: Sequence[tuple[str, Any, Any]], message: str, **data: object) -> MismatchError:
    error = MismatchError(message, **data)
    # What `--debug` shows.
    error.add_note("\n".join(f"{name}: {there!r} there, {here!r} asked for" for name, there, here in differing))
    return error
