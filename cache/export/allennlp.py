"""The HDF5 layout that AllenNLP's `elmo` command wrote, and that probing tools read."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from cache.store import FeatureCache

__all__ = ["write_allennlp"]


def write_allennlp(
    path: Path, features: FeatureCache, name: str, layer: str | None, advance: Callable[[int], object]
) -> None:
    """Write a dataset a document, named by its place in the corpus, and `sentence_to_index`.

    A dataset is float32 `(n_tokens, dim)`; or `(n_layers, n_tokens, dim)`, as `elmo --all` gave it, where the cache
    has all layers and no `layer` is asked for. `sentence_to_index` is an array with one string, a JSON object from
    words joined by spaces to the name of a dataset: of equal documents, to the last.
    """
    numbered = sorted((view for view in features.manifest.layers.views if view.isdecimal()), key=int)
    views = numbered if layer is None and numbered else [layer]
    splits = [features.split(name, view) for view in views]
    first = splits[0]
    index = {}
    with h5py.File(path, "w", locking=False) as file:  # `atomic_path` holds a lock of its own
        for i, doc_id in enumerate(first.doc_ids.tolist()):
            layers = [split[i].astype(np.float32) for split in splits]
            file.create_dataset(str(doc_id), data=layers[0] if len(layers) == 1 else np.stack(layers))
            index[" ".join(first.tokens(i))] = str(doc_id)
            advance(len(layers[0]))
        file.create_dataset("sentence_to_index", (1,), h5py.string_dtype("utf-8"), data=json.dumps(index))
