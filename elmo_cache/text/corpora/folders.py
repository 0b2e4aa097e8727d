"""A folder with a subfolder for each class and a file for each text, as scikit-learn's `load_files` reads it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora.base import Document
from elmo_cache.text.corpora.records import ONLY_SPLIT, Record, Remarks, check_names, documents_of
from elmo_cache.text.corpora.tables import TABLE_EXTENSIONS, split_of_name

__all__ = ["FolderCorpus", "has_folders"]

MAX_TEXT_BYTES = 64 * 2**20
_SPLITS = ("train", "validation", "test")


class FolderCorpus:
    """Texts at `CLASS/NAME` or `SPLIT/CLASS/NAME` in a folder; a name that begins with a dot is passed over.

    Parameters
    ----------
    path : Path
        The folder. Its own folders are splits if each is called train, test, validation, or the like; else classes.
    label_names : sequence of str, optional
        The classes in the order of their indices.
    encoding : str, optional
        Of the texts; default: UTF-8.

    Raises
    ------
    CorpusError
        If there are no folders of classes in it.
    """

    tokenizer = None
    word_ranks = None
    unit = "docs"

    def __init__(self, path: Path, *, label_names: Sequence[str] | None = None, encoding: str | None = None) -> None:
        self.name = path.name
        self.label_names = None if label_names is None else check_names(label_names)
        self._encoding = encoding or "utf-8-sig"
        self._path = path
        folders = _folders(path)
        splits = [split_of_name(folder.name) for folder in folders]
        self._by_split = bool(folders) and None not in splits and len(set(splits)) == len(splits)
        self._classes = (
            [(split, child) for split, folder in zip(splits, folders, strict=True) for child in _folders(folder)]
            if self._by_split
            else [(ONLY_SPLIT, folder) for folder in folders]
        )
        if not self._classes:
            raise CorpusError(messages.NO_TEXTS_IN_FOLDER, path=path, extensions=", ".join(TABLE_EXTENSIONS))
        self._files = [(split or ONLY_SPLIT, folder, _texts(folder)) for split, folder in self._classes]
        self.size = sum(len(files) for _, _, files in self._files)
        self.position = 0

    @property
    def split_rule(self) -> dict[str, Any]:
        """That folders are splits, or that there is one."""
        return {"rule": "folders"} if self._by_split else {"rule": f"all in {ONLY_SPLIT}"}

    def documents(self) -> Iterator[Document]:
        """All texts, by split, class and name.

        Raises
        ------
        CorpusError
            At the first that cannot be read, or is not UTF-8; or if there are none.
        """
        self.position = 0
        parts = ((split, f"{folder}, text", self._records(folder.name, files)) for split, folder, files in self._files)
        yield from documents_of(parts, self.label_names, Remarks(), self._path)

    def _records(self, label: str, files: list[Path]) -> Iterator[Record]:
        for number, path in enumerate(files, 1):
            self.position += 1
            yield Record(number, _read(path, self._encoding), label, None)


def has_folders(path: Path) -> bool:
    """Tell whether there are folders in a folder, which may be classes or splits."""
    return bool(_folders(path))


def _folders(path: Path) -> list[Path]:
    return [child for child in _children(path) if child.is_dir()]


def _texts(folder: Path) -> list[Path]:
    children = _children(folder)
    for child in children:
        if child.is_dir():
            expected = "a text: at most SPLIT/CLASS/TEXT is read"
            raise CorpusError(messages.UNEXPECTED, where=child, found="a folder", expected=expected)
    return children


def _children(path: Path) -> list[Path]:
    try:
        return sorted(child for child in path.iterdir() if not child.name.startswith("."))
    except OSError as error:
        raise CorpusError(messages.CANNOT_READ, path=path, error=error) from error


def _read(path: Path, encoding: str) -> str:
    try:
        if not path.is_file():
            raise CorpusError(messages.NOT_A_FILE, path=path)
        if (n_bytes := path.stat().st_size) > MAX_TEXT_BYTES:
            found, expected = f"{n_bytes:,} bytes", f"at most {MAX_TEXT_BYTES:,}"
            raise CorpusError(messages.UNEXPECTED, where=path, found=found, expected=expected)
        content = path.read_bytes()
    except OSError as error:
        raise CorpusError(messages.CANNOT_READ, path=path, error=error) from error
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        byte = content[error.start] if error.start < len(content) else 0
        name = encoding.removesuffix("-sig")
        place = f"byte 0x{byte:02x} at offset {error.start}"
        raise CorpusError(messages.NOT_IN_ENCODING, where=path, expected=name, error=place) from error
    except LookupError as error:
        found, expected = repr(encoding[:40]), "the name of an encoding, such as utf-8 or latin-1"
        raise CorpusError(messages.INVALID_VALUE, name="encoding", found=found, expected=expected) from error
