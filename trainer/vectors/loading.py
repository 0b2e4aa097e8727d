"""Static vectors for a cache, as the commands load them."""

from cache import FeatureCache
from cache.runtime.progress import progress_bar
from trainer.vectors.static import StaticVectors, load_static_vectors, source_size

__all__ = ["load_vectors"]


def load_vectors(source: str, features: FeatureCache) -> StaticVectors:
    """Load the static vectors of a cache's vocabulary, with a progress bar by bytes.

    Raises
    ------
    VectorsError
        As `load_static_vectors`.
    """
    total = source_size(source)
    with progress_bar(total or 0, "static vectors", "B", show=bool(total)) as bar:
        return load_static_vectors(source, features.vocabulary, progress=bar.update)
