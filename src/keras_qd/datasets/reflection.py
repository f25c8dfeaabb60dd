"""The mirror image of a profile, on all fields of a sample together.

A mirrored potential has the mirrored density and the same energies: twice the data for nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import DataError


class Reflection:
    """Augmentation by the reflection x -> L - x.

    Attributes
    ----------
    n_elements : int
        How many ways there are to change a sample: element 1 mirrors it, element 0 does not.

    Examples
    --------
    >>> Reflection().n_elements
    2
    """

    name = "reflection"
    n_elements = 2

    def apply(
        self, array: NDArray[np.generic], elements: NDArray[np.integer]
    ) -> NDArray[np.generic]:
        """Change every sample of a batch by its own element.

        Parameters
        ----------
        array : ndarray, shape (n, points, channels), or (n,) or (n, m)
            Profiles, channels last, or numbers such as energies, which stay as they are.
        elements : ndarray of int, shape (n,)
            One a sample, from 0 to ``n_elements - 1``.

        Returns
        -------
        ndarray, of the same shape
            The changed samples.

        Raises
        ------
        DataError
            If the samples are neither profiles nor numbers.

        Examples
        --------
        >>> Reflection().apply(np.arange(6).reshape(2, 3, 1), np.array([0, 1]))[..., 0]
        array([[0, 1, 2],
               [5, 4, 3]])
        """
        if array.ndim <= 2:
            return array
        if array.ndim != 3:
            raise DataError(
                f"{self.name} needs profiles (n, points, channels) or numbers, got {array.shape}"
            )
        mirrored = np.asarray(elements, dtype=bool)[:, None, None]
        return np.where(mirrored, array[:, ::-1], array)

    def undo(
        self, array: NDArray[np.generic], elements: NDArray[np.integer]
    ) -> NDArray[np.generic]:
        """Change every sample back: a mirror image, mirrored again, is what it was.

        Parameters
        ----------
        array : ndarray, shape (n, points, channels), or (n,) or (n, m)
            As of :meth:`apply`.
        elements : ndarray of int, shape (n,)
            One a sample.

        Returns
        -------
        ndarray, of the same shape
            The samples as they were.
        """
        return self.apply(array, elements)
