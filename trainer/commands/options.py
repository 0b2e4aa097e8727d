"""What options and arguments of several commands say, and what was given in place of something else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cache.manifest import MANIFEST_NAME
from cache.near_paths import near_path
from cache.packed import SIGNATURE
from trainer import messages
from trainer.errors import TrialsError, invalid

__all__ = ["check_run_folder", "check_out_folder", "is_named_as_input", "number_option", "out_option", "parse_renames"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_INPUTS = (
    *(".csv", ".tsv", ".json", ".jsonl", ".parquet", ".feather", ".arrow", ".txt"),
    *(".conllu", ".conll", ".iob", ".iob2", ".bio", ".fasta", ".fa", ".faa", ".fna", *_COMPRESSED),
)
_FILES = (*_INPUTS, ".png", ".svg", ".pdf", ".h5", ".hdf5", ".npz", ".npy", ".vec", ".py")
_OF_A_RUN = ("trials.csv", "tags.csv", "epochs.csv", "classes.csv", "curve.csv")


def number_option(*names: str, type: click.ParamType, default: int, help: str) -> Callable[[_Command], _Command]:
    """Return an option that takes a whole number, shown as N, and has a default."""
    return click.option(*names, type=type, default=default, show_default=True, metavar="N", help=help)


def out_option(default: str, each: str = "") -> Callable[[_Command], _Command]:
    """Return the option of the folder for results; `each` says what is particular about it."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        default=default,
        show_default=True,
        metavar="FOLDER",
        help=f"Folder for the results{each}. Trials that it has already are not run again.",
    )


def is_named_as_input(path: Path) -> bool:
    """Tell whether a path is called as files of documents are, compressed or not.

    >>> is_named_as_input(Path("five.txt")), is_named_as_input(Path("results-1.5"))
    (True, False)
    """
    return path.suffix.lower() in _INPUTS


def check_out_folder(out: Path, default: str) -> None:
    """Check that what `--out` names is, or can become, a folder of results.

    Raises
    ------
    TrialsError
        If it is a file, is called like one, or is a cache.
    """
    if not out.is_dir() and (out.exists() or out.suffix.lower() in _FILES):
        raise TrialsError(messages.OUT_IS_FILE, path=out, expected=default)
    if (out / MANIFEST_NAME).is_file():
        raise TrialsError(messages.OUT_IS_CACHE, path=out, expected=default)


def check_run_folder(folder: Path, command: str) -> None:
    """Check that an argument can be the folder of a run.

    Parameters
    ----------
    folder : Path
    command : str
        What to type, but for the folder.

    Raises
    ------
    TrialsError
        If there is nothing, or it is a cache or a file.
    """
    if folder.is_dir():
        if (folder / MANIFEST_NAME).is_file():
            raise TrialsError(messages.RUN_IS_CACHE, path=folder, command=command)
        return
    if not folder.exists():
        if near := near_path(folder):
            raise TrialsError(messages.NO_RUN_BUT, path=folder, found=near)
        raise TrialsError(messages.NO_RUN, path=folder)
    with open(folder, "rb") as file:
        if file.read(len(SIGNATURE)) == SIGNATURE:
            raise TrialsError(messages.RUN_IS_CACHE, path=folder, command=command)
    run = folder.parent if folder.name in _OF_A_RUN else "results"
    raise TrialsError(messages.RUN_IS_FILE, path=folder, command=command, expected=run)


def parse_renames(text: str | None) -> dict[str, str]:
    """Return what `--rename-labels` says: new names by old ones.

    Raises
    ------
    TrialsError
        If it is anything but `OLD=NEW,…`, or has two new names for a class.

    Examples
    --------
    >>> parse_renames("positive=pos,negative=neg")
    {'positive': 'pos', 'negative': 'neg'}
    """
    found: dict[str, str] = {}
    for pair in text.split(",") if text is not None else ():
        old, equals, new = pair.partition("=")
        if not (old and equals and new):
            raise invalid("rename_labels", text, "OLD=NEW,…, as positive=pos,negative=neg")
        if found.setdefault(old, new) != new:
            raise TrialsError(messages.RENAMED_TWICE, name=old, found=found[old], expected=new)
    return found
