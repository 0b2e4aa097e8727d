"""Write the golden models, and what simple-elmo makes of them. Run by hand, never by the tests.

In an environment of its own, so that TensorFlow is not among the project's requirements
(Python 3.11; keep NumPy and h5py as `README.md` names them to get the same weights to the byte)::

    python -m venv peer
    peer/bin/pip install simple-elmo==0.9.2 tensorflow==2.21.0 tf_keras==2.21.0 h5py numpy smart_open pandas
    TF_USE_LEGACY_KERAS=1 peer/bin/python tests/golden/make_golden.py

`TF_USE_LEGACY_KERAS=1` because simple-elmo needs `tf.compat.v1.nn.rnn_cell`, which Keras 3 dropped.
With a directory as its argument it writes there instead, to compare with what is committed.

**Every result is from zero state.** simple-elmo keeps each LSTM's state in a TensorFlow variable, one row for
each place in a batch, and a batch starts where the last one ended. `get_elmo_vectors` makes a new session and
zeroes the variables on each call, but then by default (`warmup=True`) runs the first batch once to move the
state away from zero. So each sentence here is a call of its own, with `warmup=False`.

simple-elmo needs `n_characters` 262 in the options (it refuses 261) and no vocabulary file: without one it
knows just `<S>`, `</S>` and `<UNK>`; the first two become the document marks, the third is spelt out.

The script stops if the oracle disagrees, if padding in a batch changes a result, or if a clip has no effect.
"""

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from oracle import oracle_layers  # noqa: E402  (found by the line above)

TOLERANCE = 2e-6

N_CHARACTERS = 261
PROJECTION = 8
DIM = 24
CHAR_DIM = 4
FILTERS = [[1, 4], [2, 8], [3, 8]]

# The clips are far below the public models' 3, so that small weights reach them in some cells, not in all.
MODELS: dict[str, dict[str, Any]] = {
    "skip_relu": {"seed": 1, "activation": "relu", "n_highway": 2, "use_skip_connections": True},
    "noskip_tanh": {"seed": 2, "activation": "tanh", "n_highway": 0, "use_skip_connections": False},
}
CELL_CLIP = 0.5
PROJ_CLIP = 0.3

LONGEST = (
    "A sequel nobody asked for , and yet -- against every expectation I had -- it is funny , brisk "
    "and , in its last minutes , quietly devastating ."
)
SENTENCES: list[list[str]] = [
    ["one"],
    [],
    ["Hello", "world"],
    # The document marks as words, a word of no bytes, one that simple-elmo's vocabulary lists but spells out.
    ["<S>", "a", "</S>", "", "<UNK>", "<s>"],
    ["GREAT", "Great", "great", "gReAt", "great", "great", "!", "!"],
    # Four bytes and more to a character, joiners, an accent composed and combined.
    [
        "so",
        "good",
        "😀",
        "👍🏽👍🏽",
        "👩\u200d👩\u200d👧\u200d👦",
        "na\u00efve",
        "nai\u0308ve",
        "日本語",
        "Ωμέγα",
    ],
    ["\u00a0", "\x00"],
    # About the limit of 48 bytes: "Q" and "~" are the last one kept in one word, the first cut in the next.
    ["b" * 47, "b" * 48, "b" * 49, "c" * 200, "d" * 47 + "Q", "d" * 48 + "Q", "d" * 47 + "~", "d" * 48 + "~"],
    # Cut within an emoji: 1 + 11 * 4 + 3 bytes.
    ["x" + "🎬" * 20, "end"],
    ["the", "film", "that", "the", "film", "was", "not", "was", "the", "film", "the", "film", "was"],
    LONGEST.split(),
]


def options_of(model: dict[str, Any]) -> dict[str, Any]:
    """Options of a model in the public format."""
    return {
        "lstm": {
            "dim": DIM,
            "projection_dim": PROJECTION,
            "n_layers": 2,
            "cell_clip": CELL_CLIP,
            "proj_clip": PROJ_CLIP,
            "use_skip_connections": model["use_skip_connections"],
        },
        "char_cnn": {
            "activation": model["activation"],
            "embedding": {"dim": CHAR_DIM},
            "filters": FILTERS,
            "max_characters_per_token": 50,
            "n_characters": N_CHARACTERS + 1,
            "n_highway": model["n_highway"],
        },
    }


def random_weights(model: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
    """Weights of a model by name, all drawn, biases too: one that is zero would not be missed."""
    # The legacy generator: NumPy promises that its stream never changes.
    random = np.random.RandomState(model["seed"])

    def draw(*shape: int, scale: float, about: float = 0.0) -> NDArray[np.float32]:
        return random.uniform(about - scale, about + scale, size=shape).astype(np.float32)

    n_filters = sum(n for _, n in FILTERS)
    weights = {"char_embed": draw(N_CHARACTERS, CHAR_DIM, scale=1.0)}
    for i, (width, n) in enumerate(FILTERS):
        weights[f"CNN/W_cnn_{i}"] = draw(1, width, CHAR_DIM, n, scale=0.7)
        # Below zero: the maximum over 50 positions is mostly positive, and relu should have something to cut.
        weights[f"CNN/b_cnn_{i}"] = draw(n, scale=0.8, about=-0.8)
    for k in range(model["n_highway"]):
        weights[f"CNN_high_{k}/W_carry"] = draw(n_filters, n_filters, scale=0.5)
        weights[f"CNN_high_{k}/b_carry"] = draw(n_filters, scale=0.5)
        weights[f"CNN_high_{k}/W_transform"] = draw(n_filters, n_filters, scale=0.5)
        weights[f"CNN_high_{k}/b_transform"] = draw(n_filters, scale=0.5)
    weights["CNN_proj/W_proj"] = draw(n_filters, PROJECTION, scale=0.5)
    weights["CNN_proj/b_proj"] = draw(PROJECTION, scale=0.5)
    for direction in (0, 1):
        for k in (0, 1):
            cell = f"RNN_{direction}/RNN/MultiRNNCell/Cell{k}/LSTMCell"
            weights[f"{cell}/W_0"] = draw(2 * PROJECTION, 4 * DIM, scale=0.7)
            weights[f"{cell}/B"] = draw(4 * DIM, scale=0.5)
            weights[f"{cell}/W_P_0"] = draw(DIM, PROJECTION, scale=0.4)
    return weights


def write_model(directory: Path, model: dict[str, Any]) -> None:
    """Write `options.json`, `weights.hdf5` and `sentences.json`, the same bytes each time."""
    directory.mkdir(parents=True, exist_ok=True)
    _write_json(directory / "options.json", options_of(model))
    _write_json(directory / "sentences.json", SENTENCES)
    with h5py.File(directory / "weights.hdf5", "w") as file:
        for name, array in random_weights(model).items():
            # Without times, or the bytes would depend on the clock.
            file.create_dataset(name, data=array, track_times=False)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="ascii")


def simple_elmo_layers(directory: Path) -> list[NDArray[np.float32]]:
    """Encode `SENTENCES` with simple-elmo, one at a time from zero state, and check them as one batch too.

    Returns
    -------
    list of ndarray
        `(3, n_tokens, 2 * projection)` for each sentence.
    """
    import tensorflow as tf
    from simple_elmo import ElmoModel

    # A graph of its own: simple-elmo builds in the default one, where a second model's names would clash.
    with tf.Graph().as_default():
        model = ElmoModel()
        model.load(str(directory), max_batch_size=len(SENTENCES))

        def encode(sentences: list[list[str]]) -> NDArray[np.float64]:
            vectors: NDArray[np.float64] = model.get_elmo_vectors(sentences, warmup=False, layers="all")
            return vectors

        alone = [encode([words])[0] for words in SENTENCES]
        together = [encoded[:, : len(words)] for encoded, words in zip(encode(SENTENCES), SENTENCES, strict=True)]
    _require_close(f"{directory.name}: alone and in a padded batch", alone, together)
    return [layers.astype(np.float32) for layers in alone]


def _largest_difference(found: list[Any], expected: list[Any]) -> float:
    return max(float(np.abs(a - b).max(initial=0.0)) for a, b in zip(found, expected, strict=True))


def _require_close(what: str, found: list[Any], expected: list[Any]) -> None:
    largest = _largest_difference(found, expected)
    print(f"{what}: largest difference {largest:.1e}")
    if largest > TOLERANCE:
        raise SystemExit(f"{what}: {largest:.1e} is more than {TOLERANCE:.0e}; nothing here is to be trusted.")


def require_clipping(directory: Path, oracle: list[NDArray[np.float64]]) -> None:
    """Stop unless each clip, taken away alone, changes the results."""
    options = json.loads((directory / "options.json").read_text(encoding="ascii"))
    for clip in ("cell_clip", "proj_clip"):
        without = {**options, "lstm": {**options["lstm"], clip: None}}
        path = directory / "without.json"
        try:
            _write_json(path, without)
            changed = oracle_layers(path, directory / "weights.hdf5", SENTENCES)
        finally:
            path.unlink(missing_ok=True)
        largest = _largest_difference(changed, oracle)
        print(f"{directory.name}: without {clip} the results move by up to {largest:.2f}")
        if largest < 0.01:
            raise SystemExit(f"{directory.name}: {clip} is never reached; a test would not notice its absence.")


def main(target: Path) -> None:
    """Write each model below `target` and check it."""
    for name, model in MODELS.items():
        directory = target / name
        write_model(directory, model)
        oracle = oracle_layers(directory / "options.json", directory / "weights.hdf5", SENTENCES)
        require_clipping(directory, oracle)
        layers = simple_elmo_layers(directory)
        _require_close(f"{name}: simple-elmo and the oracle", layers, oracle)
        arrays: dict[str, Any] = {f"sentence_{i}": array for i, array in enumerate(layers)}
        np.savez(directory / "layers.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
