"""What another process is told of an encoder: where it lies, and that it must be the one that the driver loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cache.hashing import fingerprint
from elmo_cache import messages
from elmo_cache.encoders.devices import check_precision
from elmo_cache.encoders.protocol import Encoder, encoder_json, layers_of
from elmo_cache.errors import EncoderError

__all__ = ["EncoderSpec", "encoder_fingerprint"]


def encoder_fingerprint(encoder: Encoder) -> str:
    """Return the SHA-256 of all that decides an encoder's vectors: its description and its layers."""
    return fingerprint({"encoder": encoder_json(encoder), "layers": layers_of(encoder).to_json()})


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder, for other processes to load.

    Attributes
    ----------
    source : callable
        Loads it, in any folder; its `source`. For those of `load_encoder` an `EncoderSource`.
    fingerprint : str
        `encoder_fingerprint` of the one that the driver has.
    """

    source: Callable[[], Encoder]
    fingerprint: str

    @classmethod
    def of(cls, encoder: Encoder) -> "EncoderSpec":
        """Return the spec of an encoder.

        Raises
        ------
        EncoderError
            If it has no `source`.
        """
        source = getattr(encoder, "source", None)
        if source is None:
            raise EncoderError(messages.NOT_FOR_WORKERS, name=encoder.name)
        return cls(source, encoder_fingerprint(encoder))

    def load(self) -> Encoder:
        """Load the encoder, or return the one that this process loaded last if it is of an equal spec.

        Raises
        ------
        EncoderError
            If it cannot be loaded, is another one than the driver's, or its device here does not have its precision.
        """
        return _load(self)


@lru_cache(maxsize=1)
def _load(spec: EncoderSpec) -> Encoder:
    encoder = spec.source()
    if encoder_fingerprint(encoder) != spec.fingerprint:
        raise EncoderError(messages.OTHER_ENCODER, name=encoder.name)
    check_precision(encoder)
    return encoder
