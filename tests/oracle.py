"""The ELMo biLM in plain float64 NumPy: what the product's faster one is held against.

One document, one direction, one layer, one token at a time. It shares no code with the product, so that
a mistake has to be made twice to go unseen; `test_oracle.py` holds it against files made by TensorFlow.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Weights = dict[str, FloatArray]
# Cell state (dim,) and projected output (projection,) of one LSTM.
State = tuple[FloatArray, FloatArray]

BOS, EOS, BOW, EOW, PAD = 256, 257, 258, 259, 260
# Rows of `char_embed` with an id of their own: 256 bytes and the five above. Row 0, if the file has it, is
# the masked row that every id is shifted past.
N_UNMASKED_ROWS = 261

ACTIVATIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "tanh": np.tanh,
}


def oracle_layers(
    options_path: str | Path,
    weights_path: str | Path,
    sentences: list[list[str]],
    *,
    carry_state: bool = False,
) -> list[FloatArray]:
    """Encode documents with a biLM in the public bilm-tf/AllenNLP format.

    Parameters
    ----------
    options_path, weights_path
        The JSON options and the HDF5 weights, float16 or float32.
    sentences
        The words of each document.
    carry_state
        Start a document from the state its predecessor left, as bilm-tf does with the successive batches
        of one session, instead of from zero. Each direction carries its own state.

    Returns
    -------
    list of ndarray
        One array a document, `(1 + n_layers, n_tokens, 2 * projection)` float64. Layer 0 is the word vector
        doubled, each other one forward and backward side by side.
    """
    options = json.loads(Path(options_path).read_text(encoding="utf-8"))
    n_layers: int = options["lstm"]["n_layers"]
    weights = _read_weights(weights_path)
    states = _zero_states(options)
    results = []
    for words in sentences:
        if not carry_state:
            states = _zero_states(options)
        # (T, projection), where T counts the words and the two document marks.
        vectors = np.stack([_word_vector(ids, options, weights) for ids in _document_ids(words, options)])
        layers = [np.concatenate([vectors, vectors], axis=1)]
        forward = _run_direction(vectors, 0, states, options, weights)
        # The backward LSTM reads EOS first; turn its outputs round again to line up with the words.
        backward = [out[::-1] for out in _run_direction(vectors[::-1], 1, states, options, weights)]
        for k in range(n_layers):
            layers.append(np.concatenate([forward[k], backward[k]], axis=1))
        results.append(np.stack(layers)[:, 1:-1, :])
    return results


def oracle_mix(layers: FloatArray) -> FloatArray:
    """Mix the layers as ELMo does before any training: all weights equal and gamma 1.

    Parameters
    ----------
    layers
        `(1 + n_layers, n_tokens, 2 * projection)`.

    Returns
    -------
    ndarray
        `(n_tokens, 2 * projection)`, the mean over the layers.
    """
    mixed: FloatArray = layers.mean(axis=0)
    return mixed


def _document_ids(words: list[str], options: dict[str, Any]) -> list[list[int]]:
    """Character ids of a document with its two marks, `n_words + 2` rows."""
    n_ids: int = options["char_cnn"]["max_characters_per_token"]
    return [_word_ids(word, n_ids) for word in ["<S>", *words, "</S>"]]


def _word_ids(word: str, n_ids: int) -> list[int]:
    """Turn a word into `[BOW, its bytes, EOW, PAD …]`, `n_ids` long, shifted by one past the masked row."""
    if word == "<S>":
        content = [BOS]
    elif word == "</S>":
        content = [EOS]
    else:
        # Cut by bytes, which may split a character. A lone surrogate has no UTF-8: bilm-tf drops it.
        content = list(word.encode("utf-8", errors="ignore")[: n_ids - 2])
    ids = [BOW, *content, EOW]
    ids += [PAD] * (n_ids - len(ids))
    return [i + 1 for i in ids]


def _word_vector(ids: list[int], options: dict[str, Any], weights: Weights) -> FloatArray:
    """Run one word through the char-CNN, the highway layers and the projection: `(projection,)`."""
    activation = ACTIVATIONS[options["char_cnn"]["activation"]]

    embedding = weights["char_embed"]
    if len(embedding) == N_UNMASKED_ROWS:
        embedding = np.concatenate([np.zeros_like(embedding[:1]), embedding])
    characters = embedding[ids]

    pooled = []
    for i, (width, n_filters) in enumerate(options["char_cnn"]["filters"]):
        kernel = weights[f"CNN/W_cnn_{i}"][0].reshape(-1, n_filters)
        bias = weights[f"CNN/b_cnn_{i}"]
        at_position = [
            characters[start : start + width].reshape(-1) @ kernel + bias
            for start in range(len(characters) - width + 1)
        ]
        pooled.append(activation(np.max(at_position, axis=0)))
    x = np.concatenate(pooled)

    for k in range(options["char_cnn"].get("n_highway") or 0):
        name = f"CNN_high_{k}"
        # Whatever the model's activation, the highway's transform is a relu. "Carry" is the gate of the
        # transform in these files, not of what is carried past it.
        carry = _sigmoid(x @ weights[f"{name}/W_carry"] + weights[f"{name}/b_carry"])
        transform = np.maximum(x @ weights[f"{name}/W_transform"] + weights[f"{name}/b_transform"], 0.0)
        x = carry * transform + (1.0 - carry) * x

    vector: FloatArray = x @ weights["CNN_proj/W_proj"] + weights["CNN_proj/b_proj"]
    return vector


def _run_direction(
    inputs: FloatArray,
    direction: int,
    states: dict[tuple[int, int], State],
    options: dict[str, Any],
    weights: Weights,
) -> list[FloatArray]:
    """Run one direction's LSTMs over `inputs (T, projection)`, in the order given, updating `states`.

    Returns the output of each layer, `(T, projection)`.
    """
    outputs = []
    for k in range(options["lstm"]["n_layers"]):
        cell = f"RNN_{direction}/RNN/MultiRNNCell/Cell{k}/LSTMCell"
        kernel, bias = weights[f"{cell}/W_0"], weights[f"{cell}/B"]
        projection = weights[f"{cell}/W_P_0"]
        c, h = states[direction, k]
        rows = []
        for x in inputs:
            i, j, f, o = np.split(np.concatenate([x, h]) @ kernel + bias, 4)
            # The forget gate's bias of 1 is not in the file.
            c = _sigmoid(f + 1.0) * c + _sigmoid(i) * np.tanh(j)
            c = _clip(c, options["lstm"].get("cell_clip"))
            h = (_sigmoid(o) * np.tanh(c)) @ projection
            h = _clip(h, options["lstm"].get("proj_clip"))
            rows.append(h)
        states[direction, k] = (c, h)
        outs = np.stack(rows)
        # The skip goes round the whole layer: the recurrence above never sees the sum.
        if options["lstm"]["use_skip_connections"] and k > 0:
            outs = outs + inputs
        outputs.append(outs)
        inputs = outs
    return outputs


def _zero_states(options: dict[str, Any]) -> dict[tuple[int, int], State]:
    """Zero state of every LSTM, by direction (0 forward, 1 backward) and layer."""
    dim, projection = options["lstm"]["dim"], options["lstm"]["projection_dim"]
    return {
        (direction, k): (np.zeros(dim), np.zeros(projection))
        for direction in (0, 1)
        for k in range(options["lstm"]["n_layers"])
    }


def _clip(x: FloatArray, limit: float | None) -> FloatArray:
    """Clip to ±limit. null and 0 mean no clipping, as in AllenNLP (TensorFlow clips to 0 at 0)."""
    return np.clip(x, -limit, limit) if limit else x


def _sigmoid(x: FloatArray) -> FloatArray:
    """Logistic function, by way of tanh so that no exponential overflows."""
    y: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * x))
    return y


def _read_weights(path: str | Path) -> Weights:
    """Read a weights file's arrays by their full names, as float64: it holds float16 and float32 exactly."""
    weights: Weights = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            weights[name] = item[()].astype(np.float64)

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return weights
