"""The same vectors as simple-elmo 0.9.2, another implementation, run in an environment of its own.

`ELMO_PEER_PYTHON` names that environment's Python; `tests/golden/make_golden.py` says how to make one.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from peer import PEER, SENTENCES, peer_layers
from tiny_elmo import OPTIONS, as_encoded, assert_close, open_elmo, write_elmo

from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import read_weights

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not PEER, reason="ELMO_PEER_PYTHON is not set: the Python of an environment with simple-elmo"),
]

EMBEDDED = Path(__file__).resolve().parents[1] / "elmo_cache" / "encoders" / "embedded" / "imdb-v3"


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
