"""Extraction: text in, a cache of per-token ELMo vectors out.

`build` does it all. What it reads is a `Corpus`, which `open_corpus` makes of a name or a file; what makes the vectors
is an `Encoder`, which `load_encoder` makes of a name or a folder; a `TextRule` says how text becomes tokens.
"""

from elmo_cache.corpora import Corpus, Document, open_corpus
from elmo_cache.encoders import Encoder, load_encoder
from elmo_cache.errors import CorpusError, EncoderError
from elmo_cache.extraction import build
from elmo_cache.text_rule import TextRule

__all__ = [
    "Corpus",
    "CorpusError",
    "Document",
    "Encoder",
    "EncoderError",
    "TextRule",
    "build",
    "load_encoder",
    "open_corpus",
]
