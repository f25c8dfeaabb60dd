"""From the fields of a data set to the arrays of a network, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.data.scaling import Scaling, fit_scaling, scaling_from_config
from keras_qd.errors import DataError

if TYPE_CHECKING:
    from keras_qd.data.fields import Field
    from keras_qd.tasks.task import Task

Array = NDArray[Any]


@dataclass(frozen=True)
class Pipeline:
    """Scale fields and stack them as channels; undo both.

    Parameters
    ----------
    inputs, targets : mapping of str to tuple of int
        The fields that go in and come out, with the shape of one sample of each.
    scalings : mapping of str to Scaling
        The fitted scaling of each field.

    Notes
    -----
    A field of shape (ny, nx) gains a channel axis, and so does one of shape (points,); a field with
    three axes has its channels already; a number becomes a vector of length one, and a class one of
    as many numbers as there are classes. Several fields are stacked along the channel axis, so all
    else in their shapes must agree. A field may go in and come out: what is learnt then is to
    compress it.

    Examples
    --------
    >>> from keras_qd.data import fit_scaling
    >>> scaling = fit_scaling("standard", [1.0, 3.0])
    >>> pipeline = Pipeline(
    ...     inputs={"potential": (8, 8)},
    ...     targets={"energy": ()},
    ...     scalings={"potential": scaling, "energy": scaling},
    ... )
    >>> pipeline.input_shape, pipeline.output_shape
    ((8, 8, 1), (1,))
    """

    inputs: Mapping[str, tuple[int, ...]]
    targets: Mapping[str, tuple[int, ...]]
    scalings: Mapping[str, Scaling]

    def __post_init__(self) -> None:
        # Both raise DataError where fields cannot be stacked.
        _ = self.input_shape, self.output_shape

    @classmethod
    def fit(
        cls, task: Task, training: Mapping[str, Array], fields: Mapping[str, Field] | None = None
    ) -> Pipeline:
        """Fit the scalings that `task` names on the training split.

        Parameters
        ----------
        task : Task
            Names the fields and their scalings.
        training : mapping of str to ndarray
            The fields of the training split, samples along the first axis.
        fields : mapping of str to Field, optional
            What is known of the fields: limits that scalings go by.

        Returns
        -------
        Pipeline
            Of the fields of the task.

        Raises
        ------
        DataError
            If a field is missing, does not suit its scaling, or if fields cannot be stacked.
        """
        names = list(dict.fromkeys([*task.inputs, *task.targets]))
        missing = [name for name in names if name not in training]
        if missing:
            raise DataError(
                f"task {task.name!r} needs the field {', '.join(missing)}, which the data set has "
                f"not; it has {', '.join(sorted(training))}"
            )
        scalings = {
            name: fit_scaling(
                task.scaling.get(name, "none"),
                training[name],
                limits=fields[name].limits if fields and name in fields else None,
            )
            for name in names
        }
        return cls(
            {name: tuple(training[name].shape[1:]) for name in task.inputs},
            {name: tuple(training[name].shape[1:]) for name in task.targets},
            scalings,
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample as the network takes it."""
        return self._stacked_shape(self.inputs)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one sample as the network gives it."""
        return self._stacked_shape(self.targets)

    def scale_inputs(self, arrays: Mapping[str, ArrayLike]) -> Array:
        """Return the network's input for physical `arrays`.

        Parameters
        ----------
        arrays : mapping of str to array_like
            The input fields in physical units, samples along the first axis.

        Returns
        -------
        ndarray of float32, shape ``(n, *input_shape)``
            As the network takes it.

        Raises
        ------
        DataError
            If a field is missing, has another shape than in training, or holds values that are not
            finite.
        """
        return self._scale(self.inputs, arrays)

    def scale_targets(self, arrays: Mapping[str, ArrayLike]) -> Array:
        """Return the wanted output for physical `arrays`; see :meth:`scale_inputs`."""
        return self._scale(self.targets, arrays)

    def restore(self, prediction: ArrayLike) -> dict[str, Array]:
        """Return the target fields in physical units.

        Parameters
        ----------
        prediction : array_like, shape ``(n, *output_shape)``
            What the network gave.

        Returns
        -------
        dict of str to ndarray
            Field -> array with samples along the first axis. Classes come with what the network
            says of each of them, as ``FIELD_probabilities``.
        """
        prediction = np.asarray(prediction, dtype=np.float64)
        fields, first = {}, 0
        for name, shape in self.targets.items():
            scaling = self.scalings[name]
            last = first + scaling.network_shape(shape)[-1]
            found = scaling.from_network(prediction[..., first:last], shape)
            fields.update({f"{name}_{key}" if key else name: each for key, each in found.items()})
            first = last
        return fields

    def to_config(self) -> dict[str, Any]:
        """Return the pipeline as plain values that JSON can hold."""
        return {
            "inputs": {name: list(shape) for name, shape in self.inputs.items()},
            "targets": {name: list(shape) for name, shape in self.targets.items()},
            "scalings": {name: scaling.to_config() for name, scaling in self.scalings.items()},
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Pipeline:
        """Make a pipeline from what :meth:`to_config` returned.

        Parameters
        ----------
        config : mapping of str to object
            What :meth:`to_config` returned.

        Returns
        -------
        Pipeline
            Equal to the one it was.
        """
        return cls(
            {name: tuple(shape) for name, shape in config["inputs"].items()},
            {name: tuple(shape) for name, shape in config["targets"].items()},
            {name: scaling_from_config(entry) for name, entry in config["scalings"].items()},
        )

    def _scale(
        self, fields: Mapping[str, tuple[int, ...]], arrays: Mapping[str, ArrayLike]
    ) -> Array:
        parts = []
        for name, shape in fields.items():
            values = _checked(name, shape, arrays)
            scaled = self.scalings[name].forward(values)
            parts.append(scaled.reshape(len(values), *self.scalings[name].network_shape(shape)))
        return np.concatenate(parts, axis=-1, dtype=np.float32)

    def _stacked_shape(self, fields: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
        shapes = {name: self.scalings[name].network_shape(shape) for name, shape in fields.items()}
        if len({shape[:-1] for shape in shapes.values()}) > 1:
            listing = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise DataError(f"fields of different shapes cannot be stacked as channels: {listing}")
        first = next(iter(shapes.values()))
        return (*first[:-1], sum(shape[-1] for shape in shapes.values()))


def _checked(name: str, shape: tuple[int, ...], arrays: Mapping[str, ArrayLike]) -> Array:
    """Return field `name` of `arrays`, or raise a DataError that says what is wrong with it."""
    if name not in arrays:
        raise DataError(f"the field {name!r} is missing; given: {', '.join(arrays) or 'none'}")
    values = np.asarray(arrays[name])
    if values.shape[1:] != shape or values.ndim != len(shape) + 1:
        raise DataError(
            f"the field {name!r} has shape {values.shape}; "
            f"expected (n, {', '.join(map(str, shape))}), samples along the first axis"
        )
    bad = np.flatnonzero(~np.isfinite(values).all(axis=tuple(range(1, values.ndim))))
    if bad.size:
        raise DataError(
            f"the field {name!r} holds NaN or infinity in {bad.size} of {len(values)} samples, "
            f"first in sample {bad[0]}; remove them"
        )
    return values
