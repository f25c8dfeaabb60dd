"""Batches that TensorFlow divides among several devices, put together for what is no plain sum."""

from __future__ import annotations

from typing import Any

import keras

#: How a metric's variables read when every replica counts the whole batch: as one of them has it.
COUNTED_BY_ALL = "only_first_replica"


def whole_batch(*parts: Any) -> tuple[Any, ...]:
    """Return tensors of the whole batch, where this replica has a part of it.

    Parameters
    ----------
    *parts : tensor, shape (part of the batch, ...)
        What this replica has. On one device, and on JAX and torch, that is all that is counted.

    Returns
    -------
    tuple of tensor, shape (batch, ...)
        The same on every replica.
    """
    if keras.config.backend() != "tensorflow":
        return parts
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return parts
    gathered = [context.all_gather(part, axis=0) for part in parts]
    return tuple(
        tf.ensure_shape(whole, (None, *part.shape[1:]))  # gathering forgets it
        for whole, part in zip(gathered, parts, strict=True)
    )
