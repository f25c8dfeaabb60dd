"""Several devices on TensorFlow: a replica of the model on each, synchronised by MirroredStrategy.

Batch normalisation covers each replica's share of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import tensorflow as tf

from keras_qd.training.devices import Group, refuse


def claim(n_devices: int) -> None:
    """Divide the CPU into so many parts, unless there is a GPU."""
    if not tf.config.list_physical_devices("GPU"):
        cpu = tf.config.list_physical_devices("CPU")[0]
        part = tf.config.LogicalDeviceConfiguration()
        with suppress(RuntimeError):  # too late: TensorFlow counts its devices once
            tf.config.set_logical_device_configuration(cpu, [part] * n_devices)


@contextmanager
def several(n_devices: int, run: Any, dataset: Any) -> Iterator[Group]:
    """Mirror all variables on the first accelerators, or on parts of the CPU."""
    names = _names("GPU") or _names("CPU")
    if len(names) < n_devices:
        remedy = "request that many before TensorFlow computes anything else"
        raise refuse(n_devices, len(names), remedy)
    with tf.distribute.MirroredStrategy(names[:n_devices]).scope():
        yield Group(n_devices)


def _names(kind: str) -> list[str]:
    return [device.name for device in tf.config.list_logical_devices(kind)]
