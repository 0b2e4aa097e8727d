"""How many words a second an encoder takes here: measured in seconds, kept for the plans of later builds."""

import json
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from cache.files import atomic_path
from cache.hashing import fingerprint
from cache.runtime.downloads import user_folder
from elmo_cache.encoders.bilm.encoder import PRECISIONS, BiLMEncoder

__all__ = ["known_speeds", "measure_speed", "remember_speed"]

LONG_ENOUGH_S = 0.7
_WORDS_A_NEW_ONE = 10  # of running text; reviews have about as many for every word that was not there before


def measure_speed(encoder: BiLMEncoder, progress: Callable[[int], None] | None = None) -> float:
    """Return words per second of running text, once everything is loaded and compiled.

    Random words are encoded, of which one in ten is new, in full streams: twice as many until they take 0.7 seconds,
    each time once before, which does not count.

    Parameters
    ----------
    encoder : BiLMEncoder
        What to measure, with its streams and chunks.
    progress : callable, optional
        As that of `encode`.

    Returns
    -------
    float
        Words per second.

    Raises
    ------
    EncoderError
        If the device does not have the encoder's precision.
    """
    n_chunks = 1
    while True:
        n_chunks *= 2
        documents = _random_documents(encoder.n_streams, n_chunks * encoder.time_chunk - 2)
        encoder.encode(documents, progress=progress)
        before = time.perf_counter()
        encoder.encode(documents, progress=progress)
        seconds = time.perf_counter() - before
        if seconds >= LONG_ENOUGH_S:
            return sum(map(len, documents)) / seconds


def remember_speed(description: Mapping[str, Any], words_per_s: float) -> bool:
    """Keep the speed of an encoder on this machine in the user's cache folder; return whether that went.

    Parameters
    ----------
    description : Mapping
        That of the encoder: its architecture and precision are what counts.
    words_per_s : float
        What `measure_speed` returned.
    """
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps({**_kept(path), _key(description): words_per_s}, indent=1))
    except OSError:
        return False
    return True


def known_speeds(description: Mapping[str, Any]) -> dict[str, float]:
    """Return the speeds that were kept on this machine for an encoder's architecture, in words per second.

    Parameters
    ----------
    description : Mapping
        That of an encoder.

    Returns
    -------
    dict of str to float
        By precision; empty for an encoder that is not our own, and where nothing was measured.
    """
    if "options" not in description:
        return {}
    kept = _kept(_path())
    keys = {precision: _key({**description, "precision": precision}) for precision in PRECISIONS}
    return {precision: kept[key] for precision, key in keys.items() if key in kept}


def _path() -> Path:
    return user_folder() / "speeds.json"


def _key(description: Mapping[str, Any]) -> str:
    # A home folder may be that of many machines.
    return fingerprint([platform.node(), description["options"], description["precision"]])


def _kept(path: Path) -> dict[str, float]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_bytes())
        if isinstance(found, dict):
            return {key: speed for key, speed in found.items() if isinstance(speed, float) and 0 < speed < 1e12}
    return {}


def _random_documents(n_documents: int, length: int) -> list[list[str]]:
    chance = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlcumwfgypbvk"))
    n_words = max(1, n_documents * length // _WORDS_A_NEW_ONE)
    words = ["".join(chance.choice(letters, size)) for size in chance.integers(1, 11, n_words)]
    numbers = chance.integers(0, n_words, (n_documents, length))
    return [[words[number] for number in row] for row in numbers.tolist()]
