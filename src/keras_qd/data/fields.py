"""Description of one field of a data set: its shape, its unit and its meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras_qd.errors import DataError

#: Meaning of ``exchange``; see `keras_qd.physics.Solution`.
EXCHANGE = "lowest energy of the second smallest spin less that of the smallest"


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
    labels : tuple of str
        Names of the entries of a vector, which is then so many numbers to a network rather than a
        profile.
    nullable : bool
        Whether NaN may stand for what a sample does not have.

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
    labels: tuple[str, ...] = ()
    nullable: bool = False

    @property
    def size(self) -> int:
        """How many numbers one sample has."""
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def is_vector(self) -> bool:
        """Whether it is a vector of named numbers, unlike a profile on a line."""
        return bool(self.labels) and len(self.shape) == 1

    def in_words(self) -> str:
        """Return shape, unit and meaning as one line of text."""
        shape = " x ".join(map(str, self.shape)) or "number"
        return ", ".join(filter(None, (shape, self.unit, self.meaning)))

    def attributes(self) -> dict[str, Any]:
        """Return all but shape and type as plain JSON: these two are the array's own."""
        described: dict[str, Any] = {"unit": self.unit, "meaning": self.meaning}
        if self.limits is not None:
            described["limits"] = list(self.limits)
        if self.labels:
            described["labels"] = list(self.labels)
        if self.nullable:
            described["nullable"] = True
        return described

    @classmethod
    def from_array(cls, array: Any) -> Field:
        """Read a field back from a stored array and what :meth:`attributes` put beside it.

        Parameters
        ----------
        array : zarr.Array
            Samples along the first axis.

        Returns
        -------
        Field
            As it was when the array was written.

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
            labels=tuple(array.attrs.get("labels", ())),
            nullable=bool(array.attrs.get("nullable", False)),
        )


def drawn_parameters(names: Sequence[str]) -> Field:
    """Return the field of the drawn parameters of each sample, lengths in a0*, energies in Ha*."""
    return Field(
        (len(names),),
        "a0*, Ha*",
        f"drawn for the potential: {', '.join(names)}",
        "float64",
        labels=tuple(names),
        nullable=True,
    )
