"""Several predictions of the same systems: their mean and their spread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Draws:
    """Gathers predictions, keeping only their mean and squared deviations (Welford's updates).

    Examples
    --------
    >>> draws = Draws()
    >>> for value in (1.0, 3.0):
    ...     draws.add({"energy": np.array([value])})
    >>> draws.mean["energy"], draws.spread["energy"]
    (array([2.]), array([1.41421356]))

    References
    ----------
    B. P. Welford, Technometrics 4, 419 (1962), doi:10.1080/00401706.1962.10490022.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: dict[str, Array] = {}
        self._squares: dict[str, Array] = {}

    def add(self, prediction: Mapping[str, Array]) -> None:
        """Add one prediction of all systems.

        Parameters
        ----------
        prediction : mapping of str to ndarray, shape (n, ...)
            The predicted fields.
        """
        self.count += 1
        if self.count == 1:
            self.mean = dict(prediction)
            return
        for name, values in prediction.items():
            step = values - self.mean[name]
            self.mean[name] = self.mean[name] + step / self.count
            squares = step * (values - self.mean[name])
            self._squares[name] = self._squares.get(name, 0.0) + squares

    @property
    def spread(self) -> dict[str, Array]:
        """The standard deviation of every value over the draws; empty for a single one."""
        return {name: np.sqrt(each / (self.count - 1)) for name, each in self._squares.items()}
