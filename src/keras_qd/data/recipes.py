"""The recipes of this package by the names of what they make."""

from __future__ import annotations

import dataclasses
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from keras_qd.data.fields import Field
from keras_qd.data.io.foreign_array import ForeignArray
from keras_qd.errors import UnknownNameError
from keras_qd.physics.potentials.base import Family

#: A shard holds about this many bytes of its largest field: large enough for fast reading, small
#: enough that an interruption loses little work.
_SHARD_BYTES = 2**20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(ABC):
    """Base of the kinds of data set that can be generated.

    A recipe is a frozen dataclass: its dataclass fields are the settings, the root seed among them.
    Sample i depends on the settings and on i alone. Subclass it in an importable module, since
    worker processes import it by name, and give the result to :func:`keras_qd.data.generate`.

    Attributes
    ----------
    kind : str
        Name of the kind of data set, stored with it.
    version : int
        To be raised whenever the same settings begin to give other numbers.
    identity : str
        The field that all others follow from; samples equal in it count as the same sample.
    batch : int
        How many samples :meth:`make` is asked for at a time. Batches start at multiples of it, and
        are always made whole, so that results of vectorised code do not depend on how the work was
        divided.
    lengths : tuple of str
        The settings that are lengths in a0*.
    families : mapping of str to type
        The families of potentials that the setting ``family`` chooses from.

    Examples
    --------
    >>> from keras_qd.data import QuantumDots
    >>> recipe = QuantumDots(seed=7, n_pixels=32)
    >>> recipe.fields["potential"].shape, recipe.identity
    ((32, 32), 'potential')
    """

    kind: ClassVar[str]
    version: ClassVar[int]
    identity: ClassVar[str]
    batch: ClassVar[int] = 1
    lengths: ClassVar[tuple[str, ...]] = ()
    families: ClassVar[Mapping[str, type[Family]]] = {}

    @property
    @abstractmethod
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample, by name."""

    @abstractmethod
    def make(self, indices: range) -> dict[str, np.ndarray]:
        """Make samples.

        Parameters
        ----------
        indices : range
            Numbers of the samples.

        Returns
        -------
        dict of str to ndarray
            Every field, with the samples along the first axis.
        """

    @property
    def n_checked(self) -> int:
        """How many samples of a data set :meth:`label_errors` is asked for: the first ones."""
        return 0

    def label_errors(self, indices: range) -> dict[str, np.ndarray]:
        """Estimate how far the labels of some samples are from the exact ones.

        Parameters
        ----------
        indices : range
            Numbers of the samples.

        Returns
        -------
        dict of str to ndarray, shape (len(indices),)
            Errors by what they are of, such as ``"energy"``; empty for kinds that know none.
        """
        return {}

    def settings(self) -> dict[str, Any]:
        """Return the settings as plain JSON: the keywords that build this recipe again."""
        return dataclasses.asdict(self)

    @property
    def origins(self) -> dict[str, str]:
        """Registered components that samples are made with -> distribution and version of each."""
        return {}

    @property
    def shard_samples(self) -> int:
        """How many samples one shard holds: a multiple of :attr:`batch`."""
        sizes = [field.size * np.dtype(field.dtype).itemsize for field in self.fields.values()]
        batches = _SHARD_BYTES // (max(sizes) * self.batch)
        return self.batch * max(1, batches)

    def configuration(self) -> dict[str, Any]:
        """Return all that decides what sample i is, as plain JSON."""
        return {"kind": self.kind, "recipe_version": self.version, **self.settings()}


@dataclass(frozen=True, kw_only=True)
class Imported(Recipe):
    """Samples that are read rather than made.

    Parameters
    ----------
    arrays : mapping of str to ForeignArray
        The array of each field, all of the same length.
    described : mapping of str to Field
        Shape, type, unit and meaning of each field.
    sources : sequence of mapping
        ``name`` and ``sha256`` of each file.
    identified_by : str
        The field that all others follow from.
    length : float, optional
        Side of the box, or length of the line, in a0*.
    """

    kind: ClassVar[str] = "imported"
    version: ClassVar[int] = 1

    arrays: Mapping[str, ForeignArray]
    described: Mapping[str, Field]
    sources: Sequence[Mapping[str, str]]
    identified_by: str
    length: float | None = None

    def __post_init__(self) -> None:
        # Those of other recipes belong to the class; here they depend on the arrays.
        object.__setattr__(self, "identity", self.identified_by)
        object.__setattr__(self, "batch", self.shard_samples)

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample, by name."""
        return self.described

    @property
    def n_samples(self) -> int:
        """How many samples there are."""
        return int(self.arrays[self.identified_by].values.shape[0])

    def settings(self) -> dict[str, Any]:
        """Return where each field comes from, as plain JSON."""
        fields = {
            name: {"from": self.arrays[name].place, **field.attributes()}
            for name, field in self.described.items()
        }
        return {
            "sources": [dict(source) for source in self.sources],
            "fields": fields,
            "identity": self.identified_by,
            "length": self.length,
        }

    def make(self, indices: range) -> dict[str, np.ndarray]:
        """Read samples; see :meth:`Recipe.make`. Beyond the last one it is repeated."""
        stop = min(indices.stop, self.n_samples)
        missing = indices.stop - stop
        made = {}
        for name, field in self.described.items():
            values = np.asarray(self.arrays[name].values[indices.start : stop])
            values = values.reshape(len(values), *field.shape)
            made[name] = np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])
        return made


@dataclass(frozen=True, kw_only=True)
class Inverted(Recipe):
    """Inversions that are done, to be written.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The values of each field, with the inversions along the first axis.
    described : mapping of str to Field
        Shape, type, unit and meaning of each field.
    problem : mapping of str to object
        What was inverted how, as plain JSON.
    """

    kind: ClassVar[str] = "inverted"
    version: ClassVar[int] = 1
    identity: ClassVar[str] = "potential"

    arrays: Mapping[str, np.ndarray]
    described: Mapping[str, Field]
    problem: Mapping[str, Any]

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample, by name."""
        return self.described

    @property
    def n_samples(self) -> int:
        """How many inversions there are."""
        return len(self.arrays[self.identity])

    def settings(self) -> dict[str, Any]:
        """Return what was inverted how, and a checksum of the results, as plain JSON."""
        digest = hashlib.sha256()
        for name in sorted(self.arrays):
            digest.update(name.encode() + np.ascontiguousarray(self.arrays[name]).tobytes())
        return {**self.problem, "results": digest.hexdigest()}

    def make(self, indices: range) -> dict[str, np.ndarray]:
        """Return inversions; see :meth:`Recipe.make`."""
        return {name: values[indices.start : indices.stop] for name, values in self.arrays.items()}


def box_length(metadata: Mapping[str, Any]) -> float | None:
    """Return the side of the box or line in a0* from the metadata of a data set, if known."""
    configuration = metadata.get("configuration")
    if not isinstance(configuration, Mapping):
        return None
    # The first name is that of boxes in two dimensions, the second that of lines.
    value = configuration.get("box_length", configuration.get("length"))
    return float(value) if isinstance(value, (int, float)) else None


#: Kind of data set -> module and class of its recipe.
RECIPES = {
    "quantum-dots": ("keras_qd.data.quantum_dots", "QuantumDots"),
    "wells-1d": ("keras_qd.data.wells", "Wells"),
}


def recipe_class(kind: str) -> type[Recipe]:
    """Import and return the recipe of one kind of data set.

    Parameters
    ----------
    kind : str
        ``"quantum-dots"`` or ``"wells-1d"``.

    Returns
    -------
    type
        A subclass of :class:`Recipe`.

    Raises
    ------
    UnknownNameError
        If there is no such recipe.

    Examples
    --------
    >>> recipe_class("wells-1d")(seed=1).kind
    'wells-1d'
    """
    if kind not in RECIPES:
        raise UnknownNameError("kind of data set", kind, RECIPES)
    module, name = RECIPES[kind]
    recipe: type[Recipe] = getattr(import_module(module), name)
    return recipe


def stored_recipe(configuration: Mapping[str, Any]) -> Recipe | None:
    """Return the recipe that makes the samples of a stored configuration; None if nothing does."""
    if configuration.get("kind") not in RECIPES:
        return None
    recipe = recipe_class(configuration["kind"])
    settings = {field.name for field in dataclasses.fields(recipe)} & set(configuration)
    return recipe(**{name: configuration[name] for name in settings})
