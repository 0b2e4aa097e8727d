"""The architecture of a biLM, as its `options.json` states it."""

import json
from dataclasses import dataclass
from reprlib import repr as show  # a file can hold anything, and an error is one line
from typing import Any

from elmo_cache import messages
from elmo_cache.errors import EncoderError

__all__ = ["BiLMOptions"]

_BOUNDS = {
    "char_cnn.embedding.dim": (1, 2**10),
    "char_cnn.max_characters_per_token": (3, 1000),
    "char_cnn.n_highway": (0, 16),
    "lstm.dim": (1, 2**16),
    "lstm.n_layers": (1, 16),
    "lstm.projection_dim": (1, 2**14),
}
_LARGEST_CLIP = 3e38  # of a float32


@dataclass(frozen=True)
class BiLMOptions:
    """Sizes and switches of a biLM; the names are those of the public format.

    Attributes
    ----------
    filters : tuple of (width, n_filters)
        Convolutions over the characters of a word.
    n_highway : int
        Highway layers after them.
    activation : {"relu", "tanh"}
        Applied after the maximum over positions.
    char_dim : int
        Length of a character's vector.
    max_characters : int
        Ids a word is padded or cut to, its two boundary marks included.
    dim : int
        Cells of an LSTM.
    projection_dim : int
        Length of an LSTM's output: half of a token's vector.
    n_layers : int
        LSTM layers in each direction.
    cell_clip : float or None
        The cell state is kept within plus and minus this; None: unbounded.
    proj_clip : float or None
        The same of the projection.
    use_skip_connections : bool
        Add its input to the output of every LSTM layer after the first.
    """

    filters: tuple[tuple[int, int], ...]
    n_highway: int
    activation: str
    char_dim: int
    max_characters: int
    dim: int
    projection_dim: int
    n_layers: int
    cell_clip: float | None
    proj_clip: float | None
    use_skip_connections: bool

    @property
    def n_filters(self) -> int:
        """Numbers that the convolutions make of a word."""
        return sum(n for _, n in self.filters)

    @property
    def architecture(self) -> str:
        """The field's short name, as `2x4096_512`."""
        return f"{self.n_layers}x{self.dim}_{self.projection_dim}"

    @classmethod
    def parse(cls, text: bytes | str, where: str) -> "BiLMOptions":
        """Read the text of an `options.json`.

        Entries that no encoder needs are passed over. Where `n_highway` is lacking there are no highway layers, where
        `use_skip_connections` is there are none, and a clip that is lacking, null or 0 bounds nothing.

        Parameters
        ----------
        text : bytes or str
            JSON in the layout of bilm-tf and AllenNLP.
        where : str
            The file's name in errors.

        Raises
        ------
        EncoderError
            If it is not JSON, lacks an entry, or an entry is of the wrong kind or out of bounds.

        Examples
        --------
        >>> options = BiLMOptions.parse(
        ...     '''{
        ...     "lstm": {"dim": 4096, "projection_dim": 512, "n_layers": 2, "cell_clip": 3, "proj_clip": 3},
        ...     "char_cnn": {"activation": "relu", "embedding": {"dim": 16}, "filters": [[1, 32], [2, 64]],
        ...                  "max_characters_per_token": 50, "n_highway": 2}
        ...     }''',
        ...     where="options.json",
        ... )
        >>> options.architecture, options.n_filters, options.use_skip_connections
        ('2x4096_512', 96, False)
        """
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:  # ValueError: also bytes that are no text, numbers too long
            raise EncoderError(
                messages.NOT_JSON, where=where, error=error, expected="the options of an ELMo"
            ) from error
        reader = _Reader(value, where)
        activation = reader.entry("char_cnn.activation", str)
        if activation not in ("relu", "tanh"):
            raise reader.invalid("char_cnn.activation", activation, "'relu' or 'tanh'")
        n_characters = reader.entry("char_cnn.n_characters", int, default=262)
        if n_characters not in (261, 262):
            raise reader.invalid("char_cnn.n_characters", n_characters, "261 or 262")
        return cls(
            filters=reader.filters(),
            n_highway=reader.count("char_cnn.n_highway", default=0),
            activation=activation,
            char_dim=reader.count("char_cnn.embedding.dim"),
            max_characters=reader.count("char_cnn.max_characters_per_token"),
            dim=reader.count("lstm.dim"),
            projection_dim=reader.count("lstm.projection_dim"),
            n_layers=reader.count("lstm.n_layers"),
            cell_clip=reader.clip("lstm.cell_clip"),
            proj_clip=reader.clip("lstm.proj_clip"),
            use_skip_connections=reader.entry("lstm.use_skip_connections", bool, default=False),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the options in the public format's layout, which `parse` reads: nested dicts, as JSON has them."""
        return {
            "lstm": {
                "dim": self.dim,
                "projection_dim": self.projection_dim,
                "n_layers": self.n_layers,
                "cell_clip": self.cell_clip,
                "proj_clip": self.proj_clip,
                "use_skip_connections": self.use_skip_connections,
            },
            "char_cnn": {
                "activation": self.activation,
                "embedding": {"dim": self.char_dim},
                "filters": [list(pair) for pair in self.filters],
                "max_characters_per_token": self.max_characters,
                "n_characters": 262,
                "n_highway": self.n_highway,
            },
        }


_MISSING: Any = object()


class _Reader:
    def __init__(self, value: Any, where: str):
        self.value, self.where = value, where

    def entry(self, name: str, kind: type, default: Any = _MISSING) -> Any:
        found = self.value
        for key in name.split("."):
            found = found.get(key, _MISSING) if isinstance(found, dict) else _MISSING
        if found is _MISSING:
            if default is not _MISSING:
                return default
            raise EncoderError(messages.LACKS, where=self.where, name=name)
        # bool is an int to Python, but a model with `true` cells is a mistake.
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise self.invalid(name, found, kind.__name__)
        return found

    def invalid(self, name: str, found: object, expected: str) -> EncoderError:
        where = self.where
        return EncoderError(messages.INVALID_ENTRY, where=where, name=name, found=show(found), expected=expected)

    def count(self, name: str, default: Any = _MISSING) -> int:
        found: int = self.entry(name, int, default)
        lowest, highest = _BOUNDS[name]
        if not lowest <= found <= highest:
            raise self.invalid(name, found, f"{lowest} to {highest}")
        return found

    def clip(self, name: str) -> float | None:
        found = self.entry(name, object, default=None)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= _LARGEST_CLIP:
            raise self.invalid(name, found, "a number from 0 or null")
        return float(found) or None

    def filters(self) -> tuple[tuple[int, int], ...]:
        found = self.entry("char_cnn.filters", list)
        longest = self.count("char_cnn.max_characters_per_token")
        for pair in found:
            numbers = isinstance(pair, list) and len(pair) == 2 and all(type(n) is int for n in pair)
            if not numbers or not (1 <= pair[0] <= longest and 1 <= pair[1] <= 2**16):
                expected = f"[width up to {longest}, number of filters up to {2**16}]"
                raise self.invalid("an entry of char_cnn.filters", pair, expected)
        if not found or len(found) > 64:
            raise self.invalid("the number of char_cnn.filters", len(found), "1 to 64")
        return tuple((width, n) for width, n in found)
