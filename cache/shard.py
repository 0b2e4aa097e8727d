"""A shard: the float16 vectors of a run of documents, one row a token, nothing padded."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np

from cache import messages
from cache.files import atomic_path
from cache.hashing import array_sha256
from cache.hdf5 import create_file, dataset_of, open_file, seal
from cache.manifest import Manifest, shard_name

__all__ = ["ShardHeader", "chunks_of", "open_shard", "row_datasets", "shard_header", "stored_bytes", "write_shard"]

_CHUNK_ROWS = 128  # 256 KiB a chunk at 1024 dimensions


@dataclass(frozen=True)
class ShardHeader:
    """What a shard says of itself: where it belongs and which documents it holds."""

    split: str
    index: int
    start: int
    stop: int
    n_tokens: int
    encoding: str
    corpus: str

    def attributes(self) -> dict[str, str | int]:
        """Return the root attributes of the file."""
        return {"kind": "shard", **asdict(self)}


def shard_header(manifest: Manifest, split: str, index: int) -> ShardHeader:
    """Return the header that shard `index` of a split must have."""
    plan = manifest.splits[split]
    start, stop = plan.document_range(index)
    n_tokens = plan.shard_n_tokens(index)
    return ShardHeader(split, index, start, stop, n_tokens, manifest.encoding_fingerprint, manifest.corpus_fingerprint)


def write_shard(directory: Path, header: ShardHeader, features: Mapping[str, np.ndarray]) -> None:
    """Write a shard under its final name.

    Parameters
    ----------
    directory : Path
        The cache.
    header : ShardHeader
        Where the shard belongs.
    features : Mapping[str, ndarray of float16, (n_tokens, dim)]
        The rows of each stored dataset. They must be float16 already: HDF5's own conversion to float16 rounds
        values just below a power of two to half their size.

    Raises
    ------
    ValueError
        If the rows are of another type or number.
    OutputError
        If the file cannot be written.
    """
    with atomic_path(directory / shard_name(header.split, header.index)) as temporary:
        with create_file(temporary, sum(stored_bytes(*rows.shape) for rows in features.values())) as file:
            for name in sorted(features):
                rows = features[name]
                if rows.dtype != np.float16 or rows.shape[0] != header.n_tokens:
                    raise ValueError(f"{name}: {rows.dtype} {rows.shape}, expected float16, {header.n_tokens} rows")
                file.create_dataset(name, data=np.ascontiguousarray(rows), chunks=chunks_of(*rows.shape))
            seal(file, header.attributes(), {name: array_sha256(rows) for name, rows in features.items()})


def open_shard(directory: Path, header: ShardHeader, stored: Mapping[str, int]) -> dict[str, h5py.Dataset]:
    """Open a shard, check that it is the one its name promises, and return its datasets.

    Close it through `dataset.file`. Raises `CorruptFileError` and `FormatVersionError` as `open_file` does.
    """
    file = open_file(directory / shard_name(header.split, header.index), header.attributes())
    try:
        return row_datasets(file, header.n_tokens, stored)
    except BaseException:
        file.close()
        raise


def row_datasets(
    group: h5py.Group, n_tokens: int, stored: Mapping[str, int], repair: str = messages.REPAIR
) -> dict[str, h5py.Dataset]:
    """Return the datasets that hold the rows of some tokens, checked as `dataset_of` does."""
    return {
        name: dataset_of(group, name, "<f2", (n_tokens, dim), chunks_of(n_tokens, dim), repair)
        for name, dim in stored.items()
    }


def chunks_of(n_tokens: int, dim: int) -> tuple[int, int] | None:
    """Return the chunks of a dataset of rows; None where there are none."""
    return (min(_CHUNK_ROWS, n_tokens), dim) if n_tokens else None


def stored_bytes(n_tokens: int, dim: int) -> int:
    """Return what a dataset of rows takes in a file, at most."""
    # The last chunk is stored whole, and each has an entry in an index.
    return -(-n_tokens // _CHUNK_ROWS) * (_CHUNK_ROWS * dim * 2 + 64)
