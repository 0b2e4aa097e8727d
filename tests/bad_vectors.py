"""Files of vectors that are refused."""

import lzma
from pathlib import Path

import pytest

from trainer.errors import VectorsError
from trainer.vectors import load_static_vectors


def failure(folder: Path, content: str | bytes) -> str:
    """What loading says after the file's name."""
    path = folder / "some.vec"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with pytest.raises(VectorsError) as caught:
        load_static_vectors(path, ["a", "b", "c"])
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and "\r" not in message
    return message.removeprefix(str(path))


def quick_xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=0)
