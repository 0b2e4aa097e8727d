"""safetensors: a JSON header, followed by arrays that can be memory-mapped."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cache.split import Split

__all__ = ["write_safetensors"]

_TYPES = {"float16": "F16", "int64": "I64", "int32": "I32"}
_ALIGNMENT = 8


def write_safetensors(
    path: Path, split: Split, label_names: tuple[str, ...] | None, advance: Callable[[int], object]
) -> None:
    """Write a split in stored order.

    The tensors are `rows`, float16 `(n_tokens, dim)`, with all documents end to end; `indptr`, int64 `(n_docs + 1,)`:
    document i has the rows from `indptr[i]` up to but not including `indptr[i + 1]`; `token_ids`, int32 `(n_tokens,)`;
    `doc_ids`, int64 `(n_docs,)`; and `labels`, int32 `(n_docs,)`, if the documents have labels. The metadata, as JSON,
    are `vocabulary` and `label_names`.

    The library `safetensors` is not used, because it needs all tensors in memory.
    """
    indptr = np.zeros(len(split) + 1, np.int64)
    np.cumsum(split.lengths, out=indptr[1:])
    n_tokens = int(indptr[-1])
    small = {"indptr": indptr, "doc_ids": split.doc_ids}
    if split.labels is not None:
        small["labels"] = split.labels
    # The wider types first, so that each tensor begins at a multiple of its element's size.
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        name: (array.dtype.name, array.shape) for name, array in small.items()
    }
    shapes |= {"token_ids": ("int32", (n_tokens,)), "rows": ("float16", (n_tokens, split.dim))}
    metadata = {"vocabulary": json.dumps(split.vocabulary)}
    if label_names is not None:
        metadata["label_names"] = json.dumps(label_names)
    header: dict[str, object] = {"__metadata__": metadata}
    offset = 0
    for name, (dtype, shape) in shapes.items():
        n_bytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        header[name] = {"dtype": _TYPES[dtype], "shape": shape, "data_offsets": [offset, offset + n_bytes]}
        offset += n_bytes
    head = json.dumps(header).encode("ascii")
    head += b" " * (-len(head) % _ALIGNMENT)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for array in small.values():
            file.write(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
        for i in range(len(split)):
            file.write(split.token_ids(i).astype("<i4", copy=False).tobytes())
        for rows in split:
            file.write(rows.astype("<f2", copy=False).tobytes())
            advance(len(rows))
