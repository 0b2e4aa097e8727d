"""What the examples in docstrings read: each runs in a folder with a small cache, `imdb.elmo`."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

_REVIEWS = (
    ("train", "pos", "This film is a small wonder , warm and very funny ."),
    ("train", "neg", "Two hours of nothing ."),
    ("train", "pos", "I laughed , I cried , I stayed for the credits ."),
    ("train", "neg", "The worst film of the year , and it was a long year ."),
    ("train", "pos", "Simply great !"),
    ("train", "neg", "This is not a film , it is a mistake ."),
    ("test", "pos", "A great , warm film ."),
    ("test", "neg", "A long , long mistake ."),
)


def pytest_configure(config: pytest.Config) -> None:
    """Let each of several processes, and what it starts, keep to one thread: more would be in each other's way."""
    if config.getoption("numprocesses", None):
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(name, "1")


class _Encoder:
    """Fills a cache without a model."""

    name = "ones"
    dim = 256
    description = {"model": "ones"}

    def encode(self, documents: Sequence[Sequence[str]], *, progress: object = None) -> list[np.ndarray]:
        return [np.ones((len(words), self.dim), np.float32) for words in documents]


@pytest.fixture(scope="session")
def _examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from elmo_cache import TextRule, build

    folder = tmp_path_factory.mktemp("examples")
    rows = [{"split": split, "label": label, "text": text} for split, label, text in _REVIEWS]
    (folder / "reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    build(str(folder / "reviews.jsonl"), _Encoder(), folder / "imdb.elmo", rule=TextRule("whitespace")).close()
    return folder


@pytest.fixture(autouse=True)
def _beside_the_examples(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if isinstance(request.node, pytest.DoctestItem):
        monkeypatch.chdir(request.getfixturevalue("_examples"))
