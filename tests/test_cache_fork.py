"""A process that is forked while another thread reads can read, too: PyTorch's loaders fork by default."""

import multiprocessing
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from numpy_encoder import build_small

from cache import FeatureCache, pack


def build_folder(folder: Path) -> Path:
    build_small(folder / "c.elmo").close()
    return folder / "c.elmo"


def build_packed(folder: Path) -> Path:
    pack(build_folder(folder), folder / "c.h5")
    return folder / "c.h5"


@pytest.mark.parametrize("make", [build_folder, build_packed])
def test_children_end(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with FeatureCache(make(tmp_path)) as features:
        train, done = features["train"], threading.Event()
        expected = [train[i].tobytes() for i in range(len(train))]

        def read_on() -> None:
            while not done.is_set():
                for i in range(len(train)):
                    train[i]

        def read_once(k: int) -> None:
            raise SystemExit(train[k % len(train)].tobytes() != expected[k % len(train)])

        reader = threading.Thread(target=read_on)
        reader.start()
        codes = []
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: what is tested
                for k in range(12):
                    child = multiprocessing.get_context("fork").Process(target=read_once, args=(k,))
                    child.start()
                    child.join(20)
                    codes.append(child.exitcode)
                    child.kill()
        finally:
            done.set()
            reader.join()
        assert codes == [0] * 12
