"""A corpus of short documents, and builds of it with the NumPy encoder."""

from pathlib import Path
from typing import Any

from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder

from cache import FeatureCache
from elmo_cache import build

SHARD_TOKENS = 60


def corpus(n_train: int = 40, n_test: int = 10, word: str = "word") -> MemoryCorpus:
    texts = [" ".join(f"{word}{(i * k) % 17}" for k in range(i % 13)) for i in range(n_train + n_test)]
    return MemoryCorpus(
        [("train" if i < n_train else "test", ("neg", "pos")[i % 2], text) for i, text in enumerate(texts)]
    )


def build_small(out: Path, **options: Any) -> FeatureCache:
    return build(
        options.pop("corpus", None) or corpus(),
        options.pop("encoder", None) or HashEncoder(),
        out,
        **{"shard_tokens": SHARD_TOKENS, **options},
    )
