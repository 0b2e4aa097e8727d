"""The two files of an ELMo in the public format of bilm-tf and AllenNLP, in a folder or in an archive."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from cache.npz import BOUNDED_METHODS
from elmo_cache import messages
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import Weights, check_size, count_weights, read_weights
from elmo_cache.errors import EncoderError

__all__ = ["MOST_OPTIONS_BYTES", "read_archive", "read_files", "read_folder"]

MOST_OPTIONS_BYTES = 2**20
"""The longest `options.json` that is taken from an archive or a server."""

_SPARE_BYTES = 2**24


def read_files(options_path: Path, weights_path: Path) -> tuple[Weights, BiLMOptions]:
    """Read an `options.json` and the weights that it describes.

    Parameters
    ----------
    options_path, weights_path : Path
        The two files of an ELMo in the public format; errors name them so.

    Returns
    -------
    weights : Weights
        The tensors.
    options : BiLMOptions
        The architecture.

    Raises
    ------
    OSError
        If the options cannot be read.
    EncoderError
        If they are none, or as `read_weights`.
    """
    options = BiLMOptions.parse(options_path.read_bytes(), str(options_path))
    return read_weights(weights_path, options, str(weights_path)), options


def read_folder(folder: Path) -> tuple[Weights, BiLMOptions]:
    """Read the two files of an ELMo in a folder.

    Parameters
    ----------
    folder : Path
        Holds exactly one `*options*.json` and one `*.hdf5`, and what else it likes.

    Returns
    -------
    weights : Weights
        The tensors.
    options : BiLMOptions
        The architecture.

    Raises
    ------
    OSError
        If the folder or the options cannot be read.
    EncoderError
        If it does not hold these, or as `BiLMOptions.parse` and `read_weights`.
    """
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    options_path = _only([path for path in files if _is_options(path.name)], "*options*.json", folder)
    weights_path = _only([path for path in files if path.suffix == ".hdf5"], "*.hdf5", folder)
    return read_files(options_path, weights_path)


def read_archive(path: Path) -> tuple[Weights, BiLMOptions]:
    """Read the two files of an ELMo in a `.zip`, wherever in it they are; nothing is unpacked to disk.

    No more memory is taken than the options call for, whatever the archive says of itself.

    Parameters
    ----------
    path : Path
        Holds exactly one `*options*.json` and one `*.hdf5`, and what else it likes.

    Returns
    -------
    weights : Weights
        The tensors.
    options : BiLMOptions
        The architecture.

    Raises
    ------
    EncoderError
        If the archive cannot be read or does not hold these, or as `BiLMOptions.parse` and `read_weights`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.filename.endswith("/")]
            options_member = _only([m for m in members if _is_options(_basename(m))], "*options*.json", path)
            weights_member = _only([m for m in members if _basename(m).endswith(".hdf5")], "*.hdf5", path)
            data = _read_member(archive, options_member, MOST_OPTIONS_BYTES, path)
            options = BiLMOptions.parse(data, f"{path}:{options_member.filename}")
            check_size(options, f"{path}:{weights_member.filename}")
            # The tensors at 8 bytes a number: reading takes no more memory than that, whatever the archive says.
            data = _read_member(archive, weights_member, 8 * count_weights(options) + _SPARE_BYTES, path)
    except EncoderError:
        raise
    except Exception as error:  # a hostile file can make zipfile raise nearly anything
        raise EncoderError(messages.DAMAGED, where=path, error=error) from error
    return read_weights(BytesIO(data), options, f"{path}:{weights_member.filename}"), options


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int, path: Path) -> bytes:
    if member.file_size > most:
        where, found, expected = f"{path}:{member.filename}", f"{member.file_size:,} bytes", f"at most {most:,}"
        raise EncoderError(messages.UNEXPECTED, where=where, found=found, expected=expected)
    if member.compress_type not in BOUNDED_METHODS:
        raise EncoderError(messages.ZIP_LOCKED, path=path)
    with archive.open(member) as file:
        # Read without a number, all that was compressed would be unpacked before the rest is cut off.
        return file.read(member.file_size)


def _only(found: list[Any], pattern: str, where: Path) -> Any:
    if len(found) != 1:
        names = ", ".join(sorted(getattr(item, "filename", None) or item.name for item in found))
        raise EncoderError(messages.ELMO_FILES, path=where, n=len(found), name=pattern, found=names or "none")
    return found[0]


def _is_options(name: str) -> bool:
    return "options" in name and name.endswith(".json")


def _basename(member: zipfile.ZipInfo) -> str:
    return member.filename.rsplit("/", 1)[-1]
