"""From the fields of a data set to the arrays of a network, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
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
#: What a network takes or gives: one thing, or several by field.
Tensors = Array | dict[str, Array]
Shapes = Shape | dict[str, Shape]


def each(function: Callable[..., Any], *trees: Any) -> Any:
    """Apply a function to one tensor or shape of each argument, or by name to several."""
    if not isinstance(trees[0], Mapping):
        return function(*trees)
    return {name: function(*(tree[name] for tree in trees)) for name in trees[0]}


def leaves(tree: Any) -> list[Any]:
    """Return one tensor or shape, or several by name, as a list."""
    return list(tree.values()) if isinstance(tree, Mapping) else [tree]


@dataclass(frozen=True)
class Pipeline:
    """Scale fields and make the tensors of a network of them; undo both.

    Parameters
    ----------
    inputs, targets : mapping of str to tuple of int
        The fields that go in and come out, with the shape of one sample of each.
    scalings : mapping of str to Scaling
        The fitted scaling of each field.
    vectors : sequence of str
        Fields of shape (k,) that are k numbers rather than a profile: those whose entries have
        labels.

    Notes
    -----
    A field of shape (ny, nx) gains a channel axis, and so does a profile, (points,); a field with
    three axes has its channels already; a number becomes a vector of length one, a class one of as
    many numbers as there are classes, and a vector stays as it is. Fields whose shapes agree but
    for the last axis are stacked along it: the network takes, or gives, one tensor. Otherwise it
    takes, or gives, a dict of tensors by field, as a functional model of Keras does. A field may go
    in and come out: what is learnt then is to compress it.

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
    >>> several = dataclasses.replace(pipeline, targets={"potential": (8, 8), "energy": ()})
    >>> several.output_shape
    {'potential': (8, 8, 1), 'energy': (1,)}
    """

    inputs: Mapping[str, Shape]
    targets: Mapping[str, Shape]
    scalings: Mapping[str, Scaling]
    vectors: Sequence[str] = ()

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
            If a field is missing or does not suit its scaling.
        """
        names = list(dict.fromkeys([*task.inputs, *task.targets]))
        missing = [name for name in names if name not in training]
        if missing:
            raise DataError(
                f"task {task.name!r} needs the field {', '.join(missing)}, which the data set "
                f"lacks; it has {', '.join(sorted(training))}{_remedy(training)}"
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
            tuple(name for name in names if fields and name in fields and fields[name].is_vector),
        )

    @property
    def input_shape(self) -> Shapes:
        """Shape of one sample as the network takes it, or the shapes by field."""
        return self._joined_shape(self.inputs)

    @property
    def output_shape(self) -> Shapes:
        """Shape of one sample as the network gives it, or the shapes by field."""
        return self._joined_shape(self.targets)

    def kind(self, name: str) -> str:
        """Return the kind of a field: ``"classes"``, ``"numbers"``, ``"lines"`` or ``"maps"``.

        Parameters
        ----------
        name : str
            One of the inputs or targets.

        Returns
        -------
        str
            Metrics are defined for some of them, see :attr:`FieldMetric.suits`.
        """
        shape = {**self.inputs, **self.targets}[name]
        if self.scalings[name].categorical:
            return "classes"
        if shape == () or name in self.vectors:
            return "numbers"
        return "lines" if len(shape) == 1 else "maps"

    def scale_inputs(self, arrays: Mapping[str, ArrayLike]) -> Tensors:
        """Return the network's input for physical `arrays`.

        Parameters
        ----------
        arrays : mapping of str to array_like
            The input fields in physical units, samples along the first axis.

        Returns
        -------
        ndarray of float32, shape ``(n, *input_shape)``, or dict of them by field
            As the network takes it.

        Raises
        ------
        DataError
            If a field is missing, has another shape than in training, or holds values that are not
            finite or that its scaling is not defined for.
        """
        return self._scale_arrays(self.inputs, arrays)

    def scale_targets(self, arrays: Mapping[str, ArrayLike]) -> Tensors:
        """Return the wanted output for physical `arrays`; see :meth:`scale_inputs`."""
        return self._scale_arrays(self.targets, arrays)

    def restore(self, prediction: ArrayLike | Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Return the target fields in physical units, computed in 64 bits.

        Parameters
        ----------
        prediction : array_like, shape ``(n, *output_shape)``, or mapping of str to array_like
            The network's output.

        Returns
        -------
        dict of str to ndarray
            Field -> array with samples along the first axis. With classes there is also the
            probability of each, as ``FIELD_probabilities``.
        """
        return self.restored(np, each(lambda v: np.asarray(v, dtype=np.float64), prediction))

    def checked(self, arrays: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Return the input fields among `arrays`, or raise as :meth:`scale_inputs` does."""
        return self._checked(self.inputs, arrays)

    def scaled(self, xp: Any, fields: Mapping[str, Any]) -> Any:
        """Return the network's input: stacked along the last axis, or by field.

        Parameters
        ----------
        xp : module
            NumPy or ``keras.ops``.
        fields : mapping of str to array or tensor
            The input fields in physical units, samples along the first axis.

        Returns
        -------
        array or tensor, shape ``(n, *input_shape)``, or dict of them by field
            Of the type of the fields; nothing is checked.
        """
        return self._joined(xp, self.inputs, fields)

    def restored(self, xp: Any, prediction: Any) -> dict[str, Any]:
        """Return the target fields in physical units.

        Parameters
        ----------
        xp : module
            NumPy or ``keras.ops``.
        prediction : array or tensor, shape ``(n, *output_shape)``, or mapping of str to them
            The network's output.

        Returns
        -------
        dict of str to array or tensor
            As :meth:`restore` returns them.
        """
        parts = prediction if isinstance(prediction, Mapping) else self._divided(prediction)
        fields = {}
        for name, shape in self.targets.items():
            found = self.scalings[name].from_network(xp, parts[name], shape)
            fields.update({f"{name}_{key}" if key else name: one for key, one in found.items()})
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
                name: shapes[name] if self._has_another_grid(name, shape, shapes) else shape
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
            "vectors": list(self.vectors),
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
            # Files of models written before there were vectors beside maps have no such entry.
            tuple(config.get("vectors", ())),
        )

    def _scale_arrays(
        self, fields: Mapping[str, Shape], arrays: Mapping[str, ArrayLike]
    ) -> Tensors:
        """Check fields, then scale them in 64 bits."""
        values = {
            name: one.astype(np.float64) for name, one in self._checked(fields, arrays).items()
        }
        found: Tensors = each(
            lambda v: np.asarray(v, dtype=np.float32), self._joined(np, fields, values)
        )
        return found

    def _checked(
        self, fields: Mapping[str, Shape], arrays: Mapping[str, ArrayLike]
    ) -> dict[str, Array]:
        found = {name: _checked(name, shape, arrays) for name, shape in fields.items()}
        for name, values in found.items():
            self.scalings[name].check(values)
        return found

    def _joined(self, xp: Any, fields: Mapping[str, Shape], values: Mapping[str, Any]) -> Any:
        """Scale fields; stack them along the last axis where their shapes allow it."""
        parts = {
            name: xp.reshape(
                self.scalings[name].scale(xp, values[name]), (-1, *self._network_shape(name, shape))
            )
            for name, shape in fields.items()
        }
        if not self._stackable(fields):
            return parts
        found = list(parts.values())
        return found[0] if len(found) == 1 else xp.concatenate(found, axis=-1)

    def _divided(self, prediction: Any) -> dict[str, Any]:
        """Return the parts of a stacked output by target."""
        parts, first = {}, 0
        for name, shape in self.targets.items():
            last = first + self._network_shape(name, shape)[-1]
            parts[name] = prediction[..., first:last]
            first = last
        return parts

    def _joined_shape(self, fields: Mapping[str, Shape]) -> Shapes:
        shapes = {name: self._network_shape(name, shape) for name, shape in fields.items()}
        if not self._stackable(fields):
            return shapes
        first = next(iter(shapes.values()))
        return (*first[:-1], sum(shape[-1] for shape in shapes.values()))

    def _stackable(self, fields: Mapping[str, Shape]) -> bool:
        """Return whether the shapes of fields agree but for the last axis."""
        return len({self._network_shape(*field)[:-1] for field in fields.items()}) == 1

    def _network_shape(self, name: str, shape: Shape) -> Shape:
        """Return the shape of one sample of a field in the network."""
        found = self.scalings[name].network_shape(shape)
        return found[:-1] if name in self.vectors and found == (*shape, 1) else found

    def _has_another_grid(self, name: str, shape: Shape, shapes: Mapping[str, Shape]) -> bool:
        """Return whether a line or a map has another number of points than in training."""
        found = shapes.get(name)
        grid = len(shape) in (1, 2) and name not in self.vectors
        return grid and found is not None and len(found) == len(shape) and found != shape


def as_samples(
    shapes: Mapping[str, Shape], fields: Mapping[str, Any]
) -> tuple[dict[str, Any], bool]:
    """Return fields with a sample axis and no channel axis, and whether they were one sample."""
    found, single = dict(fields), set[bool]()
    for name in shapes.keys() & fields.keys():
        values = fields[name]
        if not hasattr(values, "shape"):
            values = np.asarray(values)
        shape, expected = tuple(values.shape), shapes[name]
        is_one = len(shape) == len(expected) or (shape == (*expected, 1) and shape[1:] != expected)
        single.add(is_one)
        if hasattr(values, "reshape"):  # what is read from a file piece by piece stays as it is
            shape = (1, *shape) if is_one else shape
            channels = len(shape) == len(expected) + 2 and shape[-1] == 1
            values = values.reshape(shape[:-1] if channels else shape)
        found[name] = values
    return found, single == {True}


def _remedy(training: Mapping[str, Any]) -> str:
    """Return what to do about a data set of nothing but potentials."""
    if "potential" not in training or {"density", "energy"} & set(training):
        return ""
    return (
        "; solve its potentials with: keras-qd solve DATA --out solved.zarr, "
        "and train on solved.zarr"
    )


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
