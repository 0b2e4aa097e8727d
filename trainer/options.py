"""What options and arguments of several commands say, and what was given in place of something else."""

from collections.abc import Mapping
from pathlib import Path

from trainer.errors import TrialsError

__all__ = ["check_run_folder", "check_out_folder", "is_named_as_input", "parse_renames", "renamed"]

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_INPUTS = (
    *(".csv", ".tsv", ".json", ".jsonl", ".parquet", ".feather", ".arrow", ".txt"),
    *(".conllu", ".conll", ".iob", ".fasta", *_COMPRESSED),
)
_FILES = (*_INPUTS, ".png", ".svg", ".pdf", ".h5", ".hdf5", ".npz", ".npy", ".vec", ".py")
_MANIFEST = "manifest.json"
_HDF5 = b"\x89HDF\r\n\x1a\n"


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
        what = "is a file" if out.exists() else "is the name of a file"
        raise TrialsError(f"--out {out} {what}; give a folder, such as --out {default}")
    if (out / _MANIFEST).is_file():
        raise TrialsError(f"--out {out} is a cache; give a folder for the results, such as --out {default}")


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
        if (folder / _MANIFEST).is_file():
            raise _a_cache(folder, command)
        return
    if not folder.exists():
        raise TrialsError(
            f"No results at {folder}. Create them with `elmo-train trials --out {folder}`, or pass the folder of an "
            "existing run"
        )
    if folder.suffix.lower() == ".csv":
        raise TrialsError(
            f"{folder} is a file; a run is the folder that it is in: `{command} {folder.parent}`"
            if folder.name in ("trials.csv", "tags.csv", "epochs.csv", "classes.csv", "curve.csv")
            else f"{folder} is a file; give the folder of a run, such as `{command} results`"
        )
    with open(folder, "rb") as file:
        if file.read(len(_HDF5)) == _HDF5:
            raise _a_cache(folder, command)
    raise TrialsError(f"{folder} is a file; give the folder of a run, such as `{command} results`")


def _a_cache(path: Path, command: str) -> TrialsError:
    return TrialsError(
        f"{path} is a cache, not the folder of a run. Run trials on it first: `elmo-train trials --cache {path} --out "
        f"results`, then `{command} results`"
    )


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
            raise TrialsError(f"--rename-labels is {text!r}, expected OLD=NEW,…, as positive=pos,negative=neg")
        if found.setdefault(old, new) != new:
            raise TrialsError(f"--rename-labels gives {old} two names, {found[old]} and {new}: leave one of them out")
    return found


def renamed(names: list[str], renames: Mapping[str, str], where: str) -> list[str]:
    """Return class names with their new names.

    Parameters
    ----------
    names : list of str
        The classes.
    renames : Mapping of str to str
        New names by old ones.
    where : str
        What has these classes, for the message.

    Raises
    ------
    TrialsError
        If a class to rename is not among them.
    """
    if unknown := [old for old in renames if old not in names]:
        raise TrialsError(
            f"--rename-labels names the class {unknown[0]!r}; {where}: {', '.join(names) or 'none'}. Write OLD=NEW"
        )
    return [renames.get(name, name) for name in names]
