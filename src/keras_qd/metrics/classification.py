"""How often a classifier is right, and what it takes for what."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError
from keras_qd.metrics import arrays
from keras_qd.metrics.measure import NO_CONTEXT, Array, Context
from keras_qd.metrics.sample_mean import SampleMean


@keras.saving.register_keras_serializable(package="keras_qd")
class Accuracy(SampleMean):
    """Fraction of samples whose class is predicted.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Notes
    -----
    Scores of shape (n, classes) stand for the class with the largest one, the first of equals. One
    number per sample is a class; as a prediction for the classes 0 and 1 it may be a probability,
    and is rounded. References may be classes or one-hot vectors.

    Examples
    --------
    >>> Accuracy().over_set([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    0.6666666666666666
    """

    default_name = "accuracy"
    title = "Accuracy"
    unit = ""
    higher_is_better = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the samples of a batch.

        Parameters
        ----------
        y_true, y_pred : tensor or array_like, shape (batch,), (batch, 1) or (batch, classes)
            The exact and the predicted classes or scores.
        sample_weight : tensor or array_like, shape (batch,), optional
            One weight per sample.

        Raises
        ------
        DataError
            If the shapes do not fit.
        """
        exact, predicted = (_tensor_classes(y, self.dtype) for y in (y_true, y_pred))
        super().update_state(exact, predicted, sample_weight)

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return 1 for every sample of a batch that is right and 0 for others, shape (batch,)."""
        return ops.cast(ops.equal(y_true, y_pred), self.dtype)

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return 1 for every sample that is right and 0 for others, shape (n, 1); see `Measure`."""
        pair = arrays.check_pair(_array_classes(reference), _array_classes(prediction))
        return np.asarray(np.equal(*pair), dtype=np.float64)[:, None]


def confusion_matrix(
    reference: ArrayLike, prediction: ArrayLike, n_classes: int | None = None
) -> NDArray[np.int64]:
    """Return how many samples of each class were taken for which.

    Parameters
    ----------
    reference, prediction : array_like, shape (n,), (n, 1) or (n, classes)
        Classes or scores, as for `Accuracy`.
    n_classes : int, optional
        Number of classes; the largest class that occurs decides by default.

    Returns
    -------
    ndarray of int, shape (n_classes, n_classes)
        Rows are the exact classes and columns the predicted ones.

    Raises
    ------
    DataError
        If the shapes differ, or a class is negative or not below `n_classes`.

    Examples
    --------
    >>> confusion_matrix([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    array([[1, 0],
           [1, 1]])
    """
    pair = arrays.check_pair(_array_classes(reference), _array_classes(prediction))
    found = int(max((x.max() for x in pair if x.size), default=-1)) + 1
    size = found if n_classes is None else n_classes
    if found > size or any((x < 0).any() for x in pair):
        raise DataError(f"classes must lie from 0 to {size - 1}, but there are others")
    counts = np.bincount(pair[0] * size + pair[1], minlength=size * size)
    return counts.reshape(size, size)


def _array_classes(values: ArrayLike) -> NDArray[np.int64]:
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] > 1:
        return np.asarray(values.argmax(axis=1), dtype=np.int64)
    if values.ndim not in (1, 2):
        raise DataError(f"classes have shape (n,) or (n, classes), but got {values.shape}")
    return np.asarray(np.rint(values.reshape(len(values))), dtype=np.int64)


def _tensor_classes(values: Any, dtype: str) -> Any:
    values = ops.convert_to_tensor(values)
    if len(values.shape) not in (1, 2):
        raise DataError(f"classes have shape (n,) or (n, classes), but got {tuple(values.shape)}")
    if len(values.shape) == 2 and values.shape[1] > 1:
        return ops.cast(ops.argmax(values, axis=1), dtype)
    return ops.reshape(ops.round(ops.cast(values, dtype)), (-1,))
