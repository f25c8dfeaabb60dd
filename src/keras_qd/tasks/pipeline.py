"""From the fields of a data set to the arrays of a network, and back."""

from __future__ import annotations

import dataclasses
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
Shape = tuple[int, ...]


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

    inputs: Mapping[str, Shape]
    targets: Mapping[str, Shape]
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
                f"task {task.name!r} needs the field {', '.join(missing)}, which the data set "
                f"lacks; it has {', '.join(sorted(training))}"
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
    def input_shape(self) -> Shape:
        """Shape of one sample as the network takes it."""
        return self._stacked_shape(self.inputs)

    @property
    def output_shape(self) -> Shape:
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
            finite or that its scaling is not defined for.
        """
        return self._scale_arrays(self.inputs, arrays)

    def scale_targets(self, arrays: Mapping[str, ArrayLike]) -> Array:
        """Return the wanted output for physical `arrays`; see :meth:`scale_inputs`."""
        return self._scale_arrays(self.targets, arrays)

    def restore(self, prediction: ArrayLike) -> dict[str, Array]:
        """Return the target fields in physical units, computed in 64 bits.

        Parameters
        ----------
        prediction : array_like, shape ``(n, *output_shape)``
            The network's output.

        Returns
        -------
        dict of str to ndarray
            Field -> array with samples along the first axis. With classes there is also the
            probability of each, as ``FIELD_probabilities``.
        """
        return self.restored(np, np.asarray(prediction, dtype=np.float64))

    def checked(self, arrays: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Return the input fields among `arrays`, or raise as :meth:`scale_inputs` does."""
        return self._checked(self.inputs, arrays)

    def scaled(self, xp: Any, fields: Mapping[str, Any]) -> Any:
        """Return the network's input, stacked along the last axis.

        Parameters
        ----------
        xp : module
            NumPy or ``keras.ops``.
        fields : mapping of str to array or tensor
            The input fields in physical units, samples along the first axis.

        Returns
        -------
        array or tensor, shape ``(n, *input_shape)``
            Of the type of the fields; nothing is checked.
        """
        return self._stacked(xp, self.inputs, fields)

    def restored(self, xp: Any, prediction: Any) -> dict[str, Any]:
        """Return the target fields in physical units.

        Parameters
        ----------
        xp : module
            NumPy or ``keras.ops``.
        prediction : array or tensor, shape ``(n, *output_shape)``
            The network's output.

        Returns
        -------
        dict of str to array or tensor
            As :meth:`restore` returns them.
        """
        fields, first = {}, 0
        for name, shape in self.targets.items():
            scaling = self.scalings[name]
            last = first + scaling.network_shape(shape)[-1]
            found = scaling.from_network(xp, prediction[..., first:last], shape)
            fields.update({f"{name}_{key}" if key else name: each for key, each in found.items()})
            first = last
        return fields

    def on_grid(self, shapes: Mapping[str, Shape]) -> Pipeline:
        """Return the same scalings for fields on another grid.

        Parameters
        ----------
        shapes : mapping of str to tuple of int
            Fields of the data, with the shape of one sample of each. Lines and maps may have
            another number of points; everything else must stay as it was.

        Returns
        -------
        Pipeline
            The same object where no grid differs.
        """
        inputs, targets = (
            {
                name: shapes[name] if _on_another_grid(shape, shapes.get(name)) else shape
                for name, shape in fields.items()
            }
            for fields in (self.inputs, self.targets)
        )
        if (inputs, targets) == (dict(self.inputs), dict(self.targets)):
            return self
        return dataclasses.replace(self, inputs=inputs, targets=targets)

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

    def _scale_arrays(self, fields: Mapping[str, Shape], arrays: Mapping[str, ArrayLike]) -> Array:
        """Check fields, then scale them in 64 bits."""
        values = {
            name: each.astype(np.float64) for name, each in self._checked(fields, arrays).items()
        }
        return np.asarray(self._stacked(np, fields, values), dtype=np.float32)

    def _checked(
        self, fields: Mapping[str, Shape], arrays: Mapping[str, ArrayLike]
    ) -> dict[str, Array]:
        found = {name: _checked(name, shape, arrays) for name, shape in fields.items()}
        for name, values in found.items():
            self.scalings[name].check(values)
        return found

    def _stacked(self, xp: Any, fields: Mapping[str, Shape], values: Mapping[str, Any]) -> Any:
        """Scale fields and stack them along the last axis."""
        parts = [
            xp.reshape(
                self.scalings[name].scale(xp, values[name]),
                (-1, *self.scalings[name].network_shape(shape)),
            )
            for name, shape in fields.items()
        ]
        return parts[0] if len(parts) == 1 else xp.concatenate(parts, axis=-1)

    def _stacked_shape(self, fields: Mapping[str, Shape]) -> Shape:
        shapes = {name: self.scalings[name].network_shape(shape) for name, shape in fields.items()}
        if len({shape[:-1] for shape in shapes.values()}) > 1:
            listing = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise DataError(f"fields of different shapes cannot be stacked as channels: {listing}")
        first = next(iter(shapes.values()))
        return (*first[:-1], sum(shape[-1] for shape in shapes.values()))


def _on_another_grid(shape: Shape, found: Shape | None) -> bool:
    """Return whether a line or a map has another number of points than in training."""
    return found is not None and len(found) == len(shape) in (1, 2) and found != shape


def _checked(name: str, shape: Shape, arrays: Mapping[str, ArrayLike]) -> Array:
    """Return field `name` of `arrays`, or raise a DataError that names its error."""
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
