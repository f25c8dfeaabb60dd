"""Classes as unit vectors, and a network's output as their probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.datasets.scalings.scaling import Scaling
from keras_qd.errors import DataError

#: How what a network says of every class is called, after the field's name.
PROBABILITIES = "probabilities"


@dataclass(frozen=True)
class OneHot(Scaling):
    """Class k of n as the k-th unit vector; back, the most probable class.

    Parameters
    ----------
    name : str
        ``"one-hot"``.
    n_classes : int
        The classes are 0 to `n_classes` - 1.

    Examples
    --------
    >>> scaling = OneHot("one-hot", 3)
    >>> scaling.forward([2, 0])
    array([[0., 0., 1.],
           [1., 0., 0.]])
    >>> scaling.inverse([[0.2, 0.5, 0.3]])
    array([1])
    """

    n_classes: int = 2

    def forward(self, array: ArrayLike) -> NDArray[np.float64]:
        """Return unit vectors, shape (..., n_classes).

        Raises
        ------
        DataError
            If a value is no class.
        """
        values = np.asarray(array)
        bad = (values != np.rint(values)) | (values < 0) | (values >= self.n_classes)
        if bad.any():
            raise DataError(
                f"classes are whole numbers from 0 to {self.n_classes - 1}; "
                f"got {values[bad].flat[0]}"
            )
        return np.eye(self.n_classes)[values.astype(np.int64)]

    def inverse(self, array: ArrayLike) -> NDArray[np.int64]:
        """Return the most probable classes, the first of equals: (..., n_classes) -> (...)."""
        return np.asarray(np.argmax(np.asarray(array), axis=-1), dtype=np.int64)

    def network_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a scaled sample: the classes are its channels."""
        return (*shape, self.n_classes)

    def from_network(self, array: ArrayLike, shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
        """Return the classes under ``""``, and under ``"probabilities"`` those of all classes."""
        probabilities = np.asarray(array, dtype=np.float64)
        return {"": self.inverse(probabilities), PROBABILITIES: probabilities}

    def baseline(self, array: ArrayLike) -> NDArray[np.float64]:
        """Return the share of every class in the training split, (1, ..., n_classes).

        The most frequent class is then the trivial prediction.
        """
        return np.asarray(self.forward(array).mean(axis=0, keepdims=True))


def fit_one_hot(name: str, array: ArrayLike, limits: tuple[float, float] | None = None) -> OneHot:
    """Count the classes: from `limits` where they are known, otherwise those of the samples.

    See :func:`keras_qd.datasets.fit_scaling`.

    Raises
    ------
    DataError
        If there are no samples, or values are no classes.
    """
    values = np.asarray(array)
    if not values.size:
        raise DataError("a scaling cannot be fitted to no samples")
    highest = float(values.max()) if limits is None else limits[1]
    if not np.isfinite(highest):
        raise DataError("a scaling cannot be fitted to values that are not finite")
    scaling = OneHot(name, int(highest) + 1)
    scaling.forward(values)
    return scaling
