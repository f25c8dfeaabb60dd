"""Small shifts, zooms and mirrorings of images: the random jitter of pix2pix.

An image is enlarged by 286/256, the original size is cut out of it at a random place, and half of
the results are mirrored left and right, as in the original: P. Isola, J.-Y. Zhu, T. Zhou and A. A.
Efros, CVPR (2017), arXiv:1611.07004, section 6.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import DataError

#: How much images are enlarged by.
ENLARGEMENT = 286 / 256
#: Places along an axis that are told apart; more than images can be shifted by.
_PLACES = 2**12


class Jitter:
    """Augmentation by jitter: enlarge, cut out, mirror.

    Attributes
    ----------
    n_elements : int
        How many ways there are to change a sample. Element ``2 (p q + r) + m``, with p = 4096,
        shifts by the share q / p of the possible rows and r / p of the columns, and mirrors if m is
        1.

    Examples
    --------
    >>> image = np.eye(8).reshape(1, 8, 8, 1)
    >>> Jitter().apply(image, np.array([5])).shape
    (1, 8, 8, 1)
    """

    name = "jitter"
    n_elements = 2 * _PLACES**2

    def apply(
        self, array: NDArray[np.generic], elements: NDArray[np.integer]
    ) -> NDArray[np.generic]:
        """Change every sample of a batch by its own element.

        Parameters
        ----------
        array : ndarray, shape (n, ny, nx, channels), or (n,) or (n, m)
            Images, channels last, or numbers, which stay as they are.
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
        """
        if array.ndim <= 2:
            return array
        if array.ndim != 4:
            raise DataError(
                f"{self.name} needs images (n, ny, nx, channels) or numbers, got {array.shape}"
            )
        changed = np.empty_like(array)
        for row, element in enumerate(elements):
            changed[row] = _changed(array[row], int(element))
        return changed


def enlarged_positions(length: int) -> NDArray[np.float64]:
    """Return where along an axis of pixels those of the enlarged image lie.

    Parameters
    ----------
    length : int
        Pixels along the axis.

    Returns
    -------
    ndarray, shape (enlarged length,)
        In pixels, from 0 to ``length - 1``; pixels are squares, and what lies beyond the centre of
        the last one has its value.
    """
    count = round(length * ENLARGEMENT)
    return np.clip((np.arange(count) + 0.5) * length / count - 0.5, 0, length - 1)


def _changed(image: NDArray[np.generic], element: int) -> NDArray[np.generic]:
    places, mirrored = divmod(element, 2)
    rows = _cut(image.shape[0], places // _PLACES)
    columns = _cut(image.shape[1], places % _PLACES)
    columns = columns[::-1] if mirrored else columns
    return _interpolated(_interpolated(image, rows, axis=0), columns, axis=1)


def _cut(length: int, place: int) -> NDArray[np.float64]:
    """Return the part of the enlarged axis that starts at a share of what it may start at."""
    positions = enlarged_positions(length)
    start = place * (len(positions) - length + 1) // _PLACES
    return positions[start : start + length]


def _interpolated(
    image: NDArray[np.generic], positions: NDArray[np.float64], axis: int
) -> NDArray[np.generic]:
    """Return the values between the pixels of one axis, on straight lines."""
    low = np.floor(positions).astype(int)
    high = np.minimum(low + 1, image.shape[axis] - 1)
    weight = (positions - low).astype(image.dtype)
    weight = weight.reshape([-1 if each == axis else 1 for each in range(image.ndim)])
    values = image.take(low, axis) * (1 - weight) + image.take(high, axis) * weight
    return np.asarray(values, dtype=image.dtype)
