"""Files of vectors that are refused."""

import lzma
from pathlib import Path

import pytest
from errors_expected import holds

from trainer.errors import VectorsError
from trainer.vectors import load_static_vectors


def failure(folder: Path, content: str | bytes) -> VectorsError:
    """Return the error of loading a file, which is one line that names the file."""
    path = folder / "some.vec"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with pytest.raises(VectorsError) as caught:
        load_static_vectors(path, ["a", "b", "c"])
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and "\r" not in message
    return caught.value


def fails(folder: Path, content: str | bytes, message: str, *, line: int | None = None, **data: object) -> None:
    """Check the message and the data of the error of loading a file, at a line or of the file as a whole."""
    path = folder / "some.vec"
    place = {"path": path} if line is None else {"where": f"{path}, line {line}"}
    holds(failure(folder, content), message, **place, **data)


def quick_xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=0)
