"""What `build` asks of an encoder, and the ways to get one: embedded, a folder, an archive, a TF-Hub module."""

import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from cache import Layers
from cache.errors import one_line
from elmo_cache import allennlp
from elmo_cache.bilm.encoder import BiLMEncoder
from elmo_cache.bilm.options import BiLMOptions
from elmo_cache.bilm.weights import check_size, count_weights, read_weights
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
    "layers_of",
    "load_encoder",
]

DEFAULT_ENCODER = "imdb-v1"
ENGINES = ("native", "hub")
_OPTIONS_BYTES = 2**20
_SPARE_BYTES = 2**24


@runtime_checkable
class Encoder(Protocol):
    """A model that turns documents into per-token vectors; anything of this shape can fill a cache.

    An encoder may also have `layers` (`cache.Layers`), if it stores more than one vector a token;
    `tokenizer`, the name of the tokeniser that it was trained with; and `computation` with
    `use_computation`, for choices that touch rounding and must not change within a cache; and `source`, a callable
    that other processes can unpickle and that loads the encoder there, which builds with workers need.
    """

    name: str

    @property
    def dim(self) -> int:
        """Columns of the arrays that `encode` returns."""

    @property
    def description(self) -> Mapping[str, Any]:
        """JSON that decides the vectors: encoders with equal descriptions make equal vectors."""

    def encode(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> Sequence[np.ndarray]:
        """Return an array `(n_tokens, dim)` of floats for each document.

        `progress` may be called with the number of tokens done since its last call.
        """


def layers_of(encoder: Encoder) -> Layers:
    """Return how an encoder's vectors are stored: its own `layers`, or one vector of `dim` numbers."""
    return getattr(encoder, "layers", None) or Layers.single(encoder.dim)


@dataclass(frozen=True)
class EmbeddedEncoder:
    """An encoder that comes with the package."""

    name: str
    options: BiLMOptions
    size_bytes: int


def embedded_encoders() -> list[EmbeddedEncoder]:
    """Return the encoders that come with the package."""
    found = []
    for folder in sorted(_embedded_folder().iterdir()):
        if (folder / "options.json").is_file():
            options = BiLMOptions.parse((folder / "options.json").read_bytes(), str(folder / "options.json"))
            found.append(EmbeddedEncoder(folder.name, options, (folder / "weights.hdf5").stat().st_size))
    return found


@dataclass(frozen=True)
class EncoderSource:
    """The arguments of `load_encoder`: what other processes get instead of the weights. Called, it loads."""

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
        The name of an embedded encoder (`imdb-v1`), a folder with exactly one `*options*.json` and one `*.hdf5`
        in the public format of bilm-tf and AllenNLP, or a `.zip` of such a folder. `allennlp:original`, `5.5B`,
        `medium` and `small` are AllenNLP's, downloaded if they are not there. An address of TensorFlow Hub,
        `original` for google/elmo there, or the folder of a module.
    layers : {"mix", "top", "all"}
        What a token's vector is: the mix of all layers (their mean, unless a module says otherwise), the last, or all
        side by side.
    precision : {"float32", "bfloat16"}
        Of the matrix products.
    engine : {"native", "hub"}
        What runs a TF-Hub module: our own model with the module's variables, or the module's own graph.

    Raises
    ------
    EncoderError
        If there is nothing of that name, the files are no ELMo, or options and weights disagree; or a download failed.
    OutputError
        If a download cannot be written.

    Examples
    --------
    >>> encoder = load_encoder("imdb-v1")
    >>> encoder.name, encoder.dim
    ('imdb-v1', 256)
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
        encoder = _from_folder(_embedded_folder() / str(name_or_path), name=str(name_or_path), **settings)
        encoder.tokenizer = "keras"
        return encoder
    if str(name_or_path).startswith(allennlp.PREFIX):
        weights, options = allennlp.load(str(name_or_path).removeprefix(allennlp.PREFIX))
        return BiLMEncoder(weights, options, name=_plain_name(options), **settings)
    path = Path(name_or_path)
    try:
        if path.is_dir():
            return _from_folder(path, name=None, **settings)
        is_file = path.is_file()
    except OSError as error:
        raise EncoderError(f"{path} cannot be read: {error.strerror}") from error
    if is_file and path.suffix.lower() == ".zip":
        return _from_archive(path, **settings)
    if is_file:
        raise EncoderError(
            f"{path} is a file: give the folder that holds the weights (.hdf5) with their options (.json), "
            "or a .zip of it"
        )
    names = ", ".join(encoder.name for encoder in embedded_encoders())
    raise EncoderError(
        f"no encoder {str(name_or_path)!r}: it is neither embedded ({names}) nor a folder or .zip that exists"
    )


def _embedded_folder() -> Path:
    return Path(str(resources.files("elmo_cache"))) / "embedded"


def _from_folder(folder: Path, *, name: str | None, **settings: Any) -> BiLMEncoder:
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    options_path = _only([path for path in files if _is_options(path.name)], "*options*.json", folder)
    weights_path = _only([path for path in files if path.suffix == ".hdf5"], "*.hdf5", folder)
    options = BiLMOptions.parse(options_path.read_bytes(), str(options_path))
    weights = read_weights(weights_path, options, str(weights_path))
    return BiLMEncoder(weights, options, name=name or _plain_name(options), **settings)


def _from_module(directory: Path, engine: str, **settings: Any) -> "BiLMEncoder | HubEncoder":
    if engine == "hub":
        from elmo_cache.hub.engine import HubEncoder

        return HubEncoder(directory, **settings)
    from elmo_cache.hub.variables import read_module

    module = read_module(directory)
    return BiLMEncoder(module.weights, module.options, name=_plain_name(module.options), mix=module.mix, **settings)


def _from_archive(path: Path, **settings: Any) -> BiLMEncoder:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.filename.endswith("/")]
            options_member = _only([m for m in members if _is_options(_basename(m))], "*options*.json", path)
            weights_member = _only([m for m in members if _basename(m).endswith(".hdf5")], "*.hdf5", path)
            data = _read_member(archive, options_member, _OPTIONS_BYTES, path)
            options = BiLMOptions.parse(data, f"{path}:{options_member.filename}")
            check_size(options, f"{path}:{weights_member.filename}")
            # The tensors at 8 bytes a number: reading takes no more memory than that, whatever the archive says.
            data = _read_member(archive, weights_member, 8 * count_weights(options) + _SPARE_BYTES, path)
    except EncoderError:
        raise
    except Exception as error:  # a hostile file can make zipfile raise nearly anything
        raise EncoderError(f"{path} cannot be read as a .zip archive: {one_line(error)}; get it again") from error
    weights = read_weights(BytesIO(data), options, f"{path}:{weights_member.filename}")
    return BiLMEncoder(weights, options, name=_plain_name(options), **settings)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int, path: Path) -> bytes:
    if member.file_size > most:
        raise EncoderError(f"{path}: {member.filename} has {member.file_size:,} bytes, at most {most:,} expected")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # zipfile decodes the other methods without a bound on what comes out.
        raise EncoderError(f"{path}: {member.filename} is compressed by a rare method; unpack the archive")
    with archive.open(member) as file:
        # Read without a number, all that was compressed would be unpacked before the rest is cut off.
        return file.read(member.file_size)


def _only(found: list[Any], pattern: str, where: Path) -> Any:
    if len(found) != 1:
        names = ", ".join(sorted(getattr(item, "filename", None) or item.name for item in found))
        raise EncoderError(
            f"{where} holds {len(found)} files {pattern}{f' ({names})' if names else ''}, expected exactly one: "
            "an ELMo is one options file and one weights file"
        )
    return found[0]


def _is_options(name: str) -> bool:
    return "options" in name and name.endswith(".json")


def _basename(member: zipfile.ZipInfo) -> str:
    return member.filename.rsplit("/", 1)[-1]


def _plain_name(options: BiLMOptions) -> str:
    # Not the path: a cache must not depend on where the weights lay.
    return f"elmo {options.architecture}"
