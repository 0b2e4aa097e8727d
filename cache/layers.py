"""The datasets that a shard stores, and the views that readers can request."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cache import messages
from cache.errors import InvalidValueError

__all__ = ["Layers"]

_MAX_COLUMNS = 2**20
_LARGEST_WEIGHT = 1e30  # sums of float16 times it stay within float32
_NAME = re.compile(r"[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*")  # no path, which may lead into another file


@dataclass(frozen=True)
class Layers:
    """The datasets of a shard, and the views, which are weighted sums of datasets.

    Parameters
    ----------
    stored : Mapping[str, int]
        Number of columns of each dataset, by name. Every dataset has one float16 row per token.
    views : Mapping[str, Mapping[str, float]]
        Weights of the datasets in each view, by name. All views are as wide as the widest dataset. A narrower dataset
        is repeated side by side until it fits, so a layer with two equal halves needs to be stored only once.
    default : str
        The view that readers get by default.

    Raises
    ------
    ValueError
        If a view has no datasets or unknown ones, or if its width is not a multiple of each dataset's.

    Examples
    --------
    >>> layers = Layers({"layer_0": 2, "layer_1": 4}, {"mean": {"layer_0": 0.5, "layer_1": 0.5}}, "mean")
    >>> layers.dim
    4
    >>> layers.combine("mean", {"layer_0": np.ones((1, 2), "f2"), "layer_1": np.zeros((1, 4), "f2")})
    array([[0.5, 0.5, 0.5, 0.5]], dtype=float16)
    """

    stored: Mapping[str, int]
    views: Mapping[str, Mapping[str, float]]
    default: str

    def __post_init__(self) -> None:
        for name, n_columns in self.stored.items():
            if len(name) > 64 or not _NAME.fullmatch(name):
                expected = "'-', '_', '.'"
                raise InvalidValueError(
                    messages.NAME_INVALID, name="dataset name", found=name[:80], n=64, expected=expected
                )
            if not 0 < n_columns <= _MAX_COLUMNS:
                raise InvalidValueError(messages.COLUMNS_INVALID, name=name, found=n_columns, expected=_MAX_COLUMNS)
        if self.default not in self.views:
            raise InvalidValueError(messages.NO_DEFAULT_LAYER, name=self.default, found=list(self.views))
        for view, weights in self.views.items():
            if not weights or not all(name in self.stored for name in weights):
                raise InvalidValueError(
                    messages.LAYER_DATASETS, name=view, found=list(weights), expected=list(self.stored)
                )
            if not all(abs(weight) <= _LARGEST_WEIGHT for weight in weights.values()):
                raise InvalidValueError(messages.LAYER_WEIGHT, name=view, expected=_LARGEST_WEIGHT)
            if any(self.dim % self.stored[name] for name in weights):
                raise InvalidValueError(messages.LAYER_COLUMNS, name=view, found=self.dim)

    @classmethod
    def single(cls, dim: int, view: str = "features") -> "Layers":
        """Return the layout of a cache with one vector of length `dim` per token, and one view."""
        return cls({"features": dim}, {view: {"features": 1.0}}, view)

    @property
    def dim(self) -> int:
        """Length of a token's vector in every view: the number of columns of the widest dataset."""
        return max(self.stored.values())

    @property
    def n_columns(self) -> int:
        """Total number of columns in all datasets."""
        return sum(self.stored.values())

    def combine(self, view: str, parts: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the rows of a view. Sums are computed in float32 and rounded once.

        Parameters
        ----------
        view : str
            Name of a view.
        parts : Mapping[str, ndarray of float16, (n_tokens, n_columns)]
            The rows of its datasets.

        Returns
        -------
        ndarray of float16, (n_tokens, dim)
            The rows of the view. If the view is a single dataset with weight 1, this is the array in `parts` itself.
        """
        weights = self.views[view]
        dim = self.dim
        if len(weights) == 1:
            ((name, weight),) = weights.items()
            if weight == 1.0 and self.stored[name] == dim:
                return parts[name]
        total: np.ndarray | None = None
        for name, weight in weights.items():
            term = np.tile(parts[name], (1, dim // self.stored[name])).astype(np.float32)
            term *= np.float32(weight)
            total = term if total is None else np.add(total, term, out=total)
        assert total is not None
        return total.astype(np.float16)

    def split_columns(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Split rows `(n_tokens, n_columns)` into the stored datasets, in their order, without copying."""
        parts, start = {}, 0
        for name, width in self.stored.items():
            parts[name] = rows[:, start : start + width]
            start += width
        return parts

    def to_json(self) -> dict[str, Any]:
        """Return the layers as in the manifest."""
        return {
            "stored": [[name, int(dim)] for name, dim in self.stored.items()],
            # A weight 1 and a weight 1.0 are the same and must have the same fingerprint.
            "views": {
                view: {name: float(weight) for name, weight in weights.items()} for view, weights in self.views.items()
            },
            "default": self.default,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Layers":
        """Read layers from a manifest. Raise `ValueError`, `KeyError` or `TypeError` if they are invalid."""
        return cls(
            stored={str(name): int(dim) for name, dim in value["stored"]},
            views={
                str(view): {str(name): float(weight) for name, weight in weights.items()}
                for view, weights in value["views"].items()
            },
            default=str(value["default"]),
        )
