r"""Potentials are fixed only up to a constant: take each one relative to its own mean.

With weights :math:`w`, such as the density, a potential becomes
:math:`v - \sum_p w_p v_p / \sum_p w_p`, the same for every choice of the constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from keras_qd.metrics.measure import Array
from keras_qd.metrics.summation import pairwise_sum


def align_tensor(values: Any, weights: Any = None) -> Any:
    """Return potentials relative to their own means.

    Parameters
    ----------
    values : tensor, shape (batch, k)
        The potentials.
    weights : tensor, shape (batch, k), optional
        Weights of the mean; all alike by default.

    Returns
    -------
    tensor, shape (batch, k)
        The aligned potentials.
    """
    # Relative to one of the values first: a large constant must not cost the digits of the rest.
    values = values - values[:, :1]
    if weights is None:
        return values - (pairwise_sum(values) / values.shape[-1])[:, None]
    total = pairwise_sum(weights)
    mean = pairwise_sum(weights * values) / ops.where(total == 0, ops.ones_like(total), total)
    return values - mean[:, None]


def align_array(values: Array, weights: Array | None = None) -> Array:
    """Return potentials relative to their own means.

    Parameters
    ----------
    values : ndarray, shape (m, k)
        The potentials.
    weights : ndarray, shape (m, k), optional
        Weights of the mean; all alike by default.

    Returns
    -------
    ndarray, shape (m, k)
        The aligned potentials.

    Examples
    --------
    >>> import numpy as np
    >>> align_array(np.array([[5.0, 7.0]]), np.array([[3.0, 1.0]]))
    array([[-0.5,  1.5]])
    """
    values = values - values[:, :1]
    if weights is None:
        return np.asarray(values - values.mean(axis=1, keepdims=True))
    total = weights.sum(axis=1, keepdims=True)
    mean = (weights * values).sum(axis=1, keepdims=True) / np.where(total == 0, 1.0, total)
    return np.asarray(values - mean)
