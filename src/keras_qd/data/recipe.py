"""A recipe: what the samples of one kind of data set are, and how they are made."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from keras_qd.data.field import Field
from keras_qd.physics.potentials.family import Family

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
