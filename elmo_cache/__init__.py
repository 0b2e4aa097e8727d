"""Extraction: text in, a cache of per-token ELMo vectors out.

`build` does it all. What it reads is a `Corpus`, which `open_corpus` makes of a name or a file; what makes the vectors
is an `Encoder`, which `load_encoder` makes of a name or a folder; a `TextRule` says how text becomes tokens.
What reads the result, `FeatureCache` and `Split`, is that of `cache`, as are the `adapters`.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cache import FeatureCache, Split
    from elmo_cache.encoders import Encoder, load_encoder
    from elmo_cache.errors import CorpusError, EncoderError
    from elmo_cache.extraction.building import build
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

_PLACES = {
    "Corpus": "elmo_cache.text.corpora",
    "CorpusError": "elmo_cache.errors",
    "Document": "elmo_cache.text.corpora",
    "Encoder": "elmo_cache.encoders",
    "EncoderError": "elmo_cache.errors",
    "FeatureCache": "cache",
    "Split": "cache",
    "TextRule": "elmo_cache.text.rule",
    "build": "elmo_cache.extraction.building",
    "load_encoder": "elmo_cache.encoders",
    "open_corpus": "elmo_cache.text.corpora",
}


def _check_store() -> None:
    """Raise `ImportError` if `import cache` finds something else: a file or folder of the user's that is called so."""
    found = find_spec("cache")
    origin = None if found is None else found.origin or next(iter(found.submodule_search_locations or ()), None)
    if origin is None or Path(origin).resolve().parent != Path(__file__).resolve().parents[1] / "cache":
        raise ImportError(
            f"`import cache` finds {origin}, not the package of elmo-cache: rename it, or run Python in another folder"
        )


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for: the command begins with none of it."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _check_store()
    globals()[name] = found = getattr(import_module(_PLACES[name]), name)
    return found


def __dir__() -> list[str]:
    return [*globals(), *(name for name in __all__ if name not in globals())]
