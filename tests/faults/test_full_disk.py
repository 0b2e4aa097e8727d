"""A disk that is full, a folder that may not be written, and one that no longer may: one line, and nothing is lost."""

import os
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from errors_expected import said
from scenarios import REFUSED, build_cache, contents, run_child
from tally import record

from cache import CacheError, FeatureCache, messages
from cache.files import is_temporary
from elmo_cache import messages as extraction
from elmo_cache.cli import main

NOBODY = 65534


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    (tmp_path / "whole").mkdir()
    build_cache(tmp_path / "whole")
    return contents(tmp_path / "whole")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter: pytest's own are for one user."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o777)
        yield Path(path)


def refusal(folder: Path, prepare: Callable[[], None]) -> str:
    """Run a build in a process that has been prepared, and return the line that it is refused with."""
    with tempfile.TemporaryFile("w+") as stream:

        def run() -> None:
            prepare()
            try:
                build_cache(folder)
            except CacheError as error:
                stream.write(str(error))
                raise
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                stream.flush()

        status = run_child(run)
        stream.seek(0)
        message = stream.read()
    assert status == REFUSED, f"the build ended with {status}"
    assert "\n" not in message and str(folder.parent) in message
    return message


def check_goes_on(folder: Path, whole: dict[str, bytes], kind: str) -> None:
    """Check that what was finished stayed, and that the same build makes the rest and nothing else."""
    finished = {name: data for name, data in contents(folder).items() if not is_temporary(Path(name).name)}
    assert all(data == whole[name] for name, data in finished.items())
    when = {name: (folder / name).stat().st_mtime_ns for name in finished if "-0" in name}
    build_cache(folder)
    assert contents(folder) == whole
    assert when == {name: (folder / name).stat().st_mtime_ns for name in when}
    record(f"disk: {kind}", survived=1, detected=1)


@pytest.mark.parametrize("limit", [0, 1, 20, 1000, 4096, 2**16, 66_000, 67_000])
def test_a_limit_on_files(folder: Path, whole: dict[str, bytes], limit: int) -> None:
    """Also for the nameless file in which the words of a corpus wait."""

    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    assert "File too large" in refusal(folder, prepare)
    check_goes_on(folder, whole, "a limit on files")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    mount = shutil.which("mount")
    if not mount or os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("free", [0, 4096, 40_960, 73_728, 77_824, 86_016])
def test_a_disk_that_fills_up_during_the_build(small_disk: Path, whole: dict[str, bytes], free: int) -> None:
    """What it takes is known before; here somebody else takes the rest meanwhile."""
    ballast = small_disk / "ballast"

    def prepare() -> None:
        import elmo_cache.extraction.build as building
        import elmo_cache.extraction.shards as shards

        shards._IN_HAND = 1  # one after the other, so that it is known which does not fit

        def fill(plan: object) -> None:
            ballast.write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096 - free))

        building.check_disk = fill

    message = refusal(small_disk / "out", prepare)
    ballast.unlink()
    shown = said(messages.DISK_FULL, path="*", error="No space left on device", sizes="*")
    assert re.search(".+".join(map(re.escape, shown.split("*"))), message)
    assert re.search(r"[\d,]+ bytes are free", message)
    assert "are needed" in message or free < 10_000
    check_goes_on(small_disk / "out", whole, "full")


def test_a_full_disk_before_the_build(small_disk: Path, whole: dict[str, bytes]) -> None:
    """One line with what is needed and free, before anything is encoded."""
    (small_disk / "ballast").write_bytes(bytes(3_500_000))
    message = refusal(small_disk / "out", lambda: None)
    shown = said(extraction.NO_SPACE, path=small_disk / "out" / "c", expected=777, found=777).removesuffix("--limit.")
    assert re.search(re.escape(shown).replace("777", r"[\d,]+"), message)
    assert contents(small_disk) == {"ballast": bytes(3_500_000)}
    (small_disk / "ballast").unlink()
    check_goes_on(small_disk / "out", whole, "full")


def as_nobody() -> None:
    """Permissions do not hold for root."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def shown_of_permission() -> str:
    return said(messages.NOT_WRITABLE, path="*", error="Permission denied").partition("*")[2]


def test_a_folder_that_may_not_be_written(folder: Path, whole: dict[str, bytes]) -> None:
    os.chmod(folder, 0o555)
    shown = said(extraction.CANNOT_WRITE, path="*", error="no permission to write to ").partition("*")[2]
    assert shown.removesuffix(". Choose another folder.") in refusal(folder, as_nobody)
    (folder / "c").mkdir(mode=0o555)
    assert shown_of_permission() in refusal(folder, as_nobody)
    os.chmod(folder, 0o777)
    shutil.rmtree(folder / "c")
    check_goes_on(folder, whole, "no permission")


@pytest.mark.parametrize("n_shards", [0, 1, 2, 3])
def test_permission_lost_during_the_build(folder: Path, whole: dict[str, bytes], n_shards: int) -> None:
    def prepare() -> None:
        import elmo_cache.extraction.shards as extraction

        extraction._IN_HAND = 1  # one after the other, so that it is known which are written
        as_nobody()
        real, shards = os.replace, []

        def replace(source: Path, target: Path) -> None:
            if "-0" in target.name:
                shards.append(target)
            if len(shards) > n_shards:
                os.chmod(folder / "c", 0o555)
            real(source, target)

        os.replace = replace

    assert shown_of_permission() in refusal(folder, prepare)
    os.chmod(folder / "c", 0o777)
    with FeatureCache(folder / "c") as features:
        assert sum(map(features.n_finished_shards, features)) == n_shards
    check_goes_on(folder, whole, "no permission")


@pytest.mark.parametrize(
    ("place", "mode"),
    [(".", 0), ("c", 0), ("c", 0o111), ("c/manifest.json", 0), ("c/train.documents.h5", 0), ("c/train-00000.h5", 0)],
)
def test_a_cache_that_may_not_be_read(folder: Path, whole: dict[str, bytes], place: str, mode: int) -> None:
    """The commands say so in one line; nothing is changed."""
    build_cache(folder)
    os.chmod(folder / place, mode)

    def look() -> None:
        CliRunner().invoke(main, ["info", "--help"])  # what click imports late may be closed to nobody
        as_nobody()
        for command in ("info", "verify", "verify --discard"):
            ran = CliRunner().invoke(main, [*command.split(), str(folder / "c")])
            if place in (".", "c", "c/manifest.json"):
                assert ran.exit_code and "ermission denied" in ran.output or "not readable" in ran.output, ran.output
                assert len([line for line in ran.output.splitlines() if "rror" in line]) <= 1, ran.output
            assert isinstance(ran.exception, SystemExit | None), ran.exception
        with pytest.raises((CacheError, PermissionError)):
            with FeatureCache(folder / "c") as features:
                features["train"][1], features["train"].labels

    try:
        assert run_child(look) == 0
    finally:
        os.chmod(folder / place, 0o755)
    check_goes_on(folder, whole, "no permission")
