"""Training on several devices at once: each takes an equal share of every batch.

Every backend has a module of its own here, with one function, ``several(n, run, dataset)``: a
context manager in which a model is built and trained, that yields a :class:`Group`.
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
    """The devices of a training, where the backend itself divides the batches among them.

    Parameters
    ----------
    n_devices : int
        How many there are.
    """

    n_devices: int = 1

    def share(self, batches: Batches) -> Any:
        """Return what this process takes of the training batches: here all."""
        return batches

    def whole_shares(self, n_samples: int) -> int:
        """Return how many of so many samples can be divided evenly among the devices."""
        return n_samples

    def prepare(self, model: keras.Model) -> list[keras.callbacks.Callback]:
        """Make a built model ready, and return the callbacks that go before all others."""
        return []

    def conclude(self) -> list[keras.callbacks.Callback]:
        """Return the callbacks that go after all others."""
        return []


def check_devices(n_devices: int, batch_size: int) -> None:
    """Raise unless every device gets an equal share of a batch.

    Raises
    ------
    UsageError
        If there is no such number of devices, or it does not divide the batch.
    """
    if isinstance(n_devices, bool) or not isinstance(n_devices, int) or n_devices < 1:
        raise UsageError(f"devices must be a whole number from 1 on, got {n_devices!r}")
    if batch_size % n_devices:
        raise UsageError(
            f"batches of {batch_size} cannot be shared by {n_devices} devices; "
            f"give a multiple of {n_devices} as batch size"
        )


def refuse(n_devices: int, found: int, remedy: str) -> UsageError:
    """Return the error that there are too few devices."""
    return UsageError(
        f"{n_devices} devices were asked for, {keras.config.backend()} sees {found}; {remedy}"
    )


@contextmanager
def on_devices(n_devices: int, run: Run, dataset: Dataset) -> Iterator[Group]:
    """Build and train a model in here for it to run on so many devices.

    Parameters
    ----------
    n_devices : int
        With one, nothing is done.
    run : Run
        What is trained.
    dataset : Dataset
        What it is trained on.

    Yields
    ------
    Group

    Raises
    ------
    UsageError
        If there are not so many devices.
    """
    if n_devices == 1:
        yield Group()
        return
    backend = import_module(f"keras_qd.training.devices.{keras.config.backend()}")
    with backend.several(n_devices, run, dataset) as group:
        yield group
