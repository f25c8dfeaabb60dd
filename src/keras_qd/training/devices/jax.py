"""Several devices on JAX: every batch is divided among them, but processed as a whole.

Batch normalisation covers the whole batch, so the result equals that of one device.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import jax
import keras

from keras_qd.training.devices import Group, refuse


class DividedArrays(Group):
    """Devices among which JAX divides arrays, evenly."""

    def whole_shares(self, n_samples: int) -> int:
        """Return the largest multiple of the number of devices up to this number of samples."""
        return n_samples - n_samples % self.n_devices


def claim(n_devices: int) -> None:
    """Divide the CPU into so many parts."""
    with suppress(RuntimeError):  # too late: JAX counts its devices once
        jax.config.update("jax_num_cpu_devices", n_devices)


@contextmanager
def several(n_devices: int, run: Any, dataset: Any) -> Iterator[Group]:
    """Let Keras divide batches among the first accelerators, or parts of the CPU."""
    found = keras.distribution.list_devices()
    if len(found) < n_devices:
        flag = f"--xla_force_host_platform_device_count={n_devices}"
        raise refuse(n_devices, len(found), f"on a CPU alone, set XLA_FLAGS={flag}")
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(devices=found[:n_devices], auto_shard_dataset=False)
    )
    try:
        yield DividedArrays(n_devices)
    finally:
        keras.distribution.set_distribution(before)
