"""The experiment: small classifiers on cached ELMo vectors and static word vectors, over and over.

`elmo-train trials` runs it, and `run_trials` from Python. It knows the files that `cache` defines, and nothing of how
the vectors were made.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.python import Trials, run_trials
    from trainer.vectors import StaticVectors, load_static_vectors

__all__ = ["StaticVectors", "Trials", "load_static_vectors", "run_trials"]


def __getattr__(name: str) -> Any:
    """Import what is asked for: the command begins before anything slow is loaded."""
    if name in __all__:
        from trainer import python  # which has them all

        return getattr(python, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
