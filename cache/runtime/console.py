"""What the commands share: errors in one line, numbers as people read them."""

import errno
import functools
import io
import os
import shlex
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from cache.errors import CacheError, CacheWarning
from cache.runtime.quiet import import_only_what_is_needed

__all__ = [
    "Command",
    "Commands",
    "Subcommand",
    "as_option",
    "beginning",
    "human_bytes",
    "human_count",
    "human_time",
    "printable",
    "say",
    "workers_option",
]

_INTERRUPTED = 130
_RESUMED = "Run the same command to resume."
_ANEW = "Run the command again to start over."
_SHOWN_CHARACTERS = 60
_AGAIN_S = 0.1


class Command(click.Command):
    """A command that turns every expected error into one line on stderr and exit code 1."""

    resumable: Collection[str] = ()

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run as a program: what the output's encoding lacks is shown as a question mark, help and file names too."""
        _open_closed_streams()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; see the class."""
        import_only_what_is_needed()
        try:
            with _every_interrupt_counts(), _warnings_in_one_line(ctx):
                return super().invoke(ctx)
        except (CacheError, OSError, MemoryError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # whoever read the output has had enough: click knows what to do
            if ctx.params.get("debug"):
                traceback.print_exc()
            else:
                click.echo(f"Error: {_as_line(error, ctx)}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo(f"\nStopped. {_RESUMED if ctx.invoked_subcommand in self.resumable else _ANEW}", err=True)
            ctx.exit(_INTERRUPTED)


def _open_closed_streams() -> None:
    """Put the null device where a standard stream was closed: no other file then gets its descriptor, and its text."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, mode))


@contextmanager
def _every_interrupt_counts() -> Iterator[None]:
    """Within, a Ctrl-C that falls into a callback, such as JAX's at each garbage collection, comes once more.

    Python can only report what is raised there, and goes on.
    """
    report = sys.unraisablehook

    def again(unraisable: "sys.UnraisableHookArgs") -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            # Not at once: it would fall into this function, which is such a callback as well.
            main_thread = threading.main_thread().ident
            assert main_thread is not None
            threading.Timer(_AGAIN_S, signal.pthread_kill, (main_thread, signal.SIGINT)).start()
        else:
            report(unraisable)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = report


@contextmanager
def _warnings_in_one_line(ctx: click.Context) -> Iterator[None]:
    """Within, a `CacheWarning` is a line on stderr, without the place in the code that it came from."""
    show_other = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, CacheWarning):
            with tqdm.external_write_mode(file=sys.stderr):  # above progress bars, which make room
                click.echo(f"Warning: {_as_line(message, ctx)}", err=True)
        else:
            show_other(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", CacheWarning)
        warnings.showwarning = show
        yield


class Commands(Command, click.Group):
    """A group of commands of which the same is true.

    Parameters
    ----------
    resumable : collection of str
        Names of those that go on, run again after an interruption, where they stopped.
    """

    def __init__(self, *args: Any, resumable: Collection[str] = (), **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.resumable = resumable


class Subcommand(click.Command):
    """A command of a group: `--help` shows its options in groups, and a wrong number of arguments is explained.

    Parameters
    ----------
    option_groups : Mapping of str to sequence of str
        Titles of groups, and the parameters in them; the other options come last.
    """

    def __init__(self, *args: Any, option_groups: Mapping[str, Sequence[str]] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.option_groups = option_groups or {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line; what is missing or too much is an error that shows how it is typed."""
        ctx.allow_extra_args = True
        try:
            rest = super().parse_args(ctx, args)
        except click.MissingParameter as error:
            example = f"For example: {self._example(ctx)}"
            raise click.MissingParameter(example, ctx, error.param, error.param_hint, error.param_type) from None
        if ctx.args and not ctx.resilient_parsing:
            found = shlex.join(ctx.args)
            is_cache = Path(ctx.args[0]).exists() or ctx.args[0].endswith((".elmo", ".h5"))
            hint = "A value stands behind its option, several are joined by commas, and spaces need quotation marks"
            if is_cache and any(option.name == "cache_path" for option in self.params):
                hint = f"A cache is given as --cache {shlex.quote(ctx.args[0])}"
            ctx.fail(f"Unexpected {found}. {hint}. For example: {self._example(ctx)}")
        return rest

    def _example(self, ctx: click.Context) -> str:
        """Return the first line that `--help` shows behind the description."""
        _, _, examples = (self.help or "").rpartition("\b\n")
        return examples.strip().split("\n")[0].partition("  ")[0] or self.get_usage(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group."""
        options = {option.name: option for option in self.get_params(ctx) if isinstance(option, click.Option)}
        groups = {title: [options.pop(name) for name in names] for title, names in self.option_groups.items()}
        others = "Other options" if groups else "Options"
        for title, members in {**groups, others: options.values()}.items():
            records = [record for option in members if (record := option.get_help_record(ctx)) is not None]
            with formatter.section(title):
                formatter.write_dl(records)


workers_option = click.option(
    "--workers",
    default="1",
    show_default=True,
    metavar="N",
    help="Number of processes; auto for one per GPU; tcp://HOST:PORT for a Dask cluster.",
)


def _as_line(error: Exception | str, ctx: click.Context) -> str:
    if isinstance(error, CacheError | CacheWarning):
        command = ctx.command
        if isinstance(command, click.Group) and ctx.invoked_subcommand:
            command = command.get_command(ctx, ctx.invoked_subcommand) or command
        text = error.worded(functools.partial(as_option, command))
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = str(error)
    return printable(" ".join(text.split())) or "not enough memory"


def as_option(command: click.Command, name: str, value: str) -> str:
    """Return how the option of a command is typed that gives a function's parameter `name`.

    >>> as_option(click.Command("build"), "max_tokens", "500")
    '--max-tokens 500'
    """
    typed = next((option.opts[0] for option in command.params if option.name == name), "--" + name.replace("_", "-"))
    return f"{typed} {value}" if value else typed


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


def human_time(seconds: float) -> str:
    """Return a time in one unit with two digits, as `3.4 hours`; less than a second is `1 second`.

    >>> human_time(0.3), human_time(12), human_time(75), human_time(12_345), human_time(400_000)
    ('1 second', '12 seconds', '75 seconds', '3.4 hours', '4.6 days')
    """
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 1.5 * size:
            number = seconds / size
            return f"{number:.2g} {unit}s" if number < 10 else f"{number:,.0f} {unit}s"
    return human_count(max(1, round(seconds)), "second")


def printable(text: str) -> str:
    """Return a text in which what would steer a terminal, or cannot be printed, is replaced.

    >>> printable("a\\x1b[2Jb")
    'a�[2Jb'
    """
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def say(*lines: str, err: bool = False) -> None:
    """Print lines on stdout, or stderr, whatever names from files stand in them: none of these can steer the terminal.

    >>> say("2 documents: good\x1b[2J 2", "done")
    2 documents: good�[2J 2
    done
    """
    for line in lines:
        click.echo(printable(line), err=err)


def beginning(words: Sequence[str]) -> str:
    """Return the first words of a text in one line that a terminal can show.

    >>> beginning(["a", "film"] * 20), beginning(["a\\x1b[0m"])
    ('a film a film a film a film a film a film a film a film a fi…', 'a�[0m')
    """
    text = " ".join(words)
    shown = printable(text[:_SHOWN_CHARACTERS])
    return f"{shown}…" if len(text) > _SHOWN_CHARACTERS else shown
