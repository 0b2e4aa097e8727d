"""`aclimdb`: the Large Movie Review Dataset (Maas et al. 2011) as published: a folder, its `.tar.gz` or `.tar`."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.tar_streams import DAMAGE, members_of
from elmo_cache.text.corpora.base import IMDB_LABELS, Document

__all__ = ["DEFAULT_PATHS", "URL", "AclImdbCorpus"]

URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
DEFAULT_PATHS = (Path("aclImdb"), Path("aclImdb_v1.tar.gz"))
MAX_REVIEW_BYTES = 64 * 2**20
SPLITS = ("train", "test")

# At most 12 digits: the ID stays below 2**40, the class stands above it in Document.order.
_MEMBER = re.compile(r"(?:^|/)(train|test)/(neg|pos)/([0-9]{1,12})_[0-9]+\.txt")
_FILE = re.compile(r"([0-9]{1,12})_[0-9]+\.txt")


class _Review(NamedTuple):
    split: str
    label: str
    number: int
    where: str
    content: bytes


class AclImdbCorpus:
    """Reviews of `aclImdb/{train,test}/{pos,neg}/ID_RATING.txt`; everything else there is passed over.

    Parameters
    ----------
    path : Path
        The folder `aclImdb`, the folder around it, or the `.tar.gz` or `.tar`, which is read as one stream and never
        unpacked to disk.

    Raises
    ------
    CorpusError
        If there is nothing at `path`, or a folder without reviews.
    """

    name = "aclimdb"
    tokenizer = "keras"
    label_names = IMDB_LABELS
    word_ranks = None

    def __init__(self, path: Path) -> None:
        self.position = 0
        self._path = path
        self._root: Path | None = None
        if path.is_dir():
            self._root = path / "aclImdb" if (path / "aclImdb").is_dir() else path
            self.unit = "docs"
            self.size = sum(len(_list_folder(self._root, split, label)) for split, label in _folders())
            if not self.size:
                raise CorpusError(messages.ACLIMDB_EMPTY, path=path, url=URL)
        else:
            self.unit = "B"
            try:
                self.size = path.stat().st_size
            except OSError as error:
                raise CorpusError(messages.ACLIMDB_UNREADABLE, path=path, error=error, url=URL) from error

    @property
    def split_rule(self) -> dict[str, Any]:
        """The data set's own division."""
        return {"rule": "folders train and test, as published"}

    def documents(self) -> Iterator[Document]:
        """All reviews, in the order in which the archive has them or the folder is sorted.

        Raises
        ------
        CorpusError
            If the archive is damaged or holds no reviews, or a review is not UTF-8, too large, or has the ID
            of another.
        """
        self.position = 0
        seen: dict[str, set[int]] = {split: set() for split in SPLITS}
        for review in self._archive() if self._root is None else self._folder(self._root):
            order = (IMDB_LABELS.index(review.label) << 40) + review.number
            if order in seen[review.split]:
                raise CorpusError(
                    messages.ID_TWICE, where=review.where, split=review.split, label=review.label, n=review.number
                )
            seen[review.split].add(order)
            try:
                text = review.content.decode("utf-8")
            except UnicodeDecodeError as error:
                place = f"byte 0x{review.content[error.start]:02x} at offset {error.start}"
                raise _damaged(review.where, f"not UTF-8: {place}") from error
            yield Document(review.split, order, review.label, text)
        if not any(seen.values()):
            raise CorpusError(messages.ACLIMDB_EMPTY, path=self._path, url=URL)
        self.position = self.size

    def _folder(self, root: Path) -> Iterator[_Review]:
        for split, label in _folders():
            for number, file_name in _list_folder(root, split, label):
                path = root / split / label / file_name
                try:
                    _check_size(str(path), path.stat().st_size)
                    content = path.read_bytes()
                except OSError as error:
                    raise CorpusError(messages.CANNOT_READ, path=path, error=error) from error
                self.position += 1
                yield _Review(split, label, number, str(path), content)

    def _archive(self) -> Iterator[_Review]:
        try:
            with self._path.open("rb") as raw:
                for archive, member in members_of(raw, has_end=True):
                    match = _MEMBER.search(member.name)
                    if match is None or match.end() != len(member.name) or not member.isreg():
                        continue
                    where = f"{self._path}, member {member.name!r}"
                    _check_size(where, member.size)
                    file = archive.extractfile(member)
                    content = file.read() if file is not None else b""
                    self.position = raw.tell()
                    yield _Review(match[1], match[2], int(match[3]), where, content)
        except CorpusError:
            raise
        except (OSError, *DAMAGE) as error:
            raise _damaged(self._path, f"not a complete .tar.gz archive: {error}") from error


def _folders() -> Iterator[tuple[str, str]]:
    return ((split, label) for split in SPLITS for label in IMDB_LABELS)


def _list_folder(root: Path, split: str, label: str) -> list[tuple[int, str]]:
    """ID and file name of each review of one class, sorted."""
    folder = root / split / label
    if not folder.is_dir():
        return []
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _FILE.fullmatch(entry.name) and entry.is_file()]
    except OSError as error:
        raise CorpusError(messages.CANNOT_READ, path=folder, error=error) from error
    return sorted((int(name.partition("_")[0]), name) for name in names)


def _check_size(where: str, size_bytes: int) -> None:
    if size_bytes > MAX_REVIEW_BYTES:
        raise _damaged(where, f"{size_bytes} bytes, expected at most {MAX_REVIEW_BYTES}")


def _damaged(where: str | Path, error: str) -> CorpusError:
    return CorpusError(messages.DATA_SET_DAMAGED, where=where, error=error, url=URL)
