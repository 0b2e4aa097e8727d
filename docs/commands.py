"""A MkDocs hook: fills the page of commands from click, with what `--help` says."""

import html
import inspect
from collections.abc import Iterator
from typing import Any

import click

from elmo_cache.cli import main as elmo_cache
from elmo_cache.pretraining.__main__ import main as pretraining
from trainer.cli import main as elmo_train

PROGRAMS = {"elmo-cache": elmo_cache, "elmo-train": elmo_train, "python -m elmo_cache.pretraining": pretraining}


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Append a section for each program, and within it one for each of its commands."""
    if page.file.src_uri == "commands.md":
        return "\n\n".join([markdown, *(part for name in PROGRAMS for part in _section(name, PROGRAMS[name]))])
    return markdown


def _section(name: str, command: click.Command, parent: click.Context | None = None) -> Iterator[str]:
    """Yield the Markdown blocks of a command, then those of the commands below it."""
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    yield f"{'###' if parent else '##'} {context.command_path}"
    yield f"```text\n{' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n```"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        as_it_stands = paragraph.removeprefix("\b\n")  # click's mark for lines that are not to be filled
        yield html.escape(paragraph) if as_it_stands == paragraph else f"```text\n{as_it_stands}\n```"
    options = (option.get_help_record(context) for option in command.params if isinstance(option, click.Option))
    yield "\n".join(f"- `{record[0]}`<br>{html.escape(record[1])}" for record in options if record)
    for child in command.list_commands(context) if isinstance(command, click.Group) else ():
        below = command.get_command(context, child)
        assert below is not None
        yield from _section(child, below, context)
