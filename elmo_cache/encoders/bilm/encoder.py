"""`BiLMEncoder`: documents of words in, per-token vectors out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cache import Layers
from cache.runtime.quiet import quiet_import
from elmo_cache import messages
from elmo_cache.encoders.bilm.characters import BEGIN_DOCUMENT, END_DOCUMENT, character_ids
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.streams import BEGIN, END, PACKINGS, Packing, choose_streams, pack
from elmo_cache.encoders.bilm.weights import Weights, weights_fingerprint
from elmo_cache.encoders.devices import Device, check_precision, find_device, within_memory
from elmo_cache.errors import EncoderError

if TYPE_CHECKING:
    from elmo_cache.encoders.bilm.model import BidirectionalLSTM, CharacterCNN
    from elmo_cache.encoders.bilm.resident import ResidentBiLM

__all__ = ["LAYER_CHOICES", "PRECISIONS", "BiLMEncoder", "all_layers", "check_documents", "check_layers"]

LAYER_CHOICES = ("mix", "top", "all")
PRECISIONS = ("float32", "tf32", "float16", "bfloat16")
WORD_BATCHES = (32, 256)


def check_layers(layers: str) -> None:
    """Raise `EncoderError` unless `layers` is one of `LAYER_CHOICES`."""
    if layers not in LAYER_CHOICES:
        expected = f"one of {', '.join(LAYER_CHOICES)}"
        raise EncoderError(messages.INVALID_VALUE, name="layers", found=repr(layers), expected=expected)


def check_documents(documents: Iterable[Iterable[str]]) -> list[list[str]]:
    """Return the words of each document: iterables are read once.

    Raises
    ------
    EncoderError
        If a document is a string, which would be read letter by letter, or not iterable, or a token is not a string.
    """
    return [_words_of(document, f"document {index}") for index, document in enumerate(_list_of(documents, "documents"))]


def _words_of(document: Iterable[str], where: str) -> list[str]:
    words = list(_list_of(document, where))
    for place, word in enumerate(words):
        if not isinstance(word, str):
            found = f"{word!r:.80}"
            raise EncoderError(messages.UNEXPECTED, where=f"{where}, token {place}", found=found, expected="a string")
    return words


def _list_of(value: Iterable[Any], where: str) -> Iterable[Any]:
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return value
    expected = "lists of words" if where == "documents" else "a list of words"
    if isinstance(value, str | bytes):
        expected += " (split the text first)"
    found = type(value).__name__
    raise EncoderError(messages.UNEXPECTED, where=where, found=found, expected=expected)


def all_layers(size: int, mix: Sequence[float]) -> Layers:
    """Return how all layers of an ELMo are stored side by side, and the views of them that a cache offers.

    Parameters
    ----------
    size : int
        Width of one direction: layer 0 is stored `size` wide, the others twice that.
    mix : sequence of float
        Weight of each layer in the mix, gamma included; its length is the number of layers.

    Returns
    -------
    Layers
        Datasets `layer_0`, `layer_1`, …; views `mix`, the default, `top`, and `0`, `1`, …

    Examples
    --------
    >>> layers = all_layers(128, [1 / 3, 1 / 3, 1 / 3])
    >>> layers.stored
    {'layer_0': 128, 'layer_1': 256, 'layer_2': 256}
    >>> list(layers.views), layers.dim
    (['mix', 'top', '0', '1', '2'], 256)
    """
    stored = {f"layer_{k}": 2 * size if k else size for k in range(len(mix))}
    views: dict[str, dict[str, float]] = {"mix": dict(zip(stored, mix, strict=True))}
    views["top"] = {f"layer_{len(mix) - 1}": 1.0}
    # Layer 0 is the word's vector twice: stored once, `Layers` repeats it to the width of the others.
    for k, name in enumerate(stored):
        views[str(k)] = {name: 1.0}
    return Layers(stored, views, "mix")


class BiLMEncoder:
    """An ELMo that runs from its weights alone, stateless: every document starts from zero state.

    The network is that of Peters et al. (2018, arXiv:1802.05365): see `bilm/model.py`. A token's vectors are
    those of `n_layers` + 1 layers: layer 0 is the character network's vector of the word, twice over, and layer k the
    output of the k-th LSTM forward beside that of the k-th LSTM backward. Keras is imported, and the models are built,
    by the first call of `encode`. `load_encoder` makes one from files.

    Parameters
    ----------
    weights : Weights
        The tensors of the public format.
    options : BiLMOptions
        The architecture that they fit.
    name : str
        What people call the encoder.
    layers : {"mix", "top", "all"}
        What a token's vector is: the weighted sum of all layers, the last layer, or all layers side by side
        (layer 0 once, not doubled).
    precision : {"float32", "tf32", "float16", "bfloat16"}
        What matrix products are computed in; sums and states are float32. Not every device has all of them.
    mix : sequence of float, optional
        Weight of each layer in the mix, gamma included. Default: equal weights that add up to 1, which is
        ELMo's mix before anything has trained it.
    n_streams : int, optional
        The most streams that documents are packed into. Touches rounding and speed only. Default: what suits the
        device, 128 on a CPU and 512 on a GPU.
    time_chunk : int, optional
        Time steps of one call of the model. Touches rounding and speed only. Default: 16 on a CPU, 32 on a GPU.

    Raises
    ------
    EncoderError
        If `layers` or `precision` is unknown, or `mix` is not a finite weight for each layer.

    Attributes
    ----------
    name : str
        What people call the encoder.
    options : BiLMOptions
        The architecture.
    precision : str
        What matrix products are computed in.
    tokenizer : str
        The tokeniser that fits the weights best: "words", unless a loader knows better.
    """

    tokenizer: str = "words"
    source: Callable[[], Any] | None = None
    """What loads it in another process; `load_encoder` sets it."""

    def __init__(
        self,
        weights: Weights,
        options: BiLMOptions,
        *,
        name: str,
        layers: str = "mix",
        precision: str = "float32",
        mix: Sequence[float] | None = None,
        n_streams: int | None = None,
        time_chunk: int | None = None,
    ):
        check_layers(layers)
        if precision not in PRECISIONS:
            expected = f"one of {', '.join(PRECISIONS)}"
            raise EncoderError(messages.INVALID_VALUE, name="precision", found=repr(precision), expected=expected)
        self.name = name
        self.options = options
        self.precision = precision
        self._n_streams = n_streams
        self._time_chunk = time_chunk
        self._kind = layers
        self._weights = weights
        n_all = options.n_layers + 1
        self._mix = [1.0 / n_all] * n_all if mix is None else [float(weight) for weight in mix]
        if len(self._mix) != n_all or not np.isfinite(self._mix).all() or not any(self._mix):
            expected = f"{n_all} numbers, not all of them 0"
            raise EncoderError(messages.INVALID_VALUE, name="mix", found=self._mix, expected=expected)

    @cached_property
    def layers(self) -> Layers:
        """The datasets that a cache of this encoder stores, and the views it offers."""
        size = self.options.projection_dim
        if self._kind != "all":
            return Layers.single(2 * size, view=self._kind)
        return all_layers(size, self._mix)

    @property
    def dim(self) -> int:
        """Columns of the arrays that `encode` returns; with `layers="all"` those of all layers together."""
        return self.layers.n_columns

    @cached_property
    def description(self) -> dict[str, Any]:
        """Everything that decides a vector beyond rounding, as JSON: equal for equal weights, wherever they lay."""
        return {
            "model": "elmo",
            "weights": weights_fingerprint(self._weights),
            "options": self.options.to_json(),
            "layers": self._kind,
            "mix": self._mix,
            "precision": self.precision,
        }

    @cached_property
    def device(self) -> Device:
        """What it runs on; Keras is imported to find out."""
        return find_device()

    @property
    def n_streams(self) -> int:
        """The most streams that documents are packed into; may be set."""
        return self._n_streams or PACKINGS[self.device.kind][0]

    @n_streams.setter
    def n_streams(self, n_streams: int) -> None:
        self._n_streams = n_streams

    @property
    def time_chunk(self) -> int:
        """Time steps of one call of the model; may be set."""
        return self._time_chunk or PACKINGS[self.device.kind][1]

    @time_chunk.setter
    def time_chunk(self, time_chunk: int) -> None:
        self._time_chunk = time_chunk

    @property
    def computation(self) -> dict[str, Any]:
        """What decides rounding only; a cache keeps it so that later shards are computed alike."""
        return {"n_streams": self.n_streams, "time_chunk": self.time_chunk}

    def use_computation(self, computation: Mapping[str, Any]) -> None:
        """Compute as an existing cache was computed.

        Parameters
        ----------
        computation : Mapping
            Its `computation`; what it lacks stays as it is.
        """
        self.n_streams = int(computation.get("n_streams", self.n_streams))
        self.time_chunk = int(computation.get("time_chunk", self.time_chunk))

    def encode(
        self, documents: Iterable[Iterable[str]], *, progress: Callable[[int], None] | None = None
    ) -> list[np.ndarray]:
        """Return the vectors of documents.

        Parameters
        ----------
        documents : iterable of iterable of str
            Words; an empty document is allowed. Its vectors do not depend on what stands beside it.
        progress : callable, optional
            Called with the number of tokens done since the last call.

        Returns
        -------
        list of ndarray of float32, (n_tokens, dim)
            One array a document, in the order given.

        Raises
        ------
        EncoderError
            If a document is a string or a token is not one, or the device does not have the precision; a
            `DeviceMemoryError` if its memory is full, where a smaller `n_streams` needs less.
        """
        words = check_documents(documents)
        rows, _ = self._begin(words, "float32", progress)()
        return np.split(rows, np.cumsum([len(document) for document in words[:-1]])) if words else []

    def begin(
        self, documents: Iterable[Iterable[str]], *, progress: Callable[[int], None] | None = None
    ) -> Callable[[], tuple[np.ndarray, bool]]:
        """Begin to encode for a cache; see `Encoder`.

        With Keras on JAX, and on TensorFlow with a GPU, the device works while this process goes on, and rounds to
        float16. Else all is done before this returns, and the rows are float32.

        Raises
        ------
        EncoderError
            As `encode`.
        """
        return self._begin(check_documents(documents), "float16", progress)

    def _begin(
        self, documents: Sequence[Sequence[str]], dtype: str, progress: Callable[[int], None] | None
    ) -> Callable[[], tuple[np.ndarray, bool]]:
        check_precision(self)
        words: dict[str, int] = {}
        # 0 is no word; 1 and 2 mark where a document begins and ends.
        numbered = [
            np.fromiter((words.setdefault(word, len(words) + 3) for word in document), np.int32, len(document))
            for document in documents
        ]
        lengths = [len(document) for document in numbered]
        n_tokens, device = sum(lengths), self.device
        if not n_tokens:
            return lambda: (np.empty((0, self.dim), dtype), True)
        on_gpu = device.kind == "gpu"
        n_streams = choose_streams([length + 2 for length in lengths if length], self.n_streams, on_gpu=on_gpu)
        here = f"{device} with {n_streams:,} streams"
        if device.is_resident:
            pending = within_memory(
                lambda: self._resident.begin(numbered, list(words), n_streams, self.time_chunk, dtype, progress), here
            )
            return lambda: within_memory(pending.fetch, here)

        def run() -> np.ndarray:
            out = np.empty((n_tokens, self.dim), np.float32)
            table = self._word_vectors(["", BEGIN_DOCUMENT, END_DOCUMENT, *words])
            self._run(table, pack(numbered, n_streams, self.time_chunk), out, progress)
            return out

        rows = within_memory(run, here)
        return lambda: (rows, False)

    def _word_vectors(self, words: Sequence[str]) -> np.ndarray:
        batch = WORD_BATCHES[-1] if len(words) > WORD_BATCHES[0] else WORD_BATCHES[0]
        table = np.empty((len(words), self.options.projection_dim), np.float32)
        for start in range(0, len(words), batch):
            ids = character_ids(words[start : start + batch], self.options.max_characters)
            rows = len(ids)
            # One shape, one compilation: the last batch is filled up with rows that are no words.
            ids = np.pad(ids, ((0, batch - rows), (0, 0)))
            table[start : start + rows] = self._character_cnn.predict_on_batch(ids)[:rows]
        table[0] = 0.0
        return table

    def _run(
        self, table: np.ndarray, packing: Packing, out: np.ndarray, progress: Callable[[int], None] | None
    ) -> None:
        model, size, chunk = self._lstm, self.options.projection_dim, self.time_chunk
        states = model.zero_states(packing.words.shape[1])
        starts = range(0, len(packing.words), chunk)
        resets = (packing.words == BEGIN, packing.words == END)
        n_before = size if self._kind == "all" else 0
        if n_before:
            here = packing.rows >= 0
            out[packing.rows[here], :size] = table[packing.words[here]]
        n_halves = 0
        for position, start in enumerate(starts):
            # Forward from the first chunk on, backward from the last.
            slices = [slice(s, s + chunk) for s in (start, starts[len(starts) - 1 - position])]
            inputs = dict(states)
            for direction, steps in enumerate(slices):
                inputs[f"inputs_{direction}"] = table[packing.words[steps]]
                inputs[f"keep_{direction}"] = (~resets[direction][steps, :, None]).astype(np.float32)
            results = model.predict_on_batch(inputs)
            states = {name: results[name] for name in states}
            for direction, steps in enumerate(slices):
                here = packing.rows[steps] >= 0
                rows = packing.rows[steps][here]
                for k, feature in enumerate(results[f"features_{direction}"]):
                    first = n_before + (2 * k + direction) * size
                    out[rows, first : first + size] = feature[here]
                n_halves += len(rows)
            if progress:
                progress(n_halves // 2)
                n_halves %= 2

    @cached_property
    def _resident(self) -> "ResidentBiLM":
        from elmo_cache.encoders.bilm.resident import ResidentBiLM

        return ResidentBiLM(self._weights, self.options, self._layer_weights, self.precision, self.device)

    @cached_property
    def _character_cnn(self) -> "CharacterCNN":
        with quiet_import():
            from elmo_cache.encoders.bilm.model import CharacterCNN

        model = CharacterCNN(self.options, self.precision)
        model.load(self._weights)
        return model

    @cached_property
    def _lstm(self) -> "BidirectionalLSTM":
        with quiet_import():
            from elmo_cache.encoders.bilm.model import BidirectionalLSTM

        model = BidirectionalLSTM(self.options, self._layer_weights, self.precision)
        model.load(self._weights)
        return model

    @property
    def _layer_weights(self) -> list[float] | None:
        """Weights of the layers in a token's vector; None where it is all of them side by side."""
        return {"mix": self._mix, "top": [0.0] * self.options.n_layers + [1.0], "all": None}[self._kind]
