"""What `build` asks of an encoder."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from cache import Layers
from elmo_cache import messages
from elmo_cache.errors import EncoderError

__all__ = ["Encoder", "encoder_json", "layers_of"]


@runtime_checkable
class Encoder(Protocol):
    """A model that turns documents into per-token vectors; anything of this shape can fill a cache.

    The vectors of a document must not depend on the documents beside it or before it. Besides what is listed here an
    encoder may have

    * `layers` (`cache.Layers`), if it stores more than one vector a token: `dim` is then `layers.n_columns`;
    * `tokenizer` (str), the name of the tokeniser that fits it best, a build's default;
    * `computation` (dict) and `use_computation(computation)`, for choices that touch rounding and must not change
      within a cache: those of the first build are handed back to later ones;
    * `begin(documents, progress=None)`, which begins to encode and returns a function. That one is called once, perhaps
      by another thread; it waits for the vectors and returns them as one array `(n_tokens, dim)`, all documents end to
      end, and whether they are known to be finite float16 numbers. A build then begins shards before it has the rows of
      earlier ones, and reads rows while later ones are made: each array is a new one, which the encoder does not keep
      or write to again; one that comes twice ends the build. Rows in float16 are stored as they are;
    * `device` (`elmo_cache.encoders.devices.Device`) and `precision` (str), which commands name;
    * `source`, a callable that other processes can unpickle and that loads the encoder there: builds with workers need
      it. It is hashable, and equal to another that loads the same; what it loads must have the same description.

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
        name = f"The description of {encoder.name}"
        raise EncoderError(messages.NO_JSON_FORM, name=name, error=error) from error
    return description
