"""What every scaling of a field can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.datasets.scalings.statistics import mean_sample

Array = NDArray[Any]


@dataclass(frozen=True)
class Scaling(ABC):
    """A reversible map from a field's values to those that a network sees.

    Parameters
    ----------
    name : str
        The name that it is asked for by.

    Examples
    --------
    >>> from keras_qd.datasets import fit_scaling
    >>> scaling = fit_scaling("max", [[1.0, -4.0], [2.0, 0.0]])
    >>> isinstance(scaling, Scaling), scaling.forward([[2.0, 0.0]])
    (True, array([[0.5, 0. ]]))
    """

    name: str

    @property
    def centered(self) -> bool:
        """Whether each sample's mean is subtracted, so that it does not come back."""
        return False

    @property
    def bounded(self) -> bool:
        """Whether scaled values lie between -1 and 1 for all values the field can ever have.

        That the training split does is not enough: new systems may exceed it.
        """
        return False

    @abstractmethod
    def forward(self, array: ArrayLike) -> Array:
        """Scale physical values.

        Parameters
        ----------
        array : array_like, samples along the first axis
            In the field's unit.

        Returns
        -------
        ndarray of float64
            Of the same shape, or with one more axis, the last.
        """

    @abstractmethod
    def inverse(self, array: ArrayLike) -> Array:
        """Undo :meth:`forward`.

        Parameters
        ----------
        array : array_like, samples along the first axis
            As :meth:`forward` scales them.

        Returns
        -------
        ndarray
            In the field's unit.
        """

    def network_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a scaled sample as a network takes it: channels last.

        Parameters
        ----------
        shape : tuple of int
            Of one sample of the field.

        Returns
        -------
        tuple of int
            Without the sample axis.
        """
        return {0: (1,), 1: (*shape, 1), 2: (*shape, 1)}.get(len(shape), shape)

    def from_network(self, array: ArrayLike, shape: tuple[int, ...]) -> dict[str, Array]:
        """Return what a network's output says of the field.

        Parameters
        ----------
        array : array_like, shape ``(n, *network_shape(shape))``
            The network's output.
        shape : tuple of int
            Of one sample of the field.

        Returns
        -------
        dict of str to ndarray
            Under ``""`` the field, samples along the first axis, in its unit; under other names
            what else there is, such as probabilities.
        """
        array = np.asarray(array, dtype=np.float64)
        return {"": self.inverse(array.reshape(len(array), *shape))}

    def baseline(self, array: ArrayLike) -> Array:
        """Return the prediction that knows no input: the mean of the samples.

        Parameters
        ----------
        array : array_like, samples along the first axis
            The training split.

        Returns
        -------
        ndarray, shape (1, ...)
            One sample, in the field's unit.
        """
        mean = mean_sample(array)
        return self.inverse(self.forward(mean)) if self.centered else np.asarray(mean)

    def to_config(self) -> dict[str, Any]:
        """Return the scaling as plain values that JSON holds exactly."""
        return asdict(self)
