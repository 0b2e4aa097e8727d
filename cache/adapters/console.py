"""What the commands share: errors in one line, a quiet start, numbers as people read them."""

import os
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from cache.errors import CacheError

__all__ = ["Commands", "beginning", "human_bytes", "human_count", "quiet_import"]

_INTERRUPTED = 130
_SHOWN_CHARACTERS = 60


class Commands(click.Group):
    """A group that turns every expected error into one line on stderr and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; see the class."""
        try:
            return super().invoke(ctx)
        except CacheError as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
            else:
                click.echo(f"Error: {' '.join(str(error).split())}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("\nStopped. What is finished stays; the same command goes on from there.", err=True)
            ctx.exit(_INTERRUPTED)


@contextmanager
def quiet_import() -> Iterator[None]:
    """Hide what TensorFlow's C++ part says on stderr while it is imported, unless the import fails."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        except BaseException:
            sink.seek(0)
            os.write(saved, sink.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def human_bytes(n: int) -> str:
    """Return a size in decimal units with three digits, as `1.23 GB`.

    >>> human_bytes(999), human_bytes(1_234_000_000)
    ('999 B', '1.23 GB')
    """
    size = float(n)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{size:.3g} {unit}" if size < 1000 else f"{size:,.0f} {unit}"


def human_count(n: int, noun: str) -> str:
    """Return a count with its noun, as `1 document` or `25,000 documents`.

    >>> human_count(1, "shard"), human_count(25000, "shard")
    ('1 shard', '25,000 shards')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def beginning(words: Sequence[str]) -> str:
    """Return the first words of a text in one line that a terminal can show.

    >>> beginning(["a", "film"] * 20), beginning(["a\\x1b[0m"])
    ('a film a film a film a film a film a film a film a film a fi…', 'a�[0m')
    """
    text = " ".join(words)
    shown = "".join(c if c.isprintable() else "\ufffd" for c in text[:_SHOWN_CHARACTERS])
    return f"{shown}…" if len(text) > _SHOWN_CHARACTERS else shown
