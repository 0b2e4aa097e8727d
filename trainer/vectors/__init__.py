"""Static word vectors: where they come from, and the vectors of a cache's vocabulary."""

from trainer.vectors.static import PADDING, StaticVectors, load_static_vectors, source_size

__all__ = ["PADDING", "StaticVectors", "load_static_vectors", "source_size"]
