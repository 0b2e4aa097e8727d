"""simple-elmo in an environment of its own, and sentences for it; `ELMO_PEER_PYTHON` names its Python."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np

PEER = os.environ.get("ELMO_PEER_PYTHON")

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
