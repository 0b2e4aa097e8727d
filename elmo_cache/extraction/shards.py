"""Making shards: words in, files of float16 vectors out; what other caches have of them is copied."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from threading import Lock

import numpy as np

from cache.documents import Documents
from cache.layers import Layers
from cache.manifest import Manifest, shard_name
from cache.shard import ShardHeader, shard_header, write_shard
from elmo_cache import messages
from elmo_cache.encoders import Encoder
from elmo_cache.errors import DeviceMemoryError, EncoderError
from elmo_cache.extraction.aliasing import RowMemory
from elmo_cache.extraction.groups import ShardGroup, group_n_tokens
from elmo_cache.extraction.reuse import NOTHING, Reuse

__all__ = ["make_shards"]

_FLOAT16_MAX = 65504
_IN_HAND = 3
_Advance = Callable[[int], object]
_Rows = tuple[np.ndarray, bool]


@dataclass(frozen=True)
class _Shard:
    """A shard of a group to make; `exists` says that this one is there.

    `doc_ids` are its documents' places in the corpus, `offsets` where the rows of each begin and end, `is_new` marks
    those to encode, `words` are theirs alone, and `numbers` say which old document each of the others is.
    """

    header: ShardHeader
    exists: bool
    doc_ids: np.ndarray
    offsets: np.ndarray
    is_new: np.ndarray
    words: Sequence[Sequence[str]]
    numbers: np.ndarray

    @property
    def n_new_tokens(self) -> int:
        return sum(map(len, self.words))


def make_shards(
    directory: Path,
    manifest: Manifest,
    encoder: Encoder,
    groups: Iterable[ShardGroup],
    advance: _Advance,
    reuse: Reuse = NOTHING,
) -> None:
    """Encode and write shards; those that are there already are passed over.

    At most `_IN_HAND` shards are begun and not written; fewer where the device's memory does not hold as many. An
    encoder that works by itself has the next ones to do while the rows of earlier ones are fetched, hashed and written,
    each shard by a thread of its own.

    Parameters
    ----------
    directory : Path
        The cache, with the documents files of `manifest`.
    manifest : Manifest
        What it says.
    encoder : Encoder
        The one of its encoding.
    groups : iterable of (split, indices)
        The shards to make. What is to be encoded for those of a group goes to the encoder in one call, also if some of
        them are there: the others get the same bytes as if they were not.
    advance : callable
        Called with the number of tokens done since the last call.
    reuse : Reuse
        Which documents are copied, not encoded.

    Raises
    ------
    EncoderError
        If a vector is NaN or beyond float16, with its document and layer; or of the wrong shape. A `DeviceMemoryError`
        if the encoder's device is full although no other shard is in hand.
    OutputError
        If a shard cannot be written.
    CorruptFileError
        If rows of another cache cannot be read.
    """
    lock = Lock()

    def count(n_tokens: int) -> None:
        with lock:
            advance(n_tokens)

    def remove_spoiled() -> None:
        for header in memory.spoiled:
            (directory / shard_name(header.split, header.index)).unlink(missing_ok=True)

    def make_room(most: int = _IN_HAND) -> None:
        while in_hand and (in_hand[0].done() or len(in_hand) >= most):
            in_hand.popleft().result()

    def begin(shards: Sequence[_Shard]) -> Callable[[], _Rows]:
        if in_hand:
            with suppress(DeviceMemoryError):
                return _begin(encoder, shards, n_columns, count, memory)
            make_room(1)  # what they hold of the device is free then
        return _begin(encoder, shards, n_columns, count, memory)

    n_columns = manifest.layers.n_columns
    memory = RowMemory(encoder.name)
    in_hand: deque[Future[None]] = deque()
    with ExitStack() as stack:
        stack.callback(reuse.old.close)
        stack.callback(remove_spoiled)  # once no writer is at work
        # A thread for the rows of each group, and one for each shard.
        writers = stack.enter_context(ThreadPoolExecutor(2 * _IN_HAND, "shard-writer"))
        for shards in _shards(directory, manifest, groups, count, reuse):
            make_room()
            # It comes before the tasks that wait for its rows, and so always gets a thread.
            fetched = writers.submit(begin(shards))
            first = 0
            for shard in shards:
                count(shard.header.n_tokens - shard.n_new_tokens)
                if not shard.exists:
                    make_room()
                    rows = [_with_copied_rows(shard, n_columns, reuse)]
                    in_hand.append(writers.submit(_write, directory, manifest.layers, shard, fetched, first, rows))
                    del rows
                first += shard.n_new_tokens
            del fetched  # the writers' alone, who let go of its rows
        for written in in_hand:
            written.result()


def _shards(
    directory: Path,
    manifest: Manifest,
    groups: Iterable[ShardGroup],
    count: Callable[[int], None],
    reuse: Reuse,
) -> Iterator[list[_Shard]]:
    """Yield the shards of each group of which one is missing."""
    for split, of_split in groupby(groups, key=lambda group: group[0]):
        documents = Documents(directory, split, manifest)
        try:
            for group in of_split:
                exists = [(directory / shard_name(split, index)).exists() for index in group[1]]
                if all(exists):  # another build made them meanwhile
                    count(group_n_tokens(manifest, group))
                    continue
                headers = [shard_header(manifest, split, index) for index in group[1]]
                yield [_shard(*shard, documents, reuse) for shard in zip(headers, exists, strict=True)]
        finally:
            documents.close()


def _shard(header: ShardHeader, exists: bool, documents: Documents, reuse: Reuse) -> _Shard:
    start, stop = header.start, header.stop
    numbers = reuse.numbers.get((header.split, header.index), np.full(stop - start, -1))
    offsets = documents.indptr[start : stop + 1] - documents.indptr[start]
    words = documents.words(start, stop, numbers < 0)
    return _Shard(header, exists, documents.doc_ids[start:stop], offsets, numbers < 0, words, numbers)


def _with_copied_rows(shard: _Shard, n_columns: int, reuse: Reuse) -> np.ndarray | None:
    """Return the rows of a shard, of which those to encode are still to be filled in; None if that is all of them."""
    if shard.is_new.all():
        return None
    rows = np.empty((shard.header.n_tokens, n_columns), np.float16)
    order = np.argsort(shard.numbers, kind="stable")  # each file of the others is opened once
    for i in order[shard.numbers[order] >= 0].tolist():
        reuse.old.read(int(shard.numbers[i]), rows[shard.offsets[i] : shard.offsets[i + 1]])
    return rows


def _begin(
    encoder: Encoder, shards: Sequence[_Shard], n_columns: int, count: Callable[[int], None], memory: RowMemory
) -> Callable[[], _Rows]:
    """Begin what is new in some shards; return a function that waits for its rows, float16 and end to end.

    Beside them it says whether they are known to be finite.
    """
    words = [document for shard in shards for document in shard.words]
    n_tokens, done = sum(map(len, words)), 0

    def counted(n_tokens: int) -> None:
        nonlocal done
        done += n_tokens
        count(n_tokens)

    if not words:
        return lambda: (np.empty((0, n_columns), np.float16), True)
    if not hasattr(encoder, "begin"):
        rows = [_joined(encoder, shards, words, n_columns, counted)]
        count(n_tokens - done)
        return lambda: (rows.pop(), False)
    fetch: Callable[[], _Rows] = encoder.begin(words, progress=counted)
    headers = [shard.header for shard in shards if not shard.exists]

    def finish() -> _Rows:
        rows, finite = fetch()
        if rows.shape != (n_tokens, n_columns):
            where = f"shard {headers[0].index} of {headers[0].split}"
            raise _wrong_shape(encoder, rows.shape, where, (n_tokens, n_columns))
        memory.take(rows, headers)
        count(n_tokens - done)
        with np.errstate(over="ignore", invalid="ignore"):
            # NumPy rounds correctly; HDF5's own conversion to float16 does not.
            return rows.astype(np.float16, copy=False), finite

    return finish


def _joined(
    encoder: Encoder,
    shards: Sequence[_Shard],
    words: Sequence[Sequence[str]],
    n_columns: int,
    count: Callable[[int], None],
) -> np.ndarray:
    """Return the rows of documents, rounded to float16, from arrays of the right shapes."""
    rows = np.empty((sum(map(len, words)), n_columns), np.float16)
    n_arrays = row = 0
    for array in encoder.encode(words, progress=count):
        if n_arrays < len(words):
            n_tokens = len(words[n_arrays])
            if np.shape(array) != (n_tokens, n_columns):
                positions = np.concatenate([shard.header.start + np.flatnonzero(shard.is_new) for shard in shards])
                where = f"document {positions[n_arrays]} of {shards[0].header.split}"
                raise _wrong_shape(encoder, np.shape(array), where, (n_tokens, n_columns))
            with np.errstate(over="ignore", invalid="ignore"):
                # At once: an encoder may make the next array in the same memory.
                np.copyto(rows[row : row + n_tokens], array, casting="same_kind")
            row += n_tokens
        n_arrays += 1
    if n_arrays != len(words):
        name, n_documents = encoder.name, len(words)
        raise EncoderError(messages.WRONG_NUMBER_OF_ARRAYS, name=name, found=n_arrays, expected=n_documents)
    return rows


def _wrong_shape(encoder: Encoder, found: tuple[int, ...], where: str, expected: tuple[int, int]) -> EncoderError:
    return EncoderError(messages.WRONG_SHAPE, name=encoder.name, found=found, where=where, expected=expected)


def _write(
    directory: Path,
    layers: Layers,
    shard: _Shard,
    fetched: "Future[_Rows]",
    first: int,
    copied: list[np.ndarray | None],
) -> None:
    """Write a shard: of what was encoded the rows from `first` on are its, and the list has those that were copied."""
    new, finite = fetched.result()
    new = new[first : first + shard.n_new_tokens]
    lengths = np.diff(shard.offsets)[shard.is_new]
    stops = np.concatenate([[0], np.cumsum(lengths)])
    if not finite:
        _check_finite(new, stops, shard.doc_ids[shard.is_new], layers, shard.header.split)
    rows = copied.pop()
    if rows is None:
        rows = new
    else:
        for place, start, n_tokens in zip(shard.offsets[:-1][shard.is_new], stops[:-1], lengths, strict=True):
            rows[place : place + n_tokens] = new[start : start + n_tokens]
    write_shard(directory, shard.header, layers.split_columns(rows))


def _check_finite(rows: np.ndarray, offsets: np.ndarray, doc_ids: np.ndarray, layers: Layers, split: str) -> None:
    for name, part in layers.split_columns(rows).items():
        bad = ~np.isfinite(part).all(axis=1)
        if bad.any():
            row = int(np.argmax(bad))
            document = int(np.searchsorted(offsets, row, side="right")) - 1
            raise EncoderError(
                messages.CANNOT_STORE,
                found="NaN" if np.isnan(part[row]).any() else f"A number beyond float16 (±{_FLOAT16_MAX:,})",
                split=split,
                document=int(doc_ids[document]),
                token=row - int(offsets[document]),
                layer=name,
            )
