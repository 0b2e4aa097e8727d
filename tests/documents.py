"""The commands and snippets of a Markdown page, a folder in which they can run, and what click says of a command."""

import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
from aclimdb_files import FILES, tar_of, write_archive
from click.testing import CliRunner
from tiny_elmo import SMALL, write_elmo

from elmo_cache.cli import main as elmo_cache
from elmo_cache.pretraining.__main__ import main as pretraining
from trainer.cli import main as elmo_train

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = {"elmo-cache": elmo_cache, "elmo-train": elmo_train}
PRETRAINING = "python -m elmo_cache.pretraining "
MADE_SMALL = {
    "build": ["--encoder", "elmo", "--tokenizer", "words"],
    "curve": shlex.split(
        "--n 1 --sizes 16,24 --models elmo,tfidf-lr --vectors wiki.multi.en.vec --val-size 16 --test-size 20"
    ),
    "encode": ["--encoder", "elmo"],
    "tag": shlex.split("--n 1 --vectors wiki.multi.en.vec --train-size 24 --val-size 10 --test-size 12"),
    "trials": shlex.split(
        "--n 3 --models elmo --vectors wiki.multi.en.vec --train-size 24 --val-size 16 --test-size 20"
    ),
}


@dataclass(frozen=True)
class Page:
    """A Markdown file of the repository."""

    path: str

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[tuple[str, str]]:
        """Language and content of each fenced block."""
        return re.findall(r"^```(\w+)\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)

    def lines(self, language: str) -> list[str]:
        blocks = [block.replace("\\\n", "") for found, block in self.blocks if found == language]
        return [line for block in blocks for line in block.splitlines() if line]

    def session(self) -> list[str]:
        """What was typed in a terminal session that is shown."""
        return [line[2:] for line in self.lines("console") if line.startswith("$ ")]

    def commands(self) -> list[str]:
        """Every command: those in blocks, then those in running text."""
        prose = re.sub(r"^```.*?^```$", "", self.text, flags=re.MULTILINE | re.DOTALL)
        spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]
        programs = (*PROGRAMS, "make")
        return [*self.session(), *self.lines("sh"), *(span for span in spans if span.split(" ")[0] in programs)]

    def snippet(self, part: str) -> str:
        """Return the one Python block that holds `part`."""
        (block,) = [block for kind, block in self.blocks if kind == "python" and part in block]
        return block

    def links(self) -> list[str]:
        """Return the links into the repository, without their anchors."""
        found = re.findall(r"\]\(([^)#\s]+)", self.text)
        return [link for link in found if "://" not in link]


def words_of(command: str) -> list[str]:
    return shlex.split(command, comments=True)


def prepare(folder: Path) -> None:
    """Fill a folder with everything that the commands name, but for the caches."""
    write_elmo(folder / "elmo", SMALL)
    write_archive(folder, tar_of(FILES))
    rng = np.random.default_rng(0)
    words = [f"w{k}" for k in range(30)]
    rows = []
    for i in range(90):
        chosen = [("bad", "good")[i % 2], *(words[k] for k in rng.integers(0, 30, rng.integers(3, 12)))]
        rows.append(f"{' '.join(chosen)},{('neg', 'pos')[i % 2]},{'train' if i < 60 else 'test'}")
    (folder / "labelled.csv").write_text("\n".join(["text,label,split", *rows]) + "\n")
    stars = [row.replace(",neg,", ",1,").replace(",pos,", ",5,") for row in rows]
    (folder / "reviews.csv").write_text("\n".join(["body,stars,split", *stars]) + "\n")
    (folder / "new.txt").write_text("a good film\na bad film\n")
    vectors = [f"{word} " + " ".join(f"{x:.4f}" for x in rng.standard_normal(5)) for word in ["good", "bad", *words]]
    (folder / "wiki.multi.en.vec").write_text("\n".join([f"{len(vectors)} 5", *vectors]) + "\n")


def run(command: str) -> str:
    """Run a command on what `prepare` made, with options after it that make it small; return what it prints."""
    program, name, *arguments = words_of(command)
    everything = [name, *arguments, *MADE_SMALL.get(name, [])]
    if name == "predict" and "--cache" not in arguments:
        everything += ["--encoder", "elmo"]  # what encoded the stand-ins
    done = CliRunner().invoke(PROGRAMS[program], everything, catch_exceptions=False)
    assert done.exit_code == 0, f"{command}\n{done.output}"
    return done.output


def understand(command: str) -> None:
    """Do with a command what is done before it runs: unknown names, options and values raise."""
    if command == ". .venv/bin/activate":
        assert "VENV ?= .venv\n" in (ROOT / "Makefile").read_text()
        return
    if command.startswith(PRETRAINING):
        pretraining.make_context("pretraining", words_of(command.removeprefix(PRETRAINING)))
        return
    program, *arguments = words_of(command)
    if program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(arguments) <= set(targets), command
    elif len(arguments) <= 1:
        assert set(arguments) <= set(PROGRAMS[program].commands), command
    else:
        parse(program, *arguments)


def parse(program: str, name: str, *arguments: str) -> click.Context:
    """What click does before a command runs: unknown names and values raise."""
    group = PROGRAMS[program]
    parent = click.Context(group, info_name=program, **group.context_settings)
    _, command, rest = group.resolve_command(parent, [name, *arguments])
    assert command is not None
    # click keeps the names of --help that it finds at first, and these come from above.
    return command.make_context(name, rest, parent=parent)


def execute(block: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run a snippet with the reader's names; return all names after it."""
    exec(compile(block, "snippet", "exec"), names)
    return names


def classifier_of(dim: int) -> keras.Model:
    """The reader's own model."""
    inputs = keras.Input((None, dim), dtype="float16", name="features")
    pooled = keras.layers.GlobalMaxPooling1D()(keras.ops.cast(inputs, "float32"))
    model = keras.Model([inputs], keras.layers.Dense(1, activation="sigmoid")(pooled))
    model.compile(loss="binary_crossentropy", jit_compile=False)
    return model
