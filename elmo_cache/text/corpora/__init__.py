"""Where documents come from: IMDB's three corpora, the user's own files, and objects that Python holds."""

from elmo_cache.text.corpora.base import Corpus, Document, order_labels
from elmo_cache.text.corpora.catalog import CorpusOptions, corpus_of, open_corpus

__all__ = ["Corpus", "CorpusOptions", "Document", "corpus_of", "open_corpus", "order_labels"]
