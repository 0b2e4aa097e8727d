"""Use a split as a `tf.data.Dataset`: the batches of `PaddedBatches`, prefetched."""

import copy
import itertools
from collections.abc import Iterator
from typing import Any

from cache.adapters.keras import PaddedBatches
from cache.runtime.quiet import quiet_import

with quiet_import():
    import tensorflow as tf

__all__ = ["dataset"]


def dataset(batches: PaddedBatches) -> tf.data.Dataset:
    """Return a data set of whole batches, which are prefetched while earlier batches are in use.

    The first pass over the data set is epoch 0 of `batches`, and each further pass is the next epoch. If `batches` is
    shuffled, every epoch has another order, and a new data set has the same orders. The epoch of `batches` itself does
    not change.

    Parameters
    ----------
    batches : PaddedBatches
        The batches. With `trim=True` they differ in length, which `fit` accepts from a data set.

    Returns
    -------
    tf.data.Dataset
        A data set with known cardinality. In its `element_spec`, the number of documents is None, and with `trim` so is
        the length.

    Raises
    ------
    tf.errors.UnknownError
        If a file of the cache turns out to be missing or damaged during iteration; it quotes the `CorruptFileError`.

    Examples
    --------
    >>> from elmo_cache import FeatureCache
    >>> train = FeatureCache("imdb.elmo")["train"]
    >>> training = dataset(PaddedBatches({"features": train}, batch_size=4, shuffle=True, trim=True))
    >>> len(training), training.element_spec[0]["features"]
    (2, TensorSpec(shape=(None, None, 256), dtype=tf.float16, name=None))
    """
    epochs = itertools.count()

    def one_epoch() -> Iterator[tuple[Any, ...]]:
        feed = copy.copy(batches)  # with an order of its own: passes may overlap
        feed.begin_epoch(next(epochs))
        return (feed[i] for i in range(len(feed)))

    whole_batches = tf.data.Dataset.from_generator(one_epoch, output_signature=_element_spec(batches))
    return whole_batches.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(tf.data.AUTOTUNE)


def _element_spec(batches: PaddedBatches) -> tuple[Any, ...]:
    shape = (None, None if batches.trim else batches.window)
    specs = {name: tf.TensorSpec((*shape, split.dim), batches.dtype) for name, split in batches.splits.items()}
    if batches.token_ids:
        specs["token_ids"] = tf.TensorSpec(shape, tf.int32)
    if batches.masks:
        specs["mask"] = tf.TensorSpec(shape, tf.bool)
    inputs = specs["features"] if batches.is_array else specs
    if batches.has_tags:
        return inputs, tf.TensorSpec(shape, tf.int32), tf.TensorSpec(shape, tf.float32)
    return (inputs,) if batches.labels is None else (inputs, tf.TensorSpec((None,), batches.labels.dtype))
