"""Hashes of documents' words, by which equal documents are found."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from cache.documents import Documents

__all__ = ["DIGEST", "digests_of", "stored_blocks", "stored_digests"]

_DIGEST_BYTES = 16
DIGEST = np.dtype(f"S{_DIGEST_BYTES}")
"""What digests are stored as."""

_BLOCK_TOKENS = 2**20
_BLOCK_DOCUMENTS = 4096


def digests_of(vocabulary: Sequence[str], indptr: np.ndarray, blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Return a hash of the words of each document: equal for documents of equal words.

    Parameters
    ----------
    vocabulary : sequence of str
        The words by token id.
    indptr : ndarray of int64, (n_docs + 1,)
        Where the tokens of each document begin and end.
    blocks : iterable of ndarray of int32
        Token ids of whole documents, from the first on; no more is taken than there are documents.

    Returns
    -------
    ndarray of 16 bytes, (n_docs,)

    Examples
    --------
    >>> a = digests_of(["x", "y"], np.array([0, 2, 2]), [np.array([0, 1])])
    >>> b = digests_of(["y", "z", "x"], np.array([0, 1, 3]), [np.array([1, 2, 0])])
    >>> a[0] == b[1], a[0] == a[1]
    (True, False)
    """
    hashed = [_hash(word.encode("utf-8", "surrogatepass")) for word in vocabulary]
    words = np.frombuffer(b"".join(hashed), np.uint8).reshape(-1, _DIGEST_BYTES)
    n_documents, start = len(indptr) - 1, 0
    found = np.full(n_documents, _hash(b""), DIGEST)
    for block in blocks:
        if start == n_documents:
            break
        stop = int(np.searchsorted(indptr, indptr[start] + len(block), side="right")) - 1
        ends = ((indptr[start : stop + 1] - indptr[start]) * _DIGEST_BYTES).tolist()
        data = words[block].reshape(-1).data
        digests = [_hash(data[first:last]) for first, last in zip(ends[:-1], ends[1:], strict=True)]
        found[start:stop] = np.frombuffer(b"".join(digests), found.dtype)
        start = stop
    return found


def _hash(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


def stored_digests(documents: Documents, n_documents: int) -> np.ndarray:
    """Return the digests of the first documents of a documents file, which is closed."""
    try:
        indptr = documents.indptr[: n_documents + 1]
        return digests_of(documents.vocabulary, indptr, stored_blocks(documents, indptr))
    finally:
        documents.close()


def stored_blocks(documents: Documents, indptr: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the token ids of the documents that `indptr` has, in blocks of whole ones."""
    start, n_documents = 0, len(indptr) - 1
    while start < n_documents:
        fitting = int(np.searchsorted(indptr, indptr[start] + _BLOCK_TOKENS, side="right")) - 1
        stop = min(max(fitting, start + 1), start + _BLOCK_DOCUMENTS)
        yield documents.token_ids(start, stop)
        start = stop
