"""The eight symmetries of the square, exact, on all fields of a sample together.

A rotated or mirrored potential has the rotated or mirrored density and the same energy: more
training data for nothing. Element k of the group turns by k quarter turns for k = 0..3; elements
4..7 turn likewise and then mirror left and right.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import DataError, UsageError
from keras_qd.registry import components

#: How much images are enlarged by.
ENLARGEMENT = 286 / 256
#: Distinct shifts along an axis; more than there are pixels to shift by.
_SHIFTS = 2**12


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
    n_elements = 2 * _SHIFTS**2

    def apply(
        self, array: NDArray[np.generic], elements: NDArray[np.integer]
    ) -> NDArray[np.generic]:
        """Change images (n, ny, nx, channels), or leave numbers; see `Augmentation.apply`."""
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
    """Return where the pixels of the enlarged image lie along an axis of `length` pixels."""
    # Pixels are squares: what lies beyond the centre of the last one has its value.
    count = round(length * ENLARGEMENT)
    return np.clip((np.arange(count) + 0.5) * length / count - 0.5, 0, length - 1)


def _changed(image: NDArray[np.generic], element: int) -> NDArray[np.generic]:
    shifts, mirrored = divmod(element, 2)
    rows = _cut(image.shape[0], shifts // _SHIFTS)
    columns = _cut(image.shape[1], shifts % _SHIFTS)
    columns = columns[::-1] if mirrored else columns
    return _interpolated(_interpolated(image, rows, axis=0), columns, axis=1)


def _cut(length: int, shift: int) -> NDArray[np.float64]:
    """Return the part of the enlarged axis that begins at `shift`, of `_SHIFTS` equal steps."""
    positions = enlarged_positions(length)
    start = shift * (len(positions) - length + 1) // _SHIFTS
    return positions[start : start + length]


def _interpolated(
    image: NDArray[np.generic], positions: NDArray[np.float64], axis: int
) -> NDArray[np.generic]:
    """Interpolate linearly between the pixels along one axis."""
    low = np.floor(positions).astype(int)
    high = np.minimum(low + 1, image.shape[axis] - 1)
    weight = (positions - low).astype(image.dtype)
    weight = weight.reshape([-1 if each == axis else 1 for each in range(image.ndim)])
    values = image.take(low, axis) * (1 - weight) + image.take(high, axis) * weight
    return np.asarray(values, dtype=image.dtype)


class Reflection:
    """Augmentation by the reflection x -> L - x.

    Attributes
    ----------
    n_elements : int
        How many ways there are to change a sample: element 1 mirrors it, element 0 does not.

    Examples
    --------
    >>> Reflection().apply(np.arange(6).reshape(2, 3, 1), np.array([0, 1]))[..., 0]
    array([[0, 1, 2],
           [5, 4, 3]])
    """

    name = "reflection"
    n_elements = 2

    def apply(
        self, array: NDArray[np.generic], elements: NDArray[np.integer]
    ) -> NDArray[np.generic]:
        """Change profiles (n, points, channels), or leave numbers; see `Augmentation.apply`."""
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
        """Undo :meth:`apply`, with its arguments; see `Augmentation.apply`."""
        return self.apply(array, elements)


#: Pixels that an image is shifted by at most, each way.
REACH = 2
_SIDE = 2 * REACH + 1


class Shifts:
    """Augmentation by shifts of up to two pixels along each axis, filled with zeros.

    Images are changed as the network sees them, so their background must be zero.

    Attributes
    ----------
    n_elements : int
        How many ways there are to change a sample. Element ``5 i + j`` shifts by ``i - 2`` rows and
        ``j - 2`` columns.

    Examples
    --------
    >>> Shifts().apply(np.eye(2).reshape(1, 2, 2, 1), np.array([11]))[0, ..., 0]
    array([[0., 0.],
           [1., 0.]])
    """

    name = "shifts"
    n_elements = _SIDE**2

    def apply(
        self, array: NDArray[np.generic], elements: NDArray[np.integer]
    ) -> NDArray[np.generic]:
        """Change images (n, ny, nx, channels), or leave numbers; see `Augmentation.apply`."""
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


#: Elements of the group.
N_SYMMETRIES = 8


def symmetry(
    array: NDArray[np.generic], element: int, axes: tuple[int, int] = (-2, -1)
) -> NDArray[np.generic]:
    """Apply one symmetry of the square to images.

    Parameters
    ----------
    array : ndarray
        Images; all other axes are left alone.
    element : int
        From 0 (nothing changes) to 7.
    axes : pair of int
        The image's y and x axis.

    Returns
    -------
    ndarray
        The same numbers, moved; of the same shape.

    Raises
    ------
    UsageError
        If there is no such element.
    DataError
        If the images are not square.

    Examples
    --------
    >>> symmetry(np.array([[1, 2], [3, 4]]), 1)
    array([[2, 4],
           [1, 3]])
    """
    if not 0 <= element < N_SYMMETRIES:
        raise UsageError(f"the symmetries of the square are numbered 0 to 7, got {element!r}")
    if array.shape[axes[0]] != array.shape[axes[1]]:
        raise DataError(f"only square images have the symmetries of the square, got {array.shape}")
    turned = np.rot90(array, element % 4, axes=axes)
    return np.flip(turned, axis=axes[1]) if element >= 4 else turned


def inverse_element(element: int) -> int:
    """Return the element that undoes `element`; a mirror image undoes itself."""
    return element if element >= 4 else -element % 4


def compose_elements(first: int, second: int) -> int:
    """Return the element that does `first`, then `second`."""
    # Turning a mirrored image turns the original the other way.
    turns = first - second if first >= 4 else first + second
    return turns % 4 + 4 * ((first >= 4) ^ (second >= 4))


@runtime_checkable
class Augmentation(Protocol):
    """Changes of samples under which their fields remain consistent, numbered from 0.

    Each epoch draws one of the `n_elements` changes for every sample, the same for all its fields.
    One whose changes can be undone also has a method ``undo`` with the arguments of `apply`:
    predictions can then be averaged over them.

    Examples
    --------
    >>> from keras_qd.data import SquareSymmetries
    >>> isinstance(SquareSymmetries(), Augmentation)
    True
    """

    name: str
    n_elements: int

    def apply(
        self, array: NDArray[np.generic], elements: NDArray[np.integer]
    ) -> NDArray[np.generic]:
        """Change every sample of a batch by its own element.

        Parameters
        ----------
        array : ndarray, shape (n, ...)
            Scaled samples of a field, as the network takes them, channels last. Numbers and
            classes, of shape (n,) or (n, m), stay as they are.
        elements : ndarray of int, shape (n,)
            One a sample, from 0 to ``n_elements - 1``.

        Returns
        -------
        ndarray, of the same shape
            The changed samples.

        Raises
        ------
        DataError
            If samples do not have the axes that the augmentation changes.
        """


class SquareSymmetries:
    """Augmentation with the symmetries of the square.

    Attributes
    ----------
    n_elements : int
        How many ways there are to change a sample.

    Examples
    --------
    >>> image = np.array([[1, 2], [3, 4]]).reshape(1, 2, 2, 1)
    >>> SquareSymmetries().apply(image, np.array([4]))[0, ..., 0]
    array([[2, 1],
           [4, 3]])
    """

    name = "square-symmetries"
    n_elements = N_SYMMETRIES

    def apply(
        self, array: NDArray[np.generic], elements: NDArray[np.integer]
    ) -> NDArray[np.generic]:
        """Change square images (n, ny, nx, channels), not numbers; see `Augmentation.apply`."""
        if array.ndim <= 2:
            return array
        if array.ndim != 4:
            raise DataError(
                f"{self.name} needs images (n, ny, nx, channels) or numbers, got {array.shape}"
            )
        changed = np.empty_like(array)
        for element in np.unique(elements):
            rows = np.flatnonzero(elements == element)
            changed[rows] = symmetry(array[rows], int(element), axes=(1, 2))
        return changed

    def undo(
        self, array: NDArray[np.generic], elements: NDArray[np.integer]
    ) -> NDArray[np.generic]:
        """Undo :meth:`apply`, with its arguments; see `Augmentation.apply`."""
        return self.apply(array, np.array([inverse_element(int(each)) for each in elements]))


def build_augmentation(name: str) -> Augmentation:
    """Return an augmentation by its name.

    Parameters
    ----------
    name : str
        ``"square-symmetries"``, ``"reflection"``, ``"shifts"``, ``"jitter"`` or that of a plug-in;
        ``keras_qd.names("augmentations")`` lists them.

    Returns
    -------
    Augmentation
        With ``n_elements`` ways to ``apply`` it.

    Raises
    ------
    UnknownNameError
        If there is no such augmentation.

    Examples
    --------
    >>> build_augmentation("square-symmetries").n_elements
    8
    """
    augmentation: Augmentation = components("augmentations").make(name)
    return augmentation
