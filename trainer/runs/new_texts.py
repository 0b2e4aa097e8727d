"""New texts for a trained model: read, and encoded into a cache that exists only while it is needed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cache import FeatureCache
from cache.errors import one_line
from cache.hashing import differences
from cache.runtime.console import human_count, say
from trainer.errors import TrialsError
from trainer.options import is_named_as_input
from trainer.runs.config import RunConfig
from trainer.runs.schema import shown

__all__ = ["check_texts", "encoded_texts", "read_texts"]

_LABEL = "__label__"
_BUILD_FIRST = "Build a cache of your texts with the same options, and give it with --cache"


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
    name = "standard input" if str(path) == "-" else str(path)
    if is_named_as_input(path) and path.suffix.lower() != ".txt":
        raise TrialsError(
            f"{name}: --file takes a text file with one text per line. For tables and compressed files: "
            f"`elmo-cache build new.elmo --corpus {name}`, then --cache new.elmo"
        )
    try:
        content = sys.stdin.buffer.read() if name == "standard input" else path.read_bytes()
    except OSError as error:
        raise TrialsError(f"{name} cannot be read: {error.strerror}") from error
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not lines[-1]:
        lines.pop()
    texts = []
    for number, line in enumerate(lines, 1):
        try:
            texts.append(line.removesuffix(b"\r").decode("utf-8"))
        except UnicodeDecodeError as error:
            raise TrialsError(f"{name}, line {number}: not UTF-8 (byte {error.start + 1} of the line)") from error
    if not texts:
        raise TrialsError(f"{name} is empty, expected one text per line")
    if texts[0].startswith(_LABEL):
        raise TrialsError(f"{name} has labels ({_LABEL}…). Build a cache of it, and give that with --cache")
    return texts


def check_texts(texts: Sequence[str]) -> None:
    """Raise `TrialsError` for a text on the command line that is the name of a file, or is not UTF-8."""
    for number, text in enumerate(texts, 1):
        if not any(map(str.isspace, text)) and (os.path.isfile(text) or is_named_as_input(Path(text))):
            raise TrialsError(f"{text} looks like the name of a file. To classify its lines: --file {text}")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise TrialsError(f"TEXT {number} is not UTF-8 (at character {error.start + 1})") from error


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
        hint = "" if encoder else ". If the encoder of these trials is not embedded, give it with --encoder"
        for note in _build([str(out), f"--corpus={source}", f"--encoder={name}", *options], hint):
            say(note, err=True)
        with FeatureCache(out) as features:
            if features.manifest.encoding_fingerprint != config.cache["encoding"]:
                found, wanted = dict(features.encoding), config.cache["encoding_options"]
                differing = "; ".join(
                    f"{what} is {shown(value)}, expected {shown(expected)}"
                    for what, value, expected in islice(differences(found, wanted, wanted_only=True), 6)
                )
                raise TrialsError(
                    f"{encoder or config.cache['encoder']} is not the encoder of these trials: "
                    f"{differing or 'its fingerprint is another one'}. Give the right one with --encoder"
                )
            yield features


def _build(arguments: list[str], hint: str) -> list[str]:
    """Run `elmo-cache build`, and return its notes and warnings."""
    # -P: a folder called `cache` in the working directory is not the package.
    command = [sys.executable, "-P", "-m", "elmo_cache", "build", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    except (OSError, ValueError) as error:  # ValueError: a NUL in a stranger's configuration
        raise TrialsError(f"`elmo-cache build` could not be started: {one_line(error)}") from error
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    if done.returncode:
        said = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
        reason = said[-1].removesuffix(".") if said else f"`elmo-cache build` ended with exit code {done.returncode}"
        raise TrialsError(f"the texts could not be encoded: {reason}{hint}")
    return [line for line in lines if line.startswith(("Note: ", "Warning: "))]


def _build_options(config: RunConfig) -> list[str]:
    """Return the options of `elmo-cache build` that make the encoding of a run."""
    encoding: Mapping[str, Any] = config.cache["encoding_options"]
    encoder, text = encoding.get("encoder"), encoding.get("text")
    if not isinstance(encoder, dict) or not isinstance(text, dict):
        raise TrialsError(f"these trials do not say how their cache was encoded. {_BUILD_FIRST}")
    if text.get("tokenizer") == "tokens":
        raise TrialsError(f"these trials were trained on lists of tokens, and not on text. {_BUILD_FIRST}")
    if text.get("num_words") is not None:
        raise TrialsError(
            f"the cache of these trials kept the most frequent words of its corpus alone (--num-words). {_BUILD_FIRST}"
        )
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
