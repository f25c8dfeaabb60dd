"""Accuracy, cross-entropy and confusion matrix of classifiers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError
from keras_qd.metrics.base import NO_CONTEXT, Array, Context, FieldMetric, check_shapes

#: The smallest probability that counts, as in Keras: zero would make the value infinite.
LEAST = 1e-7


@keras.saving.register_keras_serializable(package="keras_qd")
class Accuracy(FieldMetric):
    """Fraction of samples whose class is predicted.

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
    typical = False
    unit = ""
    higher_is_better = True
    suits = ("classes",)

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return 1 for every sample that is right and 0 for others; see `FieldMetric`."""
        return xp.where(y == p, xp.ones_like(y), xp.zeros_like(y))[:, 0]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the samples of a batch; see `FieldMetric`."""
        y, p = (_classes(ops, ops.convert_to_tensor(each)) for each in (y_true, y_pred))
        super().update_state(y, p, sample_weight)

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return 1 for every sample that is right and 0 for others; see `FieldMetric`."""
        y, p = (_classes(np, np.asarray(each)) for each in (reference, prediction))
        return super().terms(y, p, context)


@keras.saving.register_keras_serializable(package="keras_qd")
class CrossEntropy(FieldMetric):
    r"""Mean of :math:`-\ln p` [1]_, p the probability that was given to the right class, in nats.

    Notes
    -----
    References are classes or one-hot vectors. Probabilities count as at least 1e-7. A prediction
    that predicts only the frequencies of the classes has the entropy of the classes.

    References
    ----------
    .. [1] I. J. Good, "Rational decisions", J. R. Stat. Soc. B 14, 107 (1952),
       https://doi.org/10.1111/j.2517-6161.1952.tb00104.x

    Examples
    --------
    >>> round(CrossEntropy().over_set([0, 1], [[0.5, 0.5], [0.0, 1.0]]), 6)
    0.346574
    """

    default_name = "cross-entropy"
    title = "Cross-entropy"
    unit = ""
    suits = ("classes",)

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the cross-entropy of every sample; see `FieldMetric`."""
        return -xp.sum(y * xp.log(xp.maximum(p, LEAST)), axis=1)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the samples of a batch; see `FieldMetric`."""
        y, p = (ops.convert_to_tensor(each) for each in (y_true, y_pred))
        super().update_state(_one_hot(ops, y, p), p, sample_weight)

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return the cross-entropy of every sample; see `FieldMetric`."""
        y, p = np.asarray(reference), np.asarray(prediction)
        return super().terms(_one_hot(np, y, p), p, context)


def confusion_matrix(
    reference: ArrayLike, prediction: ArrayLike, n_classes: int | None = None
) -> NDArray[np.int64]:
    """Count how many samples of each class were predicted as which.

    Parameters
    ----------
    reference, prediction : array_like, shape (n,), (n, 1) or (n, classes)
        Classes or scores, as for `Accuracy`.
    n_classes : int, optional
        Number of classes; by default one more than the largest class that occurs.

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
    exact, predicted = (_classes(np, np.asarray(each)) for each in (reference, prediction))
    check_shapes(exact.shape, predicted.shape)
    exact, predicted = (each.astype(np.int64) for each in (exact, predicted))
    found = max(exact.max(initial=-1), predicted.max(initial=-1)) + 1
    size = int(found) if n_classes is None else n_classes
    if found > size or min(exact.min(initial=0), predicted.min(initial=0)) < 0:
        raise DataError(f"classes must lie from 0 to {size - 1}, but there are others")
    counts = np.bincount(exact * size + predicted, minlength=size * size)
    return counts.reshape(size, size)


def _classes(xp: Any, values: Any) -> Any:
    """Return the class of every sample, shape (n,)."""
    shape = tuple(values.shape)
    if len(shape) not in (1, 2):
        raise DataError(f"classes have shape (n,) or (n, classes), got {shape}")
    if len(shape) == 2 and shape[1] > 1:
        return xp.argmax(values, axis=1)
    return xp.round(xp.reshape(values, (-1,)))


def _one_hot(xp: Any, y: Any, p: Any) -> Any:
    """Return the exact classes as one-hot vectors, or raise a DataError if the shapes differ."""
    exact, predicted = tuple(y.shape), tuple(p.shape)
    matches = len(predicted) == 2 and len(exact) in (1, 2) and exact[0] == predicted[0]
    if not matches or (len(exact) == 2 and exact[1] not in (1, predicted[1])):
        raise DataError(
            f"exact classes of shape {exact} do not match probabilities of shape {predicted}; "
            "expected (n,) or (n, classes), and (n, classes)"
        )
    if exact[1:] not in ((), (1,)):
        return y
    hit = xp.equal(xp.round(xp.reshape(y, (-1, 1))), xp.arange(predicted[1]))
    return xp.where(hit, 1.0, 0.0)
