"""Builds with the NumPy encoder, each from a known state to a known end, and what must hold on the way."""

import os
import shutil
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder
from tqdm import tqdm

from cache import CacheError, CorruptFileError, FeatureCache, OutputError, messages, pack
from cache.files import is_temporary
from cache.manifest import documents_name
from cache.split import Split
from elmo_cache import TextRule, build
from elmo_cache.commands.reporting import cache_facts, describe_cache

__all__ = ["Scenario", "build_cache", "contents", "in_child", "run_child", "scenarios"]

REFUSED, CRASHED = 10, 11


def corpus() -> MemoryCorpus:
    """Fifteen short documents, some of them empty."""
    texts = [" ".join(f"wörd{(i * k) % 7}" for k in range(i * 5 % 9)) for i in range(15)]
    return MemoryCorpus([("train" if i < 12 else "test", ("neg", "pos")[i % 2], t) for i, t in enumerate(texts)])


def build_cache(out: Path, *, n_train: int = 12, slow_s: float = 0.0) -> None:
    """Build a cache of five shards, fewer if `n_train` is less than 12."""
    build(
        corpus(),
        HashEncoder(slow_s=slow_s),
        out / "c",
        rule=TextRule("whitespace", max_tokens=0),
        shard_tokens=16,
        limit={"train": n_train},
    ).close()


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file under a folder by its path in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@dataclass
class Scenario:
    """A command, the folder that it starts from, and the files that it must end with."""

    name: str
    work: Callable[[Path], None]
    before: Path
    whole: dict[str, bytes] = field(default_factory=dict)

    def begin(self, folder: Path) -> None:
        """Put a folder into the state that the command starts from."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.before, folder)

    def check_left(self, folder: Path) -> dict[str, int]:
        """Check what a disturbed command left; return when each finished file was written."""
        finished = {}
        before = contents(self.before)
        for name, data in contents(folder).items():
            if is_temporary(Path(name).name):
                continue
            assert data in (self.whole[name], before.get(name)), f"{name} is neither what it was nor what it becomes"
            finished[name] = (folder / name).stat().st_mtime_ns
        if "c/manifest.json" in finished:
            with FeatureCache(folder / "c") as features:
                describe_cache(cache_facts(features))
                for name in features:
                    _check_readable(features[name], "c/" + documents_name(name) in finished)
        return finished

    def check_resumed(self, folder: Path, finished: dict[str, int]) -> None:
        """Check that the same command ended it, and wrote nothing anew that had been finished."""
        assert contents(folder) == self.whole
        again = [
            name for name, when in finished.items() if _is_shard(name) and (folder / name).stat().st_mtime_ns != when
        ]
        assert not again, f"{again} had been finished and were written again"


def _check_readable(split: Split, whole: bool) -> None:
    try:
        for i, rows in enumerate(split):
            assert len(rows) == len(split.tokens(i))
    except CorruptFileError as error:
        assert not whole and error.message == messages.FILE_MISSING and "documents.h5" in str(error.data["path"])


def _is_shard(name: str) -> bool:
    return name.endswith(".h5") and "documents" not in name


def scenarios(folder: Path) -> dict[str, Scenario]:
    """Return the scenarios by name; their states lie in `folder`."""
    empty, part, built = folder / "empty", folder / "part", folder / "built"
    empty.mkdir()
    build_cache(part, n_train=5)
    build_cache(built)
    lost = folder / "lost"  # the words of a cache, which are made again
    shutil.copytree(built, lost)
    (lost / "c" / "train.documents.h5").unlink()
    found = [
        Scenario("build", build_cache, empty),
        Scenario("extend", build_cache, part),
        Scenario("repair", build_cache, lost),
        Scenario("pack", _pack, built),
    ]
    for scenario in found:
        end = folder / f"end-{scenario.name}"
        shutil.copytree(scenario.before, end)
        scenario.work(end)
        scenario.whole = contents(end)
    return {scenario.name: scenario for scenario in found}


def _pack(folder: Path) -> None:
    try:
        pack(folder / "c", folder / "c.h5")
    except OutputError as error:
        if "c.h5 exists" not in str(error):  # it has its name when it is whole
            raise


def in_child(work: Callable[[], None]) -> int:
    """Start a process that does the work and ends with 0, `REFUSED` or `CRASHED`; return its number."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    code = CRASHED
    try:
        # Its own is shared by all processes that are forked, and one that was killed may hold it for ever.
        tqdm.set_lock(threading.RLock())
        work()
        code = 0
    except CacheError as error:
        print(error, file=sys.stderr)
        code = CRASHED if "\n" in str(error) else REFUSED
    except KeyboardInterrupt:
        code = REFUSED
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def run_child(work: Callable[[], None]) -> int:
    """Run a process to its end, and return its exit status, or the signal that ended it as a negative number."""
    return os.waitstatus_to_exitcode(os.waitpid(in_child(work), 0)[1])
