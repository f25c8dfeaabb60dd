"""The interface of data sets, and a data set of arrays in memory."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_qd._shown import Shown, data_frame, field_dimensions, xarray_dataset
from keras_qd.data.fields import Field
from keras_qd.data.store.manifest import checksum
from keras_qd.errors import DataError, UnknownNameError, UsageError

SPLITS = ("train", "validation", "test")


class Dataset(Shown, ABC):
    """Named fields of many samples, divided into a training, a validation and a test split.

    Examples
    --------
    >>> import numpy as np
    >>> class Squares(Dataset):
    ...     fields = {"x": Field(()), "y": Field(())}
    ...     metadata = {"digest": "squares of the first ten numbers"}
    ...
    ...     def split(self, name):
    ...         rows = {"train": range(8), "validation": range(8, 9), "test": range(9, 10)}
    ...         x = np.array(rows[name], dtype=float)
    ...         return {"x": x, "y": x**2}
    >>> Squares().split("test")["y"]
    array([81.])
    """

    @property
    @abstractmethod
    def fields(self) -> Mapping[str, Field]:
        """Shape, unit and meaning of every field, by name."""

    @property
    @abstractmethod
    def metadata(self) -> dict[str, Any]:
        """Where the data comes from, as plain JSON; ``digest`` distinguishes two sets."""

    @abstractmethod
    def split(self, name: str) -> Mapping[str, Any]:
        """Return the fields of one split.

        Parameters
        ----------
        name : str
            ``"train"``, ``"validation"`` or ``"test"``.

        Returns
        -------
        mapping of str to array
            Every field, with the samples along the first axis. Those of a split that is larger than
            memory have ``shape``, ``dtype`` and ``shards``, and give arrays for slices and lists of
            rows, as :class:`~keras_qd.data.StoredArray` does.

        Raises
        ------
        UnknownNameError
            If there is no such split.
        """

    def to_dataframe(self, split: str = "train") -> Any:
        """Return the numbers of a split as a :class:`pandas.DataFrame`, a row per sample.

        Parameters
        ----------
        split : str
            ``"train"``, ``"validation"`` or ``"test"``.

        Returns
        -------
        pandas.DataFrame
            Fields with one number per sample, and named parameters.

        Raises
        ------
        UsageError
            If pandas is not installed.
        """
        values = self.split(split)
        columns = {}
        for name, field in self.fields.items():
            if not field.shape:
                columns[name] = np.asarray(values[name][:])
            elif field.labels:
                parts = np.asarray(values[name][:]).T
                columns.update(zip(field.labels, parts, strict=True))
        return data_frame(columns)

    def to_xarray(self, split: str = "train") -> Any:
        """Return a split as an :class:`xarray.Dataset` over samples and the axes of the fields.

        Parameters
        ----------
        split : str
            ``"train"``, ``"validation"`` or ``"test"``.

        Returns
        -------
        xarray.Dataset
            Every field, with ``units`` and ``long_name``.

        Raises
        ------
        UsageError
            If xarray is not installed.
        """
        values = self.split(split)
        return xarray_dataset(
            {
                name: (
                    ("sample", *field_dimensions(name, field.shape)),
                    np.asarray(values[name][:]),
                    {"units": field.unit, "long_name": field.meaning},
                )
                for name, field in self.fields.items()
            }
        )

    def _entries(self) -> dict[str, Any]:
        sizes = {name: len(next(iter(self.split(name).values()))) for name in SPLITS}
        shapes = {name: field.in_words() for name, field in self.fields.items()}
        return {**{f"{name} samples": size for name, size in sizes.items()}, **shapes}


class ArrayDataset(Dataset):
    """A data set of arrays in memory.

    Parameters
    ----------
    train : mapping of str to array_like
        Every field of the training split, samples along the first axis.
    validation, test : mapping of str to array_like, optional
        The same fields of the other splits, which are empty where they are not given. That no
        sample is on two sides is for the caller to see to.
    fields : mapping of str to Field, optional
        Units and meanings; without it the fields are known by name and shape alone.
    metadata : mapping, optional
        Where the data comes from, as plain JSON. A ``digest`` of the values is added.

    Raises
    ------
    DataError
        If the arrays do not fit together, or hold values that are not finite numbers.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.zeros((10, 8, 8))
    >>> dataset = ArrayDataset(train={"image": images}, test={"image": images[:2]})
    >>> dataset.fields["image"].shape, dataset.split("test")["image"].shape
    ((8, 8), (2, 8, 8))
    """

    def __init__(
        self,
        train: Mapping[str, ArrayLike],
        validation: Mapping[str, ArrayLike] | None = None,
        test: Mapping[str, ArrayLike] | None = None,
        *,
        fields: Mapping[str, Field] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        arrays = _checked_split("train", train)
        if not arrays:
            raise DataError("the training split has no field; give at least one array by name")
        self._splits = {"train": arrays}
        for name, given in (("validation", validation), ("test", test)):
            found = _empty_like(arrays) if given is None else _checked_split(name, given)
            _check_agrees(name, found, arrays)
            self._splits[name] = found
        self._fields = _described_fields(arrays, fields)
        self._metadata = dict(metadata or {})

    @property
    def fields(self) -> Mapping[str, Field]:
        """Shape, unit and meaning of every field, by name."""
        return dict(self._fields)

    @property
    def metadata(self) -> dict[str, Any]:
        """What was given, and a ``digest`` of all values."""
        if "digest" not in self._metadata:
            everything = {
                f"{split}/{name}": array
                for split, arrays in self._splits.items()
                for name, array in arrays.items()
            }
            self._metadata["digest"] = checksum(everything).hex()
        return dict(self._metadata)

    def split(self, name: str) -> Mapping[str, np.ndarray]:
        """Return the fields of one split; see :meth:`Dataset.split`."""
        check_split_name(name)
        return dict(self._splits[name])


def check_split_name(name: str) -> None:
    """Raise an `UnknownNameError` unless `name` is that of a split."""
    if name not in SPLITS:
        raise UnknownNameError("split", name, SPLITS)


def _checked_split(split: str, arrays: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    """Return the arrays of a split, or raise a DataError with the reason."""
    checked = {name: _checked_array(split, name, values) for name, values in arrays.items()}
    lengths = {name: len(values) for name, values in checked.items()}
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(f"the fields of the {split} split have different lengths: {listing}")
    return checked


def _checked_array(split: str, name: str, values: ArrayLike) -> np.ndarray:
    what = f"the field {name!r} of the {split} split"
    try:
        array = np.asarray(values)
    except ValueError as error:  # ragged lists
        raise DataError(f"{what} is not an array: {error}") from error
    if array.dtype.kind not in "fiub":
        raise DataError(f"{what} has type {array.dtype}; expected real numbers")
    if array.ndim == 0:
        raise DataError(f"{what} is a single number; expected samples along the first axis")
    if array.dtype.kind == "f":
        bad = np.flatnonzero(~np.isfinite(array).all(axis=tuple(range(1, array.ndim))))
        if bad.size:
            raise DataError(
                f"{what} holds NaN or infinity in {bad.size} of {len(array)} samples, "
                f"first in sample {bad[0]}; remove them"
            )
    return array


def _empty_like(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values[:0] for name, values in arrays.items()}


def _check_agrees(
    split: str, found: Mapping[str, np.ndarray], training: Mapping[str, np.ndarray]
) -> None:
    """Check that a split has the fields of the training split, with samples of the same shape."""
    if found.keys() != training.keys():
        raise DataError(
            f"the {split} split has the fields {', '.join(sorted(found)) or 'none'}; "
            f"the training split has {', '.join(sorted(training))}"
        )
    for name, values in found.items():
        expected = training[name].shape[1:]
        if values.shape[1:] != expected:
            raise DataError(
                f"the field {name!r} has samples of shape {values.shape[1:]} in the {split} split, "
                f"but {expected} in the training split"
            )


def _described_fields(
    arrays: Mapping[str, np.ndarray], described: Mapping[str, Field] | None
) -> dict[str, Field]:
    """Return a `Field` for every array, from what was given where it was given."""
    described = described or {}
    unknown = sorted(set(described) - set(arrays))
    if unknown:
        raise DataError(f"there are no arrays for the described fields {', '.join(unknown)}")
    for name, field in described.items():
        if tuple(field.shape) != arrays[name].shape[1:]:
            raise DataError(
                f"the field {name!r} is described with shape {tuple(field.shape)}, "
                f"but its samples have {arrays[name].shape[1:]}"
            )
    return {
        name: described.get(name, Field(array.shape[1:], dtype=str(array.dtype)))
        for name, array in arrays.items()
    }


#: Shares of the training, validation and test split.
FRACTIONS: tuple[float, ...] = (0.8, 0.1, 0.1)


def split_rows(
    fingerprints: np.ndarray, fractions: Sequence[float] = FRACTIONS
) -> dict[str, np.ndarray]:
    """Divide samples into splits.

    The split of a sample follows from a hash of its number, so it stays when samples are appended.
    Samples with the same fingerprint go where the first of them goes: an input never is on two
    sides.

    Parameters
    ----------
    fingerprints : ndarray, shape (n,)
        A hash of each sample's content: equal where samples are equal.
    fractions : sequence of three float
        Shares of the training, validation and test split, which sum up to one. They hold on
        average: each split's size scatters by about the square root of it.

    Returns
    -------
    dict of str to ndarray of int
        Ascending numbers of the samples in each split.

    Raises
    ------
    UsageError
        If the fractions are not three shares of one.

    Examples
    --------
    >>> rows = split_rows(np.arange(1000))
    >>> {name: len(found) for name, found in rows.items()}
    {'train': 809, 'validation': 96, 'test': 95}
    """
    edges = _edges(fractions)
    _, first, inverse = np.unique(fingerprints, return_index=True, return_inverse=True)
    draws = np.array([_draw(int(index)) for index in first])
    split = np.searchsorted(edges, draws, side="right")[inverse]
    return {name: np.flatnonzero(split == number) for number, name in enumerate(SPLITS)}


def given_rows(counts: Mapping[str, int], n_samples: int) -> dict[str, np.ndarray]:
    """Return the rows of each split where samples come divided, one split after the other."""
    # Samples beyond `n_samples` are left out.
    edges = np.minimum(np.cumsum([0, *(counts[name] for name in SPLITS)]), n_samples)
    return {name: np.arange(*edges[number : number + 2]) for number, name in enumerate(SPLITS)}


def _edges(fractions: Sequence[float]) -> np.ndarray:
    """Return where in [0, 1) validation and test begin."""
    valid = len(fractions) == len(SPLITS) and all(0 <= share <= 1 for share in fractions)
    if not valid or not math.isclose(sum(fractions), 1.0, abs_tol=1e-9):
        raise UsageError(
            f"fractions={list(fractions)} must be three shares (training, validation, test) that "
            "sum up to one, such as [0.8, 0.1, 0.1]"
        )
    return np.cumsum(fractions)[:-1]


def _draw(index: int) -> float:
    """Return a number in [0, 1) that depends on the sample's number alone."""
    digest = hashlib.blake2b(index.to_bytes(8, "little"), digest_size=8, person=b"keras-qd split")
    return int.from_bytes(digest.digest(), "little") / 2**64
