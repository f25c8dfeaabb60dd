"""What one field of a data set is: its shape, its unit and its meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras_qd.errors import DataError


@dataclass(frozen=True)
class Field:
    """One quantity that every sample of a data set has.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample: ``(ny, nx)`` for an image, ``()`` for a number.
    unit : str
        Unit in words or symbols, ``""`` where there is none.
    meaning : str
        What it is, in a few words.
    dtype : str
        NumPy type of the stored numbers.
    limits : pair of float, optional
        Smallest and largest value that can occur at all, such as ``(0, 255)`` for 8-bit images. Not
        the range of one data set.

    Examples
    --------
    >>> Field((64, 64), "Ha*", "confinement potential").size
    4096
    """

    shape: tuple[int, ...]
    unit: str = ""
    meaning: str = ""
    dtype: str = "float32"
    limits: tuple[float, float] | None = None

    @property
    def size(self) -> int:
        """How many numbers one sample has."""
        size = 1
        for length in self.shape:
            size *= length
        return size

    def attributes(self) -> dict[str, Any]:
        """Return unit, meaning and limits as plain JSON; shape and type are the array's own."""
        described: dict[str, Any] = {"unit": self.unit, "meaning": self.meaning}
        if self.limits is not None:
            described["limits"] = list(self.limits)
        return described

    @classmethod
    def from_array(cls, array: Any) -> Field:
        """Read a field back from a stored array and what :meth:`attributes` put beside it.

        Raises
        ------
        DataError
            If the array has no sample axis.
        """
        if not array.shape:
            raise DataError(
                "a field needs an array with the samples along its first axis, got a number"
            )
        limits = array.attrs.get("limits")
        return cls(
            shape=tuple(array.shape[1:]),
            unit=array.attrs.get("unit", ""),
            meaning=array.attrs.get("meaning", ""),
            dtype=str(array.dtype),
            limits=None if limits is None else (float(limits[0]), float(limits[1])),
        )
