"""The eight symmetries of the square, exact, on all fields of a sample together.

A rotated or mirrored potential has the rotated or mirrored density and the same energy: more
training data for nothing. Element k of the group turns by k quarter turns for k = 0..3; elements
4..7 turn likewise and then mirror left and right.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from keras_qd.datasets.jitter import Jitter
from keras_qd.datasets.reflection import Reflection
from keras_qd.datasets.shifts import Shifts
from keras_qd.errors import DataError, UnknownNameError, UsageError

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
        The same numbers in other places, of the same shape.

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
    """Return the element that undoes `element`; a mirror image undoes itself.

    Examples
    --------
    >>> [inverse_element(element) for element in range(8)]
    [0, 3, 2, 1, 4, 5, 6, 7]
    """
    return element if element >= 4 else -element % 4


def compose_elements(first: int, second: int) -> int:
    """Return the element that does `first`, then `second`.

    Examples
    --------
    >>> compose_elements(1, 1), compose_elements(4, 4)
    (2, 0)
    """
    # Turning a mirrored image turns the original the other way.
    turns = first - second if first >= 4 else first + second
    return turns % 4 + 4 * ((first >= 4) ^ (second >= 4))


class Augmentation(Protocol):
    """Ways to change a sample that leave it as good as new."""

    name: str
    n_elements: int

    def apply(
        self, array: NDArray[np.generic], elements: NDArray[np.integer]
    ) -> NDArray[np.generic]:
        """Change every sample of a batch by its own element."""


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
        """Change every sample of a batch by its own element.

        Parameters
        ----------
        array : ndarray, shape (n, ny, nx, channels), or (n,) or (n, m)
            Images, channels last, or numbers such as energies, which stay as they are.
        elements : ndarray of int, shape (n,)
            One a sample, from 0 to ``n_elements - 1``.

        Returns
        -------
        ndarray, of the same shape
            The changed samples.

        Raises
        ------
        DataError
            If the samples are neither square images nor numbers.
        """
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
        """Change every sample back that :meth:`apply` has changed by these elements.

        Parameters
        ----------
        array : ndarray, shape (n, ny, nx, channels), or (n,) or (n, m)
            As of :meth:`apply`.
        elements : ndarray of int, shape (n,)
            One a sample.

        Returns
        -------
        ndarray, of the same shape
            The samples as they were.

        Raises
        ------
        DataError
            As of :meth:`apply`.
        """
        return self.apply(array, np.array([inverse_element(int(each)) for each in elements]))


_AUGMENTATIONS: dict[str, type[Augmentation]] = {
    SquareSymmetries.name: SquareSymmetries,
    Jitter.name: Jitter,
    Reflection.name: Reflection,
    Shifts.name: Shifts,
}


def build_augmentation(name: str) -> Augmentation:
    """Return an augmentation by its name.

    Parameters
    ----------
    name : str
        ``"square-symmetries"``, ``"reflection"``, ``"shifts"`` or ``"jitter"``.

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
    if name not in _AUGMENTATIONS:
        raise UnknownNameError("augmentation", name, _AUGMENTATIONS)
    return _AUGMENTATIONS[name]()
