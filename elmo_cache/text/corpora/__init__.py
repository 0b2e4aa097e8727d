"""Where documents come from: three IMDB corpora and the user's own files."""

from elmo_cache.text.corpora.base import Corpus, Document, order_labels
from elmo_cache.text.corpora.catalog import open_corpus

__all__ = ["Corpus", "Document", "open_corpus", "order_labels"]
