"""The folder that a cache is built in: what is there, and whether it is the cache that is asked for."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cache import MismatchError, NotACacheError, OutputError
from cache.files import is_temporary
from cache.hashing import differences, in_short
from cache.hdf5 import open_file
from cache.manifest import MANIFEST_NAME, Manifest, documents_name, read_manifest

__all__ = ["documents_present", "existing_parent", "find_cache", "refuse_other"]


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
                raise NotACacheError(
                    f"{directory} is a folder of other things ({foreign[0]}, …), not a cache: choose another path"
                ) from None
            return None
    if os.path.lexists(directory) and not directory.is_dir():  # asked anew: another build may have made it since
        raise OutputError(f"{directory} is a file: a cache is a folder; choose another path")
    parent = existing_parent(directory)
    if not parent.is_dir():
        raise OutputError(f"cannot make {directory}: {parent} is a file; choose another path")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"cannot make {directory}: no permission to write to {parent}; choose another folder")
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


def refuse_other(
    kind: str, wanted: Mapping[str, Any], found: Mapping[str, Any], directory: Path, renamed: list[tuple[str, Any, Any]]
) -> None:
    """Raise `MismatchError` if the two differ; of the names that differ, those of what differs are shown first."""
    if differing := list(differences(dict(found), dict(wanted))):
        changed = {kind, *(name.partition(".")[0] for name, _, _ in differing)}
        shown = [
            f"{name} is {in_short(there)} in the cache, {in_short(here)} asked for"
            for name, there, here in [*(names for names in renamed if names[0] in changed), *differing]
        ]
        more = f"; and {len(shown) - 6:,} more" if len(shown) > 6 else ""
        kept = f", with `--reuse {directory}`: it copies what this one has and encodes what is new"
        raise MismatchError(
            f"{directory} holds vectors of another {kind}: {'; '.join(shown[:6])}{more}. "
            f"Ask for what it holds, or build into another folder{kept if kind == 'corpus' else ''}"
        )
