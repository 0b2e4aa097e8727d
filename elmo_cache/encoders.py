"""What `build` asks of an encoder, and the ways to get one: embedded, a folder, an archive, a TF-Hub module."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from cache import Layers
from elmo_cache import allennlp
from elmo_cache.bilm.encoder import BiLMEncoder
from elmo_cache.bilm.files import read_archive, read_folder
from elmo_cache.bilm.options import BiLMOptions
from elmo_cache.bilm.weights import Weights
from elmo_cache.errors import EncoderError
from elmo_cache.hub.resolution import find_module

if TYPE_CHECKING:
    from elmo_cache.hub.engine import HubEncoder

__all__ = [
    "DEFAULT_ENCODER",
    "ENGINES",
    "EmbeddedEncoder",
    "Encoder",
    "EncoderSource",
    "embedded_encoders",
    "encoder_json",
    "layers_of",
    "load_encoder",
]

DEFAULT_ENCODER = "imdb-v2"
ENGINES = ("native", "hub")


@runtime_checkable
class Encoder(Protocol):
    """A model that turns documents into per-token vectors; anything of this shape can fill a cache.

    The vectors of a document must not depend on the documents beside it or before it. Besides what is listed here an
    encoder may have

    * `layers` (`cache.Layers`), if it stores more than one vector a token: `dim` is then `layers.n_columns`;
    * `tokenizer` (str), the name of the tokeniser that fits it best, a build's default;
    * `computation` (dict) and `use_computation(computation)`, for choices that touch rounding and must not change
      within a cache: those of the first build are handed back to later ones;
    * `source`, a callable that other processes can unpickle and that loads the encoder there: builds with workers need
      it.

    Attributes
    ----------
    name : str
        What people call it; takes part in no comparison.

    Examples
    --------
    >>> class WordLengths:
    ...     name = "word lengths"
    ...     dim = 1
    ...     description = {"model": "word lengths", "version": 1}
    ...
    ...     def encode(self, documents, *, progress=None):
    ...         return [np.array([[len(word)] for word in words]).reshape(-1, 1) for words in documents]
    >>> isinstance(WordLengths(), Encoder)
    True
    """

    name: str

    @property
    def dim(self) -> int:
        """Columns of the arrays that `encode` returns."""

    @property
    def description(self) -> Mapping[str, Any]:
        """JSON that decides the vectors: a cache is continued only by an encoder of an equal description."""

    def encode(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> Sequence[np.ndarray]:
        """Return the vectors of documents.

        Parameters
        ----------
        documents : sequence of sequence of str
            The words of each document; one may have none.
        progress : callable, optional
            May be called with the number of tokens done since its last call.

        Returns
        -------
        sequence of ndarray, (n_tokens, dim)
            One array of numbers a document, in the order given. A cache stores them as float16, so none may be NaN or
            beyond ±65,504.
        """


def layers_of(encoder: Encoder) -> Layers:
    """Return how an encoder's vectors are stored: its own `layers`, or one vector of `dim` numbers."""
    return getattr(encoder, "layers", None) or Layers.single(encoder.dim)


def encoder_json(encoder: Encoder) -> dict[str, Any]:
    """Return an encoder's description as the manifest will give it back: tuples are lists there, keys are text.

    Raises
    ------
    EncoderError
        If it is not JSON.
    """
    try:
        description: dict[str, Any] = json.loads(json.dumps(dict(encoder.description), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise EncoderError(f"the description of {encoder.name} is not JSON: {error}") from error
    return description


@dataclass(frozen=True)
class EmbeddedEncoder:
    """An encoder that comes with the package.

    Attributes
    ----------
    name : str
        What `load_encoder` knows it by.
    options : BiLMOptions
        Its architecture.
    size_bytes : int
        Of its weights file.
    """

    name: str
    options: BiLMOptions
    size_bytes: int


def embedded_encoders() -> list[EmbeddedEncoder]:
    """Return the encoders that come with the package, by name; their weights are not read."""
    found = []
    for folder in sorted(_embedded_folder().iterdir()):
        if (folder / "options.json").is_file():
            options = BiLMOptions.parse((folder / "options.json").read_bytes(), str(folder / "options.json"))
            found.append(EmbeddedEncoder(folder.name, options, (folder / "weights.hdf5").stat().st_size))
    return found


@dataclass(frozen=True)
class EncoderSource:
    """What other processes get instead of the weights: called, it loads the encoder.

    Attributes
    ----------
    name : str
        A name, an address, or an absolute path.
    layers, precision, engine : str
        As those of `load_encoder`.
    """

    name: str
    layers: str = "mix"
    precision: str = "float32"
    engine: str = "native"

    def __call__(self) -> "BiLMEncoder | HubEncoder":
        """Load the encoder."""
        return load_encoder(self.name, layers=self.layers, precision=self.precision, engine=self.engine)


def load_encoder(
    name_or_path: str | Path, *, layers: str = "mix", precision: str = "float32", engine: str = "native"
) -> "BiLMEncoder | HubEncoder":
    """Load an ELMo; the model is built when it first encodes.

    Parameters
    ----------
    name_or_path : str or Path
        One of these:

        * the name of an encoder that comes with the package: `elmo-cache encoders` lists them;
        * a folder with exactly one `*options*.json` and one `*.hdf5` in the public format of bilm-tf and AllenNLP, or
          a `.zip` of such a folder;
        * `allennlp:original`, `allennlp:5.5B`, `allennlp:medium` or `allennlp:small`: AllenNLP's, downloaded if they
          are not there;
        * an address of TensorFlow Hub, downloaded if it is not there, `original`, short for google/elmo's, or the
          folder of a module.
    layers : {"mix", "top", "all"}
        What a token's vector is: the mix of all layers (their mean, unless a module says otherwise), the last, or all
        side by side.
    precision : {"float32", "bfloat16"}
        What matrix products are computed in; sums and states are float32.
    engine : {"native", "hub"}
        What runs a TF-Hub module: our own model with the module's variables, or the module's own graph.

    Returns
    -------
    BiLMEncoder or HubEncoder
        The encoder; a `HubEncoder` with `engine="hub"`.

    Raises
    ------
    EncoderError
        If there is nothing of that name, the files are no ELMo, or options and weights disagree; if a setting is
        unknown; or a download failed.
    OutputError
        If a download cannot be written.

    Examples
    --------
    >>> encoder = load_encoder("imdb-v2")
    >>> encoder.dim
    256
    >>> vectors = encoder.encode([["a", "fine", "film"], ["dull"]])
    >>> [(array.shape, array.dtype.name) for array in vectors]
    [((3, 256), 'float32'), ((1, 256), 'float32')]
    """
    if engine not in ENGINES:
        raise EncoderError(f"engine is {engine!r}, expected one of {', '.join(ENGINES)}")
    encoder = _load(name_or_path, layers, precision, engine)
    name = str(name_or_path)
    encoder.source = EncoderSource(os.path.abspath(name) if os.path.exists(name) else name, layers, precision, engine)
    return encoder


def _load(name_or_path: str | Path, layers: str, precision: str, engine: str) -> "BiLMEncoder | HubEncoder":
    settings: dict[str, Any] = {"layers": layers, "precision": precision}
    module = find_module(str(name_or_path))
    if module is not None:
        return _from_module(module, engine, **settings)
    if engine == "hub":
        raise EncoderError(f"{name_or_path} is no TF-Hub module: --engine hub runs nothing else; leave it out")
    if str(name_or_path) in {encoder.name for encoder in embedded_encoders()}:
        encoder = _native(read_folder(_embedded_folder() / str(name_or_path)), name=str(name_or_path), **settings)
        encoder.tokenizer = "keras"
        return encoder
    if str(name_or_path).startswith(allennlp.PREFIX):
        return _native(allennlp.load(str(name_or_path).removeprefix(allennlp.PREFIX)), **settings)
    path = Path(name_or_path)
    try:
        if path.is_dir():
            return _native(read_folder(path), **settings)
        is_file = path.is_file()
    except OSError as error:
        raise EncoderError(f"{path} cannot be read: {error.strerror}") from error
    if is_file and path.suffix.lower() == ".zip":
        return _native(read_archive(path), **settings)
    if is_file:
        raise EncoderError(
            f"{path} is a file: give the folder that holds the weights (.hdf5) with their options (.json), "
            "or a .zip of it"
        )
    names = ", ".join(encoder.name for encoder in embedded_encoders())
    raise EncoderError(
        f"no encoder {str(name_or_path)!r}: it is neither embedded ({names}) nor a folder or .zip that exists; "
        "`elmo-cache encoders` lists those that are downloads"
    )


def _embedded_folder() -> Path:
    return Path(str(resources.files("elmo_cache"))) / "embedded"


def _native(elmo: tuple[Weights, BiLMOptions], *, name: str | None = None, **settings: Any) -> BiLMEncoder:
    weights, options = elmo
    # Not the path: a cache must not depend on where the weights lay.
    return BiLMEncoder(weights, options, name=name or f"elmo {options.architecture}", **settings)


def _from_module(directory: Path, engine: str, **settings: Any) -> "BiLMEncoder | HubEncoder":
    if engine == "hub":
        from elmo_cache.hub.engine import HubEncoder

        return HubEncoder(directory, **settings)
    from elmo_cache.hub.variables import read_module

    module = read_module(directory)
    return _native((module.weights, module.options), mix=module.mix, **settings)
