"""How sure a classifier is of what is right."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError
from keras_qd.metrics.measure import NO_CONTEXT, Array, Context
from keras_qd.metrics.sample_mean import SampleMean

#: The smallest probability that counts: none makes the value infinite. The same as Keras'.
_LEAST = 1e-7


@keras.saving.register_keras_serializable(package="keras_qd")
class CrossEntropy(SampleMean):
    r"""Mean of :math:`-\ln p` [1]_, p the probability that was given to the right class, in nats.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Notes
    -----
    Probabilities count as at least 1e-7. A prediction that only knows how frequent the classes are
    has the entropy of the classes.

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
    higher_is_better = False

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the samples of a batch.

        Parameters
        ----------
        y_true : tensor or array_like, shape (batch,), (batch, 1) or (batch, classes)
            Classes, or unit vectors.
        y_pred : tensor or array_like, shape (batch, classes)
            Probabilities.
        sample_weight : tensor or array_like, shape (batch,), optional
            One weight per sample.

        Raises
        ------
        DataError
            If the shapes do not fit.
        """
        y_true, y_pred = (ops.convert_to_tensor(values) for values in (y_true, y_pred))
        n_classes = _number_of_classes(tuple(y_true.shape), tuple(y_pred.shape))
        if len(y_true.shape) == 1 or y_true.shape[1] == 1:
            classes = ops.cast(ops.round(ops.reshape(y_true, (-1,))), "int32")
            y_true = ops.one_hot(classes, n_classes, dtype=self.dtype)
        super().update_state(y_true, y_pred, sample_weight)

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the value of every sample of a batch, shape (batch,)."""
        return -ops.sum(y_true * ops.log(ops.maximum(y_pred, _LEAST)), axis=-1)

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return every sample's value as its only term, shape (n, 1); see `Measure`."""
        logarithms = np.log(np.maximum(np.asarray(prediction, dtype=np.float64), _LEAST))
        reference = np.asarray(reference)
        n_classes = _number_of_classes(reference.shape, logarithms.shape)
        weights = _unit_vectors(reference, n_classes)
        return np.asarray(-(weights * logarithms).sum(axis=1, keepdims=True))


def _unit_vectors(reference: ArrayLike, n_classes: int) -> NDArray[np.float64]:
    reference = np.asarray(reference)
    if reference.ndim == 2 and reference.shape[1] > 1:
        return np.asarray(reference, dtype=np.float64)
    return np.asarray(np.eye(n_classes)[np.rint(reference.reshape(-1)).astype(np.int64)])


def _number_of_classes(exact: tuple[int, ...], predicted: tuple[int, ...]) -> int:
    """Return the number of classes, or raise a DataError where the shapes do not fit."""
    fits = len(predicted) == 2 and len(exact) in (1, 2) and exact[0] == predicted[0]
    if not fits or (len(exact) == 2 and exact[1] not in (1, predicted[1])):
        raise DataError(
            f"exact classes of shape {exact} and probabilities of shape {predicted} do not fit; "
            "expected (n,) or (n, classes), and (n, classes)"
        )
    return predicted[1]
