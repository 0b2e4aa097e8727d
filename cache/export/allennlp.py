"""The HDF5 layout of AllenNLP's `elmo` command, which probing tools read."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from cache.hdf5 import create_plain_file
from cache.store import FeatureCache

__all__ = ["write_allennlp"]

_HEADER_BYTES = 1024  # of a dataset, its name and its place in the group, at most


def write_allennlp(
    path: Path, features: FeatureCache, split: str, layer: str | None, advance: Callable[[int], object]
) -> None:
    """Write one dataset per document, named by its position in the corpus, and `sentence_to_index`.

    A dataset is float32 `(n_tokens, dim)`; or `(n_layers, n_tokens, dim)`, as from `elmo --all`, if the cache has all
    layers and `layer` is not given. `sentence_to_index` is an array with one string, a JSON object that maps the words
    of a document, joined by spaces, to the name of its dataset; for equal documents, to that of the last.
    """
    numbered = sorted((view for view in features.manifest.layers.views if view.isdecimal()), key=int)
    views = numbered if layer is None and numbered else [layer]
    splits = [features.split(split, view) for view in views]
    first = splits[0]
    names = [str(doc_id) for doc_id in first.doc_ids.tolist()]
    index = json.dumps({" ".join(first.tokens(i)): name for i, name in enumerate(names)})
    n_bytes = 4 * first.dim * len(splits) * int(first.lengths.sum())
    with create_plain_file(path, n_bytes + len(index) + len(names) * _HEADER_BYTES) as file:
        for i, name in enumerate(names):
            layers = [part[i].astype(np.float32) for part in splits]
            file.create_dataset(name, data=layers[0] if len(layers) == 1 else np.stack(layers))
            advance(len(layers[0]))
        file.create_dataset("sentence_to_index", (1,), h5py.string_dtype("utf-8"), data=index)
