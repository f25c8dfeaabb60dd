"""Callbacks that a run can be given by name, which it remembers when it is resumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import keras

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.training.evolution import Evolution, can_be_watched

if TYPE_CHECKING:
    from keras_qd.training.run import Run

History = Mapping[str, list[float]]

#: Name -> what it does.
CALLBACKS = {
    "evolution": "keep what the model predicts for some validation systems, epoch by epoch",
    "mlflow": "log to MLflow (needs keras-qd[mlflow])",
    "tensorboard": "write event files for TensorBoard",
}


def check_callbacks(names: Sequence[str]) -> None:
    """Check that there are callbacks of these names, with what they need.

    Raises
    ------
    UnknownNameError
        If there is no such callback.
    UsageError
        If a package is missing.
    """
    for name in names:
        if name not in CALLBACKS:
            raise UnknownNameError("callback", name, CALLBACKS)
    if "mlflow" in names and find_spec("mlflow") is None:
        raise UsageError(
            "the callback 'mlflow' needs MLflow, which is not installed; install it with: "
            'pip install "keras-qd[mlflow]"'
        )


def build_callbacks(
    names: Sequence[str], run: Run, validation: Mapping[str, Any], history: History
) -> Iterator[keras.callbacks.Callback]:
    """Yield the callbacks of these names, which may come before the checkpoint is written.

    Parameters
    ----------
    names : sequence of str
        As :func:`check_callbacks` takes them.
    run : Run
        What is trained.
    validation : mapping of str to array
        The validation split, in physical units.
    history : mapping of str to list of float
        The values of the epochs before.
    """
    if "evolution" in names and can_be_watched(
        run.pipeline(), len(next(iter(validation.values())))
    ):
        yield Evolution(run, validation)
    if "tensorboard" in names:
        from keras_qd.training.tensorboard import TensorBoard

        yield TensorBoard(run, history)
    if "mlflow" in names:
        from keras_qd.training.mlflow import MLflow

        yield MLflow(run, history)
