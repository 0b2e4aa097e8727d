"""A quiet start, and a quick one: TensorFlow and Keras say much and load much while they are imported."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["import_only_what_is_needed", "quiet_import"]

# What Keras and TensorFlow import if it is installed, for parts of theirs that no command uses: two fifths of the time
# that importing them takes.
_FOR_OTHERS = ("IPython", "matplotlib", "pandas", "sklearn")

_only_what_is_needed = False


def import_only_what_is_needed() -> None:
    """Let `quiet_import` pass over packages that no command needs; for a process that is a command and nothing else."""
    global _only_what_is_needed
    _only_what_is_needed = True


@contextmanager
def quiet_import() -> Iterator[None]:
    """Hide what TensorFlow's C++ part says on stderr while it is imported, unless the import fails.

    A command that runs on a terminal says there that it is loading, which takes some seconds.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if sys.stderr is None:  # closed when Python started: its descriptor may be another file's by now
        with _without(_unneeded() if _only_what_is_needed else []):
            yield
        return
    sys.stderr.flush()
    saved = os.dup(2)
    shown = _only_what_is_needed and "keras" not in sys.modules and os.isatty(saved)
    if shown:
        os.write(saved, f"Loading {'JAX' if _jax_may_be_the_backend() else 'TensorFlow'} …".encode())
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            with _without(_unneeded() if _only_what_is_needed else []):
                yield
        except BaseException:
            sink.seek(0)
            os.write(saved, sink.read())
            raise
        finally:
            os.dup2(saved, 2)
            if shown:
                os.write(saved, b"\r\x1b[K")
            os.close(saved)


@contextmanager
def _without(packages: list[str]) -> Iterator[None]:
    """Let imports of some packages fail as if they were not installed."""
    modules: dict[str, Any] = sys.modules
    hidden = [name for name in packages if name not in modules]
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del modules[name]


def _unneeded() -> list[str]:
    return [*_FOR_OTHERS] if _jax_may_be_the_backend() else [*_FOR_OTHERS, "jax"]


def _jax_may_be_the_backend() -> bool:
    if backend := os.environ.get("KERAS_BACKEND"):
        return backend == "jax"
    try:
        return "jax" in Path(os.environ.get("KERAS_HOME", "~/.keras"), "keras.json").expanduser().read_text("utf-8")
    except OSError:
        return False
