"""The ways to get an encoder: embedded, a folder, an archive, a TF-Hub module."""

import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from reprlib import repr as show
from typing import TYPE_CHECKING, Any

from elmo_cache import messages
from elmo_cache.encoders import allennlp
from elmo_cache.encoders.bilm.encoder import BiLMEncoder
from elmo_cache.encoders.bilm.files import read_archive, read_folder
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import Weights
from elmo_cache.encoders.hub.resolution import ORIGINAL, find_module
from elmo_cache.errors import EncoderError

if TYPE_CHECKING:
    from elmo_cache.encoders.hub.engine import HubEncoder

__all__ = [
    "DEFAULT_ENCODER",
    "ENGINES",
    "EmbeddedEncoder",
    "EncoderSource",
    "embedded_encoders",
    "load_encoder",
    "resolve_name",
]

DEFAULT_ENCODER = "imdb-v3"
ENGINES = ("native", "hub")
EMBEDDED = "embedded:"
"""Before a name: that of an encoder that comes with the package, whatever lies in the working directory."""


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
        As `resolve_name` gives it: it means the same in every process and folder.
    layers, precision, engine : str
        As those of `load_encoder`.
    """

    name: str
    layers: str = "mix"
    precision: str = "float32"
    engine: str = "native"

    def __call__(self) -> "BiLMEncoder | HubEncoder":
        """Load the encoder."""
        encoder = _load(self.name, self.engine, layers=self.layers, precision=self.precision)
        encoder.source = self
        return encoder


def resolve_name(name_or_path: str | Path) -> str:
    """Return the one thing that a name means: `embedded:NAME`, `allennlp:NAME`, an address, or an absolute path.

    Raises
    ------
    EncoderError
        If it is the name of an encoder and of something in the working directory.
    """
    if not isinstance(name_or_path, str | Path):
        found, expected = show(name_or_path), "a name or a path"
        raise EncoderError(messages.INVALID_VALUE, name="encoder", found=found, expected=expected)
    if isinstance(name_or_path, Path) or not name_or_path:
        return os.path.abspath(name_or_path)
    if name_or_path.startswith((EMBEDDED, allennlp.PREFIX, "https://", "http://")):
        return name_or_path
    known = {encoder.name: EMBEDDED + encoder.name for encoder in embedded_encoders()} | {"original": ORIGINAL}
    if name_or_path not in known:
        return os.path.abspath(name_or_path)
    if os.path.lexists(name_or_path):
        raise EncoderError(messages.TWO_ENCODERS, name=name_or_path, expected=known[name_or_path])
    return known[name_or_path]


def load_encoder(
    name_or_path: str | Path, *, layers: str = "mix", precision: str = "float32", engine: str = "native"
) -> "BiLMEncoder | HubEncoder":
    """Load an ELMo; the model is built when it first encodes.

    Parameters
    ----------
    name_or_path : str or Path
        One of these:

        * the name of an encoder that comes with the package, as `imdb-v3` or `embedded:imdb-v3`: `elmo-cache encoders`
          lists them;
        * a folder with exactly one `*options*.json` and one `*.hdf5` in the public format of bilm-tf and AllenNLP, or
          a `.zip` of such a folder;
        * `allennlp:original`, `allennlp:5.5B`, `allennlp:medium` or `allennlp:small`: AllenNLP's, downloaded if they
          are not there;
        * an address of TensorFlow Hub, downloaded if it is not there, `original`, short for google/elmo's, or the
          folder of a module.

        A text that is a name without a prefix (`imdb-v3`, `original`) and lies in the working directory too is
        refused: `./imdb-v3` is what lies there, `embedded:imdb-v3` what comes with the package. A `Path` is a path.
    layers : {"mix", "top", "all"}
        What a token's vector is: the mix of all layers (their mean, unless a module says otherwise), the last, or all
        side by side.
    precision : {"float32", "tf32", "float16", "bfloat16"}
        What matrix products are computed in; sums and states are float32. tf32 needs an NVIDIA GPU from Ampere on,
        float16 Keras on JAX or a GPU; encoding is refused where a device does not have it.
    engine : {"native", "hub"}
        What runs a TF-Hub module: our own model with the module's variables, or the module's own graph.

    Returns
    -------
    BiLMEncoder or HubEncoder
        The encoder; a `HubEncoder` with `engine="hub"`.

    Raises
    ------
    EncoderError
        If there is nothing of that name, or two things; the files are no ELMo, or options and weights disagree; if a
        setting is unknown; or a download failed.
    OutputError
        If a download cannot be written.

    Examples
    --------
    >>> encoder = load_encoder("imdb-v3")
    >>> encoder.dim
    256
    >>> vectors = encoder.encode([["a", "fine", "film"], ["dull"]])
    >>> [(array.shape, array.dtype.name) for array in vectors]
    [((3, 256), 'float32'), ((1, 256), 'float32')]
    """
    if engine not in ENGINES:
        expected = f"one of {', '.join(ENGINES)}"
        raise EncoderError(messages.INVALID_VALUE, name="engine", found=repr(engine), expected=expected)
    return EncoderSource(resolve_name(name_or_path), layers, precision, engine)()


def _load(name: str, engine: str, **settings: Any) -> "BiLMEncoder | HubEncoder":
    """Load an encoder from its resolved name."""
    embedded = {EMBEDDED + encoder.name: encoder.name for encoder in embedded_encoders()}
    module = find_module(name)
    if module is not None:
        return _from_module(module, engine, **settings)
    if engine == "hub":
        raise EncoderError(messages.ENGINE_NEEDS_MODULE, name=name.removeprefix(EMBEDDED))
    if name in embedded:
        encoder = _native(read_folder(_embedded_folder() / embedded[name]), name=embedded[name], **settings)
        encoder.tokenizer = "keras"
        return encoder
    if name.startswith(EMBEDDED):
        raise EncoderError(messages.NO_ENCODER, name=name, expected=", ".join(embedded))
    if name.startswith(allennlp.PREFIX):
        return _native(allennlp.load(name.removeprefix(allennlp.PREFIX)), **settings)
    path = Path(name)
    try:
        if path.is_dir():
            return _native(read_folder(path), **settings)
        is_file = path.is_file()
    except OSError as error:
        raise EncoderError(messages.CANNOT_READ, path=path, error=error) from error
    if is_file and path.suffix.lower() == ".zip":
        return _native(read_archive(path), **settings)
    if is_file:
        raise EncoderError(messages.ENCODER_IS_FILE, path=path)
    inside = os.path.relpath(path)
    shown = str(path) if inside.startswith("..") else inside
    raise EncoderError(messages.NO_ENCODER_AT, name=shown, expected=", ".join(embedded.values()))


def _embedded_folder() -> Path:
    return Path(str(resources.files("elmo_cache.encoders"))) / "embedded"


def _native(elmo: tuple[Weights, BiLMOptions], *, name: str | None = None, **settings: Any) -> BiLMEncoder:
    weights, options = elmo
    # Not the path: a cache must not depend on where the weights lay.
    return BiLMEncoder(weights, options, name=name or f"elmo {options.architecture}", **settings)


def _from_module(directory: Path, engine: str, **settings: Any) -> "BiLMEncoder | HubEncoder":
    if engine == "hub":
        from elmo_cache.encoders.hub.engine import HubEncoder

        return HubEncoder(directory, **settings)
    from elmo_cache.encoders.hub.variables import read_module

    module = read_module(directory)
    return _native((module.weights, module.options), mix=module.mix, **settings)
