"""New texts for a trained model: read, and encoded into a cache that exists only while it is needed."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cache import FeatureCache
from cache.runtime.console import human_count, say
from trainer import messages
from trainer.commands.options import is_named_as_input
from trainer.errors import TrialsError
from trainer.runs.config import RunConfig
from trainer.runs.evaluation import other_encoding

__all__ = ["check_texts", "encoded_texts", "read_texts"]

_LABEL = "__label__"


def read_texts(path: Path) -> list[str]:
    """Return the lines of a UTF-8 file, a document each.

    Parameters
    ----------
    path : Path
        `-` for standard input.

    Raises
    ------
    TrialsError
        If it cannot be read, is not UTF-8, has no line, or is a table or labelled, which would not be read as such.
    """
    name = "Standard input" if str(path) == "-" else str(path)
    if is_named_as_input(path) and path.suffix.lower() != ".txt":
        raise TrialsError(messages.NOT_LINES, path=name, name=shlex.quote(name))
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise TrialsError(messages.CANNOT_READ, path=name, error=error) from error
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not lines[-1]:
        lines.pop()
    texts = []
    for number, line in enumerate(lines, 1):
        try:
            texts.append(line.removesuffix(b"\r").decode("utf-8"))
        except UnicodeDecodeError as error:
            byte, where = f"0x{line[error.start]:02x}", f"{name}, line {number}"
            raise TrialsError(messages.NOT_UTF8, where=where, found=byte, n=error.start) from error
    if not texts:
        raise TrialsError(messages.NO_TEXTS, path=name)
    if texts[0].startswith(_LABEL):
        raise TrialsError(messages.LABELLED_TEXTS, path=name, found=_LABEL)
    return texts


def check_texts(texts: Sequence[str]) -> None:
    """Raise `TrialsError` for a text on the command line that is the name of a file, or is not UTF-8."""
    for number, text in enumerate(texts, 1):
        if not any(map(str.isspace, text)) and (os.path.isfile(text) or is_named_as_input(Path(text))):
            raise TrialsError(messages.TEXT_IS_FILE_NAME, path=text)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise TrialsError(messages.TEXT_NOT_UTF8, n=number, place=error.start + 1) from error


@contextmanager
def encoded_texts(texts: Sequence[str], config: RunConfig, encoder: str | None = None) -> Iterator[FeatureCache]:
    """Encode texts as the cache of a run was encoded, and open the cache that this makes; it is deleted afterwards.

    `elmo-cache build` does it in a process of its own: nothing here knows how vectors are made.

    Parameters
    ----------
    texts : sequence of str
        Documents of the split `train`, in this order by `doc_ids`.
    config : RunConfig
        Of the run.
    encoder : str, optional
        As for `elmo-cache build --encoder`. Default: the embedded encoder of the name that the run has.

    Yields
    ------
    FeatureCache

    Raises
    ------
    TrialsError
        If the run's cache cannot be repeated by options, the build fails, or the encoder is another one.
    """
    options = _build_options(config)
    name = encoder or f"embedded:{config.cache['encoder']}"
    with TemporaryDirectory(prefix="elmo-train-") as folder:
        source, out = Path(folder) / "texts.jsonl", Path(folder) / "texts.elmo"
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        say(f"Encoding {human_count(len(texts), 'text')} with {encoder or config.cache['encoder']} …", err=True)
        failed = messages.NOT_ENCODED if encoder else messages.NOT_ENCODED_BY_DEFAULT
        for note in _build([str(out), f"--corpus={source}", f"--encoder={name}", *options], failed):
            say(note, err=True)
        with FeatureCache(out) as features:
            if differing := other_encoding(features, config):
                raise TrialsError(messages.OTHER_ENCODER, name=encoder or config.cache["encoder"], found=differing)
            yield features


def _build(arguments: list[str], failed: str) -> list[str]:
    """Run `elmo-cache build`, and return its notes and warnings; `failed` is the message if it fails."""
    # -P: a folder called `cache` in the working directory is not the package.
    command = [sys.executable, "-P", "-m", "elmo_cache", "build", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    except (OSError, ValueError) as error:  # ValueError: a NUL in a stranger's configuration
        raise TrialsError(messages.NOT_STARTED, error=error) from error
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    if done.returncode:
        said = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
        reason = said[-1].removesuffix(".") if said else TrialsError(messages.BUILD_ENDED, n=done.returncode)
        raise TrialsError(failed, error=reason)
    return [line for line in lines if line.startswith(("Note: ", "Warning: "))]


def _build_options(config: RunConfig) -> list[str]:
    """Return the options of `elmo-cache build` that make the encoding of a run."""
    encoding: Mapping[str, Any] = config.cache["encoding_options"]
    encoder, text = encoding.get("encoder"), encoding.get("text")
    if not isinstance(encoder, dict) or not isinstance(text, dict):
        raise _not_repeatable(messages.ENCODING_UNKNOWN)
    if text.get("tokenizer") == "tokens":
        raise _not_repeatable(messages.TRAINED_ON_TOKENS)
    if text.get("num_words") is not None:
        raise _not_repeatable(messages.TRAINED_ON_FREQUENT)
    given = {
        "layers": encoder.get("layers"),
        "precision": encoder.get("precision"),
        "engine": encoder.get("engine"),
        "tokenizer": text.get("tokenizer"),
        "normalize": text.get("normalize"),
        "max-tokens": text.get("max_tokens"),
        "keep": text.get("keep"),
    }
    options = [f"--{name}={value}" for name, value in given.items() if value is not None]
    return [*options, *(["--literal-padding"] if text.get("literal_padding") else [])]


def _not_repeatable(reason: str) -> TrialsError:
    return TrialsError(messages.CANNOT_REPEAT, error=TrialsError(reason))
