"""The peer's side of `encoder.py` and `trials.py`; runs in an environment with simple-elmo 0.9.2.

`encoder.py` wants its best: batches of 32, sorted by length, and one call as documented beside. `trials.py` gives the
number of documents in a batch, and has them in the order given.
"""

import json
import os
import sys
import time

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
from simple_elmo import ElmoModel
from simple_elmo.elmo_helpers import weight_layers

BATCH = 32


def main(weights: str, documents_path: str, out: str, runs: str, given_batch: str = "") -> None:
    with open(documents_path, encoding="utf-8") as file:
        documents = json.load(file)
    size = int(given_batch or BATCH)
    order = list(range(len(documents)))
    documented = None
    if not given_batch:
        # Sorted by length, a batch pads its documents to about their own length.
        order.sort(key=lambda i: len(documents[i]))
        # As its documentation has it: one call, which makes its own session, warms up and pads as the texts come.
        model = ElmoModel()
        model.load(weights, max_batch_size=size)
        start = time.perf_counter()
        model.get_elmo_vectors(documents, layers="average")
        documented = time.perf_counter() - start
        tf.compat.v1.reset_default_graph()
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    model = ElmoModel()
    model.load(weights, max_batch_size=size)
    model.elmo_sentence_input = weight_layers("input", model.sentence_embeddings_op, use_layers="average")
    with tf.compat.v1.Session() as session:
        session.run(tf.compat.v1.global_variables_initializer())
        states = [v.initializer for v in tf.compat.v1.global_variables() if "Variable" in v.name]

        def encode() -> dict[str, np.ndarray]:
            vectors = {}
            for batch in batches:
                session.run(states)
                found = model.get_elmo_vectors(
                    [documents[i] for i in batch], warmup=False, layers="average", session=session
                )
                for i, rows in zip(batch, found, strict=True):
                    vectors[f"document_{i}"] = np.asarray(rows[: len(documents[i])], np.float32)
            return vectors

        np.savez(out, **encode())
        seconds = []
        for _ in range(int(runs)):
            start = time.perf_counter()
            encode()
            seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "documented_s": documented}))


if __name__ == "__main__":
    main(*sys.argv[1:])
