"""An encoder that lives on its device: word numbers go there, finished rows come back, and nothing else.

With Keras on JAX, and on TensorFlow with a GPU; what runs on the device is a `Program` of `jax_model` or
`tensorflow_model`. All that the arithmetic needs stays there from one call to the next: the kernels, the vectors of a
call's words, the LSTMs' states, and the rows that are not fetched yet.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from cache.runtime.quiet import quiet_import
from elmo_cache.encoders.bilm.characters import BEGIN_DOCUMENT, END_DOCUMENT
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.program import Program, load_arrays
from elmo_cache.encoders.bilm.streams import pack
from elmo_cache.encoders.bilm.weights import Weights
from elmo_cache.encoders.devices import Device

__all__ = ["PendingRows", "ResidentBiLM"]

WORD_BATCHES = {"cpu": (32, 256), "gpu": (256, 2048)}
UNROLL = {"cpu": 1, "gpu": 4}
BLOCKS = (16_384, 1024, 64)
"""Rows that are fetched at once: as many as fit of the largest blocks first."""

_MARKS = {BEGIN_DOCUMENT: -1, END_DOCUMENT: -2}
_NO_WORD = -3
"""What stands for the length of a word that is none."""


class ResidentBiLM:
    """The biLM of `BiLMEncoder` on a device.

    Parameters
    ----------
    weights, options, precision
        As of `BiLMEncoder`.
    mix : sequence of float or None
        Weights of the layers; None for all of them side by side.
    device : Device
        That of JAX or TensorFlow.

    Attributes
    ----------
    program : Program
        What runs on the device.
    bytes_to_device, bytes_from_device : int
        What has crossed since the weights, in all calls.
    """

    def __init__(
        self, weights: Weights, options: BiLMOptions, mix: Sequence[float] | None, precision: str, device: Device
    ):
        self.options, self.kind = options, device.kind
        self.program = _program_class(device.backend)(options, mix, precision, UNROLL[self.kind])
        self.bytes_to_device = self.bytes_from_device = 0
        self._lock = Lock()  # rows are fetched by several threads
        self._arrays = self.program.put(load_arrays(weights, options, precision))
        # They only grow, so that calls of about the same size are one program.
        self._n_words = self._n_rows = 0

    def begin(
        self,
        documents: Sequence[np.ndarray],
        words: Sequence[str],
        n_streams: int,
        time_chunk: int,
        dtype: str,
        progress: Callable[[int], None] | None = None,
    ) -> "PendingRows":
        """Start encoding and return at once; the device works on its calls in their order.

        Parameters
        ----------
        documents : sequence of ndarray of int32, (n_tokens,)
            The words of each document, numbered from 3 on in the order of `words`; at least one has some.
        words : sequence of str
            The distinct words.
        n_streams, time_chunk : int
            How documents are packed.
        dtype : str
            What rows are rounded to, `float16` or `float32`.
        progress : callable, optional
            Called with the number of tokens done since the last call, while the rows are fetched.

        Returns
        -------
        PendingRows
            The rows of all documents end to end.
        """
        n_tokens = sum(map(len, documents))
        table = self._word_vectors(words)
        # Layers above the first are some steps behind, in both directions: so many steps more on either side.
        n_behind = self.options.n_layers - 1
        packing = pack(documents, n_streams, 1)
        n_steps = -(-(len(packing.words) + 2 * n_behind) // time_chunk) * time_chunk
        steps = np.stack([np.zeros((n_steps, n_streams), np.int32), np.full((n_steps, n_streams), -1, np.int32)])
        steps[0, n_behind : n_behind + len(packing.words)] = packing.words
        steps[1, n_behind : n_behind + len(packing.rows)] = packing.rows
        chunks = np.split(steps, n_steps // time_chunk, axis=1)
        n_halves = [int(np.count_nonzero(chunk[1] >= 0)) for chunk in chunks]
        on_device = [self._put(np.ascontiguousarray(chunk)) for chunk in chunks]
        self._n_rows = max(self._n_rows, _rounded_up(n_tokens))
        states, out, bad = self.program.zeros(n_streams, self._n_rows, dtype)
        steps_done = []
        for i, forward in enumerate(on_device):
            backward = on_device[-1 - i]
            states, out, bad = self.program.advance(self._arrays, table, states, out, bad, forward, backward)
            steps_done.append((bad, n_halves[i] + n_halves[-1 - i]))
        # At once: what the device is told later it does later, and the next call would come first.
        return PendingRows(self, n_tokens, dtype, steps_done, list(self._blocks(out, n_tokens)), bad, progress)

    def _word_vectors(self, words: Sequence[str]) -> Any:
        small, large = WORD_BATCHES[self.kind]
        n_bytes = self.options.max_characters - 2
        # 0 is no word; 1 and 2 mark where a document begins and ends.
        lengths = [_NO_WORD, *_MARKS.values()]
        texts = [b"", b"", b""]
        for word in words:
            mark = _MARKS.get(word)
            texts.append(b"" if mark else word.encode("utf-8", "ignore")[:n_bytes])
            lengths.append(mark or len(texts[-1]))
        batch = small if len(texts) <= small else large
        n_rows = -(-len(texts) // batch) * batch
        filled = b"".join(text.ljust(n_bytes, b"\0") for text in texts)
        text = np.pad(np.frombuffer(filled, np.uint8).reshape(-1, n_bytes), ((0, n_rows - len(texts)), (0, 0)))
        length = np.pad(np.array(lengths, np.int32), (0, n_rows - len(texts)))
        self._n_words = max(self._n_words, _rounded_up(n_rows + n_rows // 4))
        table = self.program.zero_table(self._n_words)
        for start in range(0, n_rows, batch):
            part = slice(start, start + batch)
            table = self.program.fill_table(
                self._arrays, table, self._put(np.int32(start)), self._put(text[part]), self._put(length[part])
            )
        return table

    def _put(self, array: Any) -> Any:
        self.bytes_to_device += array.nbytes
        return self.program.put(array)

    def get(self, array: Any) -> np.ndarray:
        """Return an array of the device on the host, whose copy may have begun."""
        found = self.program.fetch(array)
        with self._lock:
            self.bytes_from_device += found.nbytes
        return found

    def _blocks(self, out: Any, n_rows: int) -> Iterator[tuple[int, Any]]:
        """Yield the first rows of an array on the device in blocks of few sizes, each with its first row."""
        start = 0
        for size in BLOCKS:
            size = min(size, self._n_rows)
            while start < n_rows and (size <= n_rows - start or size == min(BLOCKS[-1], self._n_rows)):
                # Near the end of the array a block begins earlier, for it must lie within.
                first = min(start, self._n_rows - size)
                yield first, self.program.start_fetch(self.program.cut(out, self._put(np.int32(first)), size))
                start = first + size


@dataclass
class PendingRows:
    """Rows that the device is still working on."""

    model: ResidentBiLM
    n_rows: int
    dtype: str
    steps: list[tuple[Any, int]]
    blocks: list[tuple[int, Any]]
    bad: Any
    progress: Callable[[int], None] | None

    def fetch(self) -> tuple[np.ndarray, bool]:
        """Wait for the rows and return them, `(n_rows, dim)`, and whether all are finite; once, by any thread."""
        n_halves = 0
        for done, count in self.steps:
            self.model.program.wait(done)
            n_halves += count
            if self.progress:
                self.progress(n_halves // 2)
                n_halves %= 2
        dim = self.model.program.n_parts * self.model.options.projection_dim
        rows = np.empty((self.n_rows, dim), self.dtype)
        while self.blocks:  # each is let go of when it has been copied
            start, block = self.blocks.pop(0)
            part = self.model.get(block).reshape(-1, dim)[: self.n_rows - start]
            rows[start : start + len(part)] = part
        return rows, not bool(self.model.get(self.bad))


def _rounded_up(n: int) -> int:
    """Return a number not far above n, one of few: a multiple of an eighth of the power of two below it."""
    step = max(BLOCKS[-1], 2 ** max(0, n.bit_length() - 4))
    return -(-n // step) * step


def _program_class(backend: str) -> type[Program]:
    with quiet_import():
        if backend == "jax":
            from elmo_cache.encoders.bilm import jax_model

            return jax_model.BiLMProgram
        from elmo_cache.encoders.bilm import tensorflow_model

        return tensorflow_model.BiLMProgram
