"""Encoders: what a build asks of one, and the ways to get one."""

from elmo_cache.encoders.loading import (
    DEFAULT_ENCODER,
    ENGINES,
    EmbeddedEncoder,
    EncoderSource,
    embedded_encoders,
    load_encoder,
    resolve_name,
)
from elmo_cache.encoders.protocol import Encoder, encoder_json, layers_of

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
    "resolve_name",
]
