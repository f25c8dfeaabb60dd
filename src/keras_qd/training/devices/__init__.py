"""Training on several devices at once: each processes an equal share of every batch.

Every backend has a module here with two functions: ``claim(n)``, before the backend counts its
devices, and ``several(n, run, dataset)``, a context manager in which a model is built and trained.
It yields a :class:`Group`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import keras

from keras_qd.errors import UsageError
from keras_qd.training.batches import Batches

if TYPE_CHECKING:
    from keras_qd.data.dataset import Dataset
    from keras_qd.training.run import Run


@dataclass(frozen=True)
class Group:
    """The devices of a training, where the backend itself divides the batches among them."""

    n_devices: int = 1

    def share(self, batches: Batches) -> Any:
        """Return the training batches for this process: here all."""
        return batches

    def whole_shares(self, n_samples: int) -> int:
        """Return the largest number of these samples that the devices can share evenly."""
        return n_samples

    def prepare(self, model: keras.Model) -> list[keras.callbacks.Callback]:
        """Prepare a built model, and return the callbacks to run before all others."""
        return []

    def conclude(self) -> list[keras.callbacks.Callback]:
        """Return the callbacks to run after all others."""
        return []


def check_devices(n_devices: int, batch_size: int) -> None:
    """Raise unless every device gets an equal share of a batch."""
    if isinstance(n_devices, bool) or not isinstance(n_devices, int) or n_devices < 1:
        raise UsageError(f"devices must be a positive whole number, got {n_devices!r}")
    if batch_size % n_devices:
        raise UsageError(
            f"batches of {batch_size} cannot be shared by {n_devices} devices; "
            f"give a multiple of {n_devices} as batch size"
        )


def refuse(n_devices: int, found: int, remedy: str) -> UsageError:
    """Return the error for too few devices."""
    return UsageError(
        f"{n_devices} devices were requested, {keras.config.backend()} has {found}; {remedy}"
    )


def claim_devices(n_devices: int) -> None:
    """Claim so many devices before anything is computed: most backends count them once."""
    if n_devices > 1:
        _backend().claim(n_devices)


def _backend() -> Any:
    return import_module(f"keras_qd.training.devices.{keras.config.backend()}")


@contextmanager
def on_devices(n_devices: int, run: Run, dataset: Dataset) -> Iterator[Group]:
    """Train the model built in this context on so many devices; raise if there are fewer."""
    if n_devices == 1:
        yield Group()
        return
    claim_devices(n_devices)
    with _backend().several(n_devices, run, dataset) as group:
        yield group
