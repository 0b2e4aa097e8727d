"""The same vectors as simple-elmo 0.9.2, another implementation, run in an environment of its own.

`ELMO_PEER_PYTHON` names that environment's Python; `tests/golden/make_golden.py` says how to make one.
"""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_elmo import OPTIONS, as_encoded, assert_close, open_elmo, write_elmo

from elmo_cache.bilm.options import BiLMOptions
from elmo_cache.bilm.weights import read_weights

PEER = os.environ.get("ELMO_PEER_PYTHON")

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not PEER, reason="ELMO_PEER_PYTHON is not set: the Python of an environment with simple-elmo"),
]

EMBEDDED = Path(__file__).resolve().parents[1] / "elmo_cache" / "embedded" / "imdb-v1"

SENTENCES = [
    "this movie was on late last night and i could not turn it off",
    "i don't know what the director was thinking but br br it is the worst film i've seen in years",
    "one",
    "A sequel nobody asked for , and yet -- against every expectation I had -- it is funny and quietly moving .",
    "Amélie est un film très réussi 😀 10/10 , " + "so " * 40 + "good !",
    '"It\'s" (1994) [ sic ] $ 5.00 www.example.org/' + "long" * 20,
]

# Every sentence is a call of its own, without the warm-up: simple-elmo carries its state from batch to batch.
PEER_SCRIPT = """
import json, sys
import numpy as np
from simple_elmo import ElmoModel
folder, sentences, out = sys.argv[1:]
model = ElmoModel()
model.load(folder, max_batch_size=1)
with open(sentences, encoding="utf-8") as file:
    documents = json.load(file)
layers = [model.get_elmo_vectors([words], warmup=False, layers="all")[0] for words in documents]
np.savez(out, **{str(i): layer for i, layer in enumerate(layers)})
"""


def peer_layers(folder: Path, documents: list[list[str]], scratch: Path) -> list[np.ndarray]:
    """Return simple-elmo's layers `(1 + n_layers, n_tokens, 2 * projection)` of each document."""
    assert PEER
    (scratch / "sentences.json").write_text(json.dumps(documents), encoding="ascii")
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1"}
    environment.pop("KERAS_BACKEND", None)
    result = subprocess.run(
        [PEER, "-c", PEER_SCRIPT, str(folder), str(scratch / "sentences.json"), str(scratch / "layers.npz")],
        capture_output=True,
        cwd=scratch,
        env=environment,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    with np.load(scratch / "layers.npz") as file:
        return [file[str(i)] for i in range(len(documents))]


@pytest.mark.parametrize(
    "changes",
    [{}, {"use_skip_connections": False, "activation": "tanh", "n_highway": 2, "cell_clip": 0.1, "proj_clip": 0.05}],
    ids=["skip", "no_skip"],
)
def test_tiny(tmp_path: Path, changes: dict[str, object]) -> None:
    folder = write_elmo(tmp_path / "elmo", replace(OPTIONS, **changes), seed=11)  # type: ignore[arg-type]
    documents = [sentence.split() for sentence in SENTENCES]

    found = open_elmo(folder, layers="all").encode(documents)

    assert_close(found, [as_encoded(layers, "all") for layers in peer_layers(folder, documents, tmp_path)])


def test_embedded(tmp_path: Path) -> None:
    # As float32, with the same values: simple-elmo is not made for float16 files.
    options = BiLMOptions.parse((EMBEDDED / "options.json").read_bytes(), "options.json")
    weights = read_weights(EMBEDDED / "weights.hdf5", options, "weights.hdf5")
    folder = write_elmo(tmp_path / "elmo", options, weights=weights)
    documents = [sentence.split() for sentence in SENTENCES]

    found = open_elmo(EMBEDDED, layers="all").encode(documents)

    assert_close(found, [as_encoded(layers, "all") for layers in peer_layers(folder, documents, tmp_path)])
