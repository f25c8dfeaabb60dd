"""Batches in the form in which the running backend trains on them without waiting."""

from __future__ import annotations

from typing import Any

import keras


def feed(batches: keras.utils.PyDataset) -> Any:
    """Return batches as ``fit`` should be given them.

    On TensorFlow they become a ``tf.data.Dataset`` that is not tuned as it runs. Keras leaves that
    tuning on, and the thread that does it may miss that an epoch has ended: then training waits
    until it wakes, which takes up to as long as the epoch has taken. Other backends take the
    batches as they are.

    Parameters
    ----------
    batches : keras.utils.PyDataset
        Of known length, each batch a tuple of arrays, such as
        :class:`~keras_qd.datasets.Batches`.

    Returns
    -------
    keras.utils.PyDataset or tf.data.Dataset
        The same batches in the same order.

    Examples
    --------
    >>> import numpy as np
    >>> from keras_qd.datasets import Batches
    >>> batches = Batches(np.zeros((6, 2)), np.zeros((6, 1)), batch_size=2, shuffle=True)
    >>> len(feed(batches))
    3
    """
    return _untuned(batches) if keras.config.backend() == "tensorflow" else batches


def _untuned(batches: keras.utils.PyDataset) -> Any:
    import tensorflow as tf

    signature = [tf.TensorSpec((None, *each.shape[1:]), each.dtype) for each in batches[0]]

    def fetch(index: Any) -> tuple[Any, ...]:
        # Fed from a generator, a step takes a tenth longer: its memory is given back every time.
        found = tf.numpy_function(
            lambda number: batches[int(number)], [index], [each.dtype for each in signature]
        )
        return tuple(
            tf.ensure_shape(each, spec.shape) for each, spec in zip(found, signature, strict=True)
        )

    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.range(len(batches)).map(fetch).prefetch(1).with_options(options)
