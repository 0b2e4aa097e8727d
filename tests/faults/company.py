"""Readers beside a build, and beside `verify` and `pack`: python company.py FOLDER N_READERS.

A program of its own, so that the processes that it forks have no threads. Prints the number of readers and of caches
that they opened, and then a line for each reader that saw anything but a growing prefix of the truth.
"""

import itertools
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from scenarios import build_cache, in_child  # noqa: E402

from cache import FeatureCache, NotACacheError, pack, verify  # noqa: E402

Truth = dict[tuple[str, int], tuple[list[str], bytes]]


def truth_of(path: Path) -> Truth:
    """Return the words and vectors of every document, by split and place in the corpus."""
    with FeatureCache(path) as features:
        return {
            (name, doc_id): (features[name].tokens(i), features[name][i].tobytes())
            for name in features
            for i, doc_id in enumerate(features[name].doc_ids.tolist())
        }


def read_until(path: Path, stop: Path, truth: Truth, order: dict[str, list[int]], note: Path) -> None:
    """Open a cache again and again, and check that it holds ever more of the truth."""
    n_before: dict[str, int] = {}
    n_opened = 0
    while True:
        last = stop.exists()
        try:
            with FeatureCache(path) as features:
                n_opened += 1
                for name in features:
                    split = features[name]
                    assert len(split) >= n_before.get(name, 0), f"{name} has lost documents"
                    n_before[name] = len(split)
                    assert split.doc_ids.tolist() == order[name][: len(split)], f"{name} has a hole"
                    for i, doc_id in enumerate(split.doc_ids.tolist()):
                        assert (split.tokens(i), split[i].tobytes()) == truth[name, doc_id], f"{name} {i} is wrong"
        except NotACacheError:
            assert not n_before, "the cache is gone"
        if last:
            break
    assert sum(n_before.values()) == len(truth), "the whole was not seen"
    note.write_text(str(n_opened))


def main(folder: Path, n_readers: int) -> None:
    """Build, extend, verify and pack, with readers from the first moment on."""
    build_cache(folder / "whole")
    path, stop = folder / "c", folder / "stop"
    truth = truth_of(folder / "whole" / "c")
    order = {name: [i for split, i in truth if split == name] for name, _ in truth}
    notes = [folder / f"note-{i}" for i in range(n_readers)]
    readers = [in_child(lambda note=note: read_until(path, stop, truth, order, note)) for note in notes]
    build_cache(folder, n_train=5, slow_s=0.02)
    build_cache(folder, slow_s=0.02)
    wrong = [str(problem) for problem in itertools.chain(*(verify(path, discard=True) for _ in range(10)))]
    for _ in range(5):
        pack(path, folder / "c.h5")
        (folder / "c.h5").unlink()
    stop.touch()
    for i, reader in enumerate(readers):
        if status := os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]):
            wrong.append(f"reader {i} ended with {status}")
    print(n_readers, sum(int(note.read_text()) for note in notes if note.exists()))
    print("\n".join(wrong))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
