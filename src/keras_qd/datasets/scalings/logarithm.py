"""The logarithm of a field that is never negative, such as a density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.datasets.scalings.scaling import Scaling
from keras_qd.datasets.scalings.statistics import statistics
from keras_qd.errors import DataError

#: The floor, as a share of the largest value of the training split.
_FLOOR = 1e-4


@dataclass(frozen=True)
class LogScaling(Scaling):
    r"""The logarithm of a field, :math:`x \mapsto (\ln(1 + x / b) - o) / f`.

    Values far below the floor :math:`b` are scaled linearly, values far above it logarithmically,
    so that zero stays finite and nothing is cut off: :meth:`inverse` gives back every value to
    round-off. Of what a network makes lower than zero is scaled to, it makes zero.

    Parameters
    ----------
    name : str
        ``"log"``.
    floor : float
        :math:`b`, in the field's unit: a ten-thousandth of the largest value it was fitted on.
    offset, factor : float
        :math:`o` and :math:`f`: mean and standard deviation of the logarithm it was fitted on.

    Examples
    --------
    >>> scaling = fit_log("log", np.array([0.0, 0.01, 1.0]))
    >>> scaling.floor
    0.0001
    >>> scaling.inverse(scaling.forward([0.0, 2.0]))
    array([0., 2.])
    """

    floor: float = 1.0
    offset: float = 0.0
    factor: float = 1.0

    def forward(self, array: ArrayLike) -> NDArray[np.float64]:
        """Scale physical values; see :meth:`Scaling.forward`.

        Raises
        ------
        DataError
            If a value is negative.
        """
        values = np.asarray(array, dtype=np.float64)
        _require_positive(values)
        return (np.log1p(values / self.floor) - self.offset) / self.factor

    def inverse(self, array: ArrayLike) -> NDArray[np.float64]:
        """Undo :meth:`forward`; nothing becomes negative."""
        logarithm = np.asarray(array, dtype=np.float64) * self.factor + self.offset
        return np.expm1(np.maximum(logarithm, 0.0)) * self.floor


def fit_log(name: str, array: ArrayLike, limits: tuple[float, float] | None = None) -> LogScaling:
    """Fit the logarithm; see :func:`keras_qd.datasets.fit_scaling`."""
    floor = _FLOOR * statistics(array).high or 1.0
    found = statistics(array, LogScaling(name, floor).forward)
    return LogScaling(name, floor, found.mean, found.deviation or 1.0)


def _require_positive(values: NDArray[np.float64]) -> None:
    if values.size and values.min() < 0:
        raise DataError(
            f"the scaling 'log' is for values from zero on, but the smallest is {values.min():.3g};"
            " use another one, such as 'standard'"
        )
