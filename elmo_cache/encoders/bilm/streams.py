"""Documents packed end to end into parallel streams, so that an LSTM reads no padding to speak of."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["BEGIN", "END", "PACKINGS", "Packing", "choose_streams", "pack"]

BEGIN, END = 1, 2
"""The numbers of the marks around a document; 0 is no word."""
PACKINGS = {"cpu": (128, 16), "gpu": (512, 32)}
"""Streams (documents side by side) and time steps of a call, by kind of device, unless a cache says others."""
STREAM_CHOICES = (1, 4, 16, 32, 64, 128)
STREAM_CHOICES_GPU = (1, 16, 128, 512)
_STEP_OVERHEAD = 32
"""What a time step costs beside its rows, in rows: measured on two cores, it only steers `choose_streams`."""
_STEP_OVERHEAD_GPU = 256
"""The same of a GPU, whose memory all kernels pass through in every step."""
_COMPILING_GPU = 4_000_000
"""What it costs to compile for another number of streams, in the same unit."""
_LARGE_CALL = (2**18, 512)
"""Rows in all, and of the longest document, of a shard of the default size."""


@dataclass(frozen=True)
class Packing:
    """Parallel streams of tokens; every array is `(n_steps, n_streams)`, time first.

    Attributes
    ----------
    words : ndarray of int32
        Index of the token's word. `BEGIN` is a document's first row, where a forward LSTM starts from zero state, and
        `END` its last row, where a backward one does; 0 where a stream has ended.
    rows : ndarray of int64
        The row of the result that the token's vector belongs to; -1 for document marks and after the end.
    """

    words: np.ndarray
    rows: np.ndarray


def choose_streams(lengths: Sequence[int], limit: int, *, on_gpu: bool = False) -> int:
    """Return how many streams encode documents fastest: one of a few numbers below `limit`, or `limit` itself.

    Streams are as long as the longest document at least, so few or uneven documents want fewer of them.

    Parameters
    ----------
    lengths : sequence of int
        Rows that each document takes: its tokens and two marks.
    limit : int
        The most streams; one of the choices too.
    on_gpu : bool
        There a program is compiled for every number of streams, which takes many seconds: all calls up to the size of
        a shard get the same number, unless another one saves more than that.

    Returns
    -------
    int
        The number of streams for which steps times the cost of a step is least.

    Examples
    --------
    >>> choose_streams([240] * 1000, limit=128), choose_streams([240], limit=128)
    (128, 1)
    >>> choose_streams([240] * 1000, limit=512, on_gpu=True), choose_streams([10**6], limit=512, on_gpu=True)
    (512, 1)
    """
    total, longest = sum(lengths), max(lengths, default=0)
    if not on_gpu:
        return _cheapest(total, longest, limit, STREAM_CHOICES, _STEP_OVERHEAD)[0]
    most, longest_of_many = (max(pair) for pair in zip(_LARGE_CALL, (total, longest), strict=True))
    usual, _ = _cheapest(most, longest_of_many, limit, STREAM_CHOICES_GPU, _STEP_OVERHEAD_GPU)
    best, cost = _cheapest(total, longest, limit, STREAM_CHOICES_GPU, _STEP_OVERHEAD_GPU)
    return usual if _cost(total, longest, usual, _STEP_OVERHEAD_GPU) < cost + _COMPILING_GPU else best


def _cheapest(total: int, longest: int, limit: int, choices: Sequence[int], overhead: int) -> tuple[int, int]:
    costs = {n: _cost(total, longest, n, overhead) for n in [*(n for n in choices if n < limit), limit]}
    best = min(costs, key=lambda n: costs[n])
    return best, costs[best]


def _cost(total: int, longest: int, n_streams: int, overhead: int) -> int:
    return max(longest, -(-total // n_streams)) * (n_streams + overhead)


def pack(documents: Sequence[np.ndarray], n_streams: int, time_chunk: int) -> Packing:
    """Distribute documents over streams, the longest first, each to the shortest stream so far.

    Parameters
    ----------
    documents : sequence of ndarray of int, (n_tokens,)
        Word indices of each document, other than 0, 1 and 2, which mean no word and the marks around a document.
        Empty documents take no place.
    n_streams : int
        How many streams.
    time_chunk : int
        The number of steps is a multiple of it.

    Returns
    -------
    Packing
        Around each document stand the word index 1 (`BEGIN`) and 2 (`END`).

    Examples
    --------
    Three documents in two streams, which are the columns:

    >>> documents = [np.array([3, 4, 5]), np.array([6]), np.array([7, 8])]
    >>> packing = pack(documents, n_streams=2, time_chunk=4)
    >>> packing.words
    array([[1, 1],
           [3, 7],
           [4, 8],
           [5, 2],
           [2, 1],
           [0, 6],
           [0, 2],
           [0, 0]], dtype=int32)
    >>> packing.rows[:, 1]
    array([-1,  4,  5, -1, -1,  3, -1, -1])
    """
    first_row = np.zeros(len(documents) + 1, np.int64)
    np.cumsum([len(document) for document in documents], out=first_row[1:])
    streams: list[list[int]] = [[] for _ in range(n_streams)]
    shortest = [(0, stream) for stream in range(n_streams)]
    for index in sorted(range(len(documents)), key=lambda i: -len(documents[i])):
        if len(documents[index]):
            length, stream = shortest[0]
            streams[stream].append(index)
            heapq.heapreplace(shortest, (length + len(documents[index]) + 2, stream))
    longest = max(length for length, _ in shortest)
    n_steps = -(-longest // time_chunk) * time_chunk
    words = np.zeros((n_steps, n_streams), np.int32)
    rows = np.full((n_steps, n_streams), -1, np.int64)
    for stream, members in enumerate(streams):
        step = 0
        for index in members:
            n_tokens = len(documents[index])
            end = step + n_tokens + 1
            words[step, stream], words[end, stream] = BEGIN, END
            words[step + 1 : end, stream] = documents[index]
            rows[step + 1 : end, stream] = np.arange(first_row[index], first_row[index + 1])
            step = end + 1
    return Packing(words, rows)
