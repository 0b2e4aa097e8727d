"""`cache.adapters.torch`."""

from cache.adapters.torch import NO_TAG, LengthBatchSampler, PaddedBatch, SplitDataset, packed, padded

__all__ = ["NO_TAG", "LengthBatchSampler", "PaddedBatch", "SplitDataset", "packed", "padded"]
