"""Extraction: text in, a cache of per-token ELMo vectors out.

>>> from elmo_cache import build, load_encoder
>>> load_encoder("imdb-v1").dim
256
"""

from elmo_cache.corpora import Corpus, Document, open_corpus
from elmo_cache.encoders import Encoder, load_encoder
from elmo_cache.errors import CorpusError, EncoderError
from elmo_cache.extraction import build
from elmo_cache.ingestion import TextRule

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
