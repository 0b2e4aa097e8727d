"""What may have been meant by a path that does not exist."""

from pathlib import Path

__all__ = ["near_path"]


def near_path(path: Path) -> Path | None:
    """Return the path in the same folder whose name is most like that of one that does not exist, if any is.

    >>> near_path(Path("no-such-folder/imdb.elmo")) is None
    True
    """
    from difflib import get_close_matches  # for a path that is wrong alone

    try:
        names = [other.name for other in path.parent.iterdir() if not other.name.startswith(".")]
    except OSError:
        return None
    near = get_close_matches(path.name, names, n=1, cutoff=0.8)
    return path.with_name(near[0]) if near else None
