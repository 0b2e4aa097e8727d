"""`engine='hub'`: a TF-Hub module's own graph as an encoder, whatever its variables are.

Imports TensorFlow.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cache import Layers
from cache.hashing import array_sha256, fingerprint
from elmo_cache import messages
from elmo_cache.encoders.bilm.encoder import all_layers, check_documents, check_layers
from elmo_cache.encoders.devices import Device, tensorflow_device
from elmo_cache.encoders.hub.graph import SIGNATURE, HubModule
from elmo_cache.encoders.hub.variables import MIX_SCALE, MIX_WEIGHTS, Checkpoint, read_mix
from elmo_cache.errors import EncoderError

__all__ = ["OUTPUTS", "HubEncoder", "contents_fingerprints"]

OUTPUTS = {"mix": ["elmo"], "top": ["lstm_outputs2"], "all": ["word_emb", "lstm_outputs1", "lstm_outputs2"]}
"""What the signature `tokens` calls the vectors of each choice of layers."""


class HubEncoder:
    """An ELMo that is run by a module's own graph; of the `Encoder` protocol.

    Parameters
    ----------
    directory : Path
        A module's folder, with all its files.
    layers : {"mix", "top", "all"}
        What a token's vector is: the output `elmo`; `lstm_outputs2`; or `word_emb`, `lstm_outputs1` and
        `lstm_outputs2` side by side, which needs the module's `aggregation` variables for the weights of their mix.
    precision : str
        "float32": the graph has its own.
    batch_tokens : int
        Tokens of a batch, padding included: what bounds the memory, as the graph's convolutions may take 200 kB a
        token. A longer document is a batch of its own. It touches rounding and speed only.
    module : HubModule, optional
        What that folder holds, if it is loaded already.

    Raises
    ------
    EncoderError
        If a setting is unknown, or the module cannot be run or lacks an output.
    """

    name = "tf-hub module"
    tokenizer = "words"
    source: Callable[[], Any] | None = None
    """What loads it in another process; `load_encoder` sets it."""

    def __init__(
        self,
        directory: Path,
        *,
        layers: str = "mix",
        precision: str = "float32",
        batch_tokens: int = 4096,
        module: HubModule | None = None,
    ):
        check_layers(layers)
        if precision != "float32":
            raise EncoderError(messages.ENGINE_IN_FLOAT32, found=precision)
        self.precision = precision
        self.batch_tokens = batch_tokens
        self._kind = layers
        self._outputs = OUTPUTS[layers]
        tensorflow_device()  # before the graph is loaded: float32 shall be float32
        self._checkpoint = Checkpoint(directory)
        self.module = module or HubModule(directory)
        missing = [name for name in self._outputs if name not in self.module.outputs]
        if missing:
            raise EncoderError(
                messages.NO_OUTPUT,
                path=directory,
                name=SIGNATURE,
                expected=missing[0],
                layers=layers,
                found=", ".join(self.module.outputs),
            )
        # One word: a graph that cannot run says so now.
        probe = self.module.run([[b"a"]], self._outputs)
        self.layers = self._find_layers([array.shape[-1] for array in probe.values()])

    def _find_layers(self, widths: list[int]) -> Layers:
        if self._kind != "all":
            return Layers.single(widths[0], view=self._kind)
        where = self.module.directory
        if widths[1:] != [2 * widths[0]] * 2:
            name, expected = f"the width of {', '.join(self._outputs)}", "twice the first one for the last two"
            raise EncoderError(messages.INVALID_ENTRY, where=where, name=name, found=widths, expected=expected)
        if not {MIX_WEIGHTS, MIX_SCALE} <= set(self._checkpoint.shapes):
            raise EncoderError(messages.NO_MIX, path=where, expected=f"{MIX_WEIGHTS} and {MIX_SCALE}")
        return all_layers(widths[0], read_mix(self._checkpoint, len(widths)))

    @cached_property
    def device(self) -> Device:
        """What TensorFlow runs the graph on."""
        return tensorflow_device()

    @property
    def dim(self) -> int:
        """Columns of the arrays that `encode` returns; with `layers="all"` those of all layers together."""
        return self.layers.n_columns

    @cached_property
    def description(self) -> dict[str, Any]:
        """Everything that decides a vector beyond rounding, as JSON: the module's contents, wherever it lies."""
        return {
            "model": "tf-hub",
            "engine": "hub",
            **contents_fingerprints(self._checkpoint),
            "layers": self._kind,
        }

    @property
    def computation(self) -> dict[str, Any]:
        """What decides rounding only; a cache keeps it so that later shards are computed alike."""
        return {"batch_tokens": self.batch_tokens}

    def use_computation(self, computation: Mapping[str, Any]) -> None:
        """Compute as an existing cache was computed.

        Parameters
        ----------
        computation : Mapping
            Its `computation`; what it lacks stays as it is.
        """
        self.batch_tokens = int(computation.get("batch_tokens", self.batch_tokens))

    def encode(
        self, documents: Iterable[Iterable[str]], *, progress: Callable[[int], None] | None = None
    ) -> list[np.ndarray]:
        """Return the vectors of documents.

        Parameters
        ----------
        documents : iterable of iterable of str
            Words; an empty document is allowed, an empty word is not: the signature pads with it.
        progress : callable, optional
            Called with the number of tokens done since the last call.

        Returns
        -------
        list of ndarray of float32, (n_tokens, dim)
            One array a document, in the order given.

        Raises
        ------
        EncoderError
            If a document is a string or has an empty word, a token is not a string, or the graph fails.
        """
        encoded = [_in_utf8(document, index) for index, document in enumerate(check_documents(documents))]
        vectors = [np.empty((len(document), self.dim), np.float32) for document in encoded]
        for batch in _batches([len(document) for document in encoded], self.batch_tokens):
            found = self.module.run([encoded[i] for i in batch], self._outputs)
            for row, i in enumerate(batch):
                np.concatenate([found[name][row, : len(encoded[i])] for name in self._outputs], axis=1, out=vectors[i])
            if progress:
                progress(sum(len(encoded[i]) for i in batch))
        return vectors


def contents_fingerprints(checkpoint: Checkpoint) -> dict[str, str]:
    """Return what identifies a module by its contents; where its files lie plays no part.

    Parameters
    ----------
    checkpoint : Checkpoint
        The module's variables.

    Returns
    -------
    dict of str to str
        `variables`, the SHA-256 of all tensors with their names, and `graph`, that of `saved_model.pb` and the assets.

    Raises
    ------
    EncoderError
        If a variable cannot be read.
    """
    variables = []
    for name in checkpoint.shapes:
        tensor = checkpoint.read(name)
        if tensor.dtype == object:  # text
            content = fingerprint([text.hex() for text in tensor.reshape(-1)])
        else:
            content = array_sha256(tensor)
        variables.append([name, str(tensor.dtype), list(tensor.shape), content])
    directory = checkpoint.directory
    assets = sorted(path for path in (directory / "assets").rglob("*") if path.is_file())
    graph = [
        [path.relative_to(directory).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()]
        for path in [directory / "saved_model.pb", *assets]
    ]
    return {"variables": fingerprint(variables), "graph": fingerprint(graph)}


def _in_utf8(document: Sequence[str], index: int) -> list[bytes]:
    # A lone surrogate has no UTF-8 form; the native engine passes over it too.
    words = [word.encode("utf-8", "ignore") for word in document]
    if b"" in words:
        raise EncoderError(messages.EMPTY_WORD, n=index, place=words.index(b""), name=SIGNATURE)
    return words


def _batches(lengths: Sequence[int], most_tokens: int) -> list[list[int]]:
    """Return the indices of the documents that are not empty, in batches of about equal length."""
    batches: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if not lengths[i]:
            continue
        if batches and (len(batches[-1]) + 1) * lengths[i] <= most_tokens:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches
