"""Files appear whole or not at all, and what dead writers leave is told from what living ones hold."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from errors_expected import raises
from small_cache import DOCUMENTS, contents, write_cache

from cache import CacheError, FeatureCache, OutputError, messages
from cache import files as files_module
from cache.files import atomic_path, is_temporary, remove_strays, temporary_files
from cache.shard import ShardHeader, write_shard

ROOT = Path(__file__).parents[1]
HEADER = ShardHeader("train", 0, 0, 1, 65536, "e" * 64, "c" * 64)
ROWS = np.ones((65536, 8), np.float16)  # 1 MiB

# Writes half a shard's worth of bytes, says so, and waits to be killed.
WRITER = """
import sys, time
from pathlib import Path
from cache.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half")
    print("writing", flush=True)
    time.sleep(60)
"""

# A disk that is full at several moments: before anything, in the data, in what HDF5 writes last; then space again.
FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from cache import CacheError
from cache.shard import ShardHeader, write_shard
header = ShardHeader("train", 0, 0, 1, 65536, "e" * 64, "c" * 64)
for limit in (0, 100, 2**16, 2**18, 2**20, 2**20 + 3000, resource.RLIM_INFINITY):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_shard(Path(sys.argv[1]), header, {"features": np.ones((65536, 8), "f2")})
    except CacheError as error:
        print(type(error).__name__, error)
"""


def fail_with(code: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def test_success(tmp_path: Path) -> None:
    final = tmp_path / "x.h5"
    with atomic_path(final) as temporary:
        assert temporary.parent == tmp_path and is_temporary(temporary.name) and not final.exists()
        temporary.write_bytes(b"new")
    assert contents(tmp_path) == {"x.h5": b"new"}


def test_an_existing_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    final = tmp_path / "x.h5"
    final.write_bytes(b"old")
    with atomic_path(final) as temporary:
        temporary.write_bytes(b"new")
        assert final.read_bytes() == b"old"
    assert contents(tmp_path) == {"x.h5": b"new"}


@pytest.mark.parametrize(
    "error", [KeyError("x"), MemoryError(), KeyboardInterrupt(), CacheError("x"), RuntimeError("x")]
)
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "x.h5").write_bytes(b"old")
    with pytest.raises(type(error)) as caught:
        with atomic_path(tmp_path / "x.h5") as temporary:
            temporary.write_bytes(b"half")
            raise error
    assert caught.value is error and error.__cause__ is None
    assert contents(tmp_path) == {"x.h5": b"old"}


@pytest.mark.parametrize("linking", [None, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_exclusive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linking: int | None) -> None:
    """Also where there are no hard links, as on exFAT and many network mounts."""
    if linking:
        monkeypatch.setattr(os, "link", fail_with(linking))
    with atomic_path(tmp_path / "x", exclusive=True) as temporary:
        temporary.write_bytes(b"first")
    with pytest.raises(FileExistsError):
        with atomic_path(tmp_path / "x", exclusive=True) as temporary:
            temporary.write_bytes(b"second")
    assert contents(tmp_path) == {"x": b"first"}


def test_the_order_that_survives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is synced before it gets its name, its folder after."""
    done = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name.rpartition(".")[2] or "?")
        real_sync(descriptor)

    def replace(source: Path, target: Path) -> None:
        done.append("rename")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    write_shard(tmp_path, HEADER, {"features": ROWS})
    assert done == ["tmp", "rename", tmp_path.name]


def test_killed_while_writing(tmp_path: Path) -> None:
    """A living writer's file is left alone, a killed one's is removed; it never has the final name."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "x.h5")]
    writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout is not None and writer.stdout.readline() == "writing\n"
        assert remove_strays(tmp_path) == 0
        [temporary] = temporary_files(tmp_path)
        assert temporary.read_bytes() == b"half"
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    assert temporary_files(tmp_path) == [temporary] and not (tmp_path / "x.h5").exists()
    assert remove_strays(tmp_path) == 1 and list(tmp_path.iterdir()) == []
    assert remove_strays(tmp_path) == 0


def test_the_next_writer_removes_what_a_killed_one_left_under_that_name(tmp_path: Path) -> None:
    for name in ("table.csv", "other.csv"):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path / name], cwd=ROOT, stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None and writer.stdout.readline()
            writer.kill()
    with atomic_path(tmp_path / "table.csv") as temporary:
        temporary.write_text("whole")

    (left,) = temporary_files(tmp_path)
    assert left.name.startswith(".other.csv.") and (tmp_path / "table.csv").read_text() == "whole"


def test_only_what_a_writer_made_up_is_a_stray(tmp_path: Path) -> None:
    mine = [".notes.tmp", "x.tmp", ".tmp", ".x.0123456789ab.tmp~", ".x.0123456789AB.tmp", ".x.h5.12345.tmp"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    (tmp_path / ".x.h5.0123456789ab.tmp").mkdir()
    (tmp_path / ".train-00000.h5.0123456789ab.tmp").write_text("a dead writer's")
    assert remove_strays(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*mine, ".x.h5.0123456789ab.tmp"])


def test_another_users_temporary_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".x.0123456789ab.tmp").write_text("theirs")
    monkeypatch.setattr(os, "open", fail_with(errno.EACCES))
    assert remove_strays(tmp_path) == 0


def test_readers_pass_over_temporary_files(tmp_path: Path) -> None:
    write_cache(tmp_path / "c")
    (tmp_path / "c" / ".train-00000.h5.0123456789ab.tmp").write_bytes(b"half")
    assert len(FeatureCache(tmp_path / "c")["train"]) == len(DOCUMENTS["train"])


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """As on Lustre and some network mounts: files are written all the same."""
    monkeypatch.setattr(fcntl, "flock", fail_with(code))
    write_shard(tmp_path, HEADER, {"features": ROWS})
    assert [path.name for path in tmp_path.iterdir()] == ["train-00000.h5"]


def test_a_folder_that_cannot_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        files_module.os, "fsync", lambda fd: fail_with(errno.EINVAL)() if os.path.isdir(f"/proc/self/fd/{fd}") else None
    )
    write_shard(tmp_path, HEADER, {"features": ROWS})
    assert [path.name for path in tmp_path.iterdir()] == ["train-00000.h5"]


@pytest.mark.parametrize("moment", ["before the lock", "after the lock is taken"])
def test_a_stray_removed_at_the_moment_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Another build's `remove_strays` meets our temporary file before it is locked: we take another one."""
    real, calls = files_module._flock, []

    def flock(descriptor: int, *, wait: bool) -> bool | None:
        calls.append(descriptor)
        if len(calls) == 1:
            if moment == "before the lock":
                [path.unlink() for path in temporary_files(tmp_path)]
            else:
                return False
        return real(descriptor, wait=wait)

    monkeypatch.setattr(files_module, "_flock", flock)
    with atomic_path(tmp_path / "x") as temporary:
        assert len(calls) == 2
        temporary.write_bytes(b"new")
        monkeypatch.undo()
        assert temporary in temporary_files(tmp_path)
        if moment == "before the lock":
            assert remove_strays(tmp_path) == 0, "ours is locked"
    assert (tmp_path / "x").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("place", "message", "data"),
    [
        ("/proc/1/x.h5", messages.CANNOT_WRITE, {"error": "No such file or directory"}),
        ("/proc/x.h5", messages.CANNOT_WRITE, {"error": "No such file or directory"}),
        ("{file}/x.h5", messages.CANNOT_WRITE, {"error": "Not a directory"}),
        ("{folder}/none/x.h5", messages.NO_FOLDER, {}),
    ],
)
def test_places_that_cannot_be_written(tmp_path: Path, place: str, message: str, data: dict[str, str]) -> None:
    (tmp_path / "file").write_text("x")
    final = Path(place.format(file=tmp_path / "file", folder=tmp_path))
    with raises(message, OutputError, path=final.parent / "train-00000.h5", **data) as caught:
        write_shard(final.parent, HEADER, {"features": ROWS})
    assert isinstance(caught.value, OSError)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, messages.DISK_FULL),
        (errno.EDQUOT, messages.DISK_FULL),
        (errno.EACCES, messages.NOT_WRITABLE),
        (errno.EPERM, messages.NOT_WRITABLE),
        (errno.EROFS, messages.NOT_WRITABLE),
        (errno.EIO, messages.CANNOT_WRITE),
    ],
)
def test_what_a_failed_write_advises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str) -> None:
    monkeypatch.setattr(files_module.os, "fsync", fail_with(code))
    path = tmp_path / "train-00000.h5"
    with raises(message, OutputError, path=path, error=os.strerror(code)):
        write_shard(tmp_path, HEADER, {"features": ROWS})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    why = OutputError(messages.FILE_TOO_LARGE, path=tmp_path / "train-00000.h5", error="File too large")
    assert ran.stdout.splitlines() == 6 * [f"OutputError {why}"]
    assert [path.name for path in tmp_path.iterdir()] == ["train-00000.h5"], "written once there is space"


def test_space_is_taken_before_hdf5_writes_and_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HDF5 crashes at exit after a write that failed, so it must not meet a full disk."""
    sizes = []
    create_dataset = h5py.File.create_dataset

    def watched(self: h5py.File, *arguments: object, **options: object) -> h5py.Dataset:
        [temporary] = temporary_files(tmp_path)
        sizes.append(temporary.stat().st_blocks * 512)
        return create_dataset(self, *arguments, **options)

    monkeypatch.setattr(h5py.File, "create_dataset", watched)
    write_shard(tmp_path, HEADER, {"features": ROWS, "more": ROWS[:, :3]})
    data_bytes = 65536 * (8 + 3) * 2
    assert sizes[0] >= data_bytes
    assert data_bytes < (tmp_path / "train-00000.h5").stat().st_size < min(sizes[0], data_bytes + 20_000)


def test_without_reservations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shard(tmp_path, HEADER, {"features": ROWS})
    whole = contents(tmp_path)
    monkeypatch.setattr(os, "posix_fallocate", fail_with(errno.EOPNOTSUPP))
    write_shard(tmp_path, HEADER, {"features": ROWS})
    assert contents(tmp_path) == whole
    monkeypatch.delattr(os, "posix_fallocate")  # macOS
    write_shard(tmp_path, HEADER, {"features": ROWS})
    assert contents(tmp_path) == whole


@pytest.mark.parametrize(
    ("owner", "age_days", "removed"),
    [
        ("{host}-{here}.", 0, False),
        ("{host}-{gone}.", 0, True),
        ("{host}-{here}.", 2, True),
        ("00000000-1.", 0, False),
        ("00000000-1.", 2, True),
        ("", 0, False),
        ("", 2, True),
    ],
)
def test_strays_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str, age_days: int, removed: bool
) -> None:
    """Only what is provably dead goes: its process on this host is gone, or it is older than a day."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    name = owner.format(host=files_module._host(), here=os.getpid(), gone=gone.pid)
    stray = tmp_path / f".train-00000.h5.{name}0123456789ab.tmp"
    stray.write_bytes(b"half")
    moment = stray.stat().st_mtime - 86_400 * age_days
    os.utime(stray, (moment, moment))
    monkeypatch.setattr(fcntl, "flock", fail_with(errno.ENOLCK))
    assert remove_strays(tmp_path) == removed and stray.exists() != removed


def test_a_living_writers_file_survives_where_there_are_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", fail_with(errno.ENOLCK))
    with atomic_path(tmp_path / "x") as temporary:
        temporary.write_bytes(b"whole")
        assert remove_strays(tmp_path) == 0
    assert (tmp_path / "x").read_bytes() == b"whole"
