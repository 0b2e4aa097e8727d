"""Extraction: text in, a cache of per-token ELMo vectors out.

`build` does it all. What it reads is a `Corpus`, which `open_corpus` makes of a name or a file; what makes the vectors
is an `Encoder`, which `load_encoder` makes of a name or a folder; a `TextRule` says how text becomes tokens.
What reads the result, `FeatureCache` and `Split`, is that of `cache`.
"""

from cache import FeatureCache, Split
from elmo_cache.encoders import Encoder, load_encoder
from elmo_cache.errors import CorpusError, EncoderError
from elmo_cache.extraction.function import build
from elmo_cache.text.corpora import Corpus, Document, open_corpus
from elmo_cache.text.rule import TextRule

__version__ = "0.1.0"

__all__ = [
    "Corpus",
    "CorpusError",
    "Document",
    "Encoder",
    "EncoderError",
    "FeatureCache",
    "Split",
    "TextRule",
    "build",
    "load_encoder",
    "open_corpus",
]
