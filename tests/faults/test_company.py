"""Others at work in the same cache: builds, readers, `verify` and `pack` at once."""

from pathlib import Path

import pytest
from errors_expected import raises
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder
from programs import run_program
from scenarios import build_cache, contents, corpus
from tally import record

from cache import FeatureCache, MismatchError, NotACacheError, verify
from cache.manifest import Manifest
from elmo_cache import TextRule, messages
from elmo_cache.extraction.build import Build
from elmo_cache.extraction.plan import BuildSettings


def planned(folder: Path, n_train: int, texts: MemoryCorpus | None = None) -> Build:
    """Begin what `build_cache` does."""
    settings = BuildSettings({"train": n_train}, TextRule("whitespace", max_tokens=0), shard_tokens=16)
    return Build(texts or corpus(), HashEncoder(), folder / "c", settings)


def finished(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "c").glob("*-0*.h5")}


@pytest.mark.parametrize(("first", "second"), [(7, 10), (10, 7), (12, 6)])
def test_two_builds_that_extend_a_cache_differently(tmp_path: Path, first: int, second: int) -> None:
    """The second is told, and told again it goes on from the first: no shard fits no plan, none is made twice."""
    build_cache(tmp_path, n_train=3)
    with planned(tmp_path, first) as one, planned(tmp_path, second) as other:
        one.run()
        made = finished(tmp_path)
        with raises(messages.OTHER_BUILD, MismatchError, path=tmp_path / "c"):
            other.run()
    assert verify(tmp_path / "c") == [] and finished(tmp_path) == made
    build_cache(tmp_path, n_train=second)
    build_cache(tmp_path, n_train=first)
    assert verify(tmp_path / "c") == []
    assert finished(tmp_path).items() >= made.items()
    with FeatureCache(tmp_path / "c") as features:
        assert len(features["train"]) == max(first, second) and features.complete
    record("company: two extensions at once", survived=1, detected=1)


def test_two_builds_that_extend_a_cache_alike(tmp_path: Path) -> None:
    build_cache(tmp_path, n_train=3)
    with planned(tmp_path, 10) as one, planned(tmp_path, 10) as other:
        one.run()
        before = contents(tmp_path)
        made = finished(tmp_path)
        other.run()
    assert contents(tmp_path) == before and finished(tmp_path) == made
    record("company: two extensions at once", survived=1)


def test_two_first_builds_of_different_size(tmp_path: Path) -> None:
    with planned(tmp_path, 4) as one, planned(tmp_path, 9) as other:
        one.run()
        made = finished(tmp_path)
        with raises(messages.OTHER_BUILD, MismatchError, path=tmp_path / "c"):
            other.run()
    assert verify(tmp_path / "c") == [] and finished(tmp_path) == made
    build_cache(tmp_path, n_train=9)
    assert verify(tmp_path / "c") == []
    record("company: two first builds at once", survived=1, detected=1)


def test_two_first_builds_of_different_text(tmp_path: Path) -> None:
    """The words on disk stay those of the corpus that the manifest names."""
    others = MemoryCorpus([("train", "neg", "some other text"), ("test", "pos", "and more")])
    with planned(tmp_path, 12) as one, planned(tmp_path, 12, others) as other:
        one.run()
        made = finished(tmp_path)
        with raises(messages.OTHER_BUILD, MismatchError, path=tmp_path / "c"):
            other.run()
    assert verify(tmp_path / "c") == [] and finished(tmp_path) == made
    record("company: two first builds at once", survived=1, detected=1)


def test_a_manifest_that_appears_while_the_folder_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a manifest is none of other things."""
    build_cache(tmp_path)
    before = contents(tmp_path)

    def too_early(directory: Path) -> Manifest:
        monkeypatch.undo()
        raise NotACacheError(f"{directory} is a folder without a manifest")

    monkeypatch.setattr("elmo_cache.extraction.folder.read_manifest", too_early)
    build_cache(tmp_path)
    assert contents(tmp_path) == before
    record("company: two first builds at once", survived=1)


def check_readers(folder: Path, n_readers: int) -> None:
    n, n_opened = run_program("company.py", folder, n_readers)
    assert n_opened > 5 * n
    record("company: readers beside build, verify and pack", tried=n, survived=n)


def test_readers(tmp_path: Path) -> None:
    check_readers(tmp_path, 2)


@pytest.mark.slow
def test_sixteen_readers(tmp_path: Path) -> None:
    check_readers(tmp_path, 16)
