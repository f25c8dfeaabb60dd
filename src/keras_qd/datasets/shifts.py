"""Small shifts of images, on all fields of a sample together.

A digit a little to the side is the same digit: more training data for nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import DataError

#: Pixels that an image is shifted by at most, each way.
REACH = 2
_SIDE = 2 * REACH + 1


class Shifts:
    """Augmentation by shifts of up to two pixels along each axis; what comes in is zero.

    Attributes
    ----------
    n_elements : int
        How many ways there are to change a sample. Element ``5 i + j`` shifts by ``i - 2`` rows and
        ``j - 2`` columns.

    Examples
    --------
    >>> Shifts().n_elements
    25
    """

    name = "shifts"
    n_elements = _SIDE**2

    def apply(
        self, array: NDArray[np.generic], elements: NDArray[np.integer]
    ) -> NDArray[np.generic]:
        """Change every sample of a batch by its own element.

        Parameters
        ----------
        array : ndarray, shape (n, ny, nx, channels), or (n,) or (n, m)
            Images, channels last, as the network sees them, with a background of zero; or numbers
            and classes, which stay as they are.
        elements : ndarray of int, shape (n,)
            One a sample, from 0 to ``n_elements - 1``.

        Returns
        -------
        ndarray, of the same shape
            The changed samples.

        Raises
        ------
        DataError
            If the samples are neither images nor numbers.

        Examples
        --------
        >>> Shifts().apply(np.eye(2).reshape(1, 2, 2, 1), np.array([11]))[0, ..., 0]
        array([[0., 0.],
               [1., 0.]])
        """
        if array.ndim <= 2:
            return array
        if array.ndim != 4:
            raise DataError(
                f"{self.name} needs images (n, ny, nx, channels) or numbers, got {array.shape}"
            )
        margin = (REACH, REACH)
        padded = np.pad(array, ((0, 0), margin, margin, (0, 0)))
        changed = np.empty_like(array)
        ny, nx = array.shape[1:3]
        for element in np.unique(elements):
            rows = np.flatnonzero(elements == element)
            # A shift down by i - 2 rows starts 2 - i rows above the image.
            top, left = (_SIDE - 1 - each for each in divmod(int(element), _SIDE))
            changed[rows] = padded[rows, top : top + ny, left : left + nx]
        return changed
